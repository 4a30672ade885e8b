/* The statements of a change of an enum, in the files of a new migration of any layout. */
#include "migrate/enum_change.h"

#include <string.h>

typedef struct
{
  const char *layout;
  const char *before, *after; /* around a statement with dollar quotes */
  const char *between;        /* two statements */
} Syntax;

static const Syntax syntaxes[] = {
  { "goose", "-- +goose StatementBegin\n", "\n-- +goose StatementEnd", "\n\n" },
  { "sql-migrate", "-- +migrate StatementBegin\n", "\n-- +migrate StatementEnd", "\n\n" },
  { "drizzle", "", "", "\n--> statement-breakpoint\n" },
  { NULL, "", "", "\n\n" },
};

static const Syntax *
syntax_of (const char *layout)
{
  const Syntax *syntax = syntaxes;
  while (syntax->layout != NULL && strcmp (syntax->layout, layout) != 0)
    syntax++;
  return syntax;
}

static char *
join (const GPtrArray *statements, const Syntax *syntax)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; statements != NULL && i < statements->len; i++)
    {
      const char *statement = statements->pdata[i];
      bool is_block = g_str_has_prefix (statement, "DO ");
      g_string_append_printf (text, "%s%s%s%s", i > 0 ? syntax->between : "",
                              is_block ? syntax->before : "", statement,
                              is_block ? syntax->after : "");
    }
  g_string_append_c (text, '\n');
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static bool
is_way_back (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  return g_str_has_suffix (base, ".down.sql") || strcmp (base, "down.sql") == 0
         || g_str_has_suffix (folder, "revert");
}

/* Layouts whose tools know no way back, but for which pgkeel reads one beside the file. */
static char *
path_of_way_back (const char *layout, const char *path)
{
  if (strcmp (layout, "prisma") == 0)
    {
      g_autofree char *folder = g_path_get_dirname (path);
      return g_build_filename (folder, "down.sql", NULL);
    }
  if (strcmp (layout, "drizzle") == 0)
    return g_strdup_printf ("%.*s.down.sql", (int) (strlen (path) - strlen (".sql")), path);
  return NULL;
}

/* The gap that a template leaves for the text: after its last mark. FROM: where to look. */
static void
fill_gap (GString *text, size_t from, const char *sql)
{
  const char *gap = strstr (text->str + from, "\n\n");
  size_t at = gap != NULL ? (size_t) (gap - text->str) + 1 : text->len;
  g_string_insert (text, (gssize) at, sql);
}

/* A template with both directions has two gaps, one of sqitch's the gap between BEGIN and COMMIT, any
 * other one is a head, or nothing. */
static void
fill_file (MigrationNewFile *file, const char *up, const char *down, bool *has_down)
{
  g_autoptr (GString) text = g_string_new (file->text);
  const char *begin = strstr (text->str, "\nBEGIN;\n");
  const char *gap = strstr (text->str, "\n\n\n");
  if (begin != NULL)
    fill_gap (text, (size_t) (begin - text->str) + 1, up);
  else if (gap != NULL)
    {
      size_t from = (size_t) (gap - text->str) + strlen ("\n\n\n");
      fill_gap (text, from, down);
      fill_gap (text, 0, up);
      *has_down = true;
    }
  else
    g_string_append (text, up);
  g_free (file->text);
  file->text = g_string_free (g_steal_pointer (&text), FALSE);
}

static void
add_way_back (GPtrArray *files, char *path, const char *down)
{
  MigrationNewFile *file = g_new0 (MigrationNewFile, 1);
  file->path = path;
  file->text = g_strdup (down);
  g_ptr_array_insert (files, 1, file);
}

/* Flyway's way back has a prefix, not a suffix. */
static bool
is_undo (const char *layout, const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  return strcmp (layout, "flyway") == 0 ? *base == 'U' : is_way_back (path);
}

static bool
is_verify (const char *layout, const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  return strcmp (layout, "sqitch") == 0 && g_str_has_suffix (folder, "verify");
}

bool
enum_change_fill (const EnumChange *change, const char *layout, GPtrArray *files)
{
  const Syntax *syntax = syntax_of (layout);
  g_autofree char *up = join (change->up, syntax);
  g_autofree char *down = change->down != NULL ? join (change->down, syntax) : g_strdup ("");
  bool has_down = false;
  for (guint i = 0; i < files->len; i++)
    {
      MigrationNewFile *file = files->pdata[i];
      bool is_listing = file->is_changed || !g_str_has_suffix (file->path, ".sql");
      if (is_listing || is_verify (layout, file->path))
        continue;
      if (!is_undo (layout, file->path))
        fill_file (file, up, down, &has_down);
      else if (change->down != NULL)
        {
          fill_file (file, down, "", &has_down);
          has_down = true;
        }
      else
        g_ptr_array_remove_index (files, i--);
    }
  const MigrationNewFile *first = files->pdata[0];
  char *path = has_down || change->down == NULL ? NULL : path_of_way_back (layout, first->path);
  if (path != NULL)
    add_way_back (files, path, down);
  return has_down || path != NULL;
}
