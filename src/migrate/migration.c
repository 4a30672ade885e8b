#include "migrate/migration.h"

#include <string.h>

static void
script_clear (MigrationScript *script)
{
  g_free (script->path);
  g_free (script->text);
}

Migration *
migration_new (MigrationKind kind, const char *version, const char *name)
{
  Migration *migration = g_new0 (Migration, 1);
  migration->kind = kind;
  migration->version = g_strdup (version);
  migration->name = g_strdup (name);
  return migration;
}

void
migration_free (Migration *migration)
{
  if (migration == NULL)
    return;
  script_clear (&migration->up);
  script_clear (&migration->down);
  script_clear (&migration->verify);
  g_free (migration->version);
  g_free (migration->name);
  g_free (migration->not_sql);
  g_free (migration->tool_key);
  g_free (migration);
}

MigrationSet *
migration_set_new (const char *layout, const char *folder)
{
  MigrationSet *set = g_new0 (MigrationSet, 1);
  set->layout = layout;
  set->folder = g_strdup (folder);
  set->migrations = g_ptr_array_new_with_free_func ((GDestroyNotify) migration_free);
  set->warnings = g_ptr_array_new_with_free_func (g_free);
  set->positions = g_hash_table_new (g_str_hash, g_str_equal);
  return set;
}

void
migration_set_free (MigrationSet *set)
{
  if (set == NULL)
    return;
  g_hash_table_unref (set->positions);
  g_ptr_array_unref (set->migrations);
  g_ptr_array_unref (set->warnings);
  g_free (set->folder);
  g_free (set);
}

static guint
position_of (const MigrationSet *set, const char *version)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (set->positions, version));
}

const Migration *
migration_set_find (const MigrationSet *set, const char *version)
{
  guint position = position_of (set, version);
  return position > 0 ? set->migrations->pdata[position - 1] : NULL;
}

int
migration_set_compare_versions (const MigrationSet *set, const char *a, const char *b)
{
  guint at_a = position_of (set, a), at_b = position_of (set, b);
  int order;
  if (at_a > 0 && at_b > 0)
    order = at_a < at_b ? -1 : at_a > at_b;
  else
    order = set->compare != NULL ? set->compare (a, b) : strcmp (a, b);
  return order < 0 ? -1 : order > 0;
}
