/*
 * Rehearsals that were kept: writing one, and finding that of exactly these files.
 */
#include "backup/catalogue.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/size.h"
#include "deploy/rehearsal.h"

#include <string.h>

#define FILE_MAX_BYTES ((size_t) 256 * 1024 * 1024)

void
rehearsal_match_clear (RehearsalMatch *match)
{
  g_free (match->reason);
  g_free (match->backup);
  *match = (RehearsalMatch){ 0 };
}

/* Where rehearsals are kept that have no backup of this environment to stand beside. */
static char *
state_path (const Project *project)
{
  g_autofree char *name
      = g_strconcat (project->environment->name, CATALOGUE_REHEARSAL_ENDING, NULL);
  return project_state_path (project, name);
}

static bool
save_in_state (const Project *project, const char *text, char **ret_path, GError **error)
{
  g_autofree char *path = state_path (project);
  g_autofree char *folder = g_path_get_dirname (path);
  if (!fs_make_folder (folder, 0700, error)
      || !fs_write_durable (path, text, strlen (text), 0600, error))
    return false;
  *ret_path = g_steal_pointer (&path);
  return true;
}

static bool
is_same_folder (const char *a, const char *b)
{
  g_autofree char *first = g_canonicalize_filename (a, NULL);
  g_autofree char *second = g_canonicalize_filename (b, NULL);
  return strcmp (first, second) == 0;
}

bool
rehearsal_save (const Rehearsal *rehearsal, const Project *project, Store *store, char **ret_path,
                GError **error)
{
  g_autoptr (json_t) object = rehearsal_json (rehearsal);
  g_autofree char *text = object != NULL ? json_dumps (object, JSON_INDENT (2)) : NULL;
  g_autofree char *folder = project_backup_folder (project);
  g_assert (text != NULL);
  if (store == NULL || rehearsal->is_fresh || !is_same_folder (store_location (store), folder))
    return save_in_state (project, text, ret_path, error);
  g_autofree char *name = catalogue_rehearsal_name (rehearsal->backup);
  if (!store_write_small (store, name, text, error))
    return false;
  *ret_path = g_build_filename (store_location (store), name, NULL);
  return true;
}

/* --- finding --------------------------------------------------------------------------------- */

static const char *
text_of (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text != NULL ? text : "";
}

static bool
is_of_item (const json_t *rehearsed, const PlanItem *item)
{
  const Migration *migration = item->migration;
  g_autofree char *down = rehearsal_down_checksum (migration);
  return strcmp (text_of (rehearsed, "version"), migration->version) == 0
         && strcmp (text_of (rehearsed, "checksum"), migration->checksum) == 0
         && strcmp (text_of (rehearsed, "down_checksum"), down != NULL ? down : "") == 0;
}

/* Whether ITEMS stand in REHEARSED one after the other. A backup that is older than the last run has
 * more before them; a run up to a version leaves some after them. */
static bool
covers (const json_t *rehearsed, const GPtrArray *items)
{
  size_t count = json_array_size (rehearsed);
  for (size_t start = 0; start + items->len <= count; start++)
    {
      guint i = 0;
      while (i < items->len && is_of_item (json_array_get (rehearsed, start + i), items->pdata[i]))
        i++;
      if (i == items->len)
        return true;
    }
  return false;
}

/* The first of ITEMS that was not rehearsed with these bytes, and how it stands. NULL: all were. */
static char *
find_gap (const json_t *rehearsal, const void *wanted, const char *when)
{
  const GPtrArray *items = wanted;
  const json_t *rehearsed = json_object_get (rehearsal, "migrations");
  if (covers (rehearsed, items))
    return NULL;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      bool is_known = false, is_equal = false;
      size_t number;
      json_t *one;
      json_array_foreach (rehearsed, number, one)
        {
          is_known |= strcmp (text_of (one, "version"), item->migration->version) == 0;
          is_equal |= is_of_item (one, item);
        }
      if (!is_equal)
        return g_strdup_printf (is_known ? "%s has changed since the rehearsal of %s"
                                         : "%s was not in the rehearsal of %s",
                                item->migration->up.path, when);
    }
  return g_strdup_printf ("the rehearsal of %s ran them in another order", when);
}

static ExternalPending *
pending_of (const json_t *command)
{
  ExternalPending *pending = external_pending_new ();
  size_t number;
  json_t *one;
  pending->commands = g_strdup (text_of (command, "commands"));
  pending->status = g_strdup (json_string_value (json_object_get (command, "status")));
  json_array_foreach (json_object_get (command, "files"), number, one)
    external_pending_add_file (pending, text_of (one, "path"), text_of (one, "checksum"));
  json_array_foreach (json_object_get (command, "rows"), number, one)
    g_ptr_array_add (pending->rows, g_strdup (json_string_value (one)));
  return pending;
}

static char *
find_command_gap (const json_t *rehearsal, const void *wanted, const char *when)
{
  const json_t *command = json_object_get (rehearsal, "command");
  if (!json_is_object (command))
    return g_strdup_printf ("the rehearsal of %s was of files, not of migrations.command", when);
  g_autoptr (ExternalPending) pending = pending_of (command);
  if (!external_pending_is_told (pending))
    return g_strdup ("nothing tells what the command is going to do (name a "
                     "migrations.command.status, or the files' folder in migrations.dir)");
  return external_pending_difference (pending, wanted, when);
}

/* Rehearsals of another database do not count. */
static bool
is_of_environment (const json_t *rehearsal, const Project *project)
{
  return strcmp (text_of (rehearsal, "project"), project->name) == 0
         && strcmp (text_of (rehearsal, "environment"), project->environment->name) == 0;
}

typedef struct
{
  const Project *project;
  const void *wanted;
  /* Why REHEARSAL, held at WHEN, is not of what is WANTED; NULL: it is. */
  char *(*gap) (const json_t *rehearsal, const void *wanted, const char *when);
  int64_t covering_time, any_time; /* of the last one that covers them, and of the last one */
  RehearsalMatch match;
} Search;

/* Why a rehearsal of what is wanted does not let it through; NULL: it does. */
static char *
find_fault (const Project *project, const json_t *rehearsal, int64_t time, const char *when)
{
  int64_t max_age_s = project->migrations.rehearsal_max_age_s;
  int64_t age_s = clock_now () - time;
  if (!json_is_true (json_object_get (rehearsal, "passed")))
    return g_strdup_printf (
        "the rehearsal of %s failed: %s", when,
        json_string_value (json_array_get (json_object_get (rehearsal, "problems"), 0)));
  if (max_age_s == 0 || age_s <= max_age_s)
    return NULL;
  g_autofree char *age = duration_format (age_s);
  g_autofree char *most = duration_format (max_age_s);
  return g_strdup_printf (
      "the rehearsal of %s is %s old, more than %s (migrations.rehearsal_max_age)", when, age,
      most);
}

static void
weigh (Search *search, const char *text)
{
  g_autoptr (json_t) rehearsal = json_loads (text, JSON_REJECT_DUPLICATES, NULL);
  const char *when = text_of (rehearsal, "rehearsed");
  int64_t time;
  if (!is_of_environment (rehearsal, search->project) || !clock_parse_iso (when, &time))
    return;
  g_autofree char *gap = search->gap (rehearsal, search->wanted, when);
  bool is_covering = gap == NULL;
  if (is_covering ? time < search->covering_time
                  : search->covering_time > 0 || time < search->any_time)
    return;
  *(is_covering ? &search->covering_time : &search->any_time) = time;
  RehearsalMatch *match = &search->match;
  rehearsal_match_clear (match);
  match->rehearsed = time;
  match->backup = g_strdup (text_of (json_object_get (rehearsal, "backup"), "name"));
  match->reason
      = is_covering ? find_fault (search->project, rehearsal, time, when) : g_steal_pointer (&gap);
  match->found = match->reason == NULL;
}

static bool
weigh_store (Search *search, GError **error)
{
  g_autofree char *folder = project_backup_folder (search->project);
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  if (!store_list (store, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const StoreEntry *entry = entries->pdata[i];
      g_autofree char *text = NULL;
      if (!g_str_has_suffix (entry->name, CATALOGUE_REHEARSAL_ENDING))
        continue;
      if (!store_read_small (store, entry->name, FILE_MAX_BYTES, &text, error))
        return false;
      weigh (search, text);
    }
  return true;
}

static bool
weigh_state (Search *search, GError **error)
{
  g_autofree char *path = state_path (search->project);
  g_autofree char *text = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, NULL, error))
    return false;
  weigh (search, text);
  return true;
}

static bool
find (Search *search, RehearsalMatch *ret_match, GError **error)
{
  if (!weigh_store (search, error) || !weigh_state (search, error))
    {
      rehearsal_match_clear (&search->match);
      return false;
    }
  if (!search->match.found && search->match.reason == NULL)
    search->match.reason = g_strdup ("nothing was rehearsed yet for this environment");
  *ret_match = search->match;
  return true;
}

bool
rehearsal_find (const Project *project, const GPtrArray *items, RehearsalMatch *ret_match,
                GError **error)
{
  Search search = { .project = project, .wanted = items, .gap = find_gap };
  return find (&search, ret_match, error);
}

bool
rehearsal_find_command (const Project *project, const ExternalPending *pending,
                        RehearsalMatch *ret_match, GError **error)
{
  Search search = { .project = project, .wanted = pending, .gap = find_command_gap };
  return find (&search, ret_match, error);
}
