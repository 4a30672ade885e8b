/* From files to sets: which tables they are of, what their columns mean, by what their rows are known. */
#include "base/fs.h"
#include "project/check.h"
#include "seed/internal.h"

#include <string.h>

static void
source_free (SeedSource *source)
{
  g_free (source->text);
  g_free (source);
}

static void
group_free (SeedGroup *group)
{
  g_free (group->name);
  g_array_unref (group->columns);
  g_free (group);
}

static void
input_free (SeedInput *input)
{
  g_free (input->path);
  g_free (input->stage_column);
  g_free (input);
}

void
seed_set_free (SeedSet *set)
{
  g_ptr_array_unref (set->sources);
  g_ptr_array_unref (set->groups);
  g_ptr_array_unref (set->inputs);
  g_ptr_array_unref (set->references);
  g_ptr_array_unref (set->broken);
  g_ptr_array_unref (set->deferred);
  g_array_unref (set->key);
  g_array_unref (set->carried);
  g_array_unref (set->copied);
  g_free (set->stage);
  g_free (set);
}

static SeedSet *
set_new (SeedTable *table, guint number)
{
  SeedSet *set = g_new0 (SeedSet, 1);
  set->table = table;
  set->sources = g_ptr_array_new_with_free_func ((GDestroyNotify) source_free);
  set->groups = g_ptr_array_new_with_free_func ((GDestroyNotify) group_free);
  set->inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) input_free);
  set->references = g_ptr_array_new_with_free_func ((GDestroyNotify) seed_reference_free);
  set->broken = g_ptr_array_new ();
  set->deferred = g_ptr_array_new ();
  set->key = g_array_new (FALSE, FALSE, sizeof (int));
  set->carried = g_array_new (FALSE, FALSE, sizeof (int));
  set->copied = g_array_new (FALSE, FALSE, sizeof (int));
  set->stage = g_strdup_printf ("pg_temp.pgkeel_seed_%u", number);
  return set;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* References of several columns may share one. */
static void
add_number (GArray *numbers, int number)
{
  for (guint i = 0; i < numbers->len; i++)
    if (g_array_index (numbers, int, i) == number)
      return;
  g_array_append_val (numbers, number);
}

static bool
refuse_key_column (const SeedRun *run, const SeedKey *key, guint number, const SeedTable *table,
                   GError **error)
{
  const Node *node
      = key->node->kind == NODE_SEQUENCE ? key->node->children->pdata[number] : key->node;
  return check_refuse (run->config->file, node, NULL, error,
                       "table %s has no column “%s”, and no reference", table->shown,
                       key->columns[number]);
}

/* Holds `keys:` against the catalogue. */
static bool
read_keys (SeedRun *run, GError **error)
{
  for (guint i = 0; i < run->config->keys->len; i++)
    {
      const SeedKey *key = run->config->keys->pdata[i];
      const Node at_key = { .line = key->node->key_line, .column = key->node->key_column };
      SeedTable *table;
      if (!seed_tables_find_written (run->tables, key->table, &table, error))
        return false;
      if (table == NULL)
        {
          g_autofree char *hint = seed_tables_nearest (run->tables, key->table);
          return check_refuse (run->config->file, &at_key, hint, error, "there is no table “%s”",
                               key->table);
        }
      GArray *columns = g_array_new (FALSE, FALSE, sizeof (int));
      if (!g_hash_table_insert (run->keys, GUINT_TO_POINTER (table->oid), columns))
        return check_refuse (run->config->file, &at_key, "Remove one of the two.", error,
                             "table %s is there twice", table->shown);
      for (guint j = 0; key->columns[j] != NULL; j++)
        {
          g_autoptr (GArray) own = seed_names_columns (table, key->columns[j]);
          if (own == NULL)
            return refuse_key_column (run, key, j, table, error);
          for (guint k = 0; k < own->len; k++)
            add_number (columns, g_array_index (own, int, k));
        }
    }
  return true;
}

const GArray *
seed_natural_key (const SeedRun *run, const SeedTable *table)
{
  const GArray *key = g_hash_table_lookup (run->keys, GUINT_TO_POINTER (table->oid));
  return key != NULL ? key : table->primary;
}

/* --- what is essential ---------------------------------------------------------------------------- */

bool
seed_is_essential (const SeedRun *run, const SeedTable *table, const char *base)
{
  if (!run->spec.minimal)
    return true;
  for (guint i = 0; i < run->config->essential->len; i++)
    {
      const SeedName *name = run->config->essential->pdata[i];
      g_autofree char *full
          = table != NULL ? g_strdup_printf ("%s.%s", table->schema, table->name) : NULL;
      if ((base != NULL && strcmp (name->name, base) == 0)
          || (table != NULL
              && (strcmp (name->name, table->shown) == 0 || strcmp (name->name, full) == 0)))
        return true;
    }
  return false;
}

static bool
names_file (const SeedRun *run, const char *name)
{
  for (guint i = 0; i < run->files->len; i++)
    if (strcmp (((SeedFile *) run->files->pdata[i])->base, name) == 0)
      return true;
  return false;
}

/* A misspelt name must not be what a minimal set lacks. */
static bool
check_names (SeedRun *run, const GPtrArray *names, bool may_be_file, GError **error)
{
  for (guint i = 0; i < names->len; i++)
    {
      const SeedName *name = names->pdata[i];
      SeedTable *table;
      if (may_be_file && names_file (run, name->name))
        continue;
      if (!seed_tables_find_written (run->tables, name->name, &table, error))
        return false;
      if (table != NULL)
        continue;
      g_autofree char *hint = seed_tables_nearest (run->tables, name->name);
      return check_refuse (run->config->file, name->node, hint, error,
                           may_be_file ? "there is no table and no SQL file “%s”"
                                       : "there is no table “%s”",
                           name->name);
    }
  return true;
}

/* --- files ----------------------------------------------------------------------------------- */

static bool
refuse_table (SeedRun *run, const SeedFile *file, GError **error)
{
  g_autofree char *name = file->schema != NULL
                              ? g_strdup_printf ("%s.%s", file->schema, file->table)
                              : g_strdup (file->table);
  g_autofree char *nearest = seed_tables_nearest (run->tables, name);
  g_autofree char *hint
      = g_strdup_printf ("%s%sIs a migration pending? See “pgkeel migrate status”.",
                         nearest != NULL ? nearest : "", nearest != NULL ? " " : "");
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: there is no table “%s”", file->shown,
                     name);
}

static bool
add_source (SeedRun *run, SeedSet *set, const SeedFile *file, GError **error)
{
  SeedSource *source = g_new0 (SeedSource, 1);
  source->file = file;
  g_ptr_array_add (set->sources, source);
  set->number = MIN (set->number, file->number);
  (void) run;
  return fs_read_text (file->path, SEED_FILE_MAX_BYTES, &source->text, &source->length, error);
}

static bool
add_file (SeedRun *run, SeedFile *file, GError **error)
{
  SeedTable *table;
  if (!seed_tables_find (run->tables, file->schema, file->table, &table, error))
    return false;
  if (file->kind == SEED_FILE_SQL)
    {
      if (seed_is_essential (run, table, file->base))
        g_ptr_array_add (run->scripts, file);
      return true;
    }
  if (table == NULL)
    return refuse_table (run, file, error);
  if (!seed_is_essential (run, table, NULL))
    return true;
  SeedSet *set = g_hash_table_lookup (run->by_oid, GUINT_TO_POINTER (table->oid));
  if (set == NULL)
    {
      set = set_new (table, run->sets->len + 1);
      set->number = UINT64_MAX;
      g_ptr_array_add (run->sets, set);
      g_hash_table_insert (run->by_oid, GUINT_TO_POINTER (table->oid), set);
    }
  return add_source (run, set, file, error);
}

/* --- names and keys of a set ----------------------------------------------------------------------- */

typedef struct
{
  GPtrArray *paths;
  GHashTable *seen;
  GPtrArray
      *nulls; /* that have been NULL only: whether parts of a reference follow is not known yet */
} Paths;

static bool
add_path (const char *path, const SeedValue *value, void *data, GError **error)
{
  (void) error;
  Paths *paths = data;
  if (g_hash_table_contains (paths->seen, path))
    return true;
  if (value != NULL && value->kind == SEED_VALUE_NULL)
    {
      if (!g_ptr_array_find_with_equal_func (paths->nulls, path, g_str_equal, NULL))
        g_ptr_array_add (paths->nulls, g_strdup (path));
      return true;
    }
  char *copy = g_strdup (path);
  g_ptr_array_add (paths->paths, copy);
  g_hash_table_add (paths->seen, copy);
  return true;
}

/* Counts SOURCE's rows; all of it is read here, so that what is wrong with its form is said first. */
static bool
read_source (SeedSet *set, SeedSource *source, Paths *paths, GError **error)
{
  g_autoptr (SeedReader) reader = NULL;
  SeedRow row;
  bool has_row;
  if (!seed_source_reader (source, &reader, error))
    return false;
  source->first_row = set->row_count + 1;
  const GPtrArray *names = seed_reader_names (reader);
  for (guint i = 0; source->file->kind == SEED_FILE_CSV && i < names->len; i++)
    if (!add_path (names->pdata[i], NULL, paths, error))
      return false;
  for (;;)
    {
      if (!seed_reader_next (reader, &row, &has_row, error))
        return false;
      if (!has_row)
        break;
      if (source->file->kind == SEED_FILE_JSON
          && !seed_each_path (reader, set->table, &row, add_path, paths, error))
        return false;
      source->row_count++;
    }
  set->row_count += source->row_count;
  return true;
}

static bool
refuse_no_key (const SeedSet *set, const SeedColumn *missing, bool is_written, GError **error)
{
  const SeedSource *source = set->sources->pdata[0];
  g_autofree char *hint
      = is_written
            ? NULL
            : g_strdup_printf (
                "Write by which columns a row is known below keys: in seeds.yaml, as in %s: name.",
                set->table->shown);
  if (missing == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:1:1: table %s has no primary key",
                       source->file->shown, set->table->shown);
  return keel_error (error, KEEL_ERROR_CONFIG, hint,
                     "%s:1:1: column “%s” is missing, by which rows of %s are known",
                     source->file->shown, missing->name, set->table->shown);
}

static bool
settle_key (SeedRun *run, SeedSet *set, GError **error)
{
  const GArray *key = seed_natural_key (run, set->table);
  bool is_written = g_hash_table_contains (run->keys, GUINT_TO_POINTER (set->table->oid));
  g_array_append_vals (set->key, key->data, key->len);
  if (key->len == 0)
    return refuse_no_key (set, NULL, is_written, error);
  for (guint i = 0; i < key->len; i++)
    {
      int number = g_array_index (key, int, i);
      if (seed_path_of_column (set, number) == NULL)
        return refuse_no_key (set, seed_table_column (set->table, number), is_written, error);
    }
  return true;
}

static bool
has_parts (const GPtrArray *paths, const char *name)
{
  size_t length = strlen (name);
  for (guint i = 0; i < paths->len; i++)
    if (g_str_has_prefix (paths->pdata[i], name) && ((char *) paths->pdata[i])[length] == '.')
      return true;
  return false;
}

static bool
settle_set (SeedRun *run, SeedSet *set, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) nulls = g_ptr_array_new_with_free_func (g_free);
  Paths paths = { names, seen, nulls };
  bool has_common = false, has_own = false;
  for (guint i = 0; i < set->sources->len; i++)
    {
      SeedSource *source = set->sources->pdata[i];
      if (!read_source (set, source, &paths, error))
        return false;
      has_common |= source->file->is_common;
      has_own |= !source->file->is_common;
    }
  set->has_layers = has_common && has_own;
  for (guint i = 0; i < nulls->len; i++)
    if (strchr (nulls->pdata[i], '.') == NULL && !has_parts (names, nulls->pdata[i])
        && !add_path (nulls->pdata[i], NULL, &paths, error))
      return false;
  /* An empty list says nothing of columns, and needs no key. */
  if (set->row_count == 0 && names->len == 0)
    return true;
  return seed_names_settle (run, set, names, error) && settle_key (run, set, error);
}

/* Others refer to columns of the set that no file says: ids. The stage must have them. */
static void
carry_targets (SeedRun *run)
{
  for (guint i = 0; i < run->sets->len; i++)
    {
      const SeedSet *set = run->sets->pdata[i];
      for (guint j = 0; j < set->references->len; j++)
        {
          const SeedReference *reference = set->references->pdata[j];
          SeedSet *target
              = g_hash_table_lookup (run->by_oid, GUINT_TO_POINTER (reference->target->oid));
          for (guint k = 0; target != NULL && k < reference->key->targets->len; k++)
            {
              add_number (target->carried, g_array_index (reference->key->targets, int, k));
            }
        }
    }
}

bool
seed_sets_make (SeedRun *run, GError **error)
{
  if (!read_keys (run, error) || !check_names (run, run->config->essential, true, error)
      || !check_names (run, run->config->clean, false, error))
    return false;
  for (guint i = 0; i < run->files->len; i++)
    if (!add_file (run, run->files->pdata[i], error))
      return false;
  for (guint i = 0; i < run->sets->len; i++)
    if (!settle_set (run, run->sets->pdata[i], error))
      return false;
  carry_targets (run);
  return true;
}
