#include "base/clock.h"
#include "deploy/rehearsal.h"

#define FORMAT 1

/* TEXT need not be valid UTF-8. */
static json_t *
text_json (const char *text)
{
  if (text == NULL)
    return json_null ();
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  return json_string (valid);
}

static json_t *
texts_json (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    json_array_append_new (array, text_json (texts->pdata[i]));
  return array;
}

static double
seconds (int64_t us)
{
  return (double) us / 1e6;
}

static json_t *
locks_json (const GPtrArray *locks)
{
  json_t *array = json_array ();
  for (guint i = 0; i < locks->len; i++)
    {
      const MeasuredLock *lock = locks->pdata[i];
      char kind[] = { lock->kind, '\0' };
      json_t *object = json_pack ("{s:o, s:s, s:s, s:b}", "relation", text_json (lock->relation),
                                  "kind", kind, "mode", lock->mode, "new", (int) lock->is_new);
      if (lock->held_us > 0 || lock->waited_us > 0)
        {
          json_object_set_new (object, "held_seconds", json_real (seconds (lock->held_us)));
          json_object_set_new (object, "waited_seconds", json_real (seconds (lock->waited_us)));
        }
      json_array_append_new (array, object);
    }
  return array;
}

static json_t *
touched_json (const GPtrArray *touched)
{
  json_t *array = json_array ();
  for (guint i = 0; i < touched->len; i++)
    {
      const MeasuredRows *rows = touched->pdata[i];
      json_array_append_new (
          array, json_pack ("{s:o, s:I, s:I, s:I}", "table", text_json (rows->table), "inserted",
                            (json_int_t) rows->inserted, "updated", (json_int_t) rows->updated,
                            "deleted", (json_int_t) rows->deleted));
    }
  return array;
}

static json_t *
measurement_json (const Measurement *measurement)
{
  return json_pack (
      "{s:I, s:I, s:o, s:o, s:b, s:b, s:I, s:I, s:f, s:o, s:b, s:o, s:I, s:I, s:o, s:o, s:o, s:o}",
      "statement", (json_int_t) measurement->index + 1, "line", (json_int_t) measurement->line,
      "tag", text_json (measurement->tag), "text", text_json (measurement->text), "failed",
      (int) measurement->failed, "in_transaction", (int) !measurement->is_alone, "rounds",
      (json_int_t) measurement->rounds, "samples", (json_int_t) measurement->sample_count,
      "seconds", seconds (measurement->elapsed_us), "commit_seconds",
      measurement->commit_us >= 0 ? json_real (seconds (measurement->commit_us)) : json_null (),
      "commit_failed", (int) measurement->commit_failed, "rows",
      measurement->rows >= 0 ? json_integer (measurement->rows) : json_null (), "wal_bytes",
      (json_int_t) measurement->wal_bytes, "size_bytes", (json_int_t) measurement->size_bytes,
      "locks", locks_json (measurement->locks), "rewritten", texts_json (measurement->rewritten),
      "rebuilt_indexes", texts_json (measurement->rebuilt), "rows_by_table",
      touched_json (measurement->touched));
}

static json_t *
measurements_json (const GPtrArray *measured)
{
  if (measured == NULL)
    return json_null ();
  json_t *array = json_array ();
  for (guint i = 0; i < measured->len; i++)
    json_array_append_new (array, measurement_json (measured->pdata[i]));
  return array;
}

static json_t *
migration_json (const RehearsedMigration *migration)
{
  return json_pack (
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:f, s:f, s:f, s:o, s:o, s:o}", "version",
      text_json (migration->version), "name", text_json (migration->name), "file",
      text_json (migration->path), "down_file", text_json (migration->down_path), "checksum",
      text_json (migration->checksum), "down_checksum", text_json (migration->down_checksum),
      "undone", (int) migration->undone, "up_seconds", seconds (migration->up_us), "down_seconds",
      seconds (migration->down_us), "again_seconds", seconds (migration->again_us), "up",
      measurements_json (migration->up), "down", measurements_json (migration->down),
      "schema_changes",
      migration->schema_changes != NULL ? texts_json (migration->schema_changes) : json_null ());
}

static json_t *
failure_json (const RunFailure *failure, const char *failed_in)
{
  if (failed_in == NULL)
    return json_null ();
  const DbFailure *server = &failure->server;
  return json_pack ("{s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "in", failed_in, "file",
                    text_json (failure->path), "line", (json_int_t) failure->line, "statement",
                    (json_int_t) failure->statement, "text", text_json (failure->text), "sqlstate",
                    text_json (server->sqlstate), "message", text_json (server->message), "detail",
                    text_json (server->detail), "hint", text_json (server->hint), "advice",
                    text_json (failure->advice));
}

static json_t *
files_json (const GPtrArray *files)
{
  json_t *array = json_array ();
  for (guint i = 0; i < files->len; i++)
    {
      const ExternalFile *file = files->pdata[i];
      json_array_append_new (array, json_pack ("{s:o, s:s}", "path", text_json (file->path),
                                               "checksum", file->checksum));
    }
  return array;
}

static json_t *
statements_json (const GPtrArray *statements)
{
  json_t *array = json_array ();
  for (guint i = 0; statements != NULL && i < statements->len; i++)
    {
      const CommandStatement *statement = statements->pdata[i];
      json_array_append_new (
          array, json_pack ("{s:o, s:f, s:b}", "text", text_json (statement->text), "seconds",
                            seconds (statement->elapsed_us), "failed", (int) statement->failed));
    }
  return array;
}

static json_t *
command_json (const RehearsedCommand *command)
{
  if (command == NULL)
    return json_null ();
  const ExternalPending *pending = command->pending;
  return json_pack (
      "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "commands", pending->commands,
      "status", text_json (pending->status), "files", files_json (pending->files), "rows",
      texts_json (pending->rows), "applied", texts_json (command->applied), "schema_changes",
      texts_json (command->schema_changes), "data_changes", texts_json (command->data_changes),
      "statements", statements_json (command->log.statements), "statements_left_out",
      (json_int_t) command->log.left_out, "sessions", (json_int_t) command->session_count,
      "down_runs", (json_int_t) command->down_runs);
}

json_t *
rehearsal_json (const Rehearsal *r)
{
  g_autofree char *rehearsed = clock_format_iso (r->rehearsed);
  g_autofree char *created = clock_format_iso (r->backup_created);
  json_t *migrations = json_array ();
  for (guint i = 0; i < r->migrations->len; i++)
    json_array_append_new (migrations, migration_json (r->migrations->pdata[i]));
  return json_pack (
      "{s:i, s:b, s:s, s:{s:o, s:s, s:s, s:b}, s:o, s:o, s:s, s:i, s:o, s:b, s:b, s:f, s:f, s:I, s:I,"
      " s:o, s:o, s:o, s:{s:s, s:I, s:I, s:I, s:I, s:o}, s:{s:I, s:o, s:o}, s:o, s:o, s:o}",
      "format", FORMAT, "passed", (int) r->passed, "rehearsed", rehearsed, "backup", "name",
      text_json (r->backup), "sha256", r->backup_sha256, "created", created, "fresh_copy",
      (int) r->is_fresh, "project", text_json (r->project), "environment",
      text_json (r->environment), "pgkeel_version", PGKEEL_VERSION, "server_version",
      r->server_version, "role", text_json (r->role), "as_superuser", (int) r->is_superuser,
      "locale_replaced", (int) r->locale_replaced, "restore_seconds", seconds (r->restore_us),
      "seconds", seconds (r->elapsed_us), "size_before", (json_int_t) r->size_before, "size_after",
      (json_int_t) r->size_after, "problems", texts_json (r->problems), "notes",
      texts_json (r->notes), "failure", failure_json (&r->failure, r->failed_in), "way_back",
      "verdict", rehearsal_return_name (r->way_back), "undone", (json_int_t) r->undone_count,
      "tables_equal", (json_int_t) r->tables_equal, "tables", (json_int_t) r->tables_total, "rows",
      (json_int_t) r->rows_before, "differences", texts_json (r->differences), "constraints",
      "checked", (json_int_t) r->constraints_total, "broken", texts_json (r->constraints_broken),
      "not_valid", texts_json (r->not_validated), "invalid_indexes",
      texts_json (r->invalid_indexes), "migrations", migrations, "command",
      command_json (r->command));
}
