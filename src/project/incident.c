#include "project/incident.h"

#include "base/clock.h"
#include "base/text.h"
#include "project/audit.h"
#include "project/incident_file.h"
#include "project/who.h"

#include <stdio.h>
#include <string.h>

/* More than this many open ones tell nobody anything: further subjects share one for each kind. */
#define OPEN_MAX 50
#define SUBJECT_OTHERS "(others)"
/* Of events that repeat the audit log has the first, then those whose number is a power of two. */
#define AUDITED_REPEATS 20

const char *
incident_kind_name (IncidentKind kind)
{
  switch (kind)
    {
    case INCIDENT_REFUSED_DESTRUCTION: return "refused-destruction";
    case INCIDENT_EMPTY_BACKUP: return "empty-backup";
    case INCIDENT_SHRUNKEN_BACKUP: return "shrunken-backup";
    case INCIDENT_DAMAGED_BACKUP: return "damaged-backup";
    case INCIDENT_FAILED_PROOF: return "failed-proof";
    case INCIDENT_FAILED_INTEGRITY: return "failed-integrity";
    case INCIDENT_LOST_LABEL: return "lost-label";
    case INCIDENT_MANUAL: return "manual";
    }
  return "unknown";
}

char *
incident_path (const Project *project, const char *id)
{
  g_autofree char *folder = project_state_path (project, INCIDENT_FOLDER);
  g_autofree char *name = g_strconcat (id, ".json", NULL);
  return g_build_filename (folder, name, NULL);
}

/* --- open ------------------------------------------------------------------------------------ */

static json_t *
text_json (const Project *project, const char *text)
{
  g_autofree char *line = incident_line (project, text);
  return json_string (line);
}

static bool
write_audit (const Project *project, const char *action, const char *phase,
             const Incident *incident, json_t *more, GError **error)
{
  g_autoptr (json_t) details = json_pack ("{s:s, s:s*, s:s*}", "incident", incident->id, "kind",
                                          incident->kind, "subject", incident->subject);
  (void) json_object_update_missing (details, more);
  json_decref (more);
  return audit_write (project, action, phase, details, error);
}

bool
incident_is_of (const Incident *incident, const char *environment)
{
  return incident->environment == NULL || strcmp (incident->environment, environment) == 0;
}

static bool
is_of (const Incident *incident, const Project *project)
{
  return incident_is_of (incident, project->environment->name);
}

/* The open incident of KIND and SUBJECT that can be added to; NULL when there is none. *RET_COUNT: how many
 * are open in the environment. */
static Incident *
find_open (const IncidentStore *store, const char *kind, const char *subject, guint *ret_count)
{
  size_t i;
  json_t *entry;
  g_autoptr (Incident) found = NULL;
  *ret_count = 0;
  json_array_foreach (json_object_get (store->index, "open"), i, entry)
    {
      const char *id = json_string_value (json_object_get (entry, "id"));
      g_autoptr (Incident) incident = incident_store_read (store, id);
      if (incident == NULL || !incident->is_open || !is_of (incident, store->project))
        continue;
      ++*ret_count;
      if (found == NULL && incident->document != NULL && g_strcmp0 (incident->kind, kind) == 0
          && g_strcmp0 (incident->subject, subject) == 0)
        found = g_steal_pointer (&incident);
    }
  return g_steal_pointer (&found);
}

static bool
is_audited (uint64_t number)
{
  return number <= AUDITED_REPEATS || (number & (number - 1)) == 0;
}

static bool
add_repeat (IncidentStore *store, Incident *incident, const IncidentSpec *spec, GError **error)
{
  uint64_t number = incident->event_count + 1;
  json_object_set_new (incident->document, "events", json_integer ((json_int_t) number));
  incident_document_add (store->project, incident->document, "repeated", spec->summary,
                         spec->evidence);
  return incident_store_write (store, incident->id, incident->document, error)
         && (!is_audited (number)
             || write_audit (store->project, "incident repeat", "note", incident,
                             json_pack ("{s:o, s:I}", "summary",
                                        text_json (store->project, spec->summary), "events",
                                        (json_int_t) number),
                             error));
}

static json_t *
new_document (const Project *project, const char *id, const IncidentSpec *spec, const char *subject)
{
  g_autofree char *now = clock_format_iso (clock_now ());
  json_t *document = json_pack (
      "{s:i, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:i, s:[]}", "version", 1, "id", id, "state",
      "open", "project", text_json (project, project->name), "environment",
      project->environment->name, "kind", incident_kind_name (spec->kind), "subject",
      text_json (project, subject), "summary", text_json (project, spec->summary), "opened", now,
      "events", 1, "timeline");
  g_assert (document != NULL);
  incident_document_add (project, document, "opened", spec->summary, spec->evidence);
  return document;
}

/* The index first: from then on it counts as open, whatever becomes of us. */
static bool
add_new (IncidentStore *store, const IncidentSpec *spec, const char *subject, char **ret_id,
         GError **error)
{
  g_autofree char *id = incident_store_new_id (store);
  g_autoptr (json_t) document = new_document (store->project, id, spec, subject);
  json_t *entry = json_object ();
  static const char *const keys[] = { "id", "environment", "kind", "subject", "summary", "opened" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    json_object_set (entry, keys[i], json_object_get (document, keys[i]));
  json_array_append_new (json_object_get (store->index, "open"), entry);
  json_object_set_new (store->index, "last", json_string (id));
  if (!incident_store_write_index (store, error)
      || !incident_store_write (store, id, document, error))
    return false;
  g_autoptr (Incident) incident = incident_store_read (store, id);
  if (incident == NULL
      || !write_audit (
          store->project, "incident open", "note", incident,
          json_pack ("{s:o, s:O*}", "summary", text_json (store->project, spec->summary),
                     "evidence",
                     json_object_get (json_array_get (json_object_get (document, "timeline"), 0),
                                      "evidence")),
          error))
    return false;
  *ret_id = g_steal_pointer (&id);
  return true;
}

/* What an incident that is shared by many is told of one of them. */
static json_t *
evidence_with_subject (const Project *project, const IncidentSpec *spec)
{
  json_t *evidence = spec->evidence != NULL ? json_deep_copy (spec->evidence) : json_object ();
  json_object_set_new (evidence, "subject", text_json (project, spec->subject));
  return evidence;
}

static bool
open_locked (IncidentStore *store, const IncidentSpec *given, char **ret_id, bool *ret_is_new,
             GError **error)
{
  const char *kind = incident_kind_name (given->kind);
  g_autofree char *subject = incident_line (store->project, given->subject);
  g_autoptr (json_t) evidence = NULL;
  IncidentSpec spec = *given;
  guint count;
  g_autoptr (Incident) incident = find_open (store, kind, subject, &count);
  if (incident == NULL && count >= OPEN_MAX)
    {
      evidence = evidence_with_subject (store->project, given);
      spec.evidence = evidence;
      g_free (subject);
      subject = g_strdup (SUBJECT_OTHERS);
      incident = find_open (store, kind, subject, &count);
    }
  *ret_is_new = incident == NULL;
  if (incident == NULL)
    return add_new (store, &spec, subject, ret_id, error);
  *ret_id = g_strdup (incident->id);
  return add_repeat (store, incident, &spec, error);
}

bool
incident_open (const Project *project, const IncidentSpec *spec, char **ret_id, bool *ret_is_new,
               GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  g_autofree char *id = NULL;
  bool is_new;
  if (!incident_store_open (project, &store, error)
      || !open_locked (&store, spec, &id, &is_new, error))
    return prefix_error (error, "opening an incident (%s of “%s”)", incident_kind_name (spec->kind),
                         spec->subject);
  if (ret_id != NULL)
    *ret_id = g_steal_pointer (&id);
  if (ret_is_new != NULL)
    *ret_is_new = is_new;
  return true;
}

/* --- look ------------------------------------------------------------------------------------ */

static void
read_all (const IncidentStore *store, bool with_closed, GPtrArray *incidents)
{
  if (store->index == NULL)
    return;
  g_autoptr (GPtrArray) ids = incident_store_ids (store);
  for (guint i = 0; i < ids->len; i++)
    {
      g_autoptr (Incident) incident = incident_store_read (store, ids->pdata[i]);
      if (incident != NULL && (with_closed || incident->is_open))
        g_ptr_array_add (incidents, g_steal_pointer (&incident));
    }
}

bool
incident_list (const Project *project, bool with_closed, GPtrArray **ret_incidents, GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  if (!incident_store_look (project, &store, error))
    return prefix_error (error, "reading the incidents");
  *ret_incidents = g_ptr_array_new_with_free_func ((GDestroyNotify) incident_free);
  read_all (&store, with_closed, *ret_incidents);
  return true;
}

static bool
refuse_unknown (const char *id, GError **error)
{
  return keel_error (error, KEEL_ERROR_USAGE, "See “pgkeel incident list --all”.",
                     "there is no incident “%s”", id);
}

static Incident *
read_known (const IncidentStore *store, const char *id, GError **error)
{
  Incident *incident
      = store->index != NULL && incident_id_is_valid (id) ? incident_store_read (store, id) : NULL;
  if (incident == NULL)
    refuse_unknown (id, error);
  return incident;
}

bool
incident_read (const Project *project, const char *id, Incident **ret_incident, GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  if (!incident_store_look (project, &store, error))
    return prefix_error (error, "reading the incidents");
  Incident *incident = read_known (&store, id, error);
  if (incident == NULL)
    return false;
  *ret_incident = incident;
  return true;
}

/* --- change ---------------------------------------------------------------------------------- */

bool
incident_note (const Project *project, const char *id, const char *event, const char *summary,
               const json_t *evidence, GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  if (!incident_store_open (project, &store, error))
    return prefix_error (error, "adding to the incident %s", id);
  g_autoptr (Incident) incident = read_known (&store, id, error);
  if (incident == NULL)
    return false;
  if (incident->document == NULL)
    return keel_error (error, KEEL_ERROR_CORRUPT, "Close it; what is left of it is kept.",
                       "the incident %s cannot be added to: %s", id, incident->problem);
  incident_document_add (project, incident->document, event, summary, evidence);
  return incident_store_write (&store, id, incident->document, error)
         || prefix_error (error, "adding to the incident %s", id);
}

/* What stands for an incident whose file is gone or damaged: what the index knows. The damaged one is kept. */
static json_t *
replacement (const IncidentStore *store, const Incident *incident)
{
  g_autofree char *path = incident_path (store->project, incident->id);
  g_autofree char *kept = g_strconcat (path, ".damaged", NULL);
  bool is_kept = rename (path, kept) == 0;
  json_t *document = json_pack (
      "{s:i, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s*, s:I, s:[]}", "version", 1, "id", incident->id,
      "state", "open", "project", text_json (store->project, store->project->name), "environment",
      store->project->environment->name, "kind",
      incident->kind != NULL ? incident->kind : incident_kind_name (INCIDENT_MANUAL), "subject",
      incident->subject != NULL ? incident->subject : "?", "summary",
      incident->summary != NULL ? incident->summary : incident->problem, "opened", incident->opened,
      "events", (json_int_t) incident->event_count, "timeline");
  g_autofree char *summary = g_strdup_printf (
      "%s%s", incident->problem, is_kept ? "; what was left of it is kept beside it" : "");
  incident_document_add (store->project, document, "lost", summary, NULL);
  return document;
}

static bool
close_locked (IncidentStore *store, Incident *incident, const char *reason, GError **error)
{
  const Project *project = store->project;
  g_autofree char *now = clock_format_iso (clock_now ());
  if (!write_audit (project, "incident close", "intent", incident,
                    json_pack ("{s:o}", "reason", text_json (project, reason)), error))
    return false;
  if (incident->document == NULL)
    incident->document = replacement (store, incident);
  json_t *document = incident->document;
  json_object_set_new (document, "state", json_string ("closed"));
  json_object_set_new (document, "closed", json_string (now));
  json_object_set_new (document, "closed_by", who_am_i ());
  json_object_set_new (document, "reason", text_json (project, reason));
  incident_document_add (project, document, "closed", reason, NULL);
  if (!incident_store_write (store, incident->id, document, error))
    return false;
  /* Its file decides; that the index lags behind is made good by whoever writes it next. */
  incident_store_forget (store, incident->id);
  return incident_store_write_index (store, error)
         && write_audit (project, "incident close", "done", incident, json_object (), error);
}

bool
incident_close (const Project *project, const char *id, const char *reason, GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  if (!incident_store_open (project, &store, error))
    return prefix_error (error, "closing the incident %s", id);
  g_autoptr (Incident) incident = read_known (&store, id, error);
  if (incident == NULL)
    return false;
  if (!incident->is_open)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "the incident %s was closed on %s: %s", id,
                       incident->closed, incident->reason);
  if (!is_of (incident, project))
    {
      g_autofree char *hint = g_strdup_printf ("Give -e %s.", incident->environment);
      return keel_error (error, KEEL_ERROR_USAGE, hint,
                         "the incident %s is of the environment “%s”", id, incident->environment);
    }
  return close_locked (&store, incident, reason, error)
         || prefix_error (error, "closing the incident %s", id);
}

/* --- the check ------------------------------------------------------------------------------- */

static bool
is_named (const char *id)
{
  g_auto (GStrv) named = g_strsplit_set (g_getenv (INCIDENT_VARIABLE) ?: "", ", ", -1);
  return g_strv_contains ((const char *const *) named, id);
}

static bool
refuse (const GPtrArray *open, const char *action, GError **error)
{
  const Incident *first = open->pdata[0];
  g_autoptr (GString) ids = g_string_new (first->id);
  for (guint i = 1; i < open->len; i++)
    g_string_append_printf (ids, ",%s", ((const Incident *) open->pdata[i])->id);
  g_autofree char *others
      = open->len > 1 ? g_strdup_printf (", and %u more", open->len - 1) : g_strdup ("");
  g_autofree char *detail = g_strdup_printf (
      "%s%s%s%s%s", first->kind != NULL ? first->kind : "unknown",
      first->subject != NULL ? " of " : "", first->subject != NULL ? first->subject : "",
      first->summary != NULL ? ": " : "", first->summary != NULL ? first->summary : "");
  g_autofree char *hint = g_strdup_printf (
      "Look at it with “pgkeel incident show %s”; when it is understood, “pgkeel incident close %s "
      "--reason TEXT”. What cannot wait goes on with PGKEEL_INCIDENT=%s, which is logged.",
      first->id, first->id, ids->str);
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, detail, hint,
                          "refused: %s, while the incident %s is open%s%s%s", action, first->id,
                          others, first->problem != NULL ? ": " : "",
                          first->problem != NULL ? first->problem : "");
}

/* Whoever goes on is remembered: in the audit log in any case, in the incident where it can be written. */
static bool
note_proceeding (const Project *project, const GPtrArray *open, const char *action, GError **error)
{
  for (guint i = 0; i < open->len; i++)
    {
      const Incident *incident = open->pdata[i];
      if (!write_audit (project, "incident proceed", "note", incident,
                        json_pack ("{s:o}", "command", text_json (project, action)), error)
          || (incident->document != NULL
              && !incident_note (project, incident->id, "proceeded", action, NULL, error)))
        return false;
    }
  return true;
}

bool
incident_check_none (const Project *project, const char *action, GError **error)
{
  g_autoptr (GPtrArray) all = NULL;
  g_autoptr (GPtrArray) open = g_ptr_array_new ();
  g_autoptr (GError) problem = NULL;
  bool all_named = true;
  if (!incident_list (project, false, &all, &problem))
    return keel_error_full (
        error, KEEL_ERROR_REFUSED, NULL, problem->message,
        "Make .pgkeel/incidents readable for whoever runs this; only its owner and "
        "root should be able to write it.",
        "refused: %s, since it cannot be told whether an incident is open", action);
  for (guint i = 0; i < all->len; i++)
    if (is_of (all->pdata[i], project))
      {
        g_ptr_array_add (open, all->pdata[i]);
        all_named = all_named && is_named (((Incident *) all->pdata[i])->id);
      }
  if (open->len == 0)
    return true;
  return all_named ? note_proceeding (project, open, action, error) : refuse (open, action, error);
}
