/*
 * pgkeel.yaml and .env from any bytes: parsed, checked, expanded, settled. Whatever comes, there is
 * either a configuration or one error of one line that begins with the file's name.
 */
#include "project/settle.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Takes the error over. */
static void
check_error (GError *error, const char *file)
{
  g_assert (error != NULL);
  g_assert (keel_error_is (error, KEEL_ERROR_CONFIG));
  g_assert (g_str_has_prefix (error->message, file) || strstr (error->message, "DATABASE_URL"));
  g_assert (strpbrk (error->message, "\r\n") == NULL);
  g_assert (g_utf8_validate (error->message, -1, NULL));
  g_error_free (error);
}

static void
settle_all (const Config *config, const Variables *variables, const char *source)
{
  g_autoptr (Project) project = settle_project_new ();
  GError *error = NULL;
  project->folder = g_strdup ("/project");
  Settle settle = { config, variables, PROJECT_FILE, source, project };
  if (!settle_environments (&settle, &error) || !settle_project (&settle, &error))
    {
      check_error (error, PROJECT_FILE);
      return;
    }
  for (guint i = 0; i < project->environments->len; i++)
    if (!settle_chosen (&settle, project->environments->pdata[i], &error))
      check_error (g_steal_pointer (&error), PROJECT_FILE);
}

/* Every variable of the file is asked for. */
static void
look_up_all (const Variables *variables, const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, "=\n", 200);
  for (char **word = words; *word != NULL; word++)
    {
      g_autofree char *value = NULL;
      GError *error = NULL;
      if (!variables_lookup (variables, *word, &value, NULL, &error))
        check_error (error, ".env");
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size > CONFIG_MAX_BYTES)
    return 0;
  g_autofree char *text = g_malloc (size + 1);
  memcpy (text, data, size);
  text[size] = '\0';

  g_autoptr (Variables) variables = variables_new ();
  GError *error = NULL;
  if (variables_add_text (variables, ".env", text, size, &error))
    look_up_all (variables, text);
  else
    check_error (g_steal_pointer (&error), ".env");

  g_autoptr (Config) config = NULL;
  if (config_parse (PROJECT_FILE, text, size, &config, &error))
    settle_all (config, variables, text);
  else
    check_error (error, PROJECT_FILE);
  return 0;
}
