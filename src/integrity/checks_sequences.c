/* Where keys come from, and how far they still reach. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"

#include <string.h>

#define KEY_ERROR_SHARE 0.7
#define KEY_CRITICAL_SHARE 0.9
#define SEQUENCE_ERROR_SHARE 0.85
#define SEQUENCE_CRITICAL_SHARE 0.95

static int64_t
type_maximum (const char *type)
{
  if (strcmp (type, "int2") == 0 || strcmp (type, "smallint") == 0)
    return INT16_MAX;
  if (strcmp (type, "int4") == 0 || strcmp (type, "integer") == 0)
    return INT32_MAX;
  return INT64_MAX;
}

/* --- key-exhaustion -------------------------------------------------------------------------------- */

typedef struct
{
  CatalogueTable *table;
  CatalogueColumn *column;
  CatalogueSequence *sequence;
} Place;

static bool
read_bounds (CheckContext *context, const Place *place, const char *condition, int64_t *ret_low,
             int64_t *ret_high, bool *ret_has_rows, GError **error)
{
  g_autofree char *sql = g_strdup_printf (
      "SELECT (SELECT min(%1$s) FROM %2$s%3$s%4$s), (SELECT max(%1$s) FROM %2$s%3$s%4$s)",
      place->column->quoted, catalogue_table_only (place->table), place->table->quoted, condition);
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  *ret_low = db_result_int64 (result, 0, 0);
  *ret_high = db_result_int64 (result, 0, 1);
  *ret_has_rows = !db_result_is_null (result, 0, 0);
  return true;
}

static bool
look_at_key (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Place *place = data;
  int64_t low, high;
  bool has_rows;
  if (!read_bounds (context, place, "", &low, &high, &has_rows, error))
    return false;
  int64_t maximum = type_maximum (place->column->base_name);
  double share = MAX ((double) high, -(double) low) / (double) maximum;
  if (!has_rows || share < KEY_ERROR_SHARE)
    return true;
  g_autofree char *object = catalogue_display (place->table, place->column);
  Finding *finding = finding_new (
      check, object, "the key has used %.1f %% of what %s can hold: it stands at %" G_GINT64_FORMAT,
      share * 100, place->column->type, (double) high >= -(double) low ? high : low);
  finding->severity = share >= KEY_CRITICAL_SHARE ? CHECK_SEVERITY_CRITICAL : CHECK_SEVERITY_ERROR;
  check_found (context, finding);
  return true;
}

static void
plan_key (CheckContext *context, const Check *check, CatalogueTable *table, CatalogueColumn *column)
{
  g_autofree char *object = catalogue_display (table, column);
  check_expect (context, check, "narrow keys", 1);
  if (!check_can_read (context, check, table, object))
    return;
  Place *place = g_new0 (Place, 1);
  place->table = table;
  place->column = column;
  check_later (context, check, object, 10, look_at_key, place, g_free);
}

/* Narrow keys that numbers are handed out for: a code that somebody chose does not run out. */
static bool
run_key_exhaustion (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "narrow keys", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; !table->is_partition && j < table->columns->len; j++)
        {
          CatalogueColumn *column = table->columns->pdata[j];
          bool is_counted
              = column->is_identity
                || (column->default_sql != NULL && strstr (column->default_sql, "nextval") != NULL);
          bool is_key = table->primary != NULL && table->primary->columns->len == 1
                        && g_array_index (table->primary->columns, int, 0) == column->number;
          if (check_is_integer (column) && strcmp (column->base_name, "int8") != 0
              && (is_counted || is_key))
            plan_key (context, check, table, column);
        }
    }
  return true;
}

/* --- sequences ------------------------------------------------------------------------------------- */

/* What the sequence gives next; as double, for at its end there is no next. */
static double
next_value (const CatalogueSequence *sequence)
{
  return (double) sequence->last + (sequence->is_called ? (double) sequence->increment : 0);
}

static bool
can_read_sequence (CheckContext *context, const Check *check, const CatalogueSequence *sequence)
{
  if (!sequence->can_read)
    check_unknown (context, check, sequence->display, "no privilege to read it");
  return sequence->can_read;
}

/* A column that the sequence must not give a value of again. */
static bool
feeds_unique_column (const CatalogueSequence *sequence)
{
  return sequence->column != NULL && check_is_integer (sequence->column)
         && check_is_in_unique (sequence->table, sequence->column);
}

static void
report_behind (CheckContext *context, const Check *check, const CatalogueSequence *sequence,
               int64_t value)
{
  g_autofree char *column = catalogue_display (sequence->table, sequence->column);
  Finding *finding = finding_new (
      check, sequence->display, "it gives %.0f next, while %s already goes %s to %" G_GINT64_FORMAT,
      next_value (sequence), column, sequence->increment > 0 ? "up" : "down", value);
  finding->severity = check->severity;
  if (value >= sequence->minimum && value <= sequence->maximum)
    {
      g_autofree char *name = db_quote_literal (sequence->quoted);
      finding->fix
          = g_strdup_printf ("SELECT pg_catalog.setval(%s, (SELECT %s(%s) FROM %s%s))", name,
                             sequence->increment > 0 ? "max" : "min", sequence->column->quoted,
                             catalogue_table_only (sequence->table), sequence->table->quoted);
      finding->fix_is_safe = true;
    }
  check_found (context, finding);
}

/* Only values that the sequence will come to matter: with an increment of 2 every other one is
 * somebody else's. */
static bool
look_behind (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Place *place = data;
  const CatalogueSequence *sequence = place->sequence;
  double next = next_value (sequence);
  if (next > (double) sequence->maximum || next < (double) sequence->minimum)
    return true;
  int64_t from = sequence->last + (sequence->is_called ? sequence->increment : 0);
  g_autoptr (GString) condition = g_string_new (NULL);
  g_string_append_printf (condition, " WHERE %s %s %" G_GINT64_FORMAT, place->column->quoted,
                          sequence->increment > 0 ? ">=" : "<=", from);
  if (sequence->increment != 1 && sequence->increment != -1)
    g_string_append_printf (condition,
                            " AND (%s::numeric - %" G_GINT64_FORMAT ") %% %" G_GINT64_FORMAT " = 0",
                            place->column->quoted, from, sequence->increment);
  int64_t low, high;
  bool has_rows;
  if (!read_bounds (context, place, condition->str, &low, &high, &has_rows, error))
    return false;
  if (has_rows)
    report_behind (context, check, sequence, sequence->increment > 0 ? high : low);
  return true;
}

static bool
run_behind (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "sequences", catalogue->sequences->len);
  for (guint i = 0; i < catalogue->sequences->len; i++)
    {
      CatalogueSequence *sequence = catalogue->sequences->pdata[i];
      if (sequence->is_cycling || !feeds_unique_column (sequence))
        {
          check_covered (context, check, 1, 0);
          continue;
        }
      if (!can_read_sequence (context, check, sequence)
          || !check_can_read (context, check, sequence->table, sequence->display))
        continue;
      Place *place = g_new0 (Place, 1);
      *place = (Place){ sequence->table, sequence->column, sequence };
      check_later (context, check, sequence->display, 10, look_behind, place, g_free);
    }
  return true;
}

/* How much of its way the sequence has gone; its column may end earlier than itself. */
static double
used_share (const CatalogueSequence *sequence)
{
  double low = (double) sequence->minimum, high = (double) sequence->maximum;
  if (sequence->column != NULL && check_is_integer (sequence->column))
    {
      double limit = (double) type_maximum (sequence->column->base_name);
      high = MIN (high, limit);
      low = MAX (low, -limit - 1);
    }
  double gone
      = sequence->increment > 0 ? (double) sequence->last - low : high - (double) sequence->last;
  return high > low ? gone / (high - low) : 1;
}

static bool
run_exhausted (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "sequences", catalogue->sequences->len);
  for (guint i = 0; i < catalogue->sequences->len; i++)
    {
      const CatalogueSequence *sequence = catalogue->sequences->pdata[i];
      if (!can_read_sequence (context, check, sequence))
        continue;
      check_covered (context, check, 1, 0);
      double share = used_share (sequence);
      if (sequence->is_cycling || share < SEQUENCE_ERROR_SHARE)
        continue;
      Finding *finding
          = finding_new (check, sequence->display,
                         "%.1f %% of its values are used: it stands at %" G_GINT64_FORMAT,
                         share * 100, sequence->last);
      finding->severity
          = share >= SEQUENCE_CRITICAL_SHARE ? CHECK_SEVERITY_CRITICAL : CHECK_SEVERITY_ERROR;
      check_found (context, finding);
    }
  return true;
}

static bool
run_cycles (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "sequences", catalogue->sequences->len);
  check_covered (context, check, catalogue->sequences->len, 0);
  for (guint i = 0; i < catalogue->sequences->len; i++)
    {
      const CatalogueSequence *sequence = catalogue->sequences->pdata[i];
      if (!sequence->is_cycling || !feeds_unique_column (sequence))
        continue;
      g_autofree char *column = catalogue_display (sequence->table, sequence->column);
      Finding *finding
          = finding_new (check, sequence->display,
                         "it starts over at its end, and feeds the unique column %s", column);
      finding->fix = g_strdup_printf ("ALTER SEQUENCE %s NO CYCLE", sequence->quoted);
      check_found (context, finding);
    }
  return true;
}

static bool
run_unowned (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "sequences", catalogue->sequences->len);
  check_covered (context, check, catalogue->sequences->len, 0);
  for (guint i = 0; i < catalogue->sequences->len; i++)
    {
      const CatalogueSequence *sequence = catalogue->sequences->pdata[i];
      if (sequence->column == NULL || sequence->is_owned)
        continue;
      g_autofree char *column = catalogue_display (sequence->table, sequence->column);
      Finding *finding
          = finding_new (check, sequence->display, "it feeds %s but does not belong to it", column);
      finding->fix = g_strdup_printf ("ALTER SEQUENCE %s OWNED BY %s.%s", sequence->quoted,
                                      sequence->table->quoted, sequence->column->quoted);
      check_found (context, finding);
    }
  return true;
}

const Check checks_sequences[] = {
  {
      .id = "key-exhaustion",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Narrow keys that will soon have no value left",
      .why
      = "When a smallint or integer key is used up every insert fails, and widening it rewrites"
        " the table.",
      .advice = "Change the column, and all that refer to it, to bigint while there is time.",
      .is_quick = true,
      .run = run_key_exhaustion,
  },
  {
      .id = "sequence-behind",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Sequences behind the column that they feed",
      .why = "The sequence will give values that are taken already, and inserts fail with duplicate"
             " keys: usual after a restore or an import.",
      .advice = "Set the sequence to the highest value in the column.",
      .is_quick = true,
      .run = run_behind,
  },
  {
      .id = "sequence-exhausted",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Sequences near their end",
      .why = "After its last value a sequence gives nothing but errors.",
      .advice = "Widen the column to bigint and raise the sequence's MAXVALUE.",
      .is_quick = true,
      .run = run_exhausted,
  },
  {
      .id = "sequence-cycles",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Sequences that start over although their column is unique",
      .why = "Once around, the sequence gives values that are still in use.",
      .advice = "ALTER SEQUENCE ... NO CYCLE.",
      .run = run_cycles,
  },
  {
      .id = "sequence-unowned",
      .severity = CHECK_SEVERITY_INFO,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Sequences that do not belong to the column that they feed",
      .why = "It stays when the table goes, and TRUNCATE ... RESTART IDENTITY passes it over.",
      .advice = "ALTER SEQUENCE ... OWNED BY the column, or make it an identity column.",
      .run = run_unowned,
  },
  { .id = NULL },
};
