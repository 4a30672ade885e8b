/* CHECK and NOT NULL constraints, domains, generated columns and partitions: evaluated again. */
#include "base/text.h"
#include "integrity/checks.h"
#include "integrity/checks_common.h"

#include <string.h>

/* Calls FUNCTION for every table that holds rows of its own. */
static void
each_table (CheckContext *context, const Check *check, const char *noun,
            void (*function) (CheckContext *context, const Check *check, CatalogueTable *table))
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, noun, 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    if (catalogue_table_has_rows (catalogue->tables->pdata[i]))
      function (context, check, catalogue->tables->pdata[i]);
}

static void
probe (CheckContext *context, const Check *check, const CatalogueTable *table, const char *object,
       const char *condition, const char *message)
{
  CheckProbe wanted = {
    .check = check, .table = table, .object = object, .condition = condition, .message = message
  };
  check_expect (context, check, NULL, 1);
  check_probe (context, &wanted);
}

/* Texts of the schema stand in messages that are formats. */
static char *
escape_format (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "%", -1);
  return g_strjoinv ("%%", parts);
}

static char *
constraint_object (const CatalogueTable *table, const CatalogueConstraint *constraint)
{
  return g_strdup_printf ("%s (%s)", table->display, constraint->name);
}

/* --- CHECK ----------------------------------------------------------------------------------------- */

static void
look_at_check (CheckContext *context, const Check *check, const CatalogueTable *table,
               const CatalogueConstraint *constraint)
{
  g_autofree char *object = constraint_object (table, constraint);
  if (constraint->expression == NULL)
    {
      check_expect (context, check, NULL, 1);
      check_unknown (context, check, object,
                     "another session holds an exclusive lock on its table");
      return;
    }
  g_autofree char *condition = g_strdup_printf ("NOT (%s)", constraint->expression);
  g_autofree char *definition = escape_format (constraint->definition);
  g_autofree char *message
      = g_strdup_printf ("%%s rows break %s, which the server takes for kept", definition);
  probe (context, check, table, object, condition, message);
}

static void
look_at_checks (CheckContext *context, const Check *check, CatalogueTable *table)
{
  for (guint i = 0; i < table->constraints->len; i++)
    {
      const CatalogueConstraint *constraint = table->constraints->pdata[i];
      if (constraint->kind == 'c' && constraint->is_validated && constraint->is_enforced)
        look_at_check (context, check, table, constraint);
    }
}

static bool
run_checks (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_table (context, check, "CHECK constraints", look_at_checks);
  return true;
}

/* A constraint that was never validated is reported whether rows break it or not; only when none does
 * it can simply be validated. */
typedef struct
{
  const CatalogueTable *table;
  const CatalogueConstraint *constraint;
  char *condition;
} Unvalidated;

static void
unvalidated_free (void *data)
{
  Unvalidated *unvalidated = data;
  g_free (unvalidated->condition);
  g_free (unvalidated);
}

static bool
look_at_unvalidated (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Unvalidated *unvalidated = data;
  const CatalogueTable *table = unvalidated->table;
  const CatalogueConstraint *constraint = unvalidated->constraint;
  g_autofree char *sql
      = g_strdup_printf ("SELECT count(*), count(*) FILTER (WHERE %s) FROM %s%s",
                         unvalidated->condition, catalogue_table_only (table), table->quoted);
  g_autoptr (DbResult) result = NULL;
  if (!check_query_heap (context, sql, 0, NULL, &result, error))
    return false;
  int64_t rows = db_result_int64 (result, 0, 1);
  check_covered (context, check, 0, db_result_int64 (result, 0, 0));
  g_autofree char *rows_text = text_format_count ((uint64_t) rows);
  g_autofree char *object = constraint_object (table, constraint);
  Finding *finding = finding_new (check, object, "%s is NOT VALID, and %s rows break it",
                                  constraint->definition, rows > 0 ? rows_text : "no");
  if (rows == 0)
    finding->fix = g_strdup_printf ("ALTER TABLE %s VALIDATE CONSTRAINT %s", table->quoted,
                                    constraint->quoted);
  finding->fix_is_safe = rows == 0;
  if (rows > 0)
    {
      finding->rows = rows;
      finding->query = check_rows_query (table, unvalidated->condition);
      finding->schema = g_strdup (table->schema);
      finding->table = g_strdup (table->name);
    }
  check_found (context, finding);
  return true;
}

static void
plan_unvalidated (CheckContext *context, const Check *check, const CatalogueTable *table,
                  const CatalogueConstraint *constraint, char *condition)
{
  g_autofree char *object = constraint_object (table, constraint);
  Unvalidated *unvalidated = g_new0 (Unvalidated, 1);
  *unvalidated = (Unvalidated){ table, constraint, condition };
  if (check_can_read (context, check, table, object))
    check_later (context, check, object, check_table_rows (table), look_at_unvalidated, unvalidated,
                 unvalidated_free);
  else
    unvalidated_free (unvalidated);
}

/* One of a partitioned table is looked at in its partitions, which each have a copy. */
static void
look_for_unvalidated (CheckContext *context, const Check *check, CatalogueTable *table)
{
  for (guint i = 0; i < table->constraints->len; i++)
    {
      const CatalogueConstraint *constraint = table->constraints->pdata[i];
      if (constraint->kind != 'c' && constraint->kind != 'n')
        continue;
      check_expect (context, check, NULL, 1);
      const CatalogueColumn *column
          = constraint->columns->len > 0
                ? catalogue_column (table, g_array_index (constraint->columns, int, 0))
                : NULL;
      if (constraint->is_validated || !constraint->is_enforced)
        check_covered (context, check, 1, 0);
      else if (constraint->kind == 'c' && constraint->expression != NULL)
        plan_unvalidated (context, check, table, constraint,
                          g_strdup_printf ("NOT (%s)", constraint->expression));
      else if (constraint->kind == 'n' && column != NULL)
        plan_unvalidated (context, check, table, constraint,
                          g_strdup_printf ("num_nulls(%s) = 1", column->quoted));
    }
}

/* Rows that break a domain's constraint are domain-violated's. */
static void
look_at_unvalidated_domain (CheckContext *context, const Check *check, const CatalogueType *domain)
{
  for (guint i = 0; i < domain->constraints->len; i++)
    {
      const CatalogueConstraint *constraint = domain->constraints->pdata[i];
      check_expect (context, check, NULL, 1);
      check_covered (context, check, 1, 0);
      if (constraint->is_validated)
        continue;
      g_autofree char *object = g_strdup_printf ("%s (%s)", domain->display, constraint->name);
      Finding *finding
          = finding_new (check, object, "it is NOT VALID: rows from before it may break it");
      finding->fix = g_strdup_printf ("ALTER DOMAIN %s VALIDATE CONSTRAINT %s", domain->quoted,
                                      constraint->quoted);
      check_found (context, finding);
    }
}

static bool
run_unvalidated (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  const Catalogue *catalogue = check_catalogue (context);
  each_table (context, check, "constraints", look_for_unvalidated);
  for (guint i = 0; i < catalogue->types->len; i++)
    {
      const CatalogueType *type = catalogue->types->pdata[i];
      if (type->kind == 'd')
        look_at_unvalidated_domain (context, check, type);
    }
  return true;
}

static void
look_at_enforcement (CheckContext *context, const Check *check, CatalogueTable *table)
{
  for (guint i = 0; i < table->constraints->len; i++)
    {
      const CatalogueConstraint *constraint = table->constraints->pdata[i];
      if (constraint->kind != 'c')
        continue;
      check_expect (context, check, NULL, 1);
      check_covered (context, check, 1, 0);
      if (constraint->is_enforced)
        continue;
      g_autofree char *object = constraint_object (table, constraint);
      check_found (context, finding_new (check, object, "the constraint is declared NOT ENFORCED"));
    }
}

static bool
run_not_enforced (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_table (context, check, "CHECK constraints", look_at_enforcement);
  return true;
}

/* --- NOT NULL -------------------------------------------------------------------------------------- */

/* One function for all columns: "IS NULL" would cost more, and newer servers believe the constraint
 * and take it for false. */
static void
look_at_not_null (CheckContext *context, const Check *check, CatalogueTable *table)
{
  g_autoptr (GPtrArray) columns = g_ptr_array_new ();
  for (guint i = 0; i < table->columns->len; i++)
    {
      CatalogueColumn *column = table->columns->pdata[i];
      if (column->is_not_null && !column->is_virtual)
        g_ptr_array_add (columns, column);
    }
  if (columns->len == 0)
    return;
  g_autofree char *list = catalogue_columns_sql (columns, "", ", ");
  g_autofree char *condition = g_strdup_printf ("num_nulls(%s) > 0", list);
  probe (context, check, table, table->display, condition,
         "%s rows have a null in a column that is NOT NULL");
}

static bool
run_not_null (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_table (context, check, "tables with NOT NULL columns", look_at_not_null);
  return true;
}

/* --- domains --------------------------------------------------------------------------------------- */

static bool
is_word (char c)
{
  return g_ascii_isalnum (c) || c == '_' || (unsigned char) c >= 0x80;
}

/* EXPRESSION with the word VALUE, outside of quotes, replaced. The server writes all other names of
 * that spelling in small letters or within quotes. */
static char *
replace_value (const char *expression, const char *value)
{
  GString *text = g_string_new (NULL);
  char quote = '\0';
  for (const char *at = expression; *at != '\0'; at++)
    {
      bool begins = quote == '\0' && (at == expression || !is_word (at[-1]));
      if (begins && g_str_has_prefix (at, "VALUE") && !is_word (at[5]))
        {
          g_string_append (text, value);
          at += 4;
          continue;
        }
      if (quote == '\0' && (*at == '\'' || *at == '"'))
        quote = *at;
      else if (*at == quote)
        quote = '\0';
      g_string_append_c (text, *at);
    }
  return g_string_free (text, FALSE);
}

/* Between the column and the bare type there may be several domains; all their rules hold. */
static void
look_at_domain (CheckContext *context, const Check *check, const CatalogueTable *table,
                const CatalogueColumn *column)
{
  g_autofree char *value = g_strdup_printf ("(%s)", column->quoted);
  g_autofree char *object = catalogue_display (table, column);
  for (const CatalogueType *domain = column->domain; domain != NULL; domain = domain->base)
    for (guint i = 0; i < domain->constraints->len; i++)
      {
        const CatalogueConstraint *constraint = domain->constraints->pdata[i];
        if (constraint->kind != 'c' || constraint->expression == NULL)
          continue;
        g_autofree char *expression = replace_value (constraint->expression, value);
        g_autofree char *condition = g_strdup_printf ("NOT (%s)", expression);
        g_autofree char *definition = escape_format (constraint->definition);
        g_autofree char *message
            = g_strdup_printf ("%%s rows break %s of the domain %s", definition, domain->display);
        probe (context, check, table, object, condition, message);
      }
  if (!column->is_not_null_domain)
    return;
  g_autofree char *condition = g_strdup_printf ("num_nulls(%s) = 1", column->quoted);
  probe (context, check, table, object, condition,
         "%s rows have a null in a column whose domain is NOT NULL");
}

static void
look_at_domains (CheckContext *context, const Check *check, CatalogueTable *table)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const CatalogueColumn *column = table->columns->pdata[i];
      if (column->domain != NULL)
        look_at_domain (context, check, table, column);
    }
}

static bool
run_domains (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_table (context, check, "rules of domains", look_at_domains);
  return true;
}

/* --- generated columns ----------------------------------------------------------------------------- */

/* Types that have no equality are compared as text. */
static bool
has_equality (const CatalogueColumn *column)
{
  static const char *const without[]
      = { "json", "xml", "point", "box", "path", "polygon", "line", "lseg", "circle", NULL };
  return !g_strv_contains (without, column->base_name);
}

static void
look_at_generated (CheckContext *context, const Check *check, CatalogueTable *table)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const CatalogueColumn *column = table->columns->pdata[i];
      if (!column->is_generated || column->default_sql == NULL)
        continue;
      const char *cast = has_equality (column) ? "" : "::text";
      g_autofree char *object = catalogue_display (table, column);
      g_autofree char *condition
          = g_strdup_printf ("(%s)%s IS DISTINCT FROM ((%s)::%s)%s", column->quoted, cast,
                             column->default_sql, column->type, cast);
      g_autofree char *fix = g_strdup_printf ("UPDATE ONLY %s SET %s = DEFAULT WHERE %s",
                                              table->quoted, column->quoted, condition);
      CheckProbe wanted = { .check = check,
                            .table = table,
                            .object = object,
                            .condition = condition,
                            .message = "%s rows hold something else than the column's expression"
                                       " gives now",
                            .fix = fix,
                            .fix_is_safe = true };
      check_expect (context, check, NULL, 1);
      check_probe (context, &wanted);
    }
}

static bool
run_generated (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_table (context, check, "generated columns", look_at_generated);
  return true;
}

/* --- partitions ------------------------------------------------------------------------------------ */

static void
look_at_partition (CheckContext *context, const Check *check, CatalogueTable *table)
{
  if (!table->is_partition)
    return;
  if (table->partition_condition == NULL)
    {
      check_expect (context, check, NULL, 1);
      if (table->is_locked)
        check_unknown (context, check, table->display,
                       "another session holds an exclusive lock on it");
      else
        check_covered (context, check, 1, 0); /* a default partition that is the only one */
      return;
    }
  g_autofree char *condition = g_strdup_printf ("NOT (%s)", table->partition_condition);
  probe (context, check, table, table->display, condition,
         "%s rows do not belong into this partition");
}

static bool
run_partitions (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_table (context, check, "partitions", look_at_partition);
  return true;
}

const Check checks_constraints[] = {
  {
      .id = "check-violated",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Rows that break a CHECK constraint",
      .why = "A constraint is evaluated when a row is written: when a function that it calls was"
             " changed later, the rows of before stay, and a dump of them will not load.",
      .advice = "Put the rows right, or the constraint.",
      .is_quick = true,
      .run = run_checks,
  },
  {
      .id = "constraint-not-valid",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Constraints that were never validated",
      .why = "A NOT VALID constraint checks new rows only; the old ones may break it.",
      .advice = "Put the rows right that break it, then VALIDATE CONSTRAINT.",
      .run = run_unvalidated,
  },
  {
      .id = "check-not-enforced",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "CHECK constraints that are not enforced",
      .why = "A NOT ENFORCED constraint is a comment: the server checks no row against it.",
      .advice = "Drop it and add it again as enforced, unless the data are checked elsewhere.",
      .run = run_not_enforced,
  },
  {
      .id = "not-null-violated",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Nulls in columns that are NOT NULL",
      .why
      = "The planner counts on NOT NULL: queries give wrong answers, and a dump will not load.",
      .advice = "Fill in the values, or make the column nullable.",
      .is_quick = true,
      .run = run_not_null,
  },
  {
      .id = "domain-violated",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_RULES,
      .title = "Values that their domain does not allow",
      .why = "Rows that were there before a domain's rule, or slipped past it, fail when they are"
             " written next or loaded from a dump.",
      .advice = "Put the values right, or the domain's rule.",
      .run = run_domains,
  },
  {
      .id = "generated-stale",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Generated columns that are out of date",
      .why
      = "When a function that the expression calls was changed, the rows of before keep what it"
        " gave then, and a dump restores to other values.",
      .advice = "Update the rows so that they are generated anew.",
      .run = run_generated,
  },
  {
      .id = "partition-row-misplaced",
      .severity = CHECK_SEVERITY_CRITICAL,
      .category = CHECK_CATEGORY_RULES,
      .title = "Rows in a partition that is not theirs",
      .why = "Queries skip the partitions that cannot hold what they look for, and so miss these"
             " rows.",
      .advice = "Move the rows: delete them from the partition and insert them through its parent.",
      .is_quick = true,
      .run = run_partitions,
  },
  { .id = NULL },
};
