/* The order in which tables are loaded: what is referred to comes first. */
#include "seed/internal.h"

#include <string.h>

static SeedSet *
target_of (const SeedRun *run, const SeedForeignKey *key)
{
  return g_hash_table_lookup (run->by_oid, GUINT_TO_POINTER (key->target_oid));
}

static int
compare_sets (const SeedSet *a, const SeedSet *b)
{
  if (a->number != b->number)
    return a->number < b->number ? -1 : 1;
  return strcmp (a->table->shown, b->table->shown);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  return compare_sets (*(SeedSet *const *) a, *(SeedSet *const *) b);
}

/* reach[i * n + j]: set i refers to set j, over however many others. */
static bool *
find_reach (SeedRun *run)
{
  guint n = run->sets->len;
  bool *reach = g_new0 (bool, (gsize) n *n + 1);
  for (guint i = 0; i < n; i++)
    {
      SeedSet *set = run->sets->pdata[i];
      for (guint j = 0; j < set->table->keys->len; j++)
        {
          const SeedSet *target = target_of (run, set->table->keys->pdata[j]);
          guint index;
          set->is_self |= target == set;
          if (target != NULL && g_ptr_array_find (run->sets, target, &index))
            reach[i * n + index] = true;
        }
    }
  for (guint k = 0; k < n; k++)
    for (guint i = 0; i < n; i++)
      for (guint j = 0; reach[i * n + k] && j < n; j++)
        reach[i * n + j] |= reach[k * n + j];
  return reach;
}

/* --- circles --------------------------------------------------------------------------------- */

bool
seed_can_be_null (const SeedSet *set, int number)
{
  for (guint i = 0; i < set->key->len; i++)
    if (g_array_index (set->key, int, i) == number)
      return false;
  return !seed_table_column (set->table, number)->is_not_null;
}

/* Rows can be inserted before those that they refer to by KEY. */
static bool
is_breakable (const SeedSet *set, const SeedForeignKey *key)
{
  bool can_be_null = false;
  for (guint i = 0; i < key->columns->len; i++)
    can_be_null |= seed_can_be_null (set, g_array_index (key->columns, int, i));
  return key->is_deferrable || can_be_null;
}

/* How many keys of SET lead to others of LEFT; *RET_HARD: of them, those that no way leads around. */
static guint
count_edges (SeedRun *run, const SeedSet *set, const GPtrArray *left, guint *ret_hard)
{
  guint count = 0;
  *ret_hard = 0;
  for (guint i = 0; i < set->table->keys->len; i++)
    {
      const SeedForeignKey *key = set->table->keys->pdata[i];
      SeedSet *target = target_of (run, key);
      if (target == NULL || target == set || !g_ptr_array_find ((GPtrArray *) left, target, NULL))
        continue;
      count++;
      *ret_hard += !is_breakable (set, key);
    }
  return count;
}

static bool
refuse_circle (const GPtrArray *left, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; i < left->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "",
                            ((SeedSet *) left->pdata[i])->table->shown);
  return keel_error (error, KEEL_ERROR_CONFIG,
                     "Make one of their foreign keys DEFERRABLE, or let its column be NULL.",
                     "the tables %s refer to each other in a circle that no row can begin",
                     names->str);
}

static void
break_edges (SeedRun *run, SeedSet *set, const GPtrArray *left)
{
  for (guint i = 0; i < set->table->keys->len; i++)
    {
      SeedForeignKey *key = set->table->keys->pdata[i];
      SeedSet *target = target_of (run, key);
      if (target != NULL && target != set && g_ptr_array_find ((GPtrArray *) left, target, NULL))
        g_ptr_array_add (key->is_deferrable ? set->deferred : set->broken, key);
    }
}

/* Moves the sets of LEFT, which refer to each other in a circle or are a single one, to ORDERED. */
static bool
order_component (SeedRun *run, GPtrArray *left, GPtrArray *ordered, GError **error)
{
  g_ptr_array_sort (left, compare_entries);
  while (left->len > 0)
    {
      SeedSet *best = NULL;
      guint fewest = G_MAXUINT;
      for (guint i = 0; i < left->len; i++)
        {
          guint hard, count = count_edges (run, left->pdata[i], left, &hard);
          if (hard > 0 || count >= fewest)
            continue;
          best = left->pdata[i];
          fewest = count;
        }
      if (best == NULL)
        return refuse_circle (left, error);
      g_ptr_array_remove (left, best);
      break_edges (run, best, left);
      g_ptr_array_add (ordered, best);
    }
  return true;
}

/* --- components ------------------------------------------------------------------------------- */

/* The sets that can come next: one that refers to no set left but its own circle's, the lowest number first.
 * Takes them from LEFT (of SeedSet). */
static GPtrArray *
next_component (SeedRun *run, GPtrArray *left, const GPtrArray *all, const bool *reach)
{
  guint n = all->len;
  GPtrArray *component = g_ptr_array_new ();
  SeedSet *best = NULL;
  guint best_index = 0;
  (void) run;
  for (guint i = 0; i < n; i++)
    {
      SeedSet *set = all->pdata[i];
      bool is_free = g_ptr_array_find (left, set, NULL);
      for (guint j = 0; is_free && j < n; j++)
        if (j != i && reach[i * n + j] && !reach[j * n + i]
            && g_ptr_array_find (left, all->pdata[j], NULL))
          is_free = false;
      if (is_free && (best == NULL || compare_sets (set, best) < 0))
        {
          best = set;
          best_index = i;
        }
    }
  for (guint j = 0; j < n; j++)
    if (j == best_index || (reach[best_index * n + j] && reach[j * n + best_index]))
      {
        g_ptr_array_add (component, all->pdata[j]);
        g_ptr_array_remove (left, all->pdata[j]);
      }
  return component;
}

bool
seed_order (SeedRun *run, GError **error)
{
  g_autofree bool *reach = find_reach (run);
  g_autoptr (GPtrArray) left = g_ptr_array_copy (run->sets, NULL, NULL);
  g_autoptr (GPtrArray) all = g_ptr_array_copy (run->sets, NULL, NULL);
  g_autoptr (GPtrArray) ordered = g_ptr_array_new ();
  g_ptr_array_set_free_func (left, NULL);
  g_ptr_array_set_free_func (all, NULL);
  for (guint number = 0; left->len > 0; number++)
    {
      g_autoptr (GPtrArray) component = next_component (run, left, all, reach);
      for (guint i = 0; i < component->len; i++)
        ((SeedSet *) component->pdata[i])->component = number;
      if (!order_component (run, component, ordered, error))
        return false;
    }
  if (ordered->len > 0)
    memcpy (run->sets->pdata, ordered->pdata, ordered->len * sizeof (gpointer));
  return true;
}
