#include "migrate/external_pending.h"

#include "base/digest.h"
#include "base/fs.h"
#include "migrate/folder.h"

#include <string.h>
#include <sys/stat.h>

#define SEARCH_DEPTH 6
#define FILES_MAX 20000

static void
file_free (ExternalFile *file)
{
  g_free (file->path);
  g_free (file->checksum);
  g_free (file);
}

ExternalPending *
external_pending_new (void)
{
  ExternalPending *pending = g_new0 (ExternalPending, 1);
  pending->files = g_ptr_array_new_with_free_func ((GDestroyNotify) file_free);
  pending->rows = g_ptr_array_new_with_free_func (g_free);
  return pending;
}

void
external_pending_free (ExternalPending *pending)
{
  if (pending == NULL)
    return;
  g_free (pending->commands);
  g_free (pending->status);
  g_ptr_array_unref (pending->files);
  g_ptr_array_unref (pending->rows);
  g_free (pending);
}

void
external_pending_add_file (ExternalPending *pending, const char *path, const char *checksum)
{
  ExternalFile *file = g_new0 (ExternalFile, 1);
  file->path = g_strdup (path);
  file->checksum = g_strdup (checksum);
  g_ptr_array_add (pending->files, file);
}

static char *
checksum_of (const char *text, size_t length)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (text, length, sum);
  return sha256_hex (sum);
}

/* --- files ------------------------------------------------------------------------------------ */

typedef struct
{
  const char *root;
  ExternalPending *pending;
} Search;

static bool
add_file (const Search *search, const char *path, GError **error)
{
  g_autofree char *absolute = g_build_filename (search->root, path, NULL);
  g_autofree char *text = NULL;
  size_t length;
  if (search->pending->files->len >= FILES_MAX)
    return keel_error (
        error, KEEL_ERROR_CONFIG, "Say in migrations.dir where the migration files are.",
        "there are more than %d files in folders called as migrations' folders are", FILES_MAX);
  if (!fs_read_text (absolute, MIGRATION_FILE_MAX_BYTES, &text, &length, error))
    return false;
  g_autofree char *checksum = checksum_of (text, length);
  external_pending_add_file (search->pending, path, checksum);
  return true;
}

/* What programs leave beside migrations is none of them. */
static bool
is_left_out (const char *name)
{
  return name[0] == '.' || strcmp (name, "__pycache__") == 0 || strcmp (name, "node_modules") == 0
         || strcmp (name, "site-packages") == 0 || g_str_has_suffix (name, ".pyc");
}

static bool
is_folder_of_migrations (const char *name)
{
  static const char *const names[]
      = { "migrations", "migration", "migrate", "alembic", "versions", "drizzle", NULL };
  return g_strv_contains (names, name);
}

/* Libraries bring migrations of their own, which are not this project's. */
static bool
is_python_environment (const char *path)
{
  g_autofree char *mark = g_build_filename (path, "pyvenv.cfg", NULL);
  return g_file_test (mark, G_FILE_TEST_EXISTS);
}

/* Takes all files below PATH (seen from the root; "": itself) when IS_TAKEN, or else looks for folders
 * whose files are to be taken. Symbolic links to folders are not followed. */
static bool
walk (const Search *search, const char *path, bool is_taken, int depth, GError **error)
{
  g_autofree char *absolute = g_build_filename (search->root, path, NULL);
  g_autoptr (GDir) entries = NULL;
  if (depth > SEARCH_DEPTH || (!is_taken && is_python_environment (absolute)))
    return true;
  entries = g_dir_open (absolute, 0, NULL);
  for (const char *name; entries != NULL && (name = g_dir_read_name (entries)) != NULL;)
    {
      g_autofree char *below
          = *path == '\0' ? g_strdup (name) : g_build_filename (path, name, NULL);
      g_autofree char *full = g_build_filename (search->root, below, NULL);
      struct stat here, link;
      if (is_left_out (name) || stat (full, &here) != 0 || lstat (full, &link) != 0)
        continue;
      bool is_folder = S_ISDIR (here.st_mode) && !S_ISLNK (link.st_mode);
      if (is_folder
              ? !walk (search, below, is_taken || is_folder_of_migrations (name), depth + 1, error)
              : is_taken && S_ISREG (here.st_mode) && !add_file (search, below, error))
        return false;
    }
  return true;
}

static int
compare_files (const void *a, const void *b)
{
  const ExternalFile *const *first = a, *const *second = b;
  return strcmp ((*first)->path, (*second)->path);
}

static int
compare_texts (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void
add_rows (ExternalPending *pending, const ExternalState *state)
{
  for (guint i = 0; i < state->rows->len; i++)
    {
      const ExternalRow *row = state->rows->pdata[i];
      g_ptr_array_add (pending->rows, g_strdup_printf ("%s %s", row->table, row->version));
    }
  g_ptr_array_sort (pending->rows, compare_texts);
}

bool
external_pending_read (const ExternalPendingSpec *spec, ExternalPending **ret_pending,
                       GError **error)
{
  g_autoptr (ExternalPending) pending = external_pending_new ();
  const Search search = { spec->root, pending };
  g_autoptr (GString) commands = g_string_new (spec->up);
  g_string_append_c (commands, '\0');
  g_string_append (commands, spec->down != NULL ? spec->down : "");
  pending->commands = checksum_of (commands->str, commands->len);
  if (spec->status != NULL)
    {
      g_autofree char *status = g_strstrip (g_strdup (spec->status));
      pending->status = checksum_of (status, strlen (status));
    }
  if (!walk (&search, spec->dir != NULL ? spec->dir : "", spec->dir != NULL, 0, error))
    return prefix_error (error, "reading the migration files");
  g_ptr_array_sort (pending->files, compare_files);
  add_rows (pending, spec->state);
  *ret_pending = g_steal_pointer (&pending);
  return true;
}

bool
external_pending_is_told (const ExternalPending *pending)
{
  return pending->files->len > 0 || pending->status != NULL;
}

/* --- comparing -------------------------------------------------------------------------------- */

static const ExternalFile *
find_file (const ExternalPending *pending, const char *path)
{
  for (guint i = 0; i < pending->files->len; i++)
    {
      const ExternalFile *file = pending->files->pdata[i];
      if (strcmp (file->path, path) == 0)
        return file;
    }
  return NULL;
}

static char *
compare_all_files (const ExternalPending *rehearsed, const ExternalPending *now, const char *when)
{
  for (guint i = 0; i < now->files->len; i++)
    {
      const ExternalFile *file = now->files->pdata[i];
      const ExternalFile *then = find_file (rehearsed, file->path);
      if (then == NULL)
        return g_strdup_printf ("%s was not there in the rehearsal of %s", file->path, when);
      if (strcmp (then->checksum, file->checksum) != 0)
        return g_strdup_printf ("%s has changed since the rehearsal of %s", file->path, when);
    }
  for (guint i = 0; i < rehearsed->files->len; i++)
    {
      const ExternalFile *file = rehearsed->files->pdata[i];
      if (find_file (now, file->path) == NULL)
        return g_strdup_printf ("%s is not there any more since the rehearsal of %s", file->path,
                                when);
    }
  return NULL;
}

/* The first row of A that B lacks; NULL: there is none. */
static const char *
missing_row (const GPtrArray *a, const GPtrArray *b)
{
  for (guint i = 0; i < a->len; i++)
    if (!g_ptr_array_find_with_equal_func ((GPtrArray *) b, a->pdata[i], g_str_equal, NULL))
      return a->pdata[i];
  return NULL;
}

char *
external_pending_difference (const ExternalPending *rehearsed, const ExternalPending *now,
                             const char *when)
{
  if (g_strcmp0 (rehearsed->commands, now->commands) != 0)
    return g_strdup_printf ("migrations.command has changed since the rehearsal of %s", when);
  char *text = compare_all_files (rehearsed, now, when);
  const char *more = missing_row (now->rows, rehearsed->rows);
  const char *less = missing_row (rehearsed->rows, now->rows);
  if (text != NULL)
    return text;
  if (more != NULL || less != NULL)
    return g_strdup_printf ("the database %s %s, %s in the copy of the rehearsal of %s",
                            more != NULL ? "has" : "lacks", more != NULL ? more : less,
                            more != NULL ? "which was not" : "which was", when);
  if (rehearsed->status != NULL && g_strcmp0 (rehearsed->status, now->status) != 0)
    return g_strdup_printf (
        "migrations.command.status says something else than in the rehearsal of %s", when);
  return NULL;
}
