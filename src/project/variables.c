#include "project/variables.h"
#include "base/fs.h"
#include "project/dotenv.h"

#include <string.h>

#define FILE_MAX_BYTES (256 * 1024)
#define VALUE_MAX_BYTES (64 * 1024)
#define MAX_DEPTH 12
#define MAX_REFERENCES 1000

typedef struct
{
  char *name; /* ".env.production" */
  char *source;
  GPtrArray *entries; /* of DotenvEntry */
} DotenvFile;

/* One expansion from its first text down; the ceilings stop circles and texts that double. */
typedef struct
{
  const Variables *variables;
  int depth;
  int reference_count;
} Expansion;

struct Variables
{
  GPtrArray *files; /* of DotenvFile, the first wins */
};

static void
dotenv_file_free (DotenvFile *file)
{
  g_free (file->name);
  g_free (file->source);
  g_clear_pointer (&file->entries, g_ptr_array_unref);
  g_free (file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DotenvFile, dotenv_file_free)

Variables *
variables_new (void)
{
  Variables *variables = g_new0 (Variables, 1);
  variables->files = g_ptr_array_new_with_free_func ((GDestroyNotify) dotenv_file_free);
  return variables;
}

void
variables_free (Variables *variables)
{
  if (variables == NULL)
    return;
  g_ptr_array_unref (variables->files);
  g_free (variables);
}

bool
variables_add_text (Variables *variables, const char *name, const char *text, size_t length,
                    GError **error)
{
  g_autoptr (DotenvFile) file = g_new0 (DotenvFile, 1);
  if (!dotenv_parse (name, text, length, &file->entries, error))
    return false;
  file->name = g_strdup (name);
  file->source = g_strdup (text);
  g_ptr_array_insert (variables->files, 0, g_steal_pointer (&file));
  return true;
}

bool
variables_read_file (Variables *variables, const char *folder, const char *name, bool *ret_found,
                     GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  size_t length;
  *ret_found = g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_DIR);
  if (!*ret_found)
    return true;
  if (!fs_read_text (path, FILE_MAX_BYTES, &text, &length, &problem))
    return keel_error (error, KEEL_ERROR_CONFIG, keel_error_hint (problem), "%s", problem->message);
  return variables_add_text (variables, name, text, length, error);
}

/* The last line of a file wins over those before it, as in a shell. */
static const DotenvEntry *
entry_called (const DotenvFile *file, const char *name)
{
  for (guint i = file->entries->len; i > 0; i--)
    {
      const DotenvEntry *entry = file->entries->pdata[i - 1];
      if (strcmp (entry->name, name) == 0)
        return entry;
    }
  return NULL;
}

static bool expand (Expansion *expansion, const char *text, const Place *place, GString *result,
                    GError **error);

static bool
lookup (Expansion *expansion, const char *name, char **ret_value, const char **ret_source,
        GError **error)
{
  const char *value = g_getenv (name);
  *ret_source = NULL;
  *ret_value = g_strdup (value);
  if (value != NULL)
    return true;
  const GPtrArray *files = expansion->variables->files;
  for (guint i = 0; i < files->len; i++)
    {
      const DotenvFile *file = files->pdata[i];
      const DotenvEntry *entry = entry_called (file, name);
      if (entry == NULL)
        continue;
      g_autoptr (GString) result = g_string_new (NULL);
      Place place = { file->name, file->source, entry->line, entry->column };
      if (entry->is_literal)
        g_string_append (result, entry->text);
      else if (!expand (expansion, entry->text, &place, result, error))
        return false;
      *ret_source = file->name;
      *ret_value = g_string_free (g_steal_pointer (&result), FALSE);
      return true;
    }
  return true;
}

bool
variables_lookup (const Variables *variables, const char *name, char **ret_value,
                  const char **ret_source, GError **error)
{
  Expansion expansion = { .variables = variables };
  const char *source;
  if (!lookup (&expansion, name, ret_value, &source, error))
    return false;
  if (ret_source != NULL)
    *ret_source = source;
  return true;
}

static bool
refuse (const Place *place, const char *needle, const char *hint, const char *message,
        GError **error)
{
  g_autofree char *where = place_of (place, needle);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: %s", where, message);
}

static bool
refuse_missing (const Place *place, const char *name, GError **error)
{
  g_autofree char *needle = g_strdup_printf ("${%s}", name);
  g_autofree char *message = g_strdup_printf ("the variable %s is not set", name);
  g_autofree char *hint = g_strdup_printf (
      "Set %s in the environment or in .env, or write ${%s:-default}.", name, name);
  return refuse (place, needle, hint, message, error);
}

/* The } that closes the reference whose inside begins at TEXT; NULL when there is none. */
static const char *
closing_brace (const char *text)
{
  int open = 1;
  for (; *text != '\0'; text++)
    {
      if (text[0] == '$' && text[1] == '{')
        open++;
      else if (*text == '}' && --open == 0)
        return text;
    }
  return NULL;
}

static bool
is_name (const char *name)
{
  if (!g_ascii_isalpha (*name) && *name != '_')
    return false;
  return strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-") == strlen (name);
}

/* INSIDE is what stands between ${ and }. */
static bool
expand_reference (Expansion *expansion, const char *inside, const Place *place, GString *result,
                  GError **error)
{
  const char *mark = strstr (inside, ":-");
  g_autofree char *name
      = mark != NULL ? g_strndup (inside, (size_t) (mark - inside)) : g_strdup (inside);
  if (!is_name (name))
    return refuse (place, "${", "Write ${NAME} or ${NAME:-default}; $${ stands for ${ itself.",
                   "${ does not begin a reference to a variable here", error);
  if (++expansion->reference_count > MAX_REFERENCES)
    return refuse (place, "${", NULL, "there are too many references to variables", error);
  if (expansion->depth > MAX_DEPTH)
    {
      g_autofree char *needle = g_strdup_printf ("${%s", name);
      g_autofree char *message = g_strdup_printf ("the variable %s refers to itself", name);
      return refuse (place, needle, "Break the circle of references.", message, error);
    }
  g_autofree char *value = NULL;
  const char *source;
  if (!lookup (expansion, name, &value, &source, error))
    return false;
  if (mark != NULL && (value == NULL || *value == '\0'))
    return expand (expansion, mark + 2, place, result, error);
  if (value == NULL)
    return refuse_missing (place, name, error);
  g_string_append (result, value);
  return true;
}

static bool
expand (Expansion *expansion, const char *text, const Place *place, GString *result, GError **error)
{
  expansion->depth++;
  while (*text != '\0')
    {
      if (result->len > VALUE_MAX_BYTES)
        return refuse (place, NULL, NULL, "the value is larger than 64 KB", error);
      if (g_str_has_prefix (text, "$${"))
        {
          g_string_append (result, "${");
          text += 3;
          continue;
        }
      if (!g_str_has_prefix (text, "${"))
        {
          g_string_append_c (result, *text++);
          continue;
        }
      const char *end = closing_brace (text + 2);
      if (end == NULL)
        return refuse (place, "${", "Write ${NAME} or ${NAME:-default}; $${ stands for ${ itself.",
                       "${ is never closed", error);
      g_autofree char *inside = g_strndup (text + 2, (size_t) (end - text - 2));
      if (!expand_reference (expansion, inside, place, result, error))
        return false;
      text = end + 1;
    }
  expansion->depth--;
  return true;
}

bool
variables_expand (const Variables *variables, const char *text, const Place *place, char **ret_text,
                  GError **error)
{
  g_autoptr (GString) result = g_string_new (NULL);
  Expansion expansion = { .variables = variables };
  if (!expand (&expansion, text, place, result, error))
    return false;
  *ret_text = g_string_free (g_steal_pointer (&result), FALSE);
  return true;
}
