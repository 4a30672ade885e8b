/*
 * The error of a statement that failed: where, what the server said, what to do, and what the database
 * looks like now.
 */
#include "base/text.h"
#include "migrate/advice.h"
#include "migrate/run_internal.h"

#include <string.h>

#define TEXT_SHOWN_BYTES 200

void
run_failure_clear (RunFailure *failure)
{
  g_free (failure->path);
  g_free (failure->tag);
  g_free (failure->text);
  g_free (failure->advice);
  g_free (failure->state);
  db_failure_clear (&failure->server);
  *failure = (RunFailure){ 0 };
}

/* The beginning of a statement on one line. */
static char *
shorten (const char *text)
{
  GString *line = g_string_new (NULL);
  bool blank = false;
  for (; *text != '\0' && line->len < TEXT_SHOWN_BYTES; text = g_utf8_next_char (text))
    if (g_ascii_isspace (*text))
      blank = line->len > 0;
    else
      {
        if (blank)
          g_string_append_c (line, ' ');
        blank = false;
        g_string_append_len (line, text, g_utf8_next_char (text) - text);
      }
  if (*text != '\0')
    g_string_append (line, "…");
  return g_string_free (line, FALSE);
}

static char *
describe_state (const ScriptRun *run, bool is_lost)
{
  if (is_lost)
    return g_strdup ("not known until the same command runs again, which finds out and goes on");
  int done = run->journal.statement_done;
  guint total = run->script->statements->len;
  if (done == 0)
    return g_strdup (run->is_up ? "nothing of this file is in the database"
                                : "nothing of this migration was undone");
  const ScriptStatement *next = migrate_script_at (run->script, MIN ((guint) done, total - 1));
  g_autofree char *which
      = done == 1 ? g_strdup_printf ("statement 1 of %u of this file is", total)
                  : g_strdup_printf ("statements 1 to %d of %u of this file are", done, total);
  return g_strdup_printf (
      "%s committed; the same command goes on with statement %d, line %u, once the "
      "cause is gone or the file is corrected from there on",
      which, done + 1, next->line);
}

static void
add_line (GString *detail, const char *label, const char *text)
{
  if (text != NULL)
    g_string_append_printf (detail, "%s%s%s", detail->len > 0 ? "\n" : "", label, text);
}

static char *
describe_detail (ScriptRun *run, const RunFailure *failure)
{
  GString *detail = g_string_new (NULL);
  g_autofree char *blockers = NULL;
  if (g_strcmp0 (failure->server.sqlstate, "55P03") == 0)
    blockers = watch_describe_blockers (run->run->watch);
  g_autofree char *where
      = failure->statement > 0 && failure->statement <= failure->statement_total
            ? g_strdup_printf ("statement %u of %u: ", failure->statement, failure->statement_total)
            : g_strdup ("");
  add_line (detail, where, failure->text);
  add_line (detail, "SQLSTATE ", failure->server.sqlstate);
  add_line (detail, "", failure->server.detail);
  add_line (detail, "", failure->server.context);
  add_line (detail, "the server's hint: ", failure->server.hint);
  add_line (detail, "the lock was held by ", blockers);
  add_line (detail, "now: ", failure->state);
  return g_string_free (detail, FALSE);
}

static void
fill_in (ScriptRun *run, guint index, DbFailure *server, RunFailure *failure)
{
  bool is_statement = index < run->script->statements->len;
  g_autofree char *text
      = is_statement ? migrate_script_statement_text (run->script, index) : g_strdup ("COMMIT");
  run_failure_clear (failure);
  failure->path = g_strdup (run->script->source->path);
  failure->statement_total = run->script->statements->len;
  failure->statement = is_statement ? index + 1 : 0;
  failure->line = is_statement ? migrate_script_line_at (run->script, index, server->position) : 0;
  failure->tag
      = g_strdup (is_statement ? migrate_script_at (run->script, index)->class.tag : "COMMIT");
  failure->text = shorten (text);
  failure->server = *server;
  *server = (DbFailure){ 0 };
  failure->advice = g_strdup (advice_for (&failure->server, text));
}

bool
run_fail (ScriptRun *run, guint index, DbFailure *server, GError **error)
{
  GError *problem = error != NULL ? *error : NULL;
  RunFailure *failure = run->failure;
  g_autofree char *where = NULL;
  fill_in (run, index, server, failure);
  failure->state = describe_state (run, keel_error_is (problem, KEEL_ERROR_UNREACHABLE));
  if (problem == NULL || failure->server.message == NULL)
    {
      /* Not the server's: it says by itself what happened; only the state is to be added. */
      if (problem != NULL && keel_error_detail (problem) == NULL)
        {
          GError *full = NULL;
          g_autofree char *now = g_strdup_printf ("now: %s", failure->state);
          KeelErrorKind kind
              = problem->domain == KEEL_ERROR ? (KeelErrorKind) problem->code : KEEL_ERROR_FAILED;
          keel_error_full (&full, kind, keel_error_sqlstate (problem), now,
                           keel_error_hint (problem), "%s: %s", failure->path, problem->message);
          g_error_free (problem);
          *error = full;
        }
      return false;
    }
  g_autofree char *detail = describe_detail (run, failure);
  const char *hint = failure->advice != NULL ? failure->advice : keel_error_hint (problem);
  GError *full = NULL;
  where = failure->line > 0 ? g_strdup_printf ("%s:%u", failure->path, failure->line)
                            : g_strdup (failure->path);
  keel_error_full (&full, (KeelErrorKind) problem->code, failure->server.sqlstate, detail, hint,
                   "%s: %s failed: %s", where, failure->tag, failure->server.message);
  g_error_free (problem);
  *error = full;
  return false;
}
