/* What seeds.yaml expects of the database, held against it. */
#include "base/text.h"
#include "project/check.h"
#include "seed/run.h"
#include "seed/table.h"

static void
expect_result_free (SeedExpectResult *result)
{
  g_free (result->table);
  g_free (result->where);
  g_free (result);
}

static bool
count_expected (DbConn *conn, const SeedConfig *config, const SeedExpect *expect,
                const SeedTable *table, int64_t *ret_count, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *text = NULL;
  g_autofree char *sql = g_strdup_printf (
      "SELECT count(*) FROM %s%s%s%s", table->sql, expect->where != NULL ? " WHERE (" : "",
      expect->where != NULL ? expect->where : "", expect->where != NULL ? "\n)" : "");
  if (db_query_text (conn, sql, 0, NULL, &text, &problem))
    {
      *ret_count = g_ascii_strtoll (text, NULL, 10);
      return true;
    }
  if (keel_error_sqlstate (problem) == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  return check_refuse (config->file, expect->node, keel_error_hint (problem), error,
                       "the expectation of %s cannot be counted: %s", table->shown,
                       problem->message);
}

/* Whether `generate:` makes rows of TABLE, which it may call otherwise. What it names and is not there is
 * refused by the generators. */
static bool
is_generated (SeedTables *tables, const SeedConfig *config, const SeedTable *table, bool *ret,
              GError **error)
{
  const Node *names = node_find (config->generate, "tables");
  *ret = false;
  for (guint i = 0; !*ret && names != NULL && i < names->children->len; i++)
    {
      SeedTable *generated;
      const Node *child = names->children->pdata[i];
      if (!seed_tables_find_written (tables, child->key, &generated, error))
        return false;
      *ret = generated == table;
    }
  return true;
}

static bool
look_at (DbConn *conn, SeedTables *tables, const SeedConfig *config, const SeedExpect *expect,
         bool without_generated, GPtrArray *results, GError **error)
{
  SeedTable *table;
  bool is_left_out = false;
  if (!seed_tables_find_written (tables, expect->table, &table, error))
    return false;
  if (table == NULL)
    {
      g_autofree char *hint = seed_tables_nearest (tables, expect->table);
      return check_refuse (config->file, expect->node, hint, error, "there is no table “%s”",
                           expect->table);
    }
  if (without_generated && !is_generated (tables, config, table, &is_left_out, error))
    return false;
  if (is_left_out)
    return true;
  SeedExpectResult *result = g_new0 (SeedExpectResult, 1);
  g_ptr_array_add (results, result);
  result->table = g_strdup (table->shown);
  result->where = g_strdup (expect->where);
  result->min = expect->min;
  result->max = expect->max;
  if (!count_expected (conn, config, expect, table, &result->count, error))
    return false;
  result->holds = result->count >= expect->min && (expect->max < 0 || result->count <= expect->max);
  return true;
}

static char *
describe (const SeedExpectResult *result)
{
  g_autofree char *count = text_format_count ((uint64_t) result->count);
  g_autofree char *min = text_format_count ((uint64_t) result->min);
  g_autofree char *max = text_format_count ((uint64_t) MAX (result->max, 0));
  g_autofree char *wanted = result->max == result->min ? g_strdup (min)
                            : result->max < 0          ? g_strdup_printf ("at least %s", min)
                            : result->min == 0         ? g_strdup_printf ("at most %s", max)
                                                       : g_strdup_printf ("%s to %s", min, max);
  return g_strdup_printf ("%s%s%s: %s, expected %s", result->table,
                          result->where != NULL ? " where " : "",
                          result->where != NULL ? result->where : "", count, wanted);
}

static bool
judge (const SeedConfig *config, const GPtrArray *results, GError **error)
{
  g_autoptr (GString) broken = g_string_new (NULL);
  guint count = 0;
  for (guint i = 0; i < results->len; i++)
    {
      const SeedExpectResult *result = results->pdata[i];
      if (result->holds)
        continue;
      g_autofree char *text = describe (result);
      g_string_append_printf (broken, "%s%s", count > 0 ? "; " : "", text);
      count++;
    }
  if (count == 0)
    return true;
  return keel_error_full (error, KEEL_ERROR_ANSWER_NO, NULL, broken->str, NULL,
                          "%u of %u expectations of %s do not hold", count, results->len,
                          config->file);
}

bool
seed_validate (DbConn *conn, const SeedConfig *config, bool without_generated,
               GPtrArray **ret_expects, GError **error)
{
  g_autoptr (SeedTables) tables = seed_tables_new (conn);
  GPtrArray *results = g_ptr_array_new_with_free_func ((GDestroyNotify) expect_result_free);
  g_clear_pointer (ret_expects, g_ptr_array_unref);
  *ret_expects = results;
  if (!db_exec (conn, "SET search_path TO DEFAULT", error))
    return false;
  bool done = true;
  for (guint i = 0; done && i < config->expect->len; i++)
    done = look_at (conn, tables, config, config->expect->pdata[i], without_generated, results,
                    error);
  return done && db_exec (conn, "SET search_path = pg_catalog", error)
         && judge (config, results, error);
}
