/* A run: which files there are, what is looked for in each, what is told. */
#include "guard/scan_internal.h"

#include <stdlib.h>
#include <string.h>

static void
finding_free (ScanFinding *finding)
{
  g_free (finding->file);
  g_free (finding->message);
  g_free (finding->reason);
  g_free (finding);
}

static void
file_free (ScanFile *file)
{
  scan_source_clear (&file->source);
  g_free (file->path);
  g_free (file->text);
  g_free (file);
}

void
scan_result_free (ScanResult *result)
{
  if (result == NULL)
    return;
  g_ptr_array_unref (result->findings);
  g_ptr_array_unref (result->allowed);
  g_ptr_array_unref (result->skipped);
  g_free (result);
}

unsigned int
scan_result_count (const ScanResult *result, ScanSeverity severity)
{
  unsigned int count = 0;
  for (guint i = 0; i < result->findings->len; i++)
    count += ((const ScanFinding *) result->findings->pdata[i])->severity == severity ? 1 : 0;
  return count;
}

/* --- findings --------------------------------------------------------------------------------- */

void
scan_report (ScanRun *run, const char *rule, ScanSeverity severity, const ScanPlace *place,
             const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  const ScanFile *file = g_hash_table_lookup (run->by_path, place->file);
  char *key = g_strdup_printf ("%s\n%u\n%u\n%s\n%s", place->file, place->line, place->column, rule,
                               message);
  if (file == NULL || !file->is_judged)
    {
      g_free (key);
      return;
    }
  /* Files that are used together in several ways are looked at in each of them. */
  ScanFinding *before = g_hash_table_lookup (run->seen, key);
  if (before != NULL)
    {
      before->severity = MAX (before->severity, severity);
      g_free (key);
      return;
    }
  ScanFinding *finding = g_new0 (ScanFinding, 1);
  finding->rule = scan_rule_find (rule);
  g_assert (finding->rule != NULL);
  finding->severity = severity;
  finding->file = g_strdup (place->file);
  /* libyaml takes more for ends of lines than others do. */
  finding->line = CLAMP (place->line, 1, file->source.lines->len);
  finding->column = MAX (place->column, 1);
  finding->first_line
      = place->first_line != 0 ? MIN (place->first_line, finding->line) : finding->line;
  finding->message = g_steal_pointer (&message);
  g_ptr_array_add (run->result->findings, finding);
  g_hash_table_insert (run->seen, key, finding);
}

ScanPlace
scan_place_of (const Node *node)
{
  return (ScanPlace){ node->file, (unsigned int) node->line, (unsigned int) node->column, 0 };
}

ScanPlace
scan_place_of_key (const Node *node)
{
  if (node->key_line == 0)
    return scan_place_of (node);
  return (ScanPlace){ node->file, (unsigned int) node->key_line, (unsigned int) node->key_column,
                      0 };
}

static int
compare_findings (gconstpointer a, gconstpointer b)
{
  const ScanFinding *left = *(const ScanFinding *const *) a;
  const ScanFinding *right = *(const ScanFinding *const *) b;
  int order = strcmp (left->file, right->file);
  if (order == 0)
    order = (left->line > right->line) - (left->line < right->line);
  if (order == 0)
    order = (left->column > right->column) - (left->column < right->column);
  return order != 0 ? order : strcmp (left->rule->id, right->rule->id);
}

/* --- which files ------------------------------------------------------------------------------ */

/* What lies below the root; NULL: FULL does not. */
static const char *
below_root (const ScanRun *run, const char *full)
{
  const char *root = scan_tree_root (run->tree);
  size_t length = strlen (root);
  if (strncmp (full, root, length) != 0 || (full[length] != '/' && full[length] != '\0'))
    return NULL;
  return full[length] == '/' ? full + length + 1 : full + length;
}

/* PATH, seen from the folder, as one from the root; git knows the root without symbolic links. Caller frees;
 * NULL: it lies elsewhere. */
static char *
path_from_root (const ScanRun *run, const char *path, GError **error)
{
  g_autofree char *full = g_canonicalize_filename (path, run->settings->folder);
  g_autofree char *folder = g_path_get_dirname (full);
  g_autofree char *name = g_path_get_basename (full);
  char *real_folder = realpath (folder, NULL);
  g_autofree char *real = g_build_filename (real_folder != NULL ? real_folder : folder, name, NULL);
  free (real_folder);
  const char *rest = below_root (run, full);
  if (rest == NULL)
    rest = below_root (run, real);
  if (rest == NULL)
    (void) keel_error (error, KEEL_ERROR_USAGE, "Name its folder with -C.",
                       "“%s” lies outside of “%s”", path, scan_tree_root (run->tree));
  return g_strdup (rest);
}

/* What was named, as paths from the root: files and folders. NULL: everything. */
static bool
named_paths (const ScanRun *run, GPtrArray **ret_named, GError **error)
{
  g_autoptr (GPtrArray) named = g_ptr_array_new_with_free_func (g_free);
  *ret_named = NULL;
  if (run->settings->paths == NULL)
    return true;
  for (const char *const *path = run->settings->paths; *path != NULL; path++)
    {
      g_autofree char *full = g_canonicalize_filename (*path, run->settings->folder);
      if (!g_file_test (full, G_FILE_TEST_EXISTS))
        return keel_error (error, KEEL_ERROR_USAGE, "Name files and folders that are there.",
                           "there is no “%s”", *path);
      char *rest = path_from_root (run, *path, error);
      if (rest == NULL)
        return false;
      g_ptr_array_add (named, rest);
    }
  *ret_named = g_steal_pointer (&named);
  return true;
}

/* PATH is, or lies in, one of what was named. */
static bool
is_named (const GPtrArray *named, const char *path)
{
  for (guint i = 0; named != NULL && i < named->len; i++)
    {
      const char *folder = named->pdata[i];
      size_t length = strlen (folder);
      if (length == 0 || strcmp (path, folder) == 0
          || (strncmp (path, folder, length) == 0 && path[length] == '/'))
        return true;
    }
  return named == NULL;
}

static bool
is_judged (const ScanRun *run, const GPtrArray *named, const char *path)
{
  if (run->settings->compose != NULL && named == NULL)
    return false;
  return is_named (named, path)
         && (!run->settings->is_staged || scan_tree_is_changed (run->tree, path));
}

static void
skip (ScanRun *run, const char *path, const char *why)
{
  g_ptr_array_add (run->result->skipped, g_strdup_printf ("%s: %s", path, why));
}

/* TEXT is taken over. */
static ScanFile *
keep_file (ScanRun *run, const char *path, ScanKind kind, char *text, size_t length, bool judged)
{
  ScanFile *file = g_new0 (ScanFile, 1);
  *file = (ScanFile){
    .path = g_strdup (path), .kind = kind, .text = text, .length = length, .is_judged = judged
  };
  scan_source_init (&file->source, file->text, file->length);
  g_ptr_array_add (run->files, file);
  g_hash_table_insert (run->by_path, file->path, file);
  return file;
}

/* Reads PATH and keeps it when it is of a kind. Compose files that are not judged are read all the same:
 * they say which volumes and folders are a database's. */
static bool
add_file (ScanRun *run, const char *path, bool judged, GError **error)
{
  ScanKind kind = scan_kind_of (path, NULL);
  g_autofree char *name = g_path_get_basename (path);
  bool may_have_shebang = kind == SCAN_KIND_NONE && strchr (name, '.') == NULL;
  g_autofree char *text = NULL;
  size_t length = 0;
  if ((!judged && kind != SCAN_KIND_COMPOSE) || (kind == SCAN_KIND_NONE && !may_have_shebang))
    return true;
  if (!scan_tree_read (run->tree, path, &text, &length, error))
    return false;
  if (text == NULL && judged && kind != SCAN_KIND_NONE)
    skip (run, path, "no ordinary file, or larger than 1 MB");
  if (text != NULL)
    kind = scan_kind_of (path, text);
  if (text != NULL && kind != SCAN_KIND_NONE)
    keep_file (run, path, kind, g_steal_pointer (&text), length, judged);
  return true;
}

/* Files that were named and that the tree does not list: git ignores them. */
static bool
add_named (ScanRun *run, const GPtrArray *named, GError **error)
{
  for (guint i = 0; named != NULL && i < named->len && !run->settings->is_staged; i++)
    {
      const char *path = named->pdata[i];
      g_autofree char *full = g_build_filename (scan_tree_root (run->tree), path, NULL);
      if (!g_file_test (full, G_FILE_TEST_IS_REGULAR) || g_hash_table_contains (run->by_path, path))
        continue;
      if (!add_file (run, path, true, error))
        return false;
      if (!g_hash_table_contains (run->by_path, path))
        skip (run, path, "of no kind that is looked at");
    }
  return true;
}

/* What -f names is a compose file, whatever it is called. */
static bool
add_compose_file (ScanRun *run, const char *given, GError **error)
{
  g_autofree char *path = path_from_root (run, given, error);
  g_autofree char *text = NULL;
  size_t length = 0;
  if (path == NULL)
    return false;
  ScanFile *file = g_hash_table_lookup (run->by_path, path);
  if (file == NULL && !scan_tree_read (run->tree, path, &text, &length, error))
    return false;
  if (file == NULL && text == NULL)
    return keel_error (error, KEEL_ERROR_USAGE,
                       "Name compose files with -f, as for docker compose.",
                       "there is no file “%s”", given);
  if (file == NULL)
    file = keep_file (run, path, SCAN_KIND_COMPOSE, g_steal_pointer (&text), length, true);
  file->is_judged = true;
  file->kind = SCAN_KIND_COMPOSE;
  g_ptr_array_add (run->compose, file);
  return true;
}

static bool
add_compose_files (ScanRun *run, GError **error)
{
  for (const char *const *path = run->settings->compose; path != NULL && *path != NULL; path++)
    if (!add_compose_file (run, *path, error))
      return false;
  return true;
}

static bool
read_files (ScanRun *run, GError **error)
{
  g_autoptr (GPtrArray) named = NULL;
  const GPtrArray *paths = scan_tree_paths (run->tree);
  if (!named_paths (run, &named, error))
    return false;
  for (guint i = 0; i < paths->len; i++)
    if (!add_file (run, paths->pdata[i], is_judged (run, named, paths->pdata[i]), error))
      return false;
  return add_named (run, named, error) && add_compose_files (run, error);
}

/* --- the run ---------------------------------------------------------------------------------- */

static void
scan_file (ScanRun *run, const ScanFile *file)
{
  if (!file->is_judged)
    return;
  run->result->file_count++;
  scan_script_file (run, file);
  if (file->kind == SCAN_KIND_ENV)
    scan_env_file (run, file);
  else
    scan_keys_and_tokens (run, file);
}

static void
run_clear (ScanRun *run)
{
  g_clear_pointer (&run->by_path, g_hash_table_unref);
  g_clear_pointer (&run->compose, g_ptr_array_unref);
  g_clear_pointer (&run->files, g_ptr_array_unref);
  g_clear_pointer (&run->seen, g_hash_table_unref);
  g_clear_pointer (&run->volumes, g_hash_table_unref);
  g_clear_pointer (&run->folders, g_hash_table_unref);
  g_clear_pointer (&run->tree, scan_tree_free);
  g_clear_pointer (&run->result, scan_result_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScanRun, run_clear)

static ScanResult *
result_new (void)
{
  ScanResult *result = g_new0 (ScanResult, 1);
  result->findings = g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  result->allowed = g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  result->skipped = g_ptr_array_new_with_free_func (g_free);
  return result;
}

static void
run_init (ScanRun *run, const ScanSettings *settings)
{
  *run = (ScanRun){ .settings = settings };
  run->files = g_ptr_array_new_with_free_func ((GDestroyNotify) file_free);
  run->compose = g_ptr_array_new ();
  run->by_path = g_hash_table_new (g_str_hash, g_str_equal);
  run->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  run->volumes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  run->folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  run->result = result_new ();
}

/* Compose files first: they say which volumes and folders hold databases. */
static bool
look_at_all (ScanRun *run, GError **error)
{
  if (!scan_compose (run, error))
    return false;
  for (guint i = 0; i < run->files->len; i++)
    scan_file (run, run->files->pdata[i]);
  scan_allow (run);
  g_ptr_array_sort (run->result->findings, compare_findings);
  g_ptr_array_sort (run->result->allowed, compare_findings);
  return true;
}

bool
guard_scan_run (const ScanSettings *settings, ScanResult **ret_result, GError **error)
{
  g_auto (ScanRun) run;
  run_init (&run, settings);
  if (!scan_tree_open (settings->folder, settings->is_staged, &run.tree, error)
      || !read_files (&run, error) || !look_at_all (&run, error))
    return false;
  *ret_result = g_steal_pointer (&run.result);
  return true;
}

ScanResult *
guard_scan_texts (const ScanSettings *settings, const ScanInput *inputs, size_t count)
{
  g_auto (ScanRun) run;
  ScanSettings found = *settings;
  found.compose = NULL;
  run_init (&run, &found);
  run.tree = scan_tree_new_empty ();
  for (size_t i = 0; i < count; i++)
    {
      ScanKind kind = scan_kind_of (inputs[i].path, inputs[i].text);
      char *text = g_malloc (inputs[i].length + 1);
      memcpy (text, inputs[i].text, inputs[i].length + 1);
      keep_file (&run, inputs[i].path, kind, text, inputs[i].length, true);
    }
  /* Only reading can fail. */
  bool is_done = look_at_all (&run, NULL);
  g_assert (is_done);
  return g_steal_pointer (&run.result);
}
