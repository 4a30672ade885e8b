/*
 * Layouts with both directions in one file: those of dbmate, goose, sql-migrate and node-pg-migrate.
 */
#include "migrate/blocks.h"

#include <string.h>

/* Whether LINE, without "--" and blanks, begins with WORD and then a blank or nothing; *RET_REST
 * becomes what follows. */
static bool
says (const char *line, size_t length, const char *word, const char **ret_rest)
{
  const char *end = line + length;
  if (length < 2 || line[0] != '-' || line[1] != '-')
    return false;
  for (line += 2; line < end && g_ascii_isspace (*line); line++)
    ;
  size_t size = strlen (word);
  if ((size_t) (end - line) < size || g_ascii_strncasecmp (line, word, size) != 0)
    return false;
  line += size;
  *ret_rest = line;
  return line == end || g_ascii_isspace (*line);
}

/* Whether nothing but blanks is left. */
static bool
ends (const char *rest, const char *line, size_t length)
{
  while (rest < line + length && g_ascii_isspace (*rest))
    rest++;
  return rest == line + length;
}

static BlockMark
dbmate_mark (const char *line, size_t length, bool *no_transaction)
{
  static const char option[] = "transaction:false";
  const char *rest;
  BlockMark mark = says (line, length, "migrate:up", &rest)     ? BLOCK_UP
                   : says (line, length, "migrate:down", &rest) ? BLOCK_DOWN
                                                                : BLOCK_NONE;
  if (mark != BLOCK_NONE)
    *no_transaction
        = memmem (rest, (size_t) (line + length - rest), option, strlen (option)) != NULL;
  return mark;
}

static const BlockSyntax dbmate_syntax = { "-- migrate:up", "-- migrate:down", dbmate_mark };

static BlockMark
goose_mark (const char *line, size_t length, bool *no_transaction)
{
  static const struct
  {
    const char *word;
    BlockMark mark;
  } marks[] = {
    { "+goose Up", BLOCK_UP },
    { "+goose Down", BLOCK_DOWN },
    { "+goose StatementBegin", BLOCK_STATEMENT_BEGIN },
    { "+goose StatementEnd", BLOCK_STATEMENT_END },
    { "+goose NO TRANSACTION", BLOCK_NO_TRANSACTION },
    { "+goose ENVSUB ON", BLOCK_VARIABLES },
    { "+goose ENVSUBST ON", BLOCK_VARIABLES },
  };
  const char *rest;
  for (size_t i = 0; i < G_N_ELEMENTS (marks); i++)
    if (says (line, length, marks[i].word, &rest) && ends (rest, line, length))
      return marks[i].mark;
  return BLOCK_NONE;
}

static const BlockSyntax goose_syntax = { "-- +goose Up", "-- +goose Down", goose_mark };

/* Files that hold one direction each need not be searched for marks. */
static bool
is_of_a_pair (const char *name)
{
  return g_str_has_suffix (name, ".up.sql") || g_str_has_suffix (name, ".down.sql");
}

static bool
fits (Folder *folder, const BlockSyntax *syntax, LayoutFit *ret_fit, GError **error)
{
  *ret_fit = LAYOUT_FITS_NOT;
  for (guint i = 0; i < folder->entries->len && *ret_fit == LAYOUT_FITS_NOT; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      FolderFile *file;
      if (entry->is_folder || !g_ascii_isdigit (entry->name[0])
          || !g_str_has_suffix (entry->name, ".sql") || is_of_a_pair (entry->name))
        continue;
      if (!folder_read (folder, entry->name, &file, error))
        return false;
      if (blocks_are_in (file, syntax))
        *ret_fit = LAYOUT_FITS_MARKS;
    }
  return true;
}

static bool
dbmate_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  return fits (folder, &dbmate_syntax, ret_fit, error);
}

/* dbmate takes any name that begins with digits and ends in .sql. */
static bool
dbmate_read (Folder *folder, MigrationSet *set, GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      size_t digits = strspn (entry->name, "0123456789");
      if (entry->is_folder || !g_str_has_suffix (entry->name, ".sql"))
        continue;
      if (digits == 0)
        {
          layout_warn (folder, set, entry->name, "was left out: its name begins with no number");
          continue;
        }
      const char *rest = entry->name + digits;
      rest += *rest == '_';
      size_t length = strlen (rest) - MIN (strlen (rest), strlen (".sql"));
      g_autofree char *version = g_strndup (entry->name, digits);
      g_autofree char *name = g_strndup (rest, length);
      g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, name);
      if (!blocks_read (folder, entry->name, &dbmate_syntax, migration, error))
        return false;
      g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
    }
  return true;
}

static bool
dbmate_add (LayoutNew *new, GError **error)
{
  g_autofree char *version = layout_next_version (new, 0);
  layout_add_file (new, g_strdup ("-- migrate:up\n\n\n-- migrate:down\n\n"), "%s_%s.sql", version,
                   new->name);
  return true;
}

/* The order is that of the names, as bytes: 10 is before 9 there. */
const Layout layout_dbmate = {
  .name = "dbmate",
  .pattern = "NUMBER_name.sql with “-- migrate:up”",
  .fits = dbmate_fits,
  .read = dbmate_read,
  .add = dbmate_add,
};

/* sql-migrate has goose's marks under another name, and its option on the mark. */
static BlockMark
sql_migrate_mark (const char *line, size_t length, bool *no_transaction)
{
  static const struct
  {
    const char *word;
    BlockMark mark;
  } marks[] = {
    { "+migrate Up", BLOCK_UP },
    { "+migrate Down", BLOCK_DOWN },
    { "+migrate StatementBegin", BLOCK_STATEMENT_BEGIN },
    { "+migrate StatementEnd", BLOCK_STATEMENT_END },
  };
  static const char option[] = "notransaction";
  const char *rest;
  for (size_t i = 0; i < G_N_ELEMENTS (marks); i++)
    if (says (line, length, marks[i].word, &rest))
      {
        size_t left = (size_t) (line + length - rest);
        *no_transaction = memmem (rest, left, option, strlen (option)) != NULL;
        return marks[i].mark;
      }
  return BLOCK_NONE;
}

static const BlockSyntax sql_migrate_syntax
    = { "-- +migrate Up", "-- +migrate Down", sql_migrate_mark };

static BlockMark
node_mark (const char *line, size_t length, bool *no_transaction)
{
  const char *rest;
  return says (line, length, "Up Migration", &rest)     ? BLOCK_UP
         : says (line, length, "Down Migration", &rest) ? BLOCK_DOWN
                                                        : BLOCK_NONE;
}

static const BlockSyntax node_syntax = { "-- Up Migration", "-- Down Migration", node_mark };

static bool
goose_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  return fits (folder, &goose_syntax, ret_fit, error);
}

static bool
is_go_step (const char *file)
{
  return g_str_has_suffix (file, ".go") && !g_str_has_suffix (file, "_test.go")
         && layout_split_name (file, ".go", NULL, NULL);
}

static bool
goose_read_entry (Folder *folder, MigrationSet *set, const char *file, GError **error)
{
  bool is_go = is_go_step (file);
  g_autofree char *version = NULL, *name = NULL;
  if (!is_go && !g_str_has_suffix (file, ".sql"))
    return true;
  if (!layout_split_name (file, is_go ? ".go" : ".sql", &version, &name)
      || version[strspn (version, "0")] == '\0')
    {
      layout_warn (folder, set, file, "was left out: its name is not like NUMBER_name.sql");
      return true;
    }
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, name);
  if (is_go)
    {
      if (!layout_read_script (folder, file, &migration->up, migration->checksum, error))
        return false;
      g_clear_pointer (&migration->up.text, g_free);
      migration->up.length = 0;
      migration->not_sql = g_strdup ("a Go migration");
    }
  else if (!blocks_read (folder, file, &goose_syntax, migration, error))
    return false;
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static bool
goose_read (Folder *folder, MigrationSet *set, GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      if (!entry->is_folder && !goose_read_entry (folder, set, entry->name, error))
        return false;
    }
  return true;
}

static bool
goose_add (LayoutNew *new, GError **error)
{
  g_autofree char *version = layout_next_version (new, 0);
  layout_add_file (new, g_strdup ("-- +goose Up\n\n\n-- +goose Down\n\n"), "%s_%s.sql", version,
                   new->name);
  return true;
}

const Layout layout_goose = {
  .name = "goose",
  .pattern = "NUMBER_name.sql with “-- +goose Up”",
  .fits = goose_fits,
  .read = goose_read,
  .compare = layout_compare_numbers,
  .add = goose_add,
};

/* Both take every .sql file, in the order of their names as bytes, and know it by its whole name. */
static bool
read_by_name (Folder *folder, MigrationSet *set, const BlockSyntax *syntax, bool with_ending,
              GError **error)
{
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      if (entry->is_folder || !g_str_has_suffix (entry->name, ".sql"))
        continue;
      size_t length = strlen (entry->name) - (with_ending ? 0 : strlen (".sql"));
      g_autofree char *version = g_strndup (entry->name, length);
      g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, "");
      if (!blocks_read (folder, entry->name, syntax, migration, error))
        return false;
      g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
    }
  return true;
}

static bool
sql_migrate_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  return fits (folder, &sql_migrate_syntax, ret_fit, error);
}

static bool
sql_migrate_read (Folder *folder, MigrationSet *set, GError **error)
{
  return read_by_name (folder, set, &sql_migrate_syntax, true, error);
}

static bool
sql_migrate_add (LayoutNew *new, GError **error)
{
  g_autofree char *version = layout_next_version (new, 0);
  layout_add_file (new, g_strdup ("-- +migrate Up\n\n\n-- +migrate Down\n\n"), "%s-%s.sql", version,
                   new->name);
  return true;
}

const Layout layout_sql_migrate = {
  .name = "sql-migrate",
  .pattern = "NUMBER-name.sql with “-- +migrate Up”",
  .fits = sql_migrate_fits,
  .read = sql_migrate_read,
  .add = sql_migrate_add,
};

static bool
node_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  return fits (folder, &node_syntax, ret_fit, error);
}

static bool
node_read (Folder *folder, MigrationSet *set, GError **error)
{
  return read_by_name (folder, set, &node_syntax, false, error);
}

static bool
node_add (LayoutNew *new, GError **error)
{
  g_autofree char *version = layout_next_version (new, 0);
  layout_add_file (new, g_strdup ("-- Up Migration\n\n\n-- Down Migration\n\n"), "%s_%s.sql",
                   version, new->name);
  return true;
}

const Layout layout_node = {
  .name = "node-pg-migrate",
  .pattern = "NUMBER_name.sql with “-- Up Migration”",
  .fits = node_fits,
  .read = node_read,
  .add = node_add,
};
