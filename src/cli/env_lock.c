#include "cli/env_lock.h"

#include "backup/catalogue.h"
#include "backup/reader.h"
#include "base/clock.h"
#include "cli/output.h"
#include "db/conn.h"
#include "project/incident.h"
#include "project/leave.h"
#include "project/target.h"

#include <string.h>
#include <unistd.h>

void
lock_look_clear (LockLook *look)
{
  g_clear_pointer (&look->environment, g_strfreev);
  env_lock_gathered_clear (&look->gathered);
  env_lock_verdict_clear (&look->verdict);
  g_clear_pointer (&look->texts, g_ptr_array_unref);
}

/* TEXT, which from now on is the look's. */
static const char *
keep (LockLook *look, char *text)
{
  if (text != NULL)
    g_ptr_array_add (look->texts, text);
  return text;
}

/* --- the command's variables ---------------------------------------------------------------------- */

/* In the command's environment and, as libpq takes what a URL leaves out from there, in ours: we must look where the
 * command will. VALUE "": not set. */
static void
set_both (char ***environment, const char *name, const char *value)
{
  if (*value != '\0')
    {
      *environment = g_environ_setenv (*environment, name, value, TRUE);
      g_setenv (name, value, TRUE);
    }
  else
    {
      *environment = g_environ_unsetenv (*environment, name);
      g_unsetenv (name);
    }
}

/* All that programs read is set: DATABASE_URL, libpq's own, and those that hold this very URL in a .env file. */
static bool
set_url (const Project *project, char ***environment, GError **error)
{
  g_autofree char *url = target_url (project, error);
  if (url == NULL)
    return false;
  g_auto (GStrv) settings = db_url_environment (url, error);
  if (settings == NULL)
    return false;
  g_auto (GStrv) also = target_url_variables (project, url, error);
  if (also == NULL)
    return false;
  static const char *const before[] = { "PGSERVICE", "PGHOSTADDR" };
  for (size_t i = 0; i < G_N_ELEMENTS (before); i++)
    set_both (environment, before[i], "");
  for (size_t i = 0; also[i] != NULL; i++)
    set_both (environment, also[i], url);
  for (size_t i = 0; settings[i] != NULL; i++)
    {
      g_auto (GStrv) pair = g_strsplit (settings[i], "=", 2);
      set_both (environment, pair[0], pair[1]);
    }
  return true;
}

/* --- the last proof ------------------------------------------------------------------------------- */

static void
describe_proof (LockLook *look, Store *store, const BackupEntry *entry)
{
  EnvLockProof *proof = &look->gathered.facts.proof;
  g_autoptr (BackupReader) reader = NULL;
  g_autoptr (GError) problem = NULL;
  proof->name = keep (look, g_strdup (entry->name));
  proof->age_seconds = clock_now () - entry->created;
  if (!backup_reader_open (store, entry->name, &reader, &problem))
    {
      proof->is_known = false;
      proof->problem = keep (look, g_strdup (problem->message));
      return;
    }
  const BackupIndex *index = backup_reader_index (reader);
  proof->cluster = keep (look, g_strdup (index->system_identifier));
  proof->database = keep (look, g_strdup (index->database));
}

/* The newest whole backup of the environment that is proven. */
static void
find_proof (const Project *project, LockLook *look)
{
  EnvLockProof *proof = &look->gathered.facts.proof;
  g_autofree char *folder = project_backup_folder (project);
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) problem = NULL;
  const BackupEntry *newest = NULL;
  proof->is_known = true;
  if (!g_file_test (folder, G_FILE_TEST_EXISTS))
    return;
  if (!catalogue_list (store, &entries, &problem))
    {
      proof->is_known = false;
      proof->problem = keep (look, g_strdup (problem->message));
      return;
    }
  for (guint i = 0; i < entries->len; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (entry->problem == NULL && g_strcmp0 (entry->type, "db") == 0
          && g_strcmp0 (entry->project, project->name) == 0 && entry->proven > 0
          && (newest == NULL || entry->created > newest->created))
        newest = entry;
    }
  if (newest != NULL)
    describe_proof (look, store, newest);
}

/* --- incidents ------------------------------------------------------------------------------------ */

/* Whoever names them in INCIDENT_VARIABLE goes on; incident_check_none writes that down when it is so far. */
static bool
is_named (const char *id)
{
  const char *value = g_getenv (INCIDENT_VARIABLE);
  g_auto (GStrv) names = g_strsplit (value != NULL ? value : "", ",", -1);
  return g_strv_contains ((const char *const *) names, id);
}

static const char *
find_incident (const Project *project, LockLook *look)
{
  g_autoptr (GPtrArray) incidents = NULL;
  g_autoptr (GError) problem = NULL;
  if (!incident_list (project, false, &incidents, &problem))
    return keep (look,
                 g_strdup_printf ("it cannot be told whether one is open: %s", problem->message));
  for (guint i = 0; i < incidents->len; i++)
    {
      const Incident *incident = incidents->pdata[i];
      if (incident_is_of (incident, project->environment->name) && !is_named (incident->id))
        return keep (look, g_strdup_printf ("%s is open%s%s", incident->id,
                                            incident->summary != NULL ? ": " : "",
                                            incident->summary != NULL ? incident->summary : ""));
    }
  return NULL;
}

/* --- all of it ------------------------------------------------------------------------------------ */

bool
lock_look (const Project *project, const LockAsk *ask, LockLook *ret_look, GError **error)
{
  g_auto (LockLook) look
      = { .environment = g_get_environ (), .texts = g_ptr_array_new_with_free_func (g_free) };
  if ((ask->set_url && !set_url (project, &look.environment, error))
      || !env_lock_gather (project, look.environment, ask->argv, &look.gathered, error))
    return false;
  EnvLockFacts *facts = &look.gathered.facts;
  facts->authorised = ask->authorised;
  facts->has_terminal = isatty (STDIN_FILENO) || isatty (STDERR_FILENO);
  facts->proof.is_waived = ask->no_proof;
  facts->proof.max_age_seconds = project->guard.proof_max_age_seconds;
  if (facts->leave == NULL && (facts->is_protected || ask->wants_proof))
    find_proof (project, &look);
  if (facts->leave == NULL)
    facts->incident = find_incident (project, &look);
  env_lock_judge (facts, &look.verdict);
  g_autofree char *leave
      = leave_value (facts->environment, g_environ_getenv (look.environment, "DATABASE_URL"));
  look.environment = g_environ_setenv (look.environment, LEAVE_VARIABLE, leave, TRUE);
  *ret_look = look;
  look = (LockLook){ 0 };
  return true;
}

/* --- shown ---------------------------------------------------------------------------------------- */

static void
print_rows (const EnvLockVerdict *verdict, guint from, guint to, const char *heading)
{
  static const OutputStyle styles[] = {
    [ENV_LOCK_UNKNOWN] = OUTPUT_BAD, [ENV_LOCK_FINE] = OUTPUT_GOOD,
    [ENV_LOCK_NOTE] = OUTPUT_PLAIN,  [ENV_LOCK_WARNING] = OUTPUT_WARN,
    [ENV_LOCK_REFUSED] = OUTPUT_BAD,
  };
  const OutputColumn columns[] = { { heading }, { "WHAT" }, { "FOUND" }, { "RULE" }, { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = from; i < to; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      output_table_row (table, env_lock_level_name (row->level), row->subject, row->text,
                        row->rule);
      output_table_style (table, 0, styles[row->level]);
    }
  output_table_print (table);
}

void
lock_print (const LockLook *look)
{
  const EnvLockVerdict *verdict = &look->verdict;
  print_rows (verdict, 0, verdict->place_rows, "ENV CHECK");
  output_line ("%s", "");
  print_rows (verdict, verdict->place_rows, verdict->rows->len, "GUARD RUN");
}

static json_t *
database_json (const EnvLockDatabase *database)
{
  static const char *const states[] = { "unasked", "reached",     "unreachable",  "closed",
                                        "no-url",  "unparseable", "not-postgres", "incomplete" };
  static const char *const stamps[] = { "unknown", "none", "here", "copy" };
  bool is_reached = database->state == ENV_LOCK_DATABASE_REACHED;
  return json_pack ("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "state",
                    states[database->state], "url", output_json_string (database->shown), "problem",
                    output_json_string (database->problem), "host",
                    output_json_string (database->host), "database",
                    output_json_string (database->name), "system_identifier",
                    output_json_string (database->cluster), "stamp",
                    is_reached ? json_string (stamps[database->stamp]) : json_null (),
                    "stamp_environment", output_json_string (database->stamp_environment),
                    "stamp_project", output_json_string (database->stamp_project), "is_local_host",
                    (int) database->is_local_host, "is_replica", (int) database->is_replica);
}

static json_t *
variables_json (const EnvLockFacts *facts)
{
  static const char *const roles[] = { "main", "extra", "other", "replica", "shadow" };
  json_t *array = json_array ();
  for (size_t i = 0; i < facts->variable_count; i++)
    {
      const EnvLockVariable *variable = &facts->variables[i];
      json_t *object = database_json (&variable->database);
      if (object == NULL)
        object = json_object ();
      json_object_set_new (object, "variable", output_json_string (variable->name));
      json_object_set_new (object, "source", output_json_string (variable->source));
      json_object_set_new (object, "role", json_string (roles[variable->role]));
      json_object_set_new (object, "is_shadowed", json_boolean (variable->is_shadowed));
      json_array_append_new (array, object);
    }
  return array;
}

static json_t *
rows_json (const EnvLockVerdict *verdict)
{
  json_t *array = json_array ();
  for (guint i = 0; i < verdict->rows->len; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      json_array_append_new (array, json_pack ("{s:s, s:s, s:s, s:o, s:o, s:o}", "level",
                                               env_lock_level_name (row->level), "rule", row->rule,
                                               "about", i < verdict->place_rows ? "place" : "leave",
                                               "subject", output_json_string (row->subject), "text",
                                               output_json_string (row->text), "hint",
                                               output_json_string (row->hint)));
    }
  return array;
}

json_t *
lock_json (const LockLook *look)
{
  const EnvLockFacts *facts = &look->gathered.facts;
  const EnvLockVerdict *verdict = &look->verdict;
  const EnvLockProof *proof = &facts->proof;
  const char *name = verdict->refused > 0 ? "refused" : verdict->warnings > 0 ? "warning" : "fine";
  return json_pack ("{s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "verdict", name, "agrees",
                    verdict->places_refused == 0, "terminal", (int) facts->has_terminal, "ci",
                    (int) facts->is_ci, "proven_backup", output_json_string (proof->name),
                    "proof_age_seconds",
                    proof->name != NULL ? json_integer (proof->age_seconds) : json_null (),
                    "target", database_json (&facts->target), "variables", variables_json (facts),
                    "rows", rows_json (verdict));
}
