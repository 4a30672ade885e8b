#include "cli/guard_units.h"

#include "base/digest.h"
#include "base/fs.h"
#include "cli-resources.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES (1024 * 1024)
#define PLUGIN_FOLDER "/run/docker/plugins"
#define SPEC_FOLDER "/etc/docker/plugins"
#define HEAD "# Written by `pgkeel guard install`; sha256 "
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

static void
file_free (void *file_pointer)
{
  GuardFile *file = file_pointer;
  g_free (file->path);
  g_free (file->text);
  g_free (file->before);
  g_free (file);
}

char *
guard_unit_name (const char *plugin)
{
  return g_strconcat (plugin, "-guard", NULL);
}

static bool
check_path (const char *what, const char *path, GError **error)
{
  for (const char *c = path; c != NULL && *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      return keel_error (error, KEEL_ERROR_USAGE, NULL,
                         "%s has a control character in it, which no unit can say", what);
  return path == NULL || g_path_is_absolute (path)
         || keel_error (error, KEEL_ERROR_USAGE, NULL, "%s must be an absolute path: %s", what,
                        path);
}

bool
guard_unit_check (const GuardUnitSpec *spec, GError **error)
{
  size_t length = strlen (spec->name);
  if (length == 0 || length > 64 || strchr (NAME_LETTERS, *spec->name) == NULL
      || strspn (spec->name, NAME_LETTERS "_.-") != length)
    return keel_error (error, KEEL_ERROR_USAGE, "Use small letters, digits, “-”, “_” and “.”.",
                       "“%s” can be no plugin's name", spec->name);
  return check_path ("--unit-dir", spec->unit_folder, error)
         && check_path ("--socket", spec->socket, error)
         && check_path ("the path of pgkeel", spec->program, error)
         && check_path ("the project's folder", spec->folder, error)
         && check_path ("the folder of the log", spec->state, error)
         && check_path ("the folder of the backups", spec->backups, error);
}

/* As one word of a unit's line; IS_COMMAND: where variables are replaced, too. Caller frees. */
static char *
quote (const char *text, bool is_command)
{
  GString *quoted = g_string_new ("\"");
  for (const char *c = text; *c != '\0'; c++)
    {
      if (*c == '"' || *c == '\\')
        g_string_append_c (quoted, '\\');
      else if (*c == '%' || (*c == '$' && is_command))
        g_string_append_c (quoted, *c);
      g_string_append_c (quoted, *c);
    }
  return g_string_free (g_string_append_c (quoted, '"'), FALSE);
}

static void
add_word (GString *command, const char *option, const char *value)
{
  if (value == NULL)
    return;
  g_autofree char *quoted = quote (value, true);
  g_string_append_printf (command, " %s %s", option, quoted);
}

static char *
command_of (const GuardUnitSpec *spec)
{
  g_autofree char *program = quote (spec->program, true);
  GString *command = g_string_new (program);
  add_word (command, "-C", spec->folder);
  add_word (command, "-e", spec->environment);
  g_string_append (command, " guard serve");
  add_word (command, "--name", spec->name);
  add_word (command, "--socket", spec->socket);
  add_word (command, "--docker", spec->docker);
  return g_string_free (command, FALSE);
}

static char *
socket_of (const GuardUnitSpec *spec)
{
  return spec->socket != NULL ? g_strdup (spec->socket)
                              : g_strconcat (PLUGIN_FOLDER "/", spec->name, ".sock", NULL);
}

/* The template of packaging/ with SPEC's words in it, under its head. */
static char *
unit_text (const GuardUnitSpec *spec, const char *template)
{
  g_autofree char *resource = g_strconcat ("/pgkeel/cli/units/", template, NULL);
  g_autoptr (GBytes) bytes
      = g_resource_lookup_data (cli_get_resource (), resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_assert (bytes != NULL);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_autoptr (GString) text = g_string_new_len (data, (gssize) length);
  g_autofree char *unit = guard_unit_name (spec->name);
  g_autofree char *command = command_of (spec);
  /* "-": a folder that is gone must not keep the guard from starting. */
  g_autofree char *state = g_strconcat ("-", spec->state, NULL);
  g_autofree char *backups = g_strconcat ("-", spec->backups, NULL);
  g_autofree char *quoted_state = quote (state, false);
  g_autofree char *quoted_backups = quote (backups, false);
  g_autofree char *writable = g_strconcat (quoted_state, " ", quoted_backups, NULL);
  g_autofree char *socket = socket_of (spec);
  g_auto (GStrv) parts = g_strsplit (socket, "%", -1);
  g_autofree char *listen = g_strjoinv ("%%", parts);
  g_string_replace (text, "@SETTINGS@\n", "", 0);
  g_string_replace (text, "@NAME@", spec->name, 0);
  g_string_replace (text, "@UNIT@", unit, 0);
  g_string_replace (text, "@SOCKET@", listen, 0);
  g_string_replace (text, "@COMMAND@", command, 0);
  g_string_replace (text, "@WRITABLE@", writable, 0);
  uint8_t sum[SHA256_BYTES];
  sha256_of (text->str, text->len, sum);
  g_autofree char *hex = sha256_hex (sum);
  return g_strconcat (HEAD, hex, "\n", text->str, NULL);
}

/* Whether nobody has changed TEXT since it was written. */
static bool
is_untouched (const char *text)
{
  uint8_t wanted[SHA256_BYTES], sum[SHA256_BYTES];
  size_t head = strlen (HEAD);
  if (!g_str_has_prefix (text, HEAD) || strlen (text) < head + SHA256_HEX_CHARS + 1)
    return false;
  g_autofree char *hex = g_strndup (text + head, SHA256_HEX_CHARS);
  const char *rest = text + head + SHA256_HEX_CHARS + 1;
  if (rest[-1] != '\n' || !sha256_from_hex (hex, wanted))
    return false;
  sha256_of (rest, strlen (rest), sum);
  return memcmp (wanted, sum, sizeof sum) == 0;
}

/* Looks at PATH; both are taken over. */
static bool
add_file (GPtrArray *files, char *path, char *text, GError **error)
{
  GuardFile *file = g_new0 (GuardFile, 1);
  g_ptr_array_add (files, file);
  file->path = path;
  file->text = text;
  if (!g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return true;
  if (!fs_read_text (path, TEXT_MAX_BYTES, &file->before, NULL, error))
    return false;
  if (strcmp (file->before, text) == 0)
    file->state = GUARD_FILE_SAME;
  else
    file->state = is_untouched (file->before) ? GUARD_FILE_OLD : GUARD_FILE_FOREIGN;
  return true;
}

/* What tells the Engine of a socket that is not in its own folder. */
static bool
add_spec_file (const GuardUnitSpec *spec, bool for_removal, GPtrArray *files, GError **error)
{
  g_autofree char *path = g_strconcat (spec->root, SPEC_FOLDER "/", spec->name, ".spec", NULL);
  g_autofree char *usual = g_strconcat (PLUGIN_FOLDER "/", spec->name, ".sock", NULL);
  g_autofree char *socket = socket_of (spec);
  bool is_needed = strcmp (socket, usual) != 0;
  if (!is_needed && (!for_removal || !g_file_test (path, G_FILE_TEST_EXISTS)))
    return true;
  if (!add_file (files, g_steal_pointer (&path), g_strdup_printf ("unix://%s\n", socket), error))
    return false;
  GuardFile *file = files->pdata[files->len - 1];
  if (file->state == GUARD_FILE_FOREIGN && for_removal
      && g_str_has_prefix (file->before, "unix://"))
    file->state = GUARD_FILE_OLD;
  return true;
}

bool
guard_unit_files (const GuardUnitSpec *spec, bool for_removal, GPtrArray **ret_files,
                  GError **error)
{
  static const char *const kinds[] = { "socket", "service" };
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *template = g_strdup_printf ("pgkeel-guard.%s.in", kinds[i]);
      char *path = g_strdup_printf ("%s%s/%s-guard.%s", spec->root, spec->unit_folder, spec->name,
                                    kinds[i]);
      if (!add_file (files, path, unit_text (spec, template), error))
        return false;
    }
  if (!add_spec_file (spec, for_removal, files, error))
    return false;
  *ret_files = g_steal_pointer (&files);
  return true;
}

bool
guard_unit_disable (const GuardUnitSpec *spec, GError **error)
{
  static const char *const links[]
      = { "sockets.target.wants/%s-guard.socket", "multi-user.target.wants/%s-guard.service" };
  for (size_t i = 0; i < G_N_ELEMENTS (links); i++)
    {
      g_auto (GStrv) parts = g_strsplit (links[i], "%s", 2);
      g_autofree char *path
          = g_strconcat (spec->root, spec->unit_folder, "/", parts[0], spec->name, parts[1], NULL);
      if (g_file_test (path, G_FILE_TEST_IS_SYMLINK) && unlink (path) != 0)
        return keel_error_errno (error, errno, "removing %s", path);
    }
  return true;
}
