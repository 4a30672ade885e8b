#include "db/binaries.h"
#include "base/cancel.h"
#include "base/process.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where packages put them. Within one line the order does not matter: versions are compared. */
static const char *const well_known[] = {
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/usr/local/pgsql/bin",
};

/* One folder to look in. */
typedef struct
{
  char *path;
  bool is_chosen; /* named in PGKEEL_PG_PATH */
} Place;

static void
place_clear (gpointer data)
{
  g_free (((Place *) data)->path);
}

static void
add_place (GArray *places, const char *path, bool is_chosen)
{
  if (*path == '\0')
    return;
  Place place = { g_strdup (path), is_chosen };
  g_array_append_val (places, place);
}

static void
add_places_of_list (GArray *places, const char *list, bool is_chosen)
{
  g_auto (GStrv) parts = g_strsplit (list != NULL ? list : "", ":", -1);
  for (char **part = parts; *part != NULL; part++)
    add_place (places, *part, is_chosen);
}

/* All folders, in the order of preference. A PGKEEL_PG_PATH that is set but empty leaves PATH only. */
static GArray *
list_places (void)
{
  GArray *places = g_array_new (FALSE, FALSE, sizeof (Place));
  g_array_set_clear_func (places, place_clear);
  const char *chosen = g_getenv ("PGKEEL_PG_PATH");
  add_places_of_list (places, chosen, true);
  for (size_t i = 0; (chosen == NULL || *chosen != '\0') && i < G_N_ELEMENTS (well_known); i++)
    {
      glob_t found = { 0 };
      if (glob (well_known[i], 0, NULL, &found) == 0)
        for (size_t n = 0; n < found.gl_pathc; n++)
          add_place (places, found.gl_pathv[n], false);
      globfree (&found);
    }
  add_places_of_list (places, g_getenv ("PATH"), false);
  return places;
}

/* "pg_dump (PostgreSQL) 17.4 (Debian 17.4-1)" and "postgres (PostgreSQL) 18beta1": 17 and 18; 0 when
 * it is not PostgreSQL's text. */
static int
parse_version (const char *text)
{
  static const char marker[] = "(PostgreSQL) ";
  const char *version = strstr (text, marker);
  if (version == NULL)
    return 0;
  long major = strtol (version + strlen (marker), NULL, 10);
  return major > 0 && major < 1000 ? (int) major : 0;
}

/* Asks the program itself; 0 when it cannot be run. */
static int
ask_version (const char *path)
{
  const char *const argv[] = { path, "--version", NULL };
  const char *const environment[] = { "LC_ALL=C", NULL };
  const ProcessSpec spec = { .argv = argv, .environment = environment, .folder = "/" };
  g_auto (ProcessResult) result = { 0 };
  if (!process_run (&spec, &result, NULL) || result.exit_code != 0)
    return 0;
  return parse_version (result.output);
}

/* The major version of the program PATH, asked once per process. A failure is not remembered: it may
 * have been a cancellation. */
static int
version_of (const char *path)
{
  static GMutex mutex;
  static GHashTable *known;
  g_mutex_lock (&mutex);
  if (known == NULL)
    known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  int major = GPOINTER_TO_INT (g_hash_table_lookup (known, path));
  if (major == 0)
    {
      major = ask_version (path);
      if (major != 0)
        g_hash_table_insert (known, g_strdup (path), GINT_TO_POINTER (major));
    }
  g_mutex_unlock (&mutex);
  return major;
}

/* Debian's /usr/bin/pg_dump is a script that picks a version by its own rules. */
static bool
is_wrapper (const char *path)
{
  g_autofree char *real = realpath (path, NULL);
  g_autofree char *name = real != NULL ? g_path_get_basename (real) : NULL;
  return name != NULL && strcmp (name, "pg_wrapper") == 0;
}

typedef struct
{
  char *path; /* of the program */
  int major;  /* 0: nothing found yet */
  bool is_chosen;
  bool is_wrapper;
} Candidate;

static void
candidate_clear (Candidate *candidate)
{
  g_clear_pointer (&candidate->path, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Candidate, candidate_clear)

/* True when A serves better than B. WANTED 0: the newest one, but one of PGKEEL_PG_PATH before any
 * other; else the nearest version from WANTED upwards. Equals: the one met first stays. */
static bool
is_better (const Candidate *a, const Candidate *b, int wanted)
{
  if (b->path == NULL)
    return true;
  if (a->is_wrapper != b->is_wrapper)
    return b->is_wrapper;
  if (wanted == 0)
    return a->is_chosen != b->is_chosen ? a->is_chosen : a->major > b->major;
  return a->major < b->major;
}

/* The best program NAME, whose folder must hold all of BESIDE too. EXACT: of version WANTED only. */
static bool
find_program (const char *name, const char *const *beside, int wanted, bool exact,
              Candidate *ret_best)
{
  g_autoptr (GArray) places = list_places ();
  g_auto (Candidate) best = { 0 };
  for (guint i = 0; i < places->len; i++)
    {
      const Place *place = &g_array_index (places, Place, i);
      g_auto (Candidate) next
          = { .path = g_build_filename (place->path, name, NULL), .is_chosen = place->is_chosen };
      bool complete = g_file_test (next.path, G_FILE_TEST_IS_EXECUTABLE);
      for (size_t n = 0; complete && beside != NULL && beside[n] != NULL; n++)
        {
          g_autofree char *other = g_build_filename (place->path, beside[n], NULL);
          complete = g_file_test (other, G_FILE_TEST_IS_EXECUTABLE);
        }
      if (!complete)
        continue;
      next.is_wrapper = is_wrapper (next.path);
      /* Asking costs the start of a program: only what could still be better is asked. */
      if (next.is_wrapper && best.path != NULL && !best.is_wrapper)
        continue;
      next.major = version_of (next.path);
      bool fits = next.major != 0 && (exact ? next.major == wanted : next.major >= wanted);
      if (fits && is_better (&next, &best, wanted))
        {
          Candidate former = best;
          best = next;
          next = former;
        }
      if (wanted != 0 && best.major == wanted && !best.is_wrapper)
        break;
    }
  if (best.path == NULL)
    return false;
  *ret_best = best;
  best.path = NULL;
  return true;
}

/* PACKAGE: "postgresql-client", "postgresql". */
static char *
install_hint (const char *package, int major)
{
  if (major == 0)
    return g_strdup_printf (
        "Install it (apt-get install %s), or name its bin folder in PGKEEL_PG_PATH.", package);
  return g_strdup_printf (
      "Install it (apt-get install %s-%d; from the PostgreSQL project's own packages "
      "where the distribution lacks that version), or name its bin folder in "
      "PGKEEL_PG_PATH.",
      package, major);
}

char *
binaries_find_tool (const char *tool, int major, GError **error)
{
  g_auto (Candidate) best = { 0 };
  if (find_program (tool, NULL, major, false, &best))
    return g_steal_pointer (&best.path);
  if (!cancel_check (error))
    return NULL;
  g_autofree char *hint = install_hint ("postgresql-client", major);
  if (major == 0)
    keel_error (error, KEEL_ERROR_MISSING, hint, "PostgreSQL's %s is not installed here", tool);
  else
    keel_error (error, KEEL_ERROR_MISSING, hint,
                "PostgreSQL's %s of version %d or newer is not installed here", tool, major);
  return NULL;
}

char *
binaries_find_server (int major, int *ret_major, GError **error)
{
  static const char *const beside[] = { "initdb", "pg_ctl", NULL };
  g_auto (Candidate) best = { 0 };
  if (find_program ("postgres", beside, major, major != 0, &best))
    {
      if (ret_major != NULL)
        *ret_major = best.major;
      return g_path_get_dirname (best.path);
    }
  if (!cancel_check (error))
    return NULL;
  g_autofree char *hint = install_hint ("postgresql", major);
  if (major == 0)
    keel_error (error, KEEL_ERROR_MISSING, hint,
                "no PostgreSQL server programs are installed here");
  else
    keel_error (error, KEEL_ERROR_MISSING, hint,
                "the server programs of PostgreSQL %d are not installed here", major);
  return NULL;
}
