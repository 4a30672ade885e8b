#include "cli/guard_hooks.h"
#include "base/fs.h"
#include "base/process.h"
#include "cli/output.h"

#include <string.h>
#include <sys/stat.h>

#define HOOK_MAX_BYTES ((size_t) 1024 * 1024)
#define LINE "pgkeel guard scan --staged || exit 1"

/* A commit that could not be checked has not passed: the hook says so and what to do. */
static const char hook_text[]
    = "#!/bin/sh\n"
      "# Nothing that endangers a database is committed unseen. Written by: pgkeel guard install --hooks\n"
      "if ! command -v pgkeel > /dev/null 2>&1; then\n"
      "  echo \"pre-commit: pgkeel is not in PATH: the commit is not checked\" >&2\n"
      "  echo \"hint: Install it, or commit unchecked: git commit --no-verify\" >&2\n"
      "  exit 1\n"
      "fi\n" LINE "\n";

void
guard_hook_clear (GuardHook *hook)
{
  g_clear_pointer (&hook->path, g_free);
}

/* What git says, its end of line removed. False: git said no, and *RET_TEXT is NULL, or could not be run. */
static bool
ask_git (const char *folder, const char *const *arguments, char **ret_text, GError **error)
{
  static const char *const environment[] = { "LC_ALL=C", NULL };
  const ProcessSpec spec = { .argv = arguments, .environment = environment, .folder = folder };
  g_auto (ProcessResult) result = { 0 };
  *ret_text = NULL;
  if (!process_run (&spec, &result, error))
    return false;
  if (result.exit_code == 0)
    *ret_text = g_strdup (g_strchomp (result.output));
  return true;
}

/* Where git looks for the hook: `core.hooksPath`, or the repository's own folder, also from a work tree that was
 * added to it. */
static bool
find_hook (const char *folder, char **ret_path, GError **error)
{
  static const char *const arguments[]
      = { "git", "rev-parse", "--git-path", "hooks/pre-commit", NULL };
  g_autofree char *said = NULL;
  if (!ask_git (folder, arguments, &said, error))
    return false;
  if (said == NULL)
    return keel_error (error, KEEL_ERROR_USAGE, "Run it in a repository of git (git init).",
                       "“%s” is in no repository of git", folder);
  *ret_path = g_canonicalize_filename (said, folder);
  return true;
}

/* Whether the folder of the hooks is named by a configuration that other repositories have, too. */
static bool
is_shared (const char *folder, bool *ret_is_shared, GError **error)
{
  static const char *const arguments[]
      = { "git", "config", "--show-scope", "core.hooksPath", NULL };
  g_autofree char *said = NULL;
  if (!ask_git (folder, arguments, &said, error))
    return false;
  *ret_is_shared
      = said != NULL && !g_str_has_prefix (said, "local") && !g_str_has_prefix (said, "worktree");
  return true;
}

/* What is at the hook's place; anything but a file that runs the scan is somebody else's. */
static bool
look_at_hook (const char *path, GuardHook *hook, GError **error)
{
  struct stat status;
  g_autofree char *text = NULL;
  size_t length;
  hook->state = GUARD_HOOK_WRITTEN;
  if (lstat (path, &status) != 0)
    return true;
  hook->state = GUARD_HOOK_OTHERS;
  hook->why = "there is a hook already";
  if (stat (path, &status) != 0 || !S_ISREG (status.st_mode)
      || status.st_size > (off_t) HOOK_MAX_BYTES)
    return true;
  if (!fs_read_text (path, HOOK_MAX_BYTES, &text, &length, error))
    return false;
  bool scans = g_regex_match_simple ("^[^#\\n]*\\bguard scan --staged\\b", text,
                                     G_REGEX_MULTILINE | G_REGEX_RAW, 0);
  if (scans && (status.st_mode & S_IXUSR) != 0)
    hook->state = GUARD_HOOK_THERE;
  else if (scans)
    hook->why = "the hook that is there is not executable, so git does not run it";
  return true;
}

static bool
write_hook (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  return fs_make_folder (folder, 0755, error)
         && fs_write_durable (path, hook_text, strlen (hook_text), 0755, error);
}

bool
guard_hook_install (const char *folder, bool dry_run, GuardHook *ret_hook, GError **error)
{
  g_auto (GuardHook) hook = { .line = LINE };
  bool shared;
  if (!find_hook (folder, &hook.path, error) || !is_shared (folder, &shared, error)
      || !look_at_hook (hook.path, &hook, error))
    return false;
  if (shared && hook.state == GUARD_HOOK_WRITTEN)
    {
      hook.state = GUARD_HOOK_OTHERS;
      hook.why = "core.hooksPath is set for other repositories as well";
    }
  if (hook.state == GUARD_HOOK_WRITTEN && !dry_run && !write_hook (hook.path, error))
    return false;
  *ret_hook = hook;
  hook.path = NULL;
  return true;
}

static void
say (const CliContext *context, const GuardHook *hook, bool dry_run)
{
  static const char *const verbs[] = { "written", "unchanged", "not written" };
  const char *verb
      = dry_run && hook->state == GUARD_HOOK_WRITTEN ? "to be written" : verbs[hook->state];
  g_autofree char *path = output_safe_text (hook->path);
  if (context->json)
    output_json (json_pack ("{s:b, s:o, s:s}", "dry_run", (int) dry_run, "hook",
                            output_json_string (hook->path), "done",
                            dry_run && hook->state == GUARD_HOOK_WRITTEN ? "nothing" : verb));
  else
    output_line ("%-10s %s", verb, path);
}

bool
guard_hook_run (const CliContext *context, bool dry_run, GError **error)
{
  g_auto (GuardHook) hook = { 0 };
  g_autofree char *folder = g_canonicalize_filename (".", context->folder);
  if (!guard_hook_install (folder, dry_run, &hook, error))
    return false;
  say (context, &hook, dry_run);
  if (hook.state != GUARD_HOOK_OTHERS)
    return true;
  g_autofree char *hint
      = g_strdup_printf ("Add this line to it, before whatever ends it: %s", hook.line);
  return keel_error (error, KEEL_ERROR_ANSWER_NO, hint, "%s: %s", hook.path, hook.why);
}
