/* --clean: empties the seeded tables, and no others. */
#include "base/text.h"
#include "seed/internal.h"

#include <string.h>

/* The tables to empty, of SeedTable. */
static bool
find_tables (SeedRun *run, GPtrArray *tables, GError **error)
{
  for (guint i = 0; i < run->sets->len; i++)
    g_ptr_array_add (tables, ((SeedSet *) run->sets->pdata[i])->table);
  for (guint i = 0; i < run->scripts->len; i++)
    {
      const SeedFile *file = run->scripts->pdata[i];
      SeedTable *table;
      if (!seed_tables_find (run->tables, file->schema, file->table, &table, error))
        return false;
      if (table != NULL && !g_ptr_array_find (tables, table, NULL))
        g_ptr_array_add (tables, table);
    }
  const Node *generated
      = run->config->generate != NULL ? node_find (run->config->generate, "tables") : NULL;
  for (guint i = 0;
       generated != NULL && generated->children != NULL && i < generated->children->len; i++)
    {
      const Node *node = generated->children->pdata[i];
      SeedTable *table;
      if (!seed_tables_find_written (run->tables, node->key, &table, error))
        return false;
      if (table != NULL && !g_ptr_array_find (tables, table, NULL))
        g_ptr_array_add (tables, table);
    }
  for (guint i = 0; i < run->config->clean->len; i++)
    {
      const SeedName *name = run->config->clean->pdata[i];
      SeedTable *table;
      if (!seed_tables_find_written (run->tables, name->name, &table, error))
        return false;
      if (table != NULL && !g_ptr_array_find (tables, table, NULL))
        g_ptr_array_add (tables, table);
    }
  return true;
}

static char *
oids_of (const GPtrArray *tables)
{
  g_autoptr (GString) oids = g_string_new ("{");
  for (guint i = 0; i < tables->len; i++)
    g_string_append_printf (oids, "%s%u", i > 0 ? "," : "", ((SeedTable *) tables->pdata[i])->oid);
  g_string_append_c (oids, '}');
  return g_string_free (g_steal_pointer (&oids), FALSE);
}

static bool
count_rows (SeedRun *run, const char *table_sql, int64_t *ret_rows, GError **error)
{
  g_autofree char *sql = g_strdup_printf ("SELECT count(*) FROM %s", table_sql);
  return seed_query_number (run, sql, ret_rows, error);
}

/* Tables outside that refer to one inside: a TRUNCATE would need CASCADE. */
static bool
check_references (SeedRun *run, const GPtrArray *tables, GError **error)
{
  static const char sql[]
      = "WITH RECURSIVE others AS (\n"
        "  SELECT k.conrelid AS oid FROM pg_constraint k\n"
        "   WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY ($1::oid[])\n"
        "  UNION\n"
        "  SELECT k.conrelid FROM pg_constraint k JOIN others o ON k.confrelid = o.oid\n"
        "   WHERE k.contype = 'f' AND k.conparentid = 0)\n"
        "SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname,\n"
        "       format ('%I.%I', n.nspname, c.relname)\n"
        "  FROM others o JOIN pg_class c ON c.oid = o.oid\n"
        "  JOIN pg_namespace n ON n.oid = c.relnamespace\n"
        " WHERE c.oid <> ALL ($1::oid[]) AND NOT c.relispartition ORDER BY 1";
  g_autofree char *oids = oids_of (tables);
  const char *params[] = { oids };
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GString) names = g_string_new (NULL);
  if (!db_query (run->conn, sql, 1, params, &result, error))
    return false;
  if (db_result_rows (result) == 0)
    return true;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      int64_t count;
      if (!count_rows (run, db_result_text (result, row, 1), &count, error))
        return false;
      g_autofree char *text = text_format_count ((uint64_t) count);
      g_string_append_printf (names, "%s%s (%s row%s)", row > 0 ? ", " : "",
                              db_result_text (result, row, 0), text, count == 1 ? "" : "s");
    }
  return keel_error (error, KEEL_ERROR_REFUSED,
                     "If they may be emptied too, name them below clean: in seeds.yaml.",
                     "--clean would also have to empty tables that refer to the seeded ones: %s",
                     names->str);
}

bool
seed_run_to_clean (SeedRun *run, GPtrArray **ret_tables, GError **error)
{
  g_autoptr (GPtrArray) tables = g_ptr_array_new ();
  g_autoptr (GPtrArray) shown = g_ptr_array_new_with_free_func (g_free);
  if (!find_tables (run, tables, error) || !check_references (run, tables, error))
    return false;
  for (guint i = 0; i < tables->len; i++)
    {
      const SeedTable *table = tables->pdata[i];
      int64_t count;
      if (!count_rows (run, table->sql, &count, error))
        return false;
      g_autofree char *text = text_format_count ((uint64_t) count);
      g_ptr_array_add (
          shown, g_strdup_printf ("%s (%s row%s)", table->shown, text, count == 1 ? "" : "s"));
    }
  *ret_tables = g_steal_pointer (&shown);
  return true;
}

static bool
forget_rows (SeedRun *run, const SeedTable *table, GError **error)
{
  const char *params[] = { table->schema, table->name };
  g_autoptr (DbResult) result = NULL;
  return db_query (run->conn,
                   "DELETE FROM pgkeel.seed_row WHERE schema_name = $1 AND table_name = $2", 2,
                   params, &result, error);
}

bool
seed_clean (SeedRun *run, GError **error)
{
  g_autoptr (GPtrArray) tables = g_ptr_array_new ();
  g_autoptr (GString) sql = g_string_new ("TRUNCATE ");
  if (!find_tables (run, tables, error) || !check_references (run, tables, error))
    return false;
  for (guint i = 0; i < tables->len; i++)
    {
      const SeedTable *table = tables->pdata[i];
      g_string_append_printf (sql, "%s%s", i > 0 ? ", " : "", table->sql);
      g_ptr_array_add (run->result->cleaned, g_strdup (table->shown));
      if (!forget_rows (run, table, error))
        return false;
    }
  g_string_append (sql, " RESTART IDENTITY");
  if (tables->len == 0)
    return true;
  report_step (run->report, "emptying %u table%s", tables->len, tables->len == 1 ? "" : "s");
  return seed_exec (run, sql->str, NULL, error)
         || prefix_error (error, "emptying the seeded tables");
}
