/* SQL files of seeds: run as they stand, in the run's transaction, once for each text they have. */
#include "base/digest.h"
#include "base/fs.h"
#include "db/resource.h"
#include "seed/internal.h"
#include "sql/classify.h"
#include "sql/split.h"

#include <string.h>

#define SCRIPT_MAX_BYTES ((size_t) 64 * 1024 * 1024)

typedef struct
{
  const SeedFile *file;
  char *text;
  size_t length;
  char *digest;
} Script;

static void
script_clear (Script *script)
{
  g_free (script->text);
  g_free (script->digest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Script, script_clear)

static bool
read_script (const SeedFile *file, Script *script, GError **error)
{
  uint8_t sum[SHA256_BYTES];
  const char *end;
  script->file = file;
  if (!fs_read_text (file->path, SCRIPT_MAX_BYTES, &script->text, &script->length, error))
    return false;
  if (!g_utf8_validate (script->text, (gssize) script->length, &end))
    return seed_refuse_at (file->shown, script->text, (size_t) (end - script->text),
                           "Save the file as UTF-8.", error, "a byte that is not UTF-8 text");
  sha256_of (script->text, script->length, sum);
  script->digest = sha256_hex (sum);
  if (g_str_has_prefix (script->text, "\xef\xbb\xbf"))
    memcpy (script->text, "   ", 3);
  return true;
}

/* --- statements ------------------------------------------------------------------------------ */

/* One statement of a script, and the rows that follow a COPY. */
typedef struct
{
  SqlStatement at;
  const char *data;
  size_t data_length;
} Piece;

/* The rows behind a COPY: from the next line to the one that is "\.". */
static void
take_data (const Script *script, size_t *at, Piece *piece)
{
  const char *end = script->text + script->length;
  const char *line = memchr (script->text + *at, '\n', script->length - *at);
  line = line != NULL ? line + 1 : end;
  piece->data = line;
  while (line < end)
    {
      const char *newline = memchr (line, '\n', (size_t) (end - line));
      const char *next = newline != NULL ? newline + 1 : end;
      if (strncmp (line, "\\.", 2) == 0 && (line + 2 == end || line[2] == '\n' || line[2] == '\r'))
        {
          piece->data_length = (size_t) (line - piece->data);
          *at = (size_t) (next - script->text);
          return;
        }
      line = next;
    }
  piece->data_length = (size_t) (end - piece->data);
  *at = script->length;
}

/* Calls ON_PIECE for each statement of SCRIPT. */
typedef bool (*PieceFn) (const Script *script, const Piece *piece, const SqlClass *class,
                         void *data, GError **error);

static bool
each_piece (const Script *script, SqlParser *parser, PieceFn on_piece, void *data, GError **error)
{
  size_t at = 0;
  Piece piece = { 0 };
  while (sql_split_next (script->text, script->length, &at, &piece.at))
    {
      g_auto (SqlClass) class = { 0 };
      if (!sql_classify (parser, script->text + piece.at.start, piece.at.length, &class, error))
        return false;
      piece.data = NULL;
      piece.data_length = 0;
      if (class.kind == SQL_KIND_COPY_STDIN)
        take_data (script, &at, &piece);
      if (!on_piece (script, &piece, &class, data, error))
        return false;
    }
  return true;
}

static bool
check_piece (const Script *script, const Piece *piece, const SqlClass *class, void *data,
             GError **error)
{
  (void) data;
  if (class->kind == SQL_KIND_TRANSACTION)
    return seed_refuse_at (script->file->shown, script->text, piece->at.start,
                           "Remove it: all seeds are one transaction.", error,
                           "%s would end the transaction that all seeds are loaded in", class->tag);
  if (sql_kind_runs_alone (class->kind))
    return seed_refuse_at (script->file->shown, script->text, piece->at.start,
                           "Changes of the schema belong in a migration.", error,
                           "%s cannot run in the transaction that all seeds are loaded in",
                           class->tag);
  return true;
}

bool
seed_scripts_check (SeedRun *run, GError **error)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  for (guint i = 0; i < run->scripts->len; i++)
    {
      g_auto (Script) script = { 0 };
      if (!read_script (run->scripts->pdata[i], &script, error)
          || !each_piece (&script, parser, check_piece, NULL, error))
        return false;
    }
  return true;
}

/* --- running --------------------------------------------------------------------------------- */

/* False when its text is the one that ran last. */
static bool
must_run (SeedRun *run, const Script *script, bool *ret_must, GError **error)
{
  const char *params[] = { run->spec.project->environment->name, script->file->shown };
  g_autofree char *digest = NULL;
  if (!db_query_text (run->conn,
                      "SELECT digest FROM pgkeel.seed_script WHERE environment = $1 AND file = $2",
                      2, params, &digest, error))
    return false;
  *ret_must = run->spec.clean || g_strcmp0 (digest, script->digest) != 0;
  return true;
}

bool
seed_scripts_pending (SeedRun *run, bool *ret_pending, GError **error)
{
  bool pending = false;
  for (guint i = 0; i < run->scripts->len && !pending; i++)
    {
      g_auto (Script) script = { 0 };
      if (!read_script (run->scripts->pdata[i], &script, error)
          || !must_run (run, &script, &pending, error))
        return false;
    }
  *ret_pending = pending;
  return true;
}

typedef struct
{
  SeedRun *run;
  int64_t rows;
} Running;

/* Where in the statement the server stopped. */
static size_t
failure_offset (const Script *script, const Piece *piece, size_t position)
{
  const char *start = script->text + piece->at.start;
  if (position == 0 || (glong) position > g_utf8_strlen (start, (gssize) piece->at.length))
    return piece->at.start;
  return (size_t) (g_utf8_offset_to_pointer (start, (glong) position - 1) - script->text);
}

static bool
run_piece (const Script *script, const Piece *piece, const SqlClass *class, void *data,
           GError **error)
{
  (void) class;
  Running *running = data;
  g_auto (DbFailure) failure = { 0 };
  g_autoptr (GError) problem = NULL;
  int64_t rows;
  g_autofree char *sql = g_strndup (script->text + piece->at.start, piece->at.length);
  const DbStatement statement
      = { .sql = sql, .data = piece->data, .data_length = piece->data_length };
  if (db_run (running->run->conn, &statement, &rows, &failure, &problem))
    {
      running->rows += MAX (rows, 0);
      return true;
    }
  if (failure.message == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_autofree char *place = seed_place_at (script->file->shown, script->text,
                                          failure_offset (script, piece, failure.position));
  return keel_error_full (error, KEEL_ERROR_SERVER, failure.sqlstate, failure.detail,
                          keel_error_hint (problem), "%s: %s", place, failure.message);
}

/* The file's own settings end with it. */
static bool
restore_session (SeedRun *run, const Script *script, GError **error)
{
  g_autofree char *role = NULL;
  if (!db_query_text (run->conn, "SELECT current_setting ('session_replication_role')", 0, NULL,
                      &role, error))
    return false;
  if (g_strcmp0 (role, "origin") != 0)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Load the tables in the order of their keys instead.",
                       "%s switches triggers and foreign keys off (session_replication_role)",
                       script->file->shown);
  return db_exec (run->conn, "RESET ALL", error) && db_exec (run->conn, "RESET ROLE", error)
         && db_exec (run->conn, db_sql ("settings.sql"), error)
         && db_exec (run->conn, SEED_SETTINGS, error);
}

static bool
run_script (SeedRun *run, SqlParser *parser, const Script *script, GError **error)
{
  Running running = { .run = run };
  const char *params[]
      = { run->spec.project->environment->name, script->file->shown, script->digest };
  g_autoptr (DbResult) result = NULL;
  SeedScriptResult *told = g_new0 (SeedScriptResult, 1);
  g_ptr_array_add (run->result->scripts, told);
  told->file = g_strdup (script->file->shown);
  if (!must_run (run, script, &told->was_run, error))
    return false;
  if (!told->was_run)
    return true;
  report_step (run->report, "running %s", script->file->shown);
  if (!each_piece (script, parser, run_piece, &running, error)
      || !restore_session (run, script, error))
    return false;
  told->rows = running.rows;
  return db_query (run->conn,
                   "INSERT INTO pgkeel.seed_script AS s (environment, file, digest)\n"
                   "VALUES ($1, $2, $3) ON CONFLICT (environment, file) DO UPDATE\n"
                   "   SET digest = excluded.digest, run_at = now ()",
                   3, params, &result, error);
}

bool
seed_scripts_run (SeedRun *run, const SeedTable *table, GError **error)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  for (guint i = 0; i < run->scripts->len; i++)
    {
      const SeedFile *file = run->scripts->pdata[i];
      g_auto (Script) script = { 0 };
      SeedTable *own;
      if (!seed_tables_find (run->tables, file->schema, file->table, &own, error))
        return false;
      /* A table without rows in files has no turn of its own. */
      if (own != NULL && !g_hash_table_contains (run->by_oid, GUINT_TO_POINTER (own->oid)))
        own = NULL;
      if (own == table
          && (!read_script (file, &script, error) || !run_script (run, parser, &script, error)))
        return false;
    }
  return true;
}
