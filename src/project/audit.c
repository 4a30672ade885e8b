#include "project/audit.h"
#include "base/act_as.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "project/audit_line.h"
#include "project/secrets.h"
#include "project/who.h"

#include <string.h>

/* By this process; more than one is not told from one. */
static int entries_written;

/* How the log ends, and so what the next line has to say. */
typedef struct
{
  uint64_t seq;    /* of the last entry */
  char *hash;      /* of its line */
  char *previous;  /* what it says of the line before */
  char *torn_hash; /* of a piece of a line after it; NULL when there is none */
  bool is_whole;   /* the file ends with a newline, or is empty */
} Tail;

static void
tail_clear (Tail *tail)
{
  g_free (tail->hash);
  g_free (tail->previous);
  g_free (tail->torn_hash);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tail, tail_clear)

static void
tail_add (Tail *tail, const AuditLine *line)
{
  g_autoptr (json_t) object = audit_line_parse (line);
  tail->is_whole = line->is_whole;
  if (object == NULL)
    {
      g_free (tail->torn_hash);
      tail->torn_hash = g_strdup (line->hash);
      return;
    }
  tail->seq = (uint64_t) json_integer_value (json_object_get (object, "seq"));
  g_free (tail->previous);
  tail->previous = g_strdup (json_string_value (json_object_get (object, "previous")));
  g_free (tail->hash);
  tail->hash = g_strdup (line->hash);
  g_clear_pointer (&tail->torn_hash, g_free);
}

static bool
tail_read (const Project *project, Tail *ret_tail, GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_FILE);
  g_autoptr (AuditReader) reader = NULL;
  g_auto (Tail) tail = { .is_whole = true };
  if (!audit_reader_open (path, &reader, error))
    return false;
  if (reader != NULL && !audit_reader_skip_to_tail (reader, error))
    return false;
  bool has_line = reader != NULL;
  while (has_line)
    {
      AuditLine line;
      if (!audit_reader_next (reader, &line, &has_line, error))
        return false;
      if (has_line)
        tail_add (&tail, &line);
    }
  *ret_tail = tail;
  tail = (Tail){ 0 };
  return true;
}

/* After a crash between writing a line and remembering it, the head is one behind, or not there yet:
 * it is brought up before anything is built on it. Any other difference is left as it is: the new line
 * then follows the head, not the changed log, and the break shows for ever. A head that is gone leaves
 * only the log to follow; *RET_IS_LOST says so, and the new line will. */
static bool
settle_head (const Project *project, const Tail *tail, AuditHead *head, bool *ret_is_lost,
             GError **error)
{
  const char *remembered = head->is_known ? head->hash : audit_hash_none ();
  bool is_behind = tail->hash != NULL && tail->seq == head->count + 1
                   && strcmp (tail->previous, remembered) == 0;
  *ret_is_lost = !head->is_known && !is_behind && tail->hash != NULL;
  if (head->is_known && !is_behind)
    return true;
  audit_head_clear (head);
  head->count = tail->seq;
  head->hash = g_strdup (tail->hash != NULL ? tail->hash : audit_hash_none ());
  return !is_behind || audit_head_write (project, head, error);
}

/* The line without its newline; caller frees. */
static char *
compose (const Project *project, const char *action, const char *phase, const json_t *details,
         const AuditHead *head, bool is_head_lost, const char *torn_hash)
{
  g_autofree char *time = clock_format_iso (clock_now ());
  g_autoptr (json_t) who = who_am_i ();
  g_autoptr (json_t) line
      = json_pack ("{s:s, s:I}", "time", time, "seq", (json_int_t) (head->count + 1));
  g_autoptr (json_t) what = json_pack ("{s:s, s:s, s:s}", "environment", project->environment->name,
                                       "action", action, "phase", phase);
  g_assert (line != NULL && what != NULL);
  (void) json_object_update (line, who);
  (void) json_object_update (line, what);
  g_autoptr (json_t) safe = details != NULL ? json_deep_copy (details) : json_object ();
  secrets_hide_json (project, safe);
  (void) json_object_update_missing (line, safe);
  json_object_del (line, "torn");
  json_object_del (line, "head_lost");
  if (torn_hash != NULL)
    json_object_set_new (line, "torn", json_string (torn_hash));
  if (is_head_lost)
    json_object_set_new (line, "head_lost", json_true ());
  json_object_set_new (line, "previous", json_string (head->hash));
  return json_dumps (line, JSON_COMPACT);
}

static bool
append (const Project *project, const char *line, bool begins_new_line, GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_FILE);
  g_autofree char *text = g_strconcat (begins_new_line ? "\n" : "", line, "\n", NULL);
  return fs_append (path, text, strlen (text), 0600, error);
}

static bool
write_locked (const Project *project, const char *action, const char *phase, const json_t *details,
              GError **error)
{
  g_auto (AuditHead) head = { 0 };
  g_auto (Tail) tail = { 0 };
  bool is_head_lost;
  if (!audit_head_read (project, &head, error) || !tail_read (project, &tail, error)
      || !settle_head (project, &tail, &head, &is_head_lost, error))
    return false;
  g_autofree char *line
      = compose (project, action, phase, details, &head, is_head_lost, tail.torn_hash);
  if (strlen (line) >= AUDIT_LINE_MAX_BYTES)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "an audit entry of “%s” is too long",
                       action);
  if (!append (project, line, !tail.is_whole, error))
    return false;
  g_auto (AuditHead) next = { true, head.count + 1, audit_hash_of (line, strlen (line)) };
  return audit_head_write (project, &next, error);
}

bool
audit_write (const Project *project, const char *action, const char *phase, const json_t *details,
             GError **error)
{
  g_autofree char *folder = g_build_filename (project->folder, PROJECT_STATE_FOLDER, NULL);
  g_auto (ActAs) act = act_as_owner_of (folder);
  g_auto (Fd) lock = -1;
  if (audit_lock (project, &lock, error) && write_locked (project, action, phase, details, error))
    {
      g_atomic_int_set (&entries_written, 1);
      return true;
    }
  return prefix_error (error, "writing the audit log");
}

bool
audit_was_written (void)
{
  return g_atomic_int_get (&entries_written) > 0;
}

static bool
is_wanted (const json_t *entry, const AuditFilter *filter)
{
  int64_t time = 0;
  const char *text = json_string_value (json_object_get (entry, "time"));
  const char *action = json_string_value (json_object_get (entry, "action"));
  if (filter->since > 0 && (text == NULL || !clock_parse_iso (text, &time) || time < filter->since))
    return false;
  if (filter->action == NULL)
    return true;
  size_t length = strlen (filter->action);
  return action != NULL && strncmp (action, filter->action, length) == 0
         && (action[length] == '\0' || action[length] == ' ');
}

bool
audit_read (const Project *project, const AuditFilter *filter, GPtrArray **ret_entries,
            GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_FILE);
  g_autoptr (AuditReader) reader = NULL;
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) json_decref);
  if (!audit_reader_open (path, &reader, error))
    return false;
  bool has_line = reader != NULL;
  while (has_line)
    {
      AuditLine line;
      if (!audit_reader_next (reader, &line, &has_line, error))
        return false;
      g_autoptr (json_t) entry = has_line ? audit_line_parse (&line) : NULL;
      if (entry == NULL || !is_wanted (entry, filter))
        continue;
      g_ptr_array_add (entries, g_steal_pointer (&entry));
      if (filter->limit > 0 && entries->len > filter->limit)
        g_ptr_array_remove_index (entries, 0);
    }
  *ret_entries = g_steal_pointer (&entries);
  return true;
}
