/* Text that stands for something else: labels, and JSON. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"

#include <string.h>

/* A label that no row of fewer rows uses may be used by the next. */
#define ROWS_MIN 1000

/* --- label-variants -------------------------------------------------------------------------------- */

static const char *const label_names[]
    = { "status", "state",    "type",  "kind", "role", "category", "currency",  "gender",
        "level",  "priority", "stage", "tier", "plan", "severity", "frequency", NULL };

typedef struct
{
  const CatalogueTable *table;
  const CatalogueColumn *column;
} Label;

/* Rows whose label is spelt otherwise than most rows spell it. */
static char *
variants_query (const Label *label)
{
  return g_strdup_printf (
      "SELECT c.ctid, c.* FROM %1$s%2$s AS c JOIN (SELECT lower(btrim(%3$s::text)) AS plain,"
      " mode() WITHIN GROUP (ORDER BY %3$s::text) AS usual FROM %1$s%2$s WHERE %3$s IS NOT NULL"
      " GROUP BY 1 HAVING count(DISTINCT %3$s::text) > 1) AS u"
      " ON lower(btrim(c.%3$s::text)) = u.plain AND c.%3$s::text <> u.usual",
      catalogue_table_only (label->table), label->table->quoted, label->column->quoted);
}

static bool
look_for_variants (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Label *label = data;
  g_autofree char *query = variants_query (label);
  g_autofree char *sql
      = g_strdup_printf ("SELECT count(*), (SELECT count(*) FROM %s%s) FROM (%s) AS variants",
                         catalogue_table_only (label->table), label->table->quoted, query);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  int64_t rows = db_result_int64 (result, 0, 0);
  check_covered (context, check, 0, db_result_int64 (result, 0, 1));
  if (rows == 0)
    return true;
  g_autofree char *object = catalogue_display (label->table, label->column);
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  Finding *finding = finding_new (
      check, object, "%s rows spell a label otherwise than most do: in other case, or with blanks",
      rows_text);
  finding->rows = rows;
  finding->query = g_steal_pointer (&query);
  finding->schema = g_strdup (label->table->schema);
  finding->table = g_strdup (label->table->name);
  finding->is_inferred = true;
  check_found (context, finding);
  return true;
}

static bool
run_variants (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "columns of labels", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; catalogue_table_has_rows (table) && j < table->columns->len; j++)
        {
          const CatalogueColumn *column = table->columns->pdata[j];
          if (!check_is_text (column) || !check_name_ends (column->name, label_names))
            continue;
          g_autofree char *object = catalogue_display (table, column);
          check_expect (context, check, NULL, 1);
          if (!check_can_read (context, check, table, object))
            continue;
          Label *label = g_new (Label, 1);
          *label = (Label){ table, column };
          check_later (context, check, object, check_table_rows (table) * 3, look_for_variants,
                       label, g_free);
        }
    }
  return true;
}

/* --- enum-label-unused ----------------------------------------------------------------------------- */

/* All columns of one enum. */
static char *
used_labels_sql (const Catalogue *catalogue, const CatalogueType *type, double *ret_rows)
{
  GString *sql = g_string_new (NULL);
  *ret_rows = 0;
  for (guint i = 0; i < catalogue->all_tables->len; i++)
    {
      const CatalogueTable *table = catalogue->all_tables->pdata[i];
      for (guint j = 0; catalogue_table_has_rows (table) && j < table->columns->len; j++)
        {
          const CatalogueColumn *column = table->columns->pdata[j];
          if (column->base_oid != type->oid)
            continue;
          g_string_append_printf (sql, "%sSELECT DISTINCT %s::text FROM ONLY %s",
                                  sql->len > 0 ? " UNION " : "", column->quoted, table->quoted);
          *ret_rows += table->rows;
        }
    }
  return g_string_free (sql, FALSE);
}

static bool
look_for_unused (CheckContext *context, const Check *check, void *data, GError **error)
{
  const CatalogueType *type = data;
  double rows;
  g_autofree char *sql = used_labels_sql (check_catalogue (context), type, &rows);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  check_covered (context, check, 0, (int64_t) rows);
  g_autoptr (GHashTable) used = g_hash_table_new (g_str_hash, g_str_equal);
  for (int row = 0; row < db_result_rows (result); row++)
    g_hash_table_add (used, (char *) db_result_text (result, row, 0));
  g_autoptr (GString) unused = g_string_new (NULL);
  for (guint i = 0; i < type->labels->len; i++)
    if (!g_hash_table_contains (used, type->labels->pdata[i]))
      g_string_append_printf (unused, "%s“%s”", unused->len > 0 ? ", " : "",
                              (const char *) type->labels->pdata[i]);
  if (unused->len > 0)
    check_found (context, finding_new (check, type->display, "no row uses %s", unused->str));
  return true;
}

static bool
run_unused (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "enums in use", 0);
  for (guint i = 0; i < catalogue->types->len; i++)
    {
      CatalogueType *type = catalogue->types->pdata[i];
      double rows = 0;
      if (type->kind != 'e')
        continue;
      g_autofree char *sql = used_labels_sql (catalogue, type, &rows);
      if (rows < ROWS_MIN)
        continue;
      check_expect (context, check, NULL, 1);
      check_later (context, check, type->display, rows, look_for_unused, type, NULL);
    }
  return true;
}

/* --- json-invalid ---------------------------------------------------------------------------------- */

/* Before PostgreSQL 16 nothing says whether text is JSON without failing when it is not: then only what
 * does not begin and end as JSON does is found. */
static void
look_at_json (CheckContext *context, const Check *check, const CatalogueTable *table,
              const CatalogueColumn *column)
{
  static const char *const names[] = { "json", "payload", NULL };
  if (!check_is_text (column) || !check_name_ends (column->name, names))
    return;
  g_autofree char *object = catalogue_display (table, column);
  g_autofree char *condition
      = check_server_major (context) >= 16
            ? g_strdup_printf ("%1$s::text <> '' AND NOT (%1$s::text IS JSON)", column->quoted)
            : g_strdup_printf ("%1$s::text <> '' AND btrim(%1$s::text, E' \\t\\r\\n') !~"
                               " '^([{].*[}]|[[].*[]]|\".*\"|-?[0-9].*|true|false|null)$'",
                               column->quoted);
  CheckProbe probe = { .check = check,
                       .table = table,
                       .object = object,
                       .condition = condition,
                       .message = "%s rows hold what is no JSON",
                       .is_inferred = true };
  check_expect (context, check, NULL, 1);
  check_probe (context, &probe);
}

static bool
run_json (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "columns of JSON", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; catalogue_table_has_rows (table) && j < table->columns->len; j++)
        look_at_json (context, check, table, table->columns->pdata[j]);
    }
  return true;
}

const Check checks_labels[] = {
  {
      .id = "label-variants",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "One label in several spellings",
      .why = "What asks for “active” does not find “Active”: the text wants to be an enum.",
      .advice
      = "Give the rows one spelling, then make the column an enum or add a CHECK constraint.",
      .run = run_variants,
  },
  {
      .id = "enum-label-unused",
      .severity = CHECK_SEVERITY_INFO,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Labels of enums that no row uses",
      .why = "Every program that reads the enum must know what never comes.",
      .advice = "Take the label out with “pgkeel migrate enum”, or leave it if it is for later.",
      .run = run_unused,
  },
  {
      .id = "json-invalid",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Text that should be JSON and is not",
      .why = "Whatever parses the column fails at such a row, usually in the middle of a report.",
      .advice = "Put the rows right, then make the column jsonb.",
      .run = run_json,
  },
  { .id = NULL },
};
