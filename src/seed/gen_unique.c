/* How unique keys are kept: by a sequence, a permutation of one column, or of a product of several. */
#include "base/text.h"
#include "project/check.h"
#include "seed/gen_plan.h"
#include "seed/gen_random.h"

#include <string.h>

/* What can be chosen by itself: a column, or all columns of a foreign key. */
typedef struct
{
  GenColumn *column; /* or */
  GenLink *link;
  uint64_t domain; /* 0: cannot be chosen */
} Unit;

#define MAX_UNITS 32

typedef struct
{
  GenModel *model;
  GenTable *table;
  const GenKey *key;
  const char *file;
  Unit units[MAX_UNITS];
  guint count;
  bool is_partial_link; /* a foreign key lies in the unique key with some of its columns only */
} Uniqueness;

static char *
key_names (const GenTable *table, const GenKey *key)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < key->count; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
                            gen_table_column (table, key->columns[i])->name);
  if (key->count == 1)
    return g_strdup (text->str);
  return g_strdup_printf ("(%s)", text->str);
}

static bool refuse (const Uniqueness *unique, const char *hint, GError **error, const char *format,
                    ...) G_GNUC_PRINTF (4, 5);
static bool
refuse (const Uniqueness *unique, const char *hint, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *names = key_names (unique->table, unique->key);
  const char *dot = unique->key->count == 1 ? "." : " ";
  if (unique->table->place != NULL)
    return check_refuse (unique->file, unique->table->place, hint, error, "%s%s%s unique: %s",
                         unique->table->label, dot, names, message);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s%s%s unique: %s", unique->table->label, dot,
                     names, message);
}

static bool
refuse_too_small (const Uniqueness *unique, uint64_t values, GError **error)
{
  const GenColumn *column = gen_table_column (unique->table, unique->key->columns[0]);
  g_autofree char *have = text_format_count (values);
  g_autofree char *want = text_format_count (unique->table->rows);
  g_autofree char *type
      = unique->key->count == 1 ? g_strdup_printf (" of %s", column->type->name) : g_strdup ("");
  return refuse (unique, "Ask for fewer rows, or give a column an expression with more values.",
                 error, "%s values%s, %s rows asked", have, type, want);
}

static bool
key_has (const GenKey *key, unsigned int column)
{
  for (guint i = 0; i < key->count; i++)
    if (key->columns[i] == column)
      return true;
  return false;
}

static bool
has_link_whole (const GenKey *key, const GenLink *link)
{
  for (guint i = 0; i < link->count; i++)
    if (!key_has (key, link->columns[i]))
      return false;
  return true;
}

static bool
has_unit_of (const Uniqueness *unique, const GenLink *link)
{
  for (guint i = 0; i < unique->count; i++)
    if (unique->units[i].link == link)
      return true;
  return false;
}

static bool
is_bound (const GenColumn *column)
{
  return column->unique != GEN_UNIQUE_NO || column->is_generated || column->node == NULL;
}

static void
collect_units (Uniqueness *unique)
{
  for (guint i = 0; i < unique->key->count && unique->count < MAX_UNITS; i++)
    {
      GenColumn *column = gen_table_column (unique->table, unique->key->columns[i]);
      GenLink *link = column->link;
      Unit *unit = &unique->units[unique->count];
      if (link == NULL)
        {
          *unit
              = (Unit){ .column = column, .domain = is_bound (column) ? 0 : column->node->domain };
          unique->count++;
          continue;
        }
      if (has_unit_of (unique, link))
        continue;
      bool is_whole = has_link_whole (unique->key, link);
      unique->is_partial_link |= !is_whole;
      bool is_free = (link->mode == GEN_LINK_UNIFORM || link->mode == GEN_LINK_CHILDREN)
                     && !link->is_self && !link->is_null;
      *unit = (Unit){ .link = link, .domain = is_whole && is_free ? link->parents : 0 };
      unique->count++;
    }
}

/* By what is decided already: another key, a sequence, a one-to-one foreign key, what is always NULL. */
static bool
is_kept (const Uniqueness *unique)
{
  for (guint i = 0; i < unique->count; i++)
    {
      const Unit *unit = &unique->units[i];
      const GenLink *link = unit->link;
      const GenColumn *column = unit->column;
      if (column != NULL
          && (column->is_generated || column->unique == GEN_UNIQUE_PERMUTE || column->is_left_out
              || (column->node != NULL
                  && (column->node->is_unique
                      || (column->node->is_constant && column->node->constant.kind == GEN_NULL)))))
        return true;
      if (link != NULL && has_link_whole (unique->key, link)
          && (link->mode == GEN_LINK_PERMUTE || link->is_null
              || (link->mode == GEN_LINK_CHILDREN && unique->table->children.most <= 1)))
        return true;
    }
  return false;
}

static void
permute_column (Uniqueness *unique, GenColumn *column)
{
  uint64_t count = column->node->domain;
  if (column->node->is_text)
    count = MIN (count, MAX (unique->table->rows, 1));
  gen_permute_init (&column->permute, count, gen_next (column->key));
  column->unique = GEN_UNIQUE_PERMUTE;
}

static void
permute_link (GenLink *link)
{
  gen_permute_init (&link->permute, link->parents, gen_next (link->key));
  link->mode = GEN_LINK_PERMUTE;
}

static bool
keep_alone (Uniqueness *unique, GError **error)
{
  Unit *unit = &unique->units[0];
  if (unit->domain == 0)
    return refuse (unique,
                   "Use an expression that can make unique values, such as sequence(1), uuid() or "
                   "email(), or let it be guessed.",
                   error, "nothing guarantees that its values differ");
  if (unit->domain < unique->table->rows)
    return refuse_too_small (unique, unit->domain, error);
  if (unit->column != NULL)
    permute_column (unique, unit->column);
  else if (unit->link->mode == GEN_LINK_CHILDREN)
    return refuse (unique, "Let it have one child per parent at most: children: 1, or 0..1.", error,
                   "a parent has up to %" G_GUINT64_FORMAT " children",
                   unique->table->children.most);
  else
    permute_link (unit->link);
  return true;
}

/* The members of a group divide an index among them: the product of the domains, where it is not beyond all bounds. */
static GenGroup *
make_group (Uniqueness *unique, const GenLink *but, uint64_t *ret_product)
{
  GenGroup *group = g_new0 (GenGroup, 1);
  uint64_t product = 1;
  group->domains = g_new0 (uint64_t, unique->count);
  for (guint i = 0; i < unique->count; i++)
    {
      const Unit *unit = &unique->units[i];
      if (unit->domain == 0 || (unit->link != NULL && unit->link == but))
        continue;
      uint64_t domain = unit->domain;
      if (unit->column != NULL && unit->column->node->is_text)
        domain = MIN (domain, MAX (unique->table->rows, 1));
      /* Numbers among one parent's children are the first ones: line 1, line 2, ... */
      else if (but != NULL && unit->column != NULL && unique->count == 2)
        domain = MIN (domain, MAX (unique->table->children.most, 1));
      domain = MIN (domain, GEN_PERMUTE_MAX / product);
      group->domains[group->count++] = domain;
      product *= domain;
    }
  *ret_product = product;
  return group;
}

static void
bind_group (Uniqueness *unique, GenGroup *group, const GenLink *but, uint64_t product)
{
  guint place = 0;
  for (guint i = 0; i < unique->count; i++)
    {
      Unit *unit = &unique->units[i];
      if (unit->domain == 0 || (unit->link != NULL && unit->link == but))
        continue;
      if (unit->column != NULL)
        {
          unit->column->unique = GEN_UNIQUE_GROUP;
          unit->column->group = group;
          unit->column->group_place = place++;
          continue;
        }
      unit->link->mode = GEN_LINK_GROUP;
      unit->link->group = group;
      unit->link->group_place = place++;
    }
  group->by_parent = but != NULL;
  group->key = gen_key (unique->model->seed, unique->table->schema, unique->table->name,
                        unique->key->name);
  gen_permute_init (&group->permute, product, gen_next (group->key));
  g_ptr_array_add (unique->table->groups, group);
}

/* Children of one parent differ among themselves. */
static bool
keep_by_parent (Uniqueness *unique, bool *ret_kept, GError **error)
{
  GenLink *link = unique->table->children_link;
  uint64_t product;
  *ret_kept = false;
  if (!unique->table->has_children || !has_unit_of (unique, link)
      || !has_link_whole (unique->key, link))
    return true;
  GenGroup *group = make_group (unique, link, &product);
  if (group->count > 0 && product >= unique->table->children.most)
    {
      bind_group (unique, group, link, product);
      *ret_kept = true;
      return true;
    }
  bool is_empty = group->count == 0;
  g_free (group->domains);
  g_free (group);
  g_autofree char *have = text_format_count (product);
  g_autofree char *want = text_format_count (unique->table->children.most);
  return is_empty
         || refuse (unique,
                    "Ask for fewer children, or give a column an expression with more values.",
                    error, "%s values for each parent, up to %s children asked", have, want);
}

/* A column that can do it alone, and looks as good: texts, uuids, times and other wide types. */
static GenColumn *
find_wide (const Uniqueness *unique, uint64_t least)
{
  for (guint i = 0; i < unique->count; i++)
    {
      const Unit *unit = &unique->units[i];
      if (unit->column != NULL && unit->domain >= MAX (least, unique->table->rows))
        return unit->column;
    }
  return NULL;
}

static bool
keep_together (Uniqueness *unique, GError **error)
{
  const uint64_t wide = UINT64_C (1) << 32;
  uint64_t product;
  bool is_kept_by_parent;
  if (!keep_by_parent (unique, &is_kept_by_parent, error) || is_kept_by_parent)
    return is_kept_by_parent;
  GenColumn *column = find_wide (unique, wide);
  if (column != NULL)
    {
      permute_column (unique, column);
      return true;
    }
  GenGroup *group = make_group (unique, NULL, &product);
  if (group->count > 0 && product >= unique->table->rows
      && !(unique->table->has_children && has_unit_of (unique, unique->table->children_link)))
    {
      bind_group (unique, group, NULL, product);
      return true;
    }
  g_free (group->domains);
  g_free (group);
  column = find_wide (unique, 1);
  if (column != NULL)
    {
      permute_column (unique, column);
      return true;
    }
  if (unique->is_partial_link)
    return refuse (unique,
                   "Give one of its columns an expression with as many values as there are rows.",
                   error, "a foreign key lies in it with some of its columns only");
  return refuse_too_small (unique, product, error);
}

bool
gen_plan_unique (GenModel *model, GenTable *table, const char *file, GError **error)
{
  /* Keys of one column first: they may keep the others. */
  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; i < table->keys->len; i++)
      {
        const GenKey *key = table->keys->pdata[i];
        Uniqueness unique = { .model = model, .table = table, .key = key, .file = file };
        collect_units (&unique);
        if ((unique.count == 1) != (pass == 0) || is_kept (&unique))
          continue;
        g_autoptr (GError) problem = NULL;
        if (unique.count == 1 ? keep_alone (&unique, &problem) : keep_together (&unique, &problem))
          continue;
        /* A key over some rows may hold all the same: the trial on the server says. */
        if (key->is_partial)
          continue;
        g_propagate_error (error, g_steal_pointer (&problem));
        return false;
      }
  return true;
}
