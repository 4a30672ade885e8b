/* What the names of columns in files mean: columns, and references by foreign keys. */
#include "project/nearest.h"
#include "seed/internal.h"

#include <string.h>

#define DEPTH_MAX 8

void
seed_reference_free (SeedReference *reference)
{
  g_free (reference->path);
  g_ptr_array_unref (reference->parts);
  g_ptr_array_unref (reference->outputs);
  g_ptr_array_unref (reference->inputs);
  g_free (reference);
}

static void
part_free (SeedPart *part)
{
  g_free (part->stage_column);
  g_free (part);
}

static bool
has_number (const GArray *numbers, int number)
{
  for (guint i = 0; numbers != NULL && i < numbers->len; i++)
    if (g_array_index (numbers, int, i) == number)
      return true;
  return false;
}

static void
add_number (GArray *numbers, int number)
{
  if (!has_number (numbers, number))
    g_array_append_val (numbers, number);
}

/* --- which foreign key a name means --------------------------------------------------------------- */

typedef enum
{
  BY_COLUMN,     /* the only column's name */
  BY_SHORT,      /* the same without _id */
  BY_CONSTRAINT, /* the constraint's name */
  BY_ONE_OF,     /* one of several columns, without _id */
  BY_NOTHING,
} NamedBy;

static bool
is_short_for (const char *name, const char *column)
{
  size_t length = strlen (name);
  return strncmp (name, column, length) == 0
         && (strcmp (column + length, "_id") == 0 || strcmp (column + length, "Id") == 0);
}

static NamedBy
named_by (const SeedTable *table, const SeedForeignKey *key, const char *name)
{
  NamedBy by = strcmp (key->name, name) == 0 ? BY_CONSTRAINT : BY_NOTHING;
  for (guint i = 0; i < key->columns->len; i++)
    {
      const char *column = seed_table_column (table, g_array_index (key->columns, int, i))->name;
      bool is_only = key->columns->len == 1;
      if (is_only && strcmp (column, name) == 0)
        return BY_COLUMN;
      if (is_short_for (name, column))
        by = MIN (by, is_only ? BY_SHORT : BY_ONE_OF);
    }
  return by;
}

static bool
same_key (const SeedForeignKey *a, const SeedForeignKey *b)
{
  gsize size = a->columns->len * sizeof (int);
  return a->target_oid == b->target_oid && a->columns->len == b->columns->len
         && memcmp (a->columns->data, b->columns->data, size) == 0
         && memcmp (a->targets->data, b->targets->data, size) == 0;
}

/* NULL: no key has that name; *RET_OTHER then stays NULL, too. */
static const SeedForeignKey *
find_key (const SeedTable *table, const char *name, const SeedForeignKey **ret_other)
{
  const SeedForeignKey *best = NULL;
  NamedBy best_by = BY_NOTHING;
  *ret_other = NULL;
  for (guint i = 0; i < table->keys->len; i++)
    {
      const SeedForeignKey *key = table->keys->pdata[i];
      NamedBy by = named_by (table, key, name);
      if (by == BY_NOTHING || by > best_by)
        continue;
      if (by < best_by)
        *ret_other = NULL;
      else if (!same_key (best, key))
        *ret_other = key;
      if (by < best_by)
        best = key;
      best_by = by;
    }
  return best;
}

/* A column that no foreign key has alone holds a value, whatever keys of several columns it is in. */
static const SeedColumn *
plain_column (const SeedTable *table, const char *name)
{
  const SeedColumn *column = seed_table_column_called (table, name);
  const SeedForeignKey *other, *key = find_key (table, name, &other);
  bool is_key = key != NULL && key->columns->len == 1 && column != NULL
                && g_array_index (key->columns, int, 0) == column->number;
  return is_key ? NULL : column;
}

GArray *
seed_names_columns (const SeedTable *table, const char *name)
{
  const SeedColumn *column = seed_table_column_called (table, name);
  const SeedForeignKey *other;
  const SeedForeignKey *key = column == NULL ? find_key (table, name, &other) : NULL;
  GArray *columns = g_array_new (FALSE, FALSE, sizeof (int));
  if (column != NULL)
    g_array_append_val (columns, column->number);
  else if (key != NULL)
    g_array_append_vals (columns, key->columns->data, key->columns->len);
  if (columns->len > 0)
    return columns;
  g_array_unref (columns);
  return NULL;
}

/* --- messages -------------------------------------------------------------------------------- */

/* The place where the name PATH is first written in SET's files. */
static bool G_GNUC_PRINTF (5, 6)
    refuse_name (const SeedSet *set, const char *path, const char *hint, GError **error,
                 const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = seed_one_line (format, args);
  va_end (args);
  for (guint i = 0; i < set->sources->len; i++)
    {
      const SeedSource *source = set->sources->pdata[i];
      size_t offset;
      if (seed_source_name_offset (source, path, &offset))
        return seed_refuse_at (source->file->shown, source->text, offset, hint, error, "%s",
                               message);
    }
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s: %s", set->table->shown, message);
}

static bool
refuse_unknown (const SeedSet *set, const SeedTable *table, const char *path, const char *name,
                GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const SeedColumn *column = table->columns->pdata[i];
      g_ptr_array_add (names, g_strdup (column->name));
      if (g_str_has_suffix (column->name, "_id"))
        g_ptr_array_add (names, g_strndup (column->name, strlen (column->name) - 3));
    }
  g_autofree char *hint
      = nearest_hint (name, "columns", (const char *const *) names->pdata, names->len);
  return refuse_name (set, path, hint, error, "table %s has no column “%s”, and no reference",
                      table->shown, name);
}

/* --- references ------------------------------------------------------------------------------ */

/* What settling a set carries along. */
typedef struct
{
  SeedRun *run;
  SeedSet *set;
  const GPtrArray *paths; /* of char * */
} Settle;

/* The paths below PREFIX; an element is NULL for PREFIX itself. */
static GPtrArray *
paths_below (const GPtrArray *paths, const char *prefix)
{
  GPtrArray *below = g_ptr_array_new ();
  size_t length = strlen (prefix);
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = paths->pdata[i];
      if (strncmp (path, prefix, length) == 0 && (path[length] == '\0' || path[length] == '.'))
        g_ptr_array_add (below, path[length] == '.' ? (gpointer) (path + length + 1) : NULL);
    }
  return below;
}

static char *
first_word (const char *path)
{
  return g_strndup (path, strcspn (path, "."));
}

static SeedPart *
add_part (SeedReference *reference, int column, const char *stage_column, bool is_shared)
{
  SeedPart *part = g_new0 (SeedPart, 1);
  part->column = column;
  part->stage_column = g_strdup (stage_column);
  part->is_shared = is_shared;
  g_ptr_array_add (reference->parts, part);
  return part;
}

/* An input that files fill, of the type of COLUMN; its name is owned by the set. */
static const char *
add_input (SeedSet *set, const char *path, const SeedColumn *column, char *stage_column)
{
  SeedInput *input = g_new0 (SeedInput, 1);
  input->path = g_strdup (path);
  input->column = column;
  input->group = set->groups->len;
  input->stage_column = stage_column;
  g_ptr_array_add (set->inputs, input);
  return input->stage_column;
}

/* Whether a path other than NAME says COLUMN of the set's table. */
static bool
is_said_elsewhere (const Settle *settle, const char *name, int column)
{
  for (guint i = 0; i < settle->paths->len; i++)
    {
      g_autofree char *word = first_word (settle->paths->pdata[i]);
      g_autoptr (GArray) columns
          = strcmp (word, name) != 0 ? seed_names_columns (settle->set->table, word) : NULL;
      if (columns != NULL && columns->len == 1 && has_number (columns, column))
        return true;
    }
  return false;
}

static bool build_reference (const Settle *settle, SeedTable *table, const char *name,
                             const char *path, int depth, SeedReference **ret_reference,
                             GError **error);

/* The part COLUMN of REFERENCE, whose value PATH has, or what is below it. */
static bool
add_looked_up (const Settle *settle, SeedReference *reference, const char *path,
               const char *column_name, int depth, GError **error)
{
  SeedSet *set = settle->set;
  SeedTable *target = reference->target;
  const SeedColumn *column = plain_column (target, column_name);
  if (column != NULL)
    {
      char *stage_column = g_strdup_printf ("c%u", set->inputs->len);
      const char *input = add_input (set, path, column, stage_column);
      add_part (reference, column->number, input, false);
      g_ptr_array_add (reference->inputs, g_strdup (input));
      return true;
    }
  SeedReference *nested = NULL;
  if (!build_reference (settle, target, column_name, path, depth + 1, &nested, error))
    return false;
  for (guint i = 0; i < nested->key->columns->len; i++)
    add_part (reference, g_array_index (nested->key->columns, int, i), nested->outputs->pdata[i],
              false)
        ->within
        = nested;
  for (guint i = 0; i < nested->inputs->len; i++)
    g_ptr_array_add (reference->inputs, g_strdup (nested->inputs->pdata[i]));
  return true;
}

/* A value without parts: the natural key has one column that is not said elsewhere. */
static bool
add_natural (const Settle *settle, SeedReference *reference, const char *path, int depth,
             GError **error)
{
  SeedTable *target = reference->target;
  const GArray *natural = seed_natural_key (settle->run, target);
  int column = 0;
  guint count = 0;
  if (natural->len == 0)
    return refuse_name (settle->set, path, "Write its key below keys: in seeds.yaml.", error,
                        "“%s” refers to %s, which has no primary key", path, target->shown);
  for (guint i = 0; i < natural->len; i++)
    {
      int number = g_array_index (natural, int, i);
      bool is_shared = false;
      for (guint j = 0; depth == 0 && j < reference->key->targets->len; j++)
        is_shared
            |= g_array_index (reference->key->targets, int, j) == number
               && is_said_elsewhere (settle, path, g_array_index (reference->key->columns, int, j));
      count += !is_shared;
      column = is_shared ? column : number;
    }
  g_autoptr (GString) parts = g_string_new (NULL);
  for (guint i = 0; i < natural->len; i++)
    g_string_append_printf (parts, "%s%s.%s", i > 0 ? ", " : "", path,
                            seed_table_column (target, g_array_index (natural, int, i))->name);
  g_autofree char *hint = g_strdup_printf ("Write its parts: %s.", parts->str);
  if (count != 1)
    return refuse_name (settle->set, path, hint, error,
                        "“%s” refers to %s, whose key has %u columns", path, target->shown,
                        natural->len);
  return add_looked_up (settle, reference, path, seed_table_column (target, column)->name, depth,
                        error);
}

static bool
add_written_parts (const Settle *settle, SeedReference *reference, const char *path,
                   const GPtrArray *below, int depth, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < below->len; i++)
    {
      if (below->pdata[i] == NULL)
        return refuse_name (settle->set, path, NULL, error,
                            "“%s” is written both as a whole and in parts", path);
      char *word = first_word (below->pdata[i]);
      if (!g_hash_table_add (seen, word))
        continue;
      g_autofree char *whole = g_strdup_printf ("%s.%s", path, word);
      if (!add_looked_up (settle, reference, whole, word, depth, error))
        return false;
    }
  return true;
}

/* Where the values of the key's columns go. */
static void
add_outputs (const Settle *settle, SeedReference *reference, const char *path, int depth)
{
  SeedSet *set = settle->set;
  for (guint i = 0; i < reference->key->columns->len; i++)
    {
      int column = g_array_index (reference->key->columns, int, i);
      char *output = depth == 0 ? g_strdup_printf ("v%d", column)
                                : g_strdup_printf ("r%u_%u", set->references->len, i);
      g_ptr_array_add (reference->outputs, output);
      if (depth == 0 && reference->key->columns->len > 1
          && is_said_elsewhere (settle, path, column))
        add_part (reference, g_array_index (reference->key->targets, int, i), output, true);
    }
}

/* The reference of TABLE that NAME names, and that files write as PATH. It is added to the set's references, behind those
 * within it. */
static bool
build_reference (const Settle *settle, SeedTable *table, const char *name, const char *path,
                 int depth, SeedReference **ret_reference, GError **error)
{
  const SeedForeignKey *other, *key = find_key (table, name, &other);
  g_autoptr (GPtrArray) below = paths_below (settle->paths, path);
  if (key == NULL)
    return refuse_unknown (settle->set, table, path, name, error);
  if (other != NULL)
    return refuse_name (settle->set, path, "Name the foreign key by its constraint.", error,
                        "“%s” may mean the foreign keys %s and %s of %s", name, key->name,
                        other->name, table->shown);
  if (depth >= DEPTH_MAX)
    return refuse_name (settle->set, path, "Write the parts out, as in user.email.", error,
                        "“%s” refers on and on", path);
  SeedReference *reference = g_new0 (SeedReference, 1);
  reference->path = g_strdup (path);
  reference->key = key;
  reference->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) part_free);
  reference->outputs = g_ptr_array_new_with_free_func (g_free);
  reference->inputs = g_ptr_array_new_with_free_func (g_free);
  bool is_whole = below->len == 0 || (below->len == 1 && below->pdata[0] == NULL);
  bool done = seed_tables_by_oid (settle->run->tables, key->target_oid, &reference->target, error)
              && (is_whole ? add_natural (settle, reference, path, depth, error)
                           : add_written_parts (settle, reference, path, below, depth, error));
  add_outputs (settle, reference, path, depth);
  g_ptr_array_add (settle->set->references, reference);
  *ret_reference = reference;
  return done;
}

/* --- groups ---------------------------------------------------------------------------------- */

static SeedGroup *
group_new (const char *name)
{
  SeedGroup *group = g_new0 (SeedGroup, 1);
  group->name = g_strdup (name);
  group->columns = g_array_new (FALSE, FALSE, sizeof (int));
  return group;
}

static bool
add_group_columns (const Settle *settle, SeedGroup *group, const char *path, GError **error)
{
  SeedSet *set = settle->set;
  const SeedReference *reference = group->reference;
  for (guint i = 0; reference != NULL && i < reference->key->columns->len; i++)
    {
      int column = g_array_index (reference->key->columns, int, i);
      if (reference->key->columns->len == 1 || !is_said_elsewhere (settle, path, column))
        add_number (group->columns, column);
    }
  for (guint i = 0; i < group->columns->len; i++)
    {
      int number = g_array_index (group->columns, int, i);
      const SeedColumn *column = seed_table_column (set->table, number);
      if (column->is_generated)
        return refuse_name (set, path, "Leave it out: the server computes it.", error,
                            "column %s of %s is a generated one", column->name, set->table->shown);
      if (has_number (set->copied, number))
        return refuse_name (set, path, "Remove one of the two.", error,
                            "column %s of %s is written twice, under two names", column->name,
                            set->table->shown);
      add_number (set->copied, number);
      add_number (set->carried, number);
    }
  return true;
}

static bool
add_group (const Settle *settle, const char *path, GError **error)
{
  SeedSet *set = settle->set;
  const SeedColumn *column = plain_column (set->table, path);
  g_autofree char *word = column != NULL ? g_strdup (path) : first_word (path);
  SeedGroup *group = group_new (word);
  bool done = true;
  if (column != NULL)
    {
      add_number (group->columns, column->number);
      add_input (set, path, column, g_strdup_printf ("v%d", column->number));
    }
  else if (strcmp (word, path) != 0 && plain_column (set->table, word) != NULL)
    done = refuse_name (set, path, NULL, error, "column %s of %s is not a foreign key", word,
                        set->table->shown);
  else
    done = build_reference (settle, set->table, word, word, 0, &group->reference, error);
  g_ptr_array_add (set->groups, group);
  return done && add_group_columns (settle, group, word, error);
}

bool
seed_names_settle (SeedRun *run, SeedSet *set, const GPtrArray *paths, GError **error)
{
  const Settle settle = { run, set, paths };
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = paths->pdata[i];
      char *word = plain_column (set->table, path) != NULL ? g_strdup (path) : first_word (path);
      if (g_hash_table_add (seen, word) && !add_group (&settle, path, error))
        return false;
    }
  return true;
}
