#include "guard/scan_tree.h"

#include "base/fs.h"
#include "base/process.h"

#include <string.h>
#include <sys/stat.h>

/* Of names: a repository of half a million files has about this much. */
#define LIST_MAX_BYTES ((size_t) 64 * 1024 * 1024)
#define WALK_MAX_DEPTH 32

struct ScanTree
{
  char *root;
  bool is_git, is_staged, has_head;
  GPtrArray *paths;    /* of char * */
  GHashTable *tracked; /* set of char *: ordinary files in the index */
  GHashTable *changed; /* set of char * */
};

void
scan_tree_free (ScanTree *tree)
{
  if (tree == NULL)
    return;
  g_free (tree->root);
  g_ptr_array_unref (tree->paths);
  g_hash_table_unref (tree->tracked);
  g_hash_table_unref (tree->changed);
  g_free (tree);
}

/* --- git -------------------------------------------------------------------------------------- */

static bool
run_git (const char *folder, const char *const *arguments, size_t max_bytes,
         ProcessResult *ret_result, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  static const char *const environment[] = { "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", NULL };
  g_ptr_array_add (argv, (char *) "git");
  for (const char *const *argument = arguments; *argument != NULL; argument++)
    g_ptr_array_add (argv, (char *) *argument);
  g_ptr_array_add (argv, NULL);
  ProcessSpec spec = { .argv = (const char *const *) argv->pdata,
                       .environment = environment,
                       .folder = folder,
                       .output_max_bytes = max_bytes };
  return process_run (&spec, ret_result, error);
}

/* Git's word when it fails, as an error. */
static bool
check_git (const ProcessResult *result, const char *what, GError **error)
{
  if (result->exit_code == 0 && !result->output_cut)
    return true;
  g_autofree char *detail = g_strdup (result->errors);
  return keel_error_full (error, KEEL_ERROR_FAILED, NULL,
                          result->output_cut ? "there are too many files" : g_strstrip (detail),
                          NULL, "git could not %s", what);
}

/* Calls KEEP for every name of a list with NUL behind each. */
static void
each_name (const ProcessResult *list, void (*keep) (ScanTree *tree, const char *name),
           ScanTree *tree)
{
  for (size_t i = 0; i < list->output_length; i += strlen (list->output + i) + 1)
    if (list->output[i] != '\0')
      keep (tree, list->output + i);
}

/* "MODE HASH STAGE\tPATH"; ordinary files are kept. */
static void
add_tracked (ScanTree *tree, const char *entry)
{
  const char *tab = strchr (entry, '\t');
  if (tab == NULL || !g_str_has_prefix (entry, "100"))
    return;
  if (g_hash_table_add (tree->tracked, g_strdup (tab + 1)) && tree->is_staged)
    g_ptr_array_add (tree->paths, g_strdup (tab + 1));
}

static void
add_changed (ScanTree *tree, const char *path)
{
  g_hash_table_add (tree->changed, g_strdup (path));
}

static void
add_path (ScanTree *tree, const char *path)
{
  struct stat status;
  g_autofree char *full = g_build_filename (tree->root, path, NULL);
  if (lstat (full, &status) == 0 && S_ISREG (status.st_mode))
    g_ptr_array_add (tree->paths, g_strdup (path));
}

/* --- a folder without git --------------------------------------------------------------------- */

static bool
is_skipped_folder (const char *name)
{
  static const char *const names[] = { ".git",        "node_modules", ".venv",   "venv", "vendor",
                                       "__pycache__", ".tox",         ".pgkeel", NULL };
  return g_strv_contains (names, name);
}

static void
walk (ScanTree *tree, const char *folder, int depth)
{
  g_autofree char *full = g_build_filename (tree->root, folder, NULL);
  g_autoptr (GDir) dir = g_dir_open (full, 0, NULL);
  const char *name;
  while (dir != NULL && depth < WALK_MAX_DEPTH && (name = g_dir_read_name (dir)) != NULL)
    {
      struct stat status;
      g_autofree char *path
          = *folder != '\0' ? g_build_filename (folder, name, NULL) : g_strdup (name);
      g_autofree char *whole = g_build_filename (full, name, NULL);
      if (lstat (whole, &status) != 0)
        continue;
      if (S_ISDIR (status.st_mode) && !is_skipped_folder (name))
        walk (tree, path, depth + 1);
      else if (S_ISREG (status.st_mode))
        g_ptr_array_add (tree->paths, g_steal_pointer (&path));
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static bool
list_git (ScanTree *tree, const char *const *arguments, const char *what,
          void (*keep) (ScanTree *tree, const char *name), GError **error)
{
  g_auto (ProcessResult) result = { 0 };
  if (!run_git (tree->root, arguments, LIST_MAX_BYTES, &result, error)
      || !check_git (&result, what, error))
    return false;
  each_name (&result, keep, tree);
  return true;
}

static bool
read_lists (ScanTree *tree, GError **error)
{
  static const char *const tracked[] = { "ls-files", "-z", "--stage", "--full-name", NULL };
  static const char *const tracked_here[] = { "ls-files", "-z", "--stage", NULL };
  static const char *const here[]
      = { "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", NULL };
  static const char *const changed[] = { "diff",         "--cached",        "--name-only",   "-z",
                                         "--no-renames", "--diff-filter=d", "--no-ext-diff", NULL };
  static const char *const head[] = { "rev-parse", "--quiet", "--verify", "HEAD^{commit}", NULL };
  g_auto (ProcessResult) result = { 0 };
  if (!list_git (tree, tree->is_staged ? tracked : tracked_here, "list the index", add_tracked,
                 error)
      || !run_git (tree->root, head, 0, &result, error))
    return false;
  tree->has_head = result.exit_code == 0;
  return tree->is_staged ? list_git (tree, changed, "compare the index", add_changed, error)
                         : list_git (tree, here, "list the files", add_path, error);
}

/* *RET_ROOT: of the repository that FOLDER is in; NULL when it is in none, or there is no git. */
static bool
find_repository (const char *folder, char **ret_root, GError **error)
{
  static const char *const arguments[] = { "rev-parse", "--show-toplevel", NULL };
  g_autoptr (GError) problem = NULL;
  g_auto (ProcessResult) result = { 0 };
  *ret_root = NULL;
  if (!run_git (folder, arguments, 0, &result, &problem))
    {
      if (keel_error_is (problem, KEEL_ERROR_MISSING))
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  /* A repository that git will not look at (somebody else's folder) is not none. */
  if (result.exit_code != 0)
    return strstr (result.errors, "not a git repository") != NULL
           || check_git (&result, "look at the repository", error);
  *ret_root = g_strdup (g_strchomp (result.output));
  return true;
}

ScanTree *
scan_tree_new_empty (void)
{
  ScanTree *tree = g_new0 (ScanTree, 1);
  tree->root = g_strdup ("/");
  tree->paths = g_ptr_array_new_with_free_func (g_free);
  tree->tracked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  tree->changed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return tree;
}

bool
scan_tree_open (const char *folder, bool staged, ScanTree **ret_tree, GError **error)
{
  g_autoptr (ScanTree) tree = scan_tree_new_empty ();
  g_autofree char *repository = NULL;
  tree->is_staged = staged;
  if (!find_repository (folder, &repository, error))
    return false;
  if (repository == NULL && staged)
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Run it in a repository of git, and see that git is installed.",
                       "there is nothing staged: “%s” is in no repository of git", folder);
  tree->is_git = repository != NULL;
  g_free (tree->root);
  tree->root = g_strdup (staged ? repository : folder);
  if (!tree->is_git)
    walk (tree, "", 0);
  else if (!read_lists (tree, error))
    return false;
  g_ptr_array_sort (tree->paths, compare_paths);
  *ret_tree = g_steal_pointer (&tree);
  return true;
}

/* --- asking ----------------------------------------------------------------------------------- */

const char *
scan_tree_root (const ScanTree *tree)
{
  return tree->root;
}

bool
scan_tree_is_git (const ScanTree *tree)
{
  return tree->is_git;
}

bool
scan_tree_has_head (const ScanTree *tree)
{
  return tree->has_head;
}

const GPtrArray *
scan_tree_paths (const ScanTree *tree)
{
  return tree->paths;
}

bool
scan_tree_lists (const ScanTree *tree, const char *path)
{
  return bsearch (&path, tree->paths->pdata, tree->paths->len, sizeof path, compare_paths) != NULL;
}

bool
scan_tree_is_tracked (const ScanTree *tree, const char *path)
{
  return g_hash_table_contains (tree->tracked, path);
}

bool
scan_tree_is_changed (const ScanTree *tree, const char *path)
{
  return g_hash_table_contains (tree->changed, path);
}

bool
scan_tree_read_file (const ScanTree *tree, const char *path, char **ret_text, size_t *ret_length,
                     GError **error)
{
  struct stat status;
  g_autofree char *full = g_canonicalize_filename (path, tree->root);
  *ret_text = NULL;
  if (stat (full, &status) != 0 || !S_ISREG (status.st_mode)
      || status.st_size > (off_t) SCAN_FILE_MAX_BYTES)
    return true;
  return fs_read_text (full, SCAN_FILE_MAX_BYTES, ret_text, ret_length, error);
}

/* "./" makes git see the path from the folder it runs in. */
static bool
read_blob (const ScanTree *tree, const char *revision, const char *path, char **ret_text,
           size_t *ret_length, GError **error)
{
  g_autofree char *object = g_strdup_printf ("%s:./%s", revision, path);
  const char *const arguments[] = { "cat-file", "blob", object, NULL };
  g_auto (ProcessResult) result = { 0 };
  *ret_text = NULL;
  if (!run_git (tree->root, arguments, SCAN_FILE_MAX_BYTES, &result, error))
    return false;
  if (result.exit_code != 0 || result.output_cut)
    return true;
  *ret_length = result.output_length;
  *ret_text = g_steal_pointer (&result.output);
  return true;
}

bool
scan_tree_read (const ScanTree *tree, const char *path, char **ret_text, size_t *ret_length,
                GError **error)
{
  if (!tree->is_staged)
    return scan_tree_read_file (tree, path, ret_text, ret_length, error);
  *ret_text = NULL;
  return !scan_tree_is_tracked (tree, path)
         || read_blob (tree, "", path, ret_text, ret_length, error);
}

bool
scan_tree_read_head (const ScanTree *tree, const char *path, char **ret_text, size_t *ret_length,
                     GError **error)
{
  *ret_text = NULL;
  return !tree->has_head || read_blob (tree, "HEAD", path, ret_text, ret_length, error);
}
