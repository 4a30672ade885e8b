/*
 * pgkeel audit: the log of what was done, and whether it is still what was written.
 */
#include "base/clock.h"
#include "base/size.h"
#include "cli/audit_kept.h"
#include "cli/cmds.h"
#include "cli/output.h"

#include <string.h>

static char *since_text;
static char *action_text;
static int entry_limit;

static bool
read_filter (AuditFilter *ret_filter, GError **error)
{
  int64_t seconds = 0;
  if (since_text != NULL && !duration_parse (since_text, &seconds))
    return keel_error (error, KEEL_ERROR_USAGE, "Write a number and m, h, d or w, as in 48h or 7d.",
                       "--since must be a duration, not “%s”", since_text);
  if (entry_limit < 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Leave -n out to see all entries.",
                       "-n must not be negative");
  *ret_filter = (AuditFilter){
    .since = since_text != NULL ? MAX (clock_now () - seconds, 1) : 0,
    .action = action_text,
    .limit = (size_t) entry_limit,
  };
  return true;
}

/* What is particular to an entry: everything that has no column of its own. */
static char *
describe_details (const json_t *entry)
{
  static const char *const columns[]
      = { "time", "seq", "user", "host", "pid", "environment", "action", "phase", "previous" };
  g_autoptr (json_t) rest = json_copy ((json_t *) entry);
  for (size_t i = 0; i < G_N_ELEMENTS (columns); i++)
    (void) json_object_del (rest, columns[i]);
  GString *text = g_string_new (NULL);
  const char *key;
  json_t *value;
  json_object_foreach (rest, key, value)
    {
      if (json_is_null (value))
        continue;
      g_autofree char *dumped = json_is_string (value)
                                    ? g_strdup (json_string_value (value))
                                    : json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY);
      g_string_append_printf (text, "%s%s=%s", text->len > 0 ? " " : "", key, dumped);
    }
  return g_string_free (text, FALSE);
}

static const char *
text_of (const json_t *entry, const char *key)
{
  const char *text = json_string_value (json_object_get (entry, key));
  return text != NULL ? text : "";
}

static void
print_entries (const GPtrArray *entries)
{
  static const OutputColumn columns[]
      = { { "TIME" },   { "SEQ", true }, { "USER" },    { "ENVIRONMENT" },
          { "ACTION" }, { "PHASE" },     { "DETAILS" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < entries->len; i++)
    {
      const json_t *entry = entries->pdata[i];
      g_autofree char *seq = g_strdup_printf ("%" JSON_INTEGER_FORMAT,
                                              json_integer_value (json_object_get (entry, "seq")));
      g_autofree char *details = describe_details (entry);
      output_table_row (table, text_of (entry, "time"), seq, text_of (entry, "user"),
                        text_of (entry, "environment"), text_of (entry, "action"),
                        text_of (entry, "phase"), details);
      if (strcmp (text_of (entry, "phase"), "failed") == 0
          || strcmp (text_of (entry, "phase"), "refused") == 0)
        output_table_style (table, 5, OUTPUT_BAD);
    }
  output_table_print (table);
}

static bool
run_log (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  AuditFilter filter;
  g_autoptr (GPtrArray) entries = NULL;
  if (!read_filter (&filter, error) || !context_project (context, &project, error)
      || !audit_read (project, &filter, &entries, error))
    return false;
  if (!context->json)
    {
      if (entries->len == 0)
        output_line ("no entries");
      else
        print_entries (entries);
      return true;
    }
  json_t *array = json_array ();
  for (guint i = 0; i < entries->len; i++)
    json_array_append (array, entries->pdata[i]);
  output_json (json_pack ("{s:o}", "entries", array));
  return true;
}

static json_t *
texts_json (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; i < texts->len; i++)
    json_array_append_new (array, output_json_string (texts->pdata[i]));
  return array;
}

static void
print_report (const AuditReport *report, const GPtrArray *kept)
{
  for (guint i = 0; i < report->notes->len; i++)
    output_line ("note: %s", (const char *) report->notes->pdata[i]);
  for (guint i = 0; i < report->problems->len; i++)
    output_line ("problem: %s", (const char *) report->problems->pdata[i]);
  if (report->problems->len > 0)
    return;
  g_autofree char *count = text_format_count (report->entry_count);
  output_line ("%s %s, each follows the one before", count,
               report->entry_count == 1 ? "entry" : "entries");
  if (kept == NULL || kept->len == 0)
    return;
  const AuditKept *last = kept->pdata[kept->len - 1];
  g_autofree char *remembered = text_format_count (last->count);
  output_line ("%s of them as the database remembers them since %s", remembered, last->written);
}

/* What was compared with: null when nothing was. */
static json_t *
database_json (const GPtrArray *kept)
{
  const AuditKept *last = kept != NULL && kept->len > 0 ? kept->pdata[kept->len - 1] : NULL;
  if (kept == NULL)
    return json_null ();
  return json_pack ("{s:I, s:I, s:s?}", "heads", (json_int_t) kept->len, "entries",
                    (json_int_t) (last != NULL ? last->count : 0), "written",
                    last != NULL ? last->written : NULL);
}

static bool
run_verify (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  g_auto (AuditReport) report = { 0 };
  g_autoptr (GPtrArray) kept = NULL;
  g_autoptr (GError) problem = NULL;
  if (!context_project (context, &project, error))
    return false;
  /* The files are looked at in any case; that the database cannot be asked is no pass. */
  bool is_asked = audit_kept_read (project, &kept, &problem);
  if (!audit_verify_kept (project, kept, &report, error))
    return false;
  if (context->json)
    output_json (json_pack (
        "{s:b, s:I, s:o, s:o, s:o}", "sound", report.problems->len == 0 && is_asked, "entries",
        (json_int_t) report.entry_count, "problems", texts_json (report.problems), "notes",
        texts_json (report.notes), "database", database_json (kept)));
  else
    print_report (&report, kept);
  if (report.problems->len == 0 && !is_asked)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&problem),
                                  "the log was not compared with what the database remembers: ");
      return false;
    }
  if (report.problems->len == 0)
    return true;
  return keel_error (error, KEEL_ERROR_ANSWER_NO,
                     "Compare it with a copy of the log, such as the one in a full backup.",
                     "the audit log is not what was written: %u %s", report.problems->len,
                     report.problems->len == 1 ? "problem" : "problems");
}

static const GOptionEntry log_options[] = {
  { "since", 0, 0, G_OPTION_ARG_STRING, &since_text, "Only entries of the last 48h, 7d, ...",
    "DURATION" },
  { "action", 0, 0, G_OPTION_ARG_STRING, &action_text,
    "Only this action (“db” also means “db stop”)", "ACTION" },
  { "number", 'n', 0, G_OPTION_ARG_INT, &entry_limit, "Only the last N entries", "N" },
  { NULL },
};

const CliCommand audit_commands[] = {
  {
      .name = "log",
      .summary = "Show what was done, by whom, and how it ended",
      .example = "pgkeel audit log --since 7d --action restore",
      .options = log_options,
      .run = run_log,
  },
  {
      .name = "verify",
      .summary = "Check that no entry was changed, removed, put in or moved",
      .description
      = "Every entry carries the SHA-256 of the one before, and .pgkeel/audit.head remembers the "
        "last. With audit.database_head the log is compared with what the environment’s database "
        "remembers of it, too: only that finds a log that was written anew as a whole, or cut "
        "together with its head. Exit code 1 when something does not follow, 4 when the database "
        "cannot be asked.",
      .example = "pgkeel audit verify",
      .run = run_verify,
  },
  { 0 },
};
