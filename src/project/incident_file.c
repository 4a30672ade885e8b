#include "project/incident_file.h"

#include "base/clock.h"
#include "base/text.h"
#include "project/audit.h"
#include "project/secrets.h"
#include "project/who.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_FILE "index.json"
#define LOCK_FILE ".lock"
#define FILE_MAX_BYTES (16 * 1024 * 1024)
#define EVIDENCE_MAX_BYTES 8192
#define SUMMARY_MAX_CHARACTERS 1000
#define LOCK_WAIT_US (60 * G_USEC_PER_SEC)
#define LOCK_POLL_US (5 * 1000)
#define ID_MAX_LENGTH 20

void
incident_store_clear (IncidentStore *store)
{
  fd_clear (&store->lock);
  act_as_clear (&store->act);
  g_clear_pointer (&store->index, json_decref);
  g_clear_pointer (&store->folder, g_free);
}

/* --- names ----------------------------------------------------------------------------------- */

bool
incident_id_is_valid (const char *id)
{
  static const char form[] = "dddd-dd-dd-d";
  size_t i;
  for (i = 0; form[i] != '\0'; i++)
    if (form[i] == 'd' ? !g_ascii_isdigit (id[i]) : id[i] != '-')
      return false;
  while (g_ascii_isdigit (id[i]))
    i++;
  return id[i] == '\0' && i <= ID_MAX_LENGTH;
}

/* By day, then by number; dates of one form compare as text. */
static int
compare_ids (const void *a, const void *b)
{
  const char *left = *(char *const *) a, *right = *(char *const *) b;
  int order = strncmp (left, right, strlen ("2026-11-21"));
  if (order != 0)
    return order;
  long long difference
      = atoll (left + strlen ("2026-11-21-")) - atoll (right + strlen ("2026-11-21-"));
  return difference < 0 ? -1 : difference > 0;
}

static char *
path_of (const IncidentStore *store, const char *id)
{
  g_autofree char *name = g_strconcat (id, ".json", NULL);
  return g_build_filename (store->folder, name, NULL);
}

/* The IDs that have a file, in no order. */
static GPtrArray *
list_files (const char *folder_path)
{
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) folder = g_dir_open (folder_path, 0, NULL);
  const char *name;
  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *id = g_strdup (name);
      if (!g_str_has_suffix (id, ".json"))
        continue;
      id[strlen (id) - strlen (".json")] = '\0';
      if (incident_id_is_valid (id))
        g_ptr_array_add (ids, g_steal_pointer (&id));
    }
  return ids;
}

static json_t *
open_of (const json_t *index)
{
  return json_object_get (index, "open");
}

GPtrArray *
incident_store_ids (const IncidentStore *store)
{
  GPtrArray *ids = list_files (store->folder);
  size_t i;
  json_t *entry;
  json_array_foreach (open_of (store->index), i, entry)
    {
      const char *id = json_string_value (json_object_get (entry, "id"));
      if (!g_ptr_array_find_with_equal_func (ids, id, g_str_equal, NULL))
        g_ptr_array_add (ids, g_strdup (id));
    }
  g_ptr_array_sort (ids, compare_ids);
  return ids;
}

char *
incident_store_new_id (const IncidentStore *store)
{
  g_autoptr (GPtrArray) ids = incident_store_ids (store);
  g_autofree char *now = clock_format_iso (clock_now ());
  g_autofree char *day = g_strndup (now, strlen ("2026-11-21-"));
  const char *last = json_string_value (json_object_get (store->index, "last"));
  long long number = 0;
  day[strlen (day) - 1] = '-';
  if (last != NULL)
    g_ptr_array_add (ids, g_strdup (last));
  for (guint i = 0; i < ids->len; i++)
    if (g_str_has_prefix (ids->pdata[i], day))
      number = MAX (number, atoll ((const char *) ids->pdata[i] + strlen (day)));
  return g_strdup_printf ("%s%lld", day, number + 1);
}

/* --- one file -------------------------------------------------------------------------------- */

void
incident_free (Incident *incident)
{
  if (incident == NULL)
    return;
  g_free (incident->id);
  g_free (incident->environment);
  g_free (incident->kind);
  g_free (incident->subject);
  g_free (incident->summary);
  g_free (incident->opened);
  g_free (incident->closed);
  g_free (incident->reason);
  g_free (incident->problem);
  json_decref (incident->document);
  g_free (incident);
}

static const char *
text_of (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

static bool
document_is_sound (const json_t *document, const char *id)
{
  const char *state = text_of (document, "state");
  return g_strcmp0 (text_of (document, "id"), id) == 0
         && (g_strcmp0 (state, "open") == 0 || g_strcmp0 (state, "closed") == 0)
         && text_of (document, "environment") != NULL && text_of (document, "kind") != NULL
         && text_of (document, "subject") != NULL && text_of (document, "summary") != NULL
         && json_is_array (json_object_get (document, "timeline"));
}

static void
fill (Incident *incident, const json_t *object)
{
  incident->environment = g_strdup (text_of (object, "environment"));
  incident->kind = g_strdup (text_of (object, "kind"));
  incident->subject = g_strdup (text_of (object, "subject"));
  incident->summary = g_strdup (text_of (object, "summary"));
  incident->opened = g_strdup (text_of (object, "opened"));
  incident->closed = g_strdup (text_of (object, "closed"));
  incident->reason = g_strdup (text_of (object, "reason"));
  incident->event_count = (uint64_t) json_integer_value (json_object_get (object, "events"));
}

Incident *
incident_store_read (const IncidentStore *store, const char *id)
{
  g_autofree char *path = path_of (store, id);
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  g_autoptr (Incident) incident = g_new0 (Incident, 1);
  json_t *entry = incident_store_entry (store, id);
  bool is_read = fs_read_text (path, FILE_MAX_BYTES, &text, NULL, &problem);
  if (!is_read && keel_error_is (problem, KEEL_ERROR_MISSING) && entry == NULL)
    return NULL;
  incident->id = g_strdup (id);
  incident->document = is_read ? json_loads (text, JSON_REJECT_DUPLICATES, NULL) : NULL;
  if (incident->document != NULL && document_is_sound (incident->document, id))
    {
      fill (incident, incident->document);
      incident->is_open = strcmp (text_of (incident->document, "state"), "open") == 0;
      return g_steal_pointer (&incident);
    }
  /* Nobody knows what it says: it is open. */
  g_clear_pointer (&incident->document, json_decref);
  fill (incident, entry);
  incident->is_open = true;
  incident->problem = is_read ? g_strdup ("its file is damaged")
                      : keel_error_is (problem, KEEL_ERROR_MISSING) ? g_strdup ("its file is gone")
                                                                    : g_strdup (problem->message);
  return g_steal_pointer (&incident);
}

bool
incident_store_write (IncidentStore *store, const char *id, const json_t *document, GError **error)
{
  g_autofree char *path = path_of (store, id);
  g_autofree char *text = json_dumps (document, JSON_INDENT (2));
  g_autofree char *file = g_strconcat (text, "\n", NULL);
  return fs_write_durable (path, file, strlen (file), 0600, error);
}

/* Evidence is for people: what is too long for them is cut. */
static json_t *
bounded_evidence (const Project *project, const json_t *evidence)
{
  g_autoptr (json_t) safe = json_deep_copy (evidence);
  secrets_hide_json (project, safe);
  g_autofree char *text = json_dumps (safe, JSON_COMPACT);
  size_t length = text != NULL ? strlen (text) : 0;
  if (text != NULL && length <= EVIDENCE_MAX_BYTES)
    return g_steal_pointer (&safe);
  g_autofree char *start = g_strndup (text != NULL ? text : "", EVIDENCE_MAX_BYTES / 2);
  g_autofree char *valid = g_utf8_make_valid (start, -1);
  return json_pack ("{s:I, s:s}", "cut_bytes", (json_int_t) length, "begins", valid);
}

char *
incident_line (const Project *project, const char *text)
{
  g_autofree char *valid = secrets_hide (project, text);
  char *line = g_utf8_strlen (valid, -1) > SUMMARY_MAX_CHARACTERS
                   ? g_utf8_substring (valid, 0, SUMMARY_MAX_CHARACTERS)
                   : g_strdup (valid);
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char) *c < ' ' || *c == 0x7f)
      *c = ' ';
  return line;
}

/* Of the events called EVENT the one that stands in the middle goes when there are too many. */
static void
make_room (json_t *document, json_t *timeline, const char *event)
{
  size_t count = 0, i, middle = 0;
  json_t *entry;
  json_array_foreach (timeline, i, entry)
    {
      if (g_strcmp0 (text_of (entry, "event"), event) != 0)
        continue;
      if (count++ == INCIDENT_EVENTS_KEPT)
        middle = i;
    }
  if (count < 2 * (size_t) INCIDENT_EVENTS_KEPT)
    return;
  json_array_remove (timeline, middle);
  json_t *omitted = json_object_get (document, "omitted");
  if (omitted == NULL)
    {
      omitted = json_object ();
      json_object_set_new (document, "omitted", omitted);
    }
  json_int_t so_far = json_integer_value (json_object_get (omitted, event));
  json_object_set_new (omitted, event, json_integer (so_far + 1));
}

void
incident_document_add (const Project *project, json_t *document, const char *event,
                       const char *summary, const json_t *evidence)
{
  json_t *timeline = json_object_get (document, "timeline");
  g_autofree char *time = clock_format_iso (clock_now ());
  g_autofree char *line = incident_line (project, summary);
  make_room (document, timeline, event);
  json_t *entry = json_pack ("{s:s, s:s, s:s, s:o}", "time", time, "event", event, "summary", line,
                             "who", who_am_i ());
  if (evidence != NULL)
    json_object_set_new (entry, "evidence", bounded_evidence (project, evidence));
  json_array_append_new (timeline, entry);
}

/* --- the index ------------------------------------------------------------------------------- */

json_t *
incident_store_entry (const IncidentStore *store, const char *id)
{
  size_t i;
  json_t *entry;
  json_array_foreach (open_of (store->index), i, entry)
    if (g_strcmp0 (text_of (entry, "id"), id) == 0)
      return entry;
  return NULL;
}

void
incident_store_forget (IncidentStore *store, const char *id)
{
  size_t i;
  json_t *entry;
  json_array_foreach (open_of (store->index), i, entry)
    if (g_strcmp0 (text_of (entry, "id"), id) == 0)
      {
        json_array_remove (open_of (store->index), i);
        return;
      }
}

static char *
index_path (const IncidentStore *store)
{
  return g_build_filename (store->folder, INDEX_FILE, NULL);
}

bool
incident_store_write_index (IncidentStore *store, GError **error)
{
  g_autofree char *path = index_path (store);
  g_autofree char *text = json_dumps (store->index, JSON_INDENT (2));
  g_autofree char *file = g_strconcat (text, "\n", NULL);
  return fs_write_durable (path, file, strlen (file), 0600, error);
}

static bool
index_is_sound (const json_t *index)
{
  size_t i;
  json_t *entry;
  if (!json_is_array (open_of (index)))
    return false;
  json_array_foreach (open_of (index), i, entry)
    {
      const char *id = text_of (entry, "id");
      if (id == NULL || !incident_id_is_valid (id))
        return false;
    }
  return true;
}

/* What the audit log says was opened and not closed; opened ones that have a file do not need it. */
static bool
add_from_audit (IncidentStore *store, GError **error)
{
  const AuditFilter filter = { .action = "incident" };
  g_autoptr (GPtrArray) entries = NULL;
  if (!audit_read (store->project, &filter, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const json_t *entry = entries->pdata[i];
      const char *id = text_of (entry, "incident"), *action = text_of (entry, "action");
      if (id == NULL || !incident_id_is_valid (id))
        continue;
      bool is_known = incident_store_entry (store, id) != NULL;
      if (strcmp (action, "incident open") == 0 && !is_known)
        json_array_append_new (
            open_of (store->index),
            json_pack ("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "id", id, "environment",
                       text_of (entry, "environment"), "kind", text_of (entry, "kind"), "subject",
                       text_of (entry, "subject"), "summary", text_of (entry, "summary"), "opened",
                       text_of (entry, "time")));
      else if (strcmp (action, "incident close") == 0
               && g_strcmp0 (text_of (entry, "phase"), "done") == 0)
        incident_store_forget (store, id);
    }
  return true;
}

/* Without an index: what the audit log has, and what the files say. */
static bool
rebuild (IncidentStore *store, GError **error)
{
  g_clear_pointer (&store->index, json_decref);
  store->index = json_pack ("{s:i, s:[]}", "version", 1, "open");
  if (!add_from_audit (store, error))
    return prefix_error (error, "finding out which incidents are open");
  g_autoptr (GPtrArray) ids = list_files (store->folder);
  for (guint i = 0; i < ids->len; i++)
    {
      g_autoptr (Incident) incident = incident_store_read (store, ids->pdata[i]);
      bool is_open = incident == NULL || incident->is_open;
      if (!is_open)
        incident_store_forget (store, ids->pdata[i]);
      else if (incident_store_entry (store, ids->pdata[i]) == NULL)
        json_array_append_new (open_of (store->index),
                               json_pack ("{s:s, s:s*}", "id", (const char *) ids->pdata[i],
                                          "environment",
                                          incident != NULL ? incident->environment : NULL));
    }
  return true;
}

/* *RET_IS_THERE: there is a sound one. */
static bool
read_index (IncidentStore *store, bool *ret_is_there, GError **error)
{
  g_autofree char *path = index_path (store);
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  *ret_is_there = false;
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, NULL, &problem))
    {
      if (keel_error_is (problem, KEEL_ERROR_MISSING))
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_clear_pointer (&store->index, json_decref);
  store->index = json_loads (text, JSON_REJECT_DUPLICATES, NULL);
  *ret_is_there = index_is_sound (store->index);
  return true;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool
take_lock (IncidentStore *store, GError **error)
{
  g_autofree char *path = g_build_filename (store->folder, LOCK_FILE, NULL);
  int64_t deadline = clock_monotonic_us () + LOCK_WAIT_US;
  for (;;)
    {
      g_autoptr (GError) problem = NULL;
      if (fs_lock (path, &store->lock, &problem))
        return true;
      if (!keel_error_is (problem, KEEL_ERROR_LOCKED) || clock_monotonic_us () > deadline)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      g_usleep (LOCK_POLL_US);
    }
}

static void
begin (const Project *project, IncidentStore *store)
{
  g_autofree char *state = g_build_filename (project->folder, PROJECT_STATE_FOLDER, NULL);
  *store = (IncidentStore){ .project = project,
                            .folder = g_build_filename (state, INCIDENT_FOLDER, NULL),
                            .act = act_as_owner_of (state),
                            .lock = -1 };
}

static void
hand_over (IncidentStore *store, IncidentStore *ret_store)
{
  *ret_store = *store;
  *store = (IncidentStore){ .lock = -1 };
}

bool
incident_store_open (const Project *project, IncidentStore *ret_store, GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  g_autofree char *state = g_build_filename (project->folder, PROJECT_STATE_FOLDER, NULL);
  bool is_there;
  begin (project, &store);
  if (!fs_make_folder (state, 0755, error) || !fs_make_folder (store.folder, 0700, error)
      || !take_lock (&store, error) || !read_index (&store, &is_there, error)
      || (!is_there && !rebuild (&store, error)))
    return false;
  fs_remove_partial (store.folder);
  hand_over (&store, ret_store);
  return true;
}

/* What was found out is kept, where that is possible, so that the audit log is not read each time. */
static void
keep_index (IncidentStore *store)
{
  g_autofree char *path = g_build_filename (store->folder, LOCK_FILE, NULL);
  g_auto (IncidentStore) again = { .lock = -1 };
  bool is_there;
  if (!fs_make_folder (store->folder, 0700, NULL) || !fs_lock (path, &store->lock, NULL))
    return;
  again.folder = g_strdup (store->folder);
  if (read_index (&again, &is_there, NULL) && !is_there
      && !incident_store_write_index (store, NULL))
    g_debug ("the index of the incidents could not be kept");
  fd_clear (&store->lock);
}

bool
incident_store_look (const Project *project, IncidentStore *ret_store, GError **error)
{
  g_auto (IncidentStore) store = { .lock = -1 };
  g_autofree char *state = g_build_filename (project->folder, PROJECT_STATE_FOLDER, NULL);
  bool is_there = false;
  begin (project, &store);
  if (g_file_test (state, G_FILE_TEST_EXISTS))
    {
      if (!read_index (&store, &is_there, error) || (!is_there && !rebuild (&store, error)))
        return false;
      if (!is_there)
        keep_index (&store);
    }
  hand_over (&store, ret_store);
  return true;
}
