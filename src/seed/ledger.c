/*
 * pgkeel.seed_row: which rows pgkeel has seeded, and as what, so that a row that leaves the files can be removed
 * if nobody has changed it since. pgkeel.seed_script: which SQL files have run.
 */
#include "seed/ledger.h"

static const char create_sql[]
    = "CREATE SCHEMA IF NOT EXISTS pgkeel;\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.seed_row (\n"
      "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
      "  schema_name text NOT NULL,\n"
      "  table_name text NOT NULL,\n"
      "  key_columns text NOT NULL,\n"
      "  key jsonb NOT NULL,\n"
      "  digest text NOT NULL,\n"
      "  environment text NOT NULL,\n"
      "  file text NOT NULL,\n"
      "  seeded timestamptz NOT NULL DEFAULT pg_catalog.now ()\n"
      ");\n"
      "CREATE UNIQUE INDEX IF NOT EXISTS seed_row_key\n"
      "  ON pgkeel.seed_row (schema_name, table_name, md5 (key::text));\n"
      "COMMENT ON TABLE pgkeel.seed_row IS 'Kept by pgkeel: which rows it has seeded';\n"
      "CREATE TABLE IF NOT EXISTS pgkeel.seed_script (\n"
      "  environment text NOT NULL,\n"
      "  file text NOT NULL,\n"
      "  digest text NOT NULL,\n"
      "  run_at timestamptz NOT NULL DEFAULT pg_catalog.now (),\n"
      "  PRIMARY KEY (environment, file)\n"
      ");\n"
      "COMMENT ON TABLE pgkeel.seed_script IS 'Kept by pgkeel: which SQL files of seeds have run';";

bool
seed_ledger_ensure (DbConn *conn, GError **error)
{
  g_autofree char *found = NULL;
  if (!db_query_text (conn,
                      "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
                      " WHERE n.nspname = 'pgkeel' AND c.relname = 'seed_script'",
                      0, NULL, &found, error))
    return false;
  if (found != NULL || db_exec (conn, create_sql, error))
    return true;
  prefix_error (error, "creating the table pgkeel.seed_row");
  keel_error_suggest (error, "Connect as the owner of the database or as a superuser.");
  return false;
}

char *
seed_ledger_digest (const char *t)
{
  /* A column that a migration adds, and that is NULL, changes no row. */
  return g_strdup_printf (
      "encode (sha256 (convert_to (jsonb_strip_nulls (to_jsonb (%s))::text, 'UTF8')), 'hex')", t);
}

static char *
key_json (const SeedSet *set)
{
  g_autoptr (GString) sql = g_string_new ("jsonb_build_object (");
  for (guint i = 0; i < set->key->len; i++)
    {
      const char *name = seed_table_column (set->table, g_array_index (set->key, int, i))->name;
      g_autofree char *literal = db_quote_literal (name);
      g_autofree char *ident = db_quote_ident (name);
      g_string_append_printf (sql, "%s%s, t.%s", i > 0 ? ", " : "", literal, ident);
    }
  g_string_append_c (sql, ')');
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* The names of the key's columns, one a line. */
static char *
key_names (const SeedSet *set)
{
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < set->key->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? "\n" : "",
                            seed_table_column (set->table, g_array_index (set->key, int, i))->name);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

/* The file that row S.N is of. */
static char *
file_case (const SeedSet *set)
{
  g_autoptr (GString) sql = g_string_new ("CASE");
  for (guint i = 0; i < set->sources->len; i++)
    {
      const SeedSource *source = set->sources->pdata[i];
      g_autofree char *literal = db_quote_literal (source->file->shown);
      g_string_append_printf (sql, " WHEN s.n < %" G_GINT64_FORMAT " THEN %s",
                              source->first_row + source->row_count, literal);
    }
  g_string_append (sql, " END");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static bool
write_set (SeedRun *run, const SeedSet *set, GError **error)
{
  g_autofree char *schema = db_quote_literal (set->table->schema);
  g_autofree char *table = db_quote_literal (set->table->name);
  g_autofree char *environment = db_quote_literal (run->spec.project->environment->name);
  g_autofree char *key = key_json (set);
  g_autofree char *names = key_names (set);
  g_autofree char *columns = db_quote_literal (names);
  g_autofree char *file = file_case (set);
  g_autofree char *digest = seed_ledger_digest ("t");
  g_autofree char *match = seed_key_match (set, "t", "s");
  g_autofree char *insert = g_strdup_printf (
      "INSERT INTO pgkeel.seed_row AS l (schema_name, table_name, key_columns, key, digest,\n"
      "                                   environment, file)\n"
      "SELECT %s, %s, %s, %s, %s, %s, %s FROM %s s JOIN %s t ON %s WHERE s.act = 'i'\n"
      "    ON CONFLICT (schema_name, table_name, md5 (key::text)) DO UPDATE\n"
      "   SET digest = excluded.digest, environment = excluded.environment, file = excluded.file,\n"
      "       seeded = now ()",
      schema, table, columns, key, digest, environment, file, set->stage, set->table->sql, match);
  g_autofree char *update = g_strdup_printf (
      "UPDATE pgkeel.seed_row l SET digest = %s, environment = %s, file = %s, seeded = now ()\n"
      "  FROM %s s JOIN %s t ON %s\n"
      " WHERE s.act = 'u' AND l.schema_name = %s AND l.table_name = %s\n"
      "   AND md5 (l.key::text) = md5 (%s::text)",
      digest, environment, file, set->stage, set->table->sql, match, schema, table, key);
  return (set->result->inserted == 0 || seed_exec (run, insert, NULL, error))
         && (set->result->updated == 0 || seed_exec (run, update, NULL, error));
}

/* From how many new rows on the planner is told of them at once. */
#define MANY_ROWS 1000

bool
seed_ledger_write (SeedRun *run, GError **error)
{
  int64_t written = 0;
  for (guint i = 0; i < run->sets->len; i++)
    {
      const SeedSet *set = run->sets->pdata[i];
      if (set->row_count > 0 && !write_set (run, set, error))
        return prefix_error (error, "writing pgkeel.seed_row");
      written += set->result->inserted;
    }
  return written < MANY_ROWS || seed_exec (run, "ANALYZE pgkeel.seed_row", NULL, error);
}
