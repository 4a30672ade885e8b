#include "cli/init_template.h"

#include "base/fs.h"
#include "cli-resources.h"

#include <string.h>

/* Looked at for a word only. */
#define GUESS_MAX_BYTES (1024 * 1024)
#define INCLUDE "@include "

static const InitFile django_files[] = {
  { "pgkeel.yaml", .existing = INIT_LEAVE_IT },
  { ".env.example", .existing = INIT_LEAVE_IT },
  { ".gitignore", .existing = INIT_ADD_LINES },
  { ".dockerignore", .existing = INIT_ADD_LINES },
  { "Makefile", .existing = INIT_LEAVE_IT },
  { "compose.dev.yml", .existing = INIT_LEAVE_IT },
  { "compose.prod.yml", .existing = INIT_LEAVE_IT },
  { "compose.search.yml", .existing = INIT_LEAVE_IT },
  { "searxng/settings.yml", .existing = INIT_LEAVE_IT },
  { "Caddyfile", .existing = INIT_LEAVE_IT },
  { "Dockerfile", .existing = INIT_LEAVE_IT },
  { "requirements.txt", .existing = INIT_LEAVE_IT,
    .unless = "pyproject.toml Pipfile requirements" },
  { ".github/workflows/pgkeel.yml", .existing = INIT_LEAVE_IT },
  { "checks/README.md", .existing = INIT_LEAVE_IT, .unless = "checks" },
  { "pgkeel_lock.py", .existing = INIT_LEAVE_IT },
  { "manage.py", .existing = INIT_ADD_THE_LOCK },
  { NULL },
};

static const InitFile fastapi_files[] = {
  { "pgkeel.yaml", .existing = INIT_LEAVE_IT },
  { ".env.example", .existing = INIT_LEAVE_IT },
  { ".gitignore", .existing = INIT_ADD_LINES },
  { ".dockerignore", .existing = INIT_ADD_LINES },
  { "Makefile", .existing = INIT_LEAVE_IT },
  { "compose.dev.yml", .existing = INIT_LEAVE_IT },
  { "compose.prod.yml", .existing = INIT_LEAVE_IT },
  { "Caddyfile", .existing = INIT_LEAVE_IT },
  { "Dockerfile", .existing = INIT_LEAVE_IT },
  { "requirements.txt", .existing = INIT_LEAVE_IT,
    .unless = "pyproject.toml Pipfile requirements" },
  { "app/main.py", .existing = INIT_LEAVE_IT, .unless = "app main.py" },
  { ".github/workflows/pgkeel.yml", .existing = INIT_LEAVE_IT },
  { "checks/README.md", .existing = INIT_LEAVE_IT, .unless = "checks" },
  { NULL },
};

static const InitFile node_files[] = {
  { "pgkeel.yaml", .existing = INIT_LEAVE_IT },
  { ".env.example", .existing = INIT_LEAVE_IT },
  { ".gitignore", .existing = INIT_ADD_LINES },
  { ".dockerignore", .existing = INIT_ADD_LINES },
  { "package.json", .existing = INIT_ADD_SCRIPTS },
  { "compose.dev.yml", .existing = INIT_LEAVE_IT },
  { "compose.prod.yml", .existing = INIT_LEAVE_IT },
  { "Caddyfile", .existing = INIT_LEAVE_IT },
  { "Dockerfile", .existing = INIT_LEAVE_IT },
  { ".github/workflows/pgkeel.yml", .existing = INIT_LEAVE_IT },
  { "checks/README.md", .existing = INIT_LEAVE_IT, .unless = "checks" },
  { "seeds/seeds.yaml", .existing = INIT_LEAVE_IT, .unless = "seeds" },
  { NULL },
};

static const InitFile plain_files[] = {
  { "pgkeel.yaml", .existing = INIT_LEAVE_IT },
  { ".env.example", .existing = INIT_LEAVE_IT },
  { ".gitignore", .existing = INIT_ADD_LINES },
  { "Makefile", .existing = INIT_LEAVE_IT },
  { "compose.dev.yml", .existing = INIT_LEAVE_IT },
  { "compose.prod.yml", .existing = INIT_LEAVE_IT },
  { ".github/workflows/pgkeel.yml", .existing = INIT_LEAVE_IT },
  { "checks/README.md", .existing = INIT_LEAVE_IT, .unless = "checks" },
  { NULL },
};

const InitTemplate init_templates[] = {
  { "django", "Django, its services in containers",
    "make env-files     # .env.dev and .env.prod, with passwords of their own\n"
    "make env-check\n"
    "make dev",
    django_files },
  { "node", "Node.js, with an embedded database for development",
    "npm run db:start\n"
    "npm run migration:status\n"
    "npm run backup:create",
    node_files },
  { "fastapi", "FastAPI, its services in containers",
    "make env-files     # .env.dev and .env.prod, with passwords of their own\n"
    "make env-check\n"
    "make dev",
    fastapi_files },
  { "plain", "SQL and nothing else, with an embedded database for development",
    "make dev\n"
    "make status\n"
    "make backup",
    plain_files },
  { NULL },
};

const InitTemplate *
init_template_find (const char *name)
{
  for (const InitTemplate *template = init_templates; template->name != NULL; template ++)
    if (strcmp (template->name, name) == 0)
      return template;
  return NULL;
}

static bool
has_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static bool
names_fastapi (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR)
      || !fs_read_text (path, GUESS_MAX_BYTES, &text, NULL, NULL))
    return false;
  g_autofree char *lower = g_ascii_strdown (text, -1);
  return strstr (lower, "fastapi") != NULL;
}

const InitTemplate *
init_template_guess (const char *folder, const char **ret_why)
{
  static const char *const python[] = { "requirements.txt", "pyproject.toml", "Pipfile" };
  if (has_file (folder, *ret_why = "manage.py"))
    return init_template_find ("django");
  for (size_t i = 0; i < G_N_ELEMENTS (python); i++)
    if (names_fastapi (folder, *ret_why = python[i]))
      return init_template_find ("fastapi");
  if (has_file (folder, *ret_why = "package.json"))
    return init_template_find ("node");
  *ret_why = NULL;
  return NULL;
}

/* "templates/django/env.example" for ".env.example": no leading dots, so that nothing that looks at the
 * repository takes the texts for its own settings. NULL: no such text. */
static GBytes *
look_up (const char *folder, const char *path)
{
  g_autoptr (GString) name = g_string_new (NULL);
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  for (char **part = parts; *part != NULL; part++)
    g_string_append_printf (name, "/%s", **part == '.' ? *part + 1 : *part);
  g_autofree char *resource = g_strdup_printf ("/pgkeel/cli/templates/%s%s", folder, name->str);
  return g_resource_lookup_data (cli_get_resource (), resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

static GBytes *
find_text (const InitTemplate *template, const char *path)
{
  GBytes *bytes = look_up (template->name, path);
  if (bytes == NULL)
    bytes = look_up ("common", path);
  if (bytes == NULL)
    g_error ("the template %s has no %s", template->name, path);
  return bytes;
}

static void
append_with_includes (GString *out, const InitTemplate *template, const char *path)
{
  g_autoptr (GBytes) bytes = find_text (template, path);
  size_t length;
  const char *data = g_bytes_get_data (bytes, &length);
  g_autofree char *text = g_strndup (data, length);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, INCLUDE))
      {
        g_autofree char *name
            = g_strndup (*line + strlen (INCLUDE), strlen (*line) - strlen (INCLUDE) - 1);
        append_with_includes (out, template, name);
      }
    else if (line[1] != NULL || **line != '\0')
      g_string_append_printf (out, "%s\n", *line);
}

/* Docker wants lower case, and names of images no separator at the end. */
static char *
make_slug (const char *project)
{
  char *slug = g_ascii_strdown (project, -1);
  for (size_t length = strlen (slug); length > 1 && strchr ("-_", slug[length - 1]) != NULL;)
    slug[--length] = '\0';
  return slug;
}

/* A name for a database and for a role that needs no quoting in a URL and that PostgreSQL does not keep
 * for itself. */
static char *
make_database (const char *slug)
{
  g_autofree char *name = g_strdelimit (g_strdup (slug), "-", '_');
  bool is_reserved = g_str_has_prefix (name, "pg_") || g_str_has_prefix (name, "template")
                     || strcmp (name, "postgres") == 0 || strcmp (name, "public") == 0
                     || strcmp (name, "none") == 0 || !g_ascii_isalpha (*name);
  char *database = is_reserved ? g_strconcat ("app_", name, NULL) : g_strdup (name);
  if (strlen (database) > 63)
    database[63] = '\0';
  return database;
}

char *
init_template_render (const InitTemplate *template, const char *path, const char *project)
{
  g_autofree char *slug = make_slug (project);
  g_autofree char *database = make_database (slug);
  const char *const values[][2] = {
    { "@PROJECT@", project },
    { "@SLUG@", slug },
    { "@DATABASE@", database },
  };
  GString *out = g_string_new (NULL);
  append_with_includes (out, template, path);
  for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
    g_string_replace (out, values[i][0], values[i][1], 0);
  return g_string_free (out, FALSE);
}
