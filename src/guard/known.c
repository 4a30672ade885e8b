#include "guard/known.h"

#include "base/act_as.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "guard/policy.h"

#include <stdlib.h>
#include <string.h>

#define FILE_NAME "volumes.json"
#define LOCK_FILE "volumes.lock"
#define FILE_MAX_BYTES (16 * 1024 * 1024)
#define LOCK_WAIT_US (60 * G_USEC_PER_SEC)
#define LOCK_POLL_US (5 * 1000)
/* A release opens a volume for ten minutes; the deletion may take a while. */
#define RELEASED_SECONDS (15 * 60)

struct GuardKnown
{
  char *folder, *path;
  json_t *volumes; /* name -> what is known of it */
  json_t *before;  /* as it was read */
  Fd lock;
};

void
guard_known_free (GuardKnown *known)
{
  if (known == NULL)
    return;
  g_free (known->folder);
  g_free (known->path);
  json_decref (known->volumes);
  json_decref (known->before);
  fd_clear (&known->lock);
  g_free (known);
}

void
guard_loss_free (GuardLoss *loss)
{
  if (loss == NULL)
    return;
  g_free (loss->volume);
  g_free (loss->what);
  json_decref (loss->evidence);
  g_free (loss);
}

static bool
is_sound (const json_t *volumes)
{
  const char *name;
  json_t *entry;
  if (!json_is_object (volumes))
    return false;
  json_object_foreach ((json_t *) volumes, name, entry)
    if (!json_is_boolean (json_object_get (entry, "label")))
      return false;
  return true;
}

static bool
read_file (GuardKnown *known, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  if (!fs_read_text (known->path, FILE_MAX_BYTES, &text, NULL, &problem))
    {
      known->volumes = json_object ();
      if (keel_error_is (problem, KEEL_ERROR_MISSING))
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_autoptr (json_t) object = json_loads (text, JSON_REJECT_DUPLICATES, NULL);
  known->volumes = json_incref (json_object_get (object, "volumes"));
  return is_sound (known->volumes)
         || keel_error (error, KEEL_ERROR_CORRUPT,
                        "Look at it; without it the guard begins to know volumes anew.",
                        "“%s” is not what pgkeel wrote", known->path);
}

static bool
take_lock (const Project *project, GuardKnown *known, GError **error)
{
  g_autofree char *path = project_state_path (project, LOCK_FILE);
  int64_t deadline = clock_monotonic_us () + LOCK_WAIT_US;
  for (;;)
    {
      g_autoptr (GError) problem = NULL;
      if (fs_lock (path, &known->lock, &problem))
        return true;
      if (!keel_error_is (problem, KEEL_ERROR_LOCKED) || clock_monotonic_us () > deadline)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      g_usleep (LOCK_POLL_US);
    }
}

bool
guard_known_read (const Project *project, GuardKnown **ret_known, GError **error)
{
  g_autoptr (GuardKnown) known = g_new0 (GuardKnown, 1);
  known->lock = -1;
  known->path = project_state_path (project, FILE_NAME);
  known->folder = g_path_get_dirname (known->path);
  g_auto (ActAs) act = act_as_owner_of (known->folder);
  if (!fs_make_folder (known->folder, 0755, error) || !take_lock (project, known, error)
      || !read_file (known, error))
    return prefix_error (error, "reading which volumes there were");
  known->before = json_deep_copy (known->volumes);
  *ret_known = g_steal_pointer (&known);
  return true;
}

bool
guard_known_write (GuardKnown *known, GError **error)
{
  if (json_equal (known->volumes, known->before))
    return true;
  g_auto (ActAs) act = act_as_owner_of (known->folder);
  g_autoptr (json_t) object = json_pack ("{s:i, s:O}", "version", 1, "volumes", known->volumes);
  char *text = json_dumps (object, JSON_INDENT (2) | JSON_SORT_KEYS);
  bool is_written = fs_make_folder (known->folder, 0755, error)
                    && fs_write_durable (known->path, text, strlen (text), 0600, error);
  free (text);
  return is_written || prefix_error (error, "remembering which volumes there are");
}

bool
guard_known_release (const Project *project, const char *volume, GError **error)
{
  g_autoptr (GuardKnown) known = NULL;
  if (!guard_known_read (project, &known, error))
    return false;
  json_t *entry = json_object_get (known->volumes, volume);
  if (entry != NULL)
    json_object_set_new (entry, "released", json_integer ((json_int_t) clock_now ()));
  return guard_known_write (known, error);
}

/* --- comparing ------------------------------------------------------------------------------- */

static json_t *
string_or_null (const char *text)
{
  return text != NULL ? json_string (text) : json_null ();
}

static json_t *
describe (const GuardVolume *volume)
{
  return json_pack ("{s:o, s:b, s:o, s:n, s:i}", "created", string_or_null (volume->created),
                    "label", (int) volume->is_labelled, "postgres",
                    string_or_null (volume->postgres), "lost", "released", 0);
}

static const GuardVolume *
find (const GPtrArray *volumes, const char *name)
{
  for (guint i = 0; i < volumes->len; i++)
    if (strcmp (((const GuardVolume *) volumes->pdata[i])->name, name) == 0)
      return volumes->pdata[i];
  return NULL;
}

static const char *
text_of (const json_t *entry, const char *key)
{
  return json_string_value (json_object_get (entry, key));
}

/* What became of the volume that ENTRY was; NULL: nothing. That files cannot be looked at now is no loss. */
static const char *
find_loss (const json_t *entry, const GuardVolume *now)
{
  const char *created = text_of (entry, "created");
  if (now == NULL)
    return "is gone";
  if (json_is_true (json_object_get (entry, "label")) && !now->is_labelled)
    return "is there without its label";
  if (created != NULL && now->created != NULL && strcmp (created, now->created) != 0)
    return "was deleted and made anew";
  if (text_of (entry, "postgres") != NULL && now->postgres == NULL && now->is_readable)
    return "holds no database any more";
  return NULL;
}

static void
add_loss (GPtrArray *losses, const char *name, const json_t *entry, const GuardVolume *now,
          const char *what)
{
  GuardLoss *loss = g_new0 (GuardLoss, 1);
  loss->volume = g_strdup (name);
  loss->what = g_strdup (what);
  loss->evidence = json_pack ("{s:o, s:o}", "known", json_deep_copy (entry), "now",
                              now != NULL ? describe (now) : json_null ());
  (void) json_object_del (json_object_get (loss->evidence, "known"), "lost");
  g_ptr_array_add (losses, loss);
}

static int
compare_losses (const void *a, const void *b)
{
  const GuardLoss *const *first = a, *const *second = b;
  return strcmp ((*first)->volume, (*second)->volume);
}

static void
loss_free (void *loss)
{
  guard_loss_free (loss);
}

static bool
is_released (const json_t *entry)
{
  int64_t released = json_integer_value (json_object_get (entry, "released"));
  return clock_now () - released <= RELEASED_SECONDS;
}

/* Deleted, or deleted and made anew, after a release. */
static bool
may_be_other (const json_t *entry, const GuardVolume *now)
{
  const char *created = text_of (entry, "created");
  return is_released (entry)
         && (now == NULL || (created != NULL && g_strcmp0 (created, now->created) != 0));
}

/* What is lost stays known as it was, so that its return is seen, and another loss of it. */
static void
compare_known (GuardKnown *known, const GPtrArray *volumes, GPtrArray *losses)
{
  const char *name;
  json_t *entry;
  void *next;
  json_object_foreach_safe (known->volumes, next, name, entry)
    {
      const GuardVolume *now = find (volumes, name);
      if (may_be_other (entry, now))
        {
          (void) json_object_del (known->volumes, name);
          continue;
        }
      const char *what = find_loss (entry, now);
      if (what != NULL && g_strcmp0 (text_of (entry, "lost"), what) != 0)
        add_loss (losses, name, entry, now, what);
      json_object_set_new (entry, "lost", string_or_null (what));
    }
}

static void
know_all (GuardKnown *known, const GPtrArray *volumes)
{
  for (guint i = 0; i < volumes->len; i++)
    {
      const GuardVolume *volume = volumes->pdata[i];
      const json_t *entry = json_object_get (known->volumes, volume->name);
      if (text_of (entry, "lost") != NULL || !guard_volume_is_protected (volume))
        continue;
      json_t *now = describe (volume);
      if (entry != NULL && is_released (entry))
        json_object_set (now, "released", json_object_get (entry, "released"));
      /* That it cannot be looked into now does not mean that it never held one. */
      if (volume->postgres == NULL && text_of (entry, "postgres") != NULL)
        json_object_set (now, "postgres", json_object_get (entry, "postgres"));
      json_object_set_new (known->volumes, volume->name, now);
    }
}

GPtrArray *
guard_known_compare (GuardKnown *known, const GPtrArray *volumes)
{
  GPtrArray *losses = g_ptr_array_new_with_free_func (loss_free);
  compare_known (known, volumes, losses);
  know_all (known, volumes);
  g_ptr_array_sort (losses, compare_losses);
  return losses;
}
