/*
 * The report of a rehearsal as one page: no scripts, nothing loaded from elsewhere, every text escaped.
 */
#include "base/clock.h"
#include "base/size.h"
#include "base/text.h"
#include "deploy/rehearsal.h"

#include <string.h>

static const char head[]
    = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\""
      " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<title>Rehearsal of migrations</title>\n<style>\n"
      ":root { color-scheme: light dark; }\n"
      "body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto;"
      " padding: 0 1rem; }\n"
      "h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }\n"
      "table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }\n"
      "th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem;"
      " border-bottom: 1px solid #8884; }\n"
      "td.n, th.n { text-align: right; white-space: nowrap; }\n"
      "pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }\n"
      ".good { color: #18794e; } .bad { color: #c62a2f; } .warn { color: #ad5700; }\n"
      "@media (prefers-color-scheme: dark){ .good { color: #4cc38a; } .bad { color: #ff6369; }"
      " .warn { color: #ffb224; } }\n"
      "</style>\n</head>\n<body>\n";

static void
add_escaped (GString *page, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  g_autofree char *escaped = g_markup_escape_text (valid, -1);
  g_string_append (page, escaped);
}

/* FORMAT is ours; its arguments are numbers, or texts that were escaped. */
static void
add_cell_open (GString *page, const char *class)
{
  g_string_append_printf (page, class != NULL ? "<td class=\"%s\">" : "<td>", class);
}

static void
add_cell (GString *page, const char *class, const char *text)
{
  add_cell_open (page, class);
  add_escaped (page, text);
  g_string_append (page, "</td>\n");
}

static char *
format_time (int64_t us)
{
  return us < 1000000 ? g_strdup_printf ("%.1f ms", (double) us / 1e3)
                      : g_strdup_printf ("%.2f s", (double) us / 1e6);
}

static char *
format_bytes (int64_t bytes)
{
  g_autofree char *size = size_format ((uint64_t) ABS (bytes));
  return g_strdup_printf ("%s%s", bytes < 0 ? "−" : "", size);
}

static void
add_list (GString *page, const char *title, const char *class, const GPtrArray *texts)
{
  if (texts == NULL || texts->len == 0)
    return;
  g_string_append_printf (page, "<h2>%s</h2>\n<ul class=\"%s\">\n", title, class);
  for (guint i = 0; i < texts->len; i++)
    {
      g_string_append (page, "<li>");
      add_escaped (page, texts->pdata[i]);
      g_string_append (page, "</li>\n");
    }
  g_string_append (page, "</ul>\n");
}

static void
add_locks (GString *page, const Measurement *measurement)
{
  g_string_append (page, "<td>");
  for (guint i = 0; i < measurement->locks->len; i++)
    {
      const MeasuredLock *lock = measurement->locks->pdata[i];
      bool is_heavy = !lock->is_new && strcmp (lock->mode, "ACCESS EXCLUSIVE") == 0;
      g_string_append (page, is_heavy ? "<div class=\"bad\">" : "<div>");
      add_escaped (page, lock->mode);
      g_string_append (page, " on ");
      add_escaped (page, lock->relation);
      if (lock->held_us > 0 || lock->waited_us > 0)
        {
          g_autofree char *held = format_time (lock->held_us);
          g_autofree char *waited = format_time (lock->waited_us);
          g_string_append_printf (page, ", held for %s, waited for %s", held, waited);
        }
      g_string_append (page, lock->is_new ? " (new)</div>" : "</div>");
    }
  if (measurement->is_alone && measurement->locks->len == 0)
    g_string_append (page, "too fast to be seen");
  g_string_append (page, "</td>\n");
}

static void
add_names (GString *page, const char *words, const GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++)
    {
      g_string_append_printf (page, "<div class=\"warn\">%s ", words);
      add_escaped (page, names->pdata[i]);
      g_string_append (page, "</div>");
    }
}

static void
add_effects (GString *page, const Measurement *measurement)
{
  g_string_append (page, "<td>");
  add_names (page, "new file for table", measurement->rewritten);
  add_names (page, "new file for index", measurement->rebuilt);
  for (guint i = 0; i < measurement->touched->len; i++)
    {
      const MeasuredRows *rows = measurement->touched->pdata[i];
      g_string_append (page, "<div>");
      add_escaped (page, rows->table);
      g_string_append_printf (page,
                              ": %" G_GINT64_FORMAT " inserted, %" G_GINT64_FORMAT
                              " updated, %" G_GINT64_FORMAT " deleted</div>",
                              rows->inserted, rows->updated, rows->deleted);
    }
  g_string_append (page, "</td>\n");
}

static void
add_measurement (GString *page, const Measurement *measurement)
{
  g_autofree char *line = g_strdup_printf ("%u", measurement->line);
  g_autofree char *time = format_time (measurement->elapsed_us);
  g_autofree char *rows
      = measurement->rows >= 0 ? text_format_count ((uint64_t) measurement->rows) : g_strdup ("");
  g_autofree char *wal = format_bytes (measurement->wal_bytes);
  g_autofree char *size = format_bytes (measurement->size_bytes);
  g_string_append (page, measurement->failed ? "<tr class=\"bad\">\n" : "<tr>\n");
  add_cell (page, "n", line);
  g_string_append (page, "<td><pre>");
  add_escaped (page, measurement->text);
  g_string_append (page, measurement->failed ? "</pre><b>failed</b></td>\n" : "</pre></td>\n");
  add_cell (page, "n", time);
  add_cell (page, "n", rows);
  add_cell (page, "n", wal);
  add_cell (page, "n", size);
  add_locks (page, measurement);
  add_effects (page, measurement);
  g_string_append (page, "</tr>\n");
}

/* Deferred constraints and triggers run then. */
static void
add_commit (GString *page, const Measurement *measurement)
{
  g_autofree char *time = format_time (measurement->commit_us);
  g_string_append (page, measurement->commit_failed ? "<tr class=\"bad\">\n" : "<tr>\n");
  add_cell (page, "n", "");
  g_string_append (page, measurement->commit_failed ? "<td><pre>COMMIT</pre><b>failed</b></td>\n"
                                                    : "<td><pre>COMMIT</pre></td>\n");
  add_cell (page, "n", time);
  for (int i = 0; i < 5; i++)
    add_cell (page, NULL, "");
  g_string_append (page, "</tr>\n");
}

static void
add_measurements (GString *page, const char *path, int64_t us, const GPtrArray *measured)
{
  if (measured == NULL)
    return;
  g_autofree char *time = format_time (us);
  g_string_append (page, "<h2>");
  add_escaped (page, path);
  g_string_append_printf (page,
                          " <small>%s</small></h2>\n<table>\n<tr><th class=\"n\">Line</th>"
                          "<th>Statement</th><th class=\"n\">Time</th><th class=\"n\">Rows</th>"
                          "<th class=\"n\">WAL</th><th class=\"n\">Growth</th><th>New locks</th>"
                          "<th>Effects</th></tr>\n",
                          time);
  for (guint i = 0; i < measured->len; i++)
    {
      add_measurement (page, measured->pdata[i]);
      if (measurement_shows_commit (measured->pdata[i]))
        add_commit (page, measured->pdata[i]);
    }
  g_string_append (page, "</table>\n");
}

/* The statements of a command, as its server's log has them. */
static void
add_statements (GString *page, const GPtrArray *statements)
{
  if (statements == NULL || statements->len == 0)
    return;
  g_string_append (page, "<h2>Statements of migrations.command.up</h2>\n<table>\n"
                         "<tr><th>Statement</th><th class=\"n\">Time</th></tr>\n");
  for (guint i = 0; i < statements->len; i++)
    {
      const CommandStatement *statement = statements->pdata[i];
      g_autofree char *time
          = statement->failed ? g_strdup ("failed") : format_time (statement->elapsed_us);
      g_string_append (page, statement->failed ? "<tr class=\"bad\"><td><pre>" : "<tr><td><pre>");
      add_escaped (page, statement->text);
      g_string_append (page, "</pre></td>\n");
      add_cell (page, "n", time);
      g_string_append (page, "</tr>\n");
    }
  g_string_append (page, "</table>\n");
}

static void
add_fact (GString *page, const char *name, const char *text)
{
  g_string_append_printf (page, "<tr><th>%s</th>", name);
  add_cell (page, NULL, text);
  g_string_append (page, "</tr>\n");
}

static char *
describe_command_return (const Rehearsal *r)
{
  g_autofree char *rows = text_format_count (r->rows_before);
  switch (r->way_back)
    {
    case REHEARSAL_PROVEN:
      return g_strdup_printf ("proven by %u runs of the down command; schema, %u of %u tables and "
                              "their %s rows are as before",
                              r->command->down_runs, r->tables_equal, r->tables_total, rows);
    case REHEARSAL_LOSES:
      return g_strdup_printf ("it loses: %u differences after %u runs of the down command",
                              r->differences->len, r->command->down_runs);
    case REHEARSAL_DOWN_FAILED: return g_strdup ("the down command fails");
    case REHEARSAL_NO_DOWN: return g_strdup ("none: there is no down command");
    default: return g_strdup ("not tried, as applying failed");
    }
}

static char *
describe_return (const Rehearsal *r)
{
  g_autofree char *rows = text_format_count (r->rows_before);
  switch (r->way_back)
    {
    case REHEARSAL_PROVEN:
      return g_strdup_printf (
          "proven: %u of %u migrations undone; schema, %u of %u tables and their %s rows are as before",
          r->undone_count, r->migrations->len, r->tables_equal, r->tables_total, rows);
    case REHEARSAL_LOSES:
      return g_strdup_printf ("it loses: %u differences after undoing %u of %u migrations",
                              r->differences->len, r->undone_count, r->migrations->len);
    case REHEARSAL_DOWN_FAILED: return g_strdup ("a down script fails");
    case REHEARSAL_NO_DOWN: return g_strdup ("none: there is no down script to try");
    default: return g_strdup ("not tried, as applying failed");
    }
}

static void
add_facts (GString *page, const Rehearsal *r)
{
  g_autofree char *when = clock_format_iso (r->rehearsed);
  g_autofree char *created = clock_format_iso (r->backup_created);
  g_autofree char *backup
      = g_strdup_printf ("%s, of %s, SHA-256 %s", r->backup, created, r->backup_sha256);
  g_autofree char *restore = format_time (r->restore_us);
  g_autofree char *all = format_time (r->elapsed_us);
  g_autofree char *took = g_strdup_printf ("%s, of which restoring %s", all, restore);
  g_autofree char *server = g_strdup_printf ("PostgreSQL %d.%d, scratch cluster, fsync off",
                                             r->server_version / 10000, r->server_version % 10000);
  g_autofree char *role = g_strdup_printf ("%s%s", r->role, r->is_superuser ? " (superuser)" : "");
  g_autofree char *way_back
      = r->command != NULL ? describe_command_return (r) : describe_return (r);
  g_autofree char *constraints = g_strdup_printf ("%u of %u hold, %u indexes INVALID",
                                                  r->constraints_total - r->constraints_broken->len,
                                                  r->constraints_total, r->invalid_indexes->len);
  g_string_append (page, "<table>\n");
  add_fact (page, "Rehearsed", when);
  add_fact (page, "Project and environment", r->environment);
  add_fact (page, "On", backup);
  add_fact (page, "Server", server);
  add_fact (page, "As role", role);
  add_fact (page, "Took", took);
  add_fact (page, "Way back", way_back);
  if (r->failed_in == NULL)
    add_fact (page, "Constraints", constraints);
  g_string_append (page, "</table>\n");
}

char *
rehearsal_html (const Rehearsal *r)
{
  GString *page = g_string_new (head);
  g_string_append (page, "<h1>Rehearsal of ");
  if (r->command != NULL)
    g_string_append (page, "migrations.command.up of ");
  else
    g_string_append_printf (page, "%u migration%s of ", r->migrations->len,
                            r->migrations->len == 1 ? "" : "s");
  add_escaped (page, r->project);
  g_string_append (page, r->passed ? ": <span class=\"good\">passed</span></h1>\n"
                                   : ": <span class=\"bad\">failed</span></h1>\n");
  add_facts (page, r);
  add_list (page, "Problems", "bad", r->problems);
  add_list (page, "What the way back costs", "warn", r->differences);
  add_list (page, "Worth knowing", "", r->notes);
  if (r->command != NULL)
    {
      add_list (page, "Migrations applied, as far as the tool's table tells", "",
                r->command->applied);
      add_list (page, "Objects that differ after it", "", r->command->schema_changes);
      add_list (page, "Data that was there and is not as it was", "warn", r->command->data_changes);
      add_statements (page, r->command->log.statements);
    }
  for (guint i = 0; i < r->migrations->len; i++)
    {
      const RehearsedMigration *migration = r->migrations->pdata[i];
      add_measurements (page, migration->path, migration->up_us, migration->up);
    }
  for (guint i = r->migrations->len; i > 0; i--)
    {
      const RehearsedMigration *migration = r->migrations->pdata[i - 1];
      add_measurements (page, migration->down_path, migration->down_us, migration->down);
    }
  g_string_append (page, "</body>\n</html>\n");
  return g_string_free (page, FALSE);
}
