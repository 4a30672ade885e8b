/* Which of the things that commands find out open an incident. */
#include "cli/incident_raise.h"
#include "backup/catalogue.h"
#include "base/size.h"
#include "cli/emergency.h"
#include "cli/output.h"
#include "project/audit.h"

#include <string.h>

#define SHOWN_MAX 20

static json_t *
texts_json (const GPtrArray *texts)
{
  json_t *array = json_array ();
  for (guint i = 0; i < MIN (texts->len, (guint) SHOWN_MAX); i++)
    json_array_append_new (array, output_json_string (texts->pdata[i]));
  return array;
}

void
incident_raise (CliContext *context, const IncidentSpec *spec)
{
  g_autofree char *id = NULL;
  g_autoptr (GError) problem = NULL;
  bool is_new;
  if (!incident_open (context->project, spec, &id, &is_new, &problem))
    {
      g_autofree char *failure
          = g_strdup_printf ("the incident could not be recorded: %s", problem->message);
      report_warning (&context->report, failure, keel_error_hint (problem));
      return;
    }
  g_autofree char *text = g_strdup_printf (
      is_new ? "the incident %s is open: %s; commands that destroy are refused until it is closed"
             : "added to the incident %s, which is still open: %s",
      id, spec->summary);
  g_autofree char *hint = g_strdup_printf ("Look at it with “pgkeel incident show %s”.", id);
  report_warning (&context->report, text, hint);
  if (is_new)
    emergency_respond_or_warn (context, id);
}

bool
incident_check_logged (CliContext *context, const char *action, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (incident_check_none (context->project, action, &problem))
    return true;
  g_autoptr (json_t) details = json_pack ("{s:o}", "error", output_json_string (problem->message));
  if (!audit_write (context->project, action, "refused", details, NULL))
    report_warning (&context->report, "the refusal could not be written to the audit log", NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static void
raise_about (CliContext *context, IncidentKind kind, const char *subject, json_t *evidence,
             const char *summary)
{
  g_autoptr (json_t) owned = evidence;
  const IncidentSpec spec = { kind, subject, summary, owned };
  incident_raise (context, &spec);
}

/* In the embedded cluster of a developer rows come and go; elsewhere half of them do not. */
static bool
is_shrinking_news (const Project *project)
{
  return !project->environment->is_local || project->environment->is_protected;
}

void
incident_after_create (CliContext *context, const CreateResult *result, const GError *problem)
{
  if (problem != NULL && keel_error_is (problem, KEEL_ERROR_ANSWER_NO))
    raise_about (
        context, INCIDENT_EMPTY_BACKUP, "backup create",
        json_pack ("{s:I}", "min_size_bytes", (json_int_t) context->project->min_size_bytes),
        problem->message);
  else if (problem == NULL && result->is_shrunken && is_shrinking_news (context->project))
    raise_about (context, INCIDENT_SHRUNKEN_BACKUP, result->name,
                 json_pack ("{s:o, s:I}", "differences", texts_json (result->warnings),
                            "size_bytes", (json_int_t) result->dump.size_bytes),
                 result->warnings->pdata[0]);
}

/* A copy that lies elsewhere is not what the environment relies on. */
static bool
is_of_environment (const Project *project, Store *store)
{
  g_autofree char *folder = project_backup_folder (project);
  return strcmp (store_location (store), folder) == 0;
}

static bool
is_too_small (const Project *project, Store *store, const char *name, uint64_t *ret_bytes)
{
  g_autoptr (BackupEntry) entry = NULL;
  if (!catalogue_describe (store, name, &entry, NULL))
    return false;
  *ret_bytes = entry->size_bytes;
  return entry->size_bytes <= project->min_size_bytes;
}

void
incident_after_verify (CliContext *context, Store *store, const char *name, const GError *problem)
{
  uint64_t bytes = 0;
  if (problem == NULL || !is_of_environment (context->project, store)
      || (!keel_error_is (problem, KEEL_ERROR_CORRUPT)
          && !keel_error_is (problem, KEEL_ERROR_ANSWER_NO)))
    return;
  bool is_small = is_too_small (context->project, store, name, &bytes);
  raise_about (context, is_small ? INCIDENT_EMPTY_BACKUP : INCIDENT_DAMAGED_BACKUP, name,
               json_pack ("{s:I, s:o}", "size_bytes", (json_int_t) bytes, "detail",
                          output_json_string (keel_error_detail (problem))),
               problem->message);
}

static json_t *
proof_evidence (const Proof *proof)
{
  const CompareResult *compared = &proof->compared;
  return json_pack ("{s:o, s:I, s:I, s:I, s:b}", "differences", texts_json (compared->differences),
                    "tables_equal", (json_int_t) compared->tables_equal, "tables_total",
                    (json_int_t) compared->tables_total, "rows", (json_int_t) compared->rows,
                    "schema_equal", (int) compared->schema_equal);
}

void
incident_after_proof (CliContext *context, Store *store, const char *name, const Proof *proof,
                      const GError *problem)
{
  if (!is_of_environment (context->project, store) || (proof != NULL && proof->passed))
    return;
  if (proof != NULL)
    {
      g_autofree char *summary = g_strdup_printf ("“%s” is not proven: %u differences", name,
                                                  proof->compared.differences->len);
      raise_about (context, INCIDENT_FAILED_PROOF, name, proof_evidence (proof), summary);
    }
  else if (keel_error_is (problem, KEEL_ERROR_SERVER))
    raise_about (context, INCIDENT_FAILED_PROOF, name,
                 json_pack ("{s:o}", "detail", output_json_string (keel_error_detail (problem))),
                 problem->message);
  else
    incident_after_verify (context, store, name, problem);
}

/* --- lists ----------------------------------------------------------------------------------- */

/* Listed again and again, and still there when its incident is closed: only the first look is news. */
static bool
is_known (const GPtrArray *incidents, const char *name)
{
  for (guint i = 0; i < incidents->len; i++)
    if (g_strcmp0 (((const Incident *) incidents->pdata[i])->subject, name) == 0)
      return true;
  return false;
}

static bool
is_suspect (const Project *project, const BackupEntry *entry)
{
  bool is_small = entry->size_bytes <= project->min_size_bytes
                  && g_strcmp0 (entry->type, CATALOGUE_EMERGENCY) != 0;
  return g_strcmp0 (entry->project, project->name) == 0 && (entry->problem != NULL || is_small);
}

static void
raise_about_entry (CliContext *context, const BackupEntry *entry)
{
  bool is_small = entry->size_bytes <= context->project->min_size_bytes;
  g_autofree char *size = size_format (entry->size_bytes);
  g_autofree char *summary
      = entry->problem != NULL
            ? g_strdup_printf ("the backup “%s” is damaged: %s", entry->name, entry->problem)
            : g_strdup_printf ("the backup “%s” has only %s, which counts as failed", entry->name,
                               size);
  raise_about (context, is_small ? INCIDENT_EMPTY_BACKUP : INCIDENT_DAMAGED_BACKUP, entry->name,
               json_pack ("{s:I, s:o}", "size_bytes", (json_int_t) entry->size_bytes, "problem",
                          output_json_string (entry->problem)),
               summary);
}

void
incident_after_list (CliContext *context, Store *store, const GPtrArray *entries)
{
  const Project *project = context->project;
  g_autoptr (GPtrArray) incidents = NULL;
  if (!is_of_environment (project, store))
    return;
  for (guint i = 0; i < entries->len; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (!is_suspect (project, entry)
          || (incidents == NULL && !incident_list (project, true, &incidents, NULL))
          || is_known (incidents, entry->name))
        continue;
      raise_about_entry (context, entry);
    }
}

/* --- integrity ------------------------------------------------------------------------------- */

static json_t *
critical_json (const IntegrityRun *run)
{
  json_t *array = json_array ();
  for (guint i = 0; i < run->findings->len; i++)
    {
      const Finding *finding = run->findings->pdata[i];
      if (finding->severity == CHECK_SEVERITY_CRITICAL && json_array_size (array) < SHOWN_MAX)
        json_array_append_new (array, json_pack ("{s:s, s:o, s:o}", "check", finding->check->id,
                                                 "object", output_json_string (finding->object),
                                                 "message", output_json_string (finding->message)));
    }
  return array;
}

/* Elsewhere it is a developer's: what broke it there is being worked on. */
void
incident_after_check (CliContext *context, const IntegrityRun *run)
{
  unsigned int count = integrity_run_count (run, CHECK_SEVERITY_CRITICAL);
  if (count == 0 || !context->project->environment->is_protected)
    return;
  g_autofree char *summary = g_strdup_printf ("integrity check: %u finding%s of severity critical",
                                              count, count == 1 ? "" : "s");
  raise_about (context, INCIDENT_FAILED_INTEGRITY, run->database,
               json_pack ("{s:o}", "findings", critical_json (run)), summary);
}
