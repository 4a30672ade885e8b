/* Which table is generated when: parents before children. */
#include "project/check.h"
#include "seed/gen_plan.h"

static bool
needs_placed (const GenTable *table, const GPtrArray *placed)
{
  for (guint i = 0; i < table->links->len; i++)
    {
      const GenLink *link = table->links->pdata[i];
      if (link->parent != NULL && !link->is_self && !link->is_null
          && !g_ptr_array_find ((GPtrArray *) placed, link->parent, NULL))
        return false;
    }
  return true;
}

/* Of those that wait for each other, one key that may be empty stays empty. */
static bool
open_circle (const GenModel *model, const char *file, const GPtrArray *placed, Report *report,
             GError **error)
{
  const GenTable *stuck = NULL;
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      if (g_ptr_array_find ((GPtrArray *) placed, table, NULL))
        continue;
      stuck = table;
      for (guint j = 0; j < table->links->len; j++)
        {
          GenLink *link = table->links->pdata[j];
          if (link->parent == NULL || link->is_self || link->is_null || link == table->children_link
              || !gen_link_is_nullable (table, link)
              || g_ptr_array_find ((GPtrArray *) placed, link->parent, NULL))
            continue;
          link->is_null = true;
          g_autofree char *text
              = g_strdup_printf ("%s refers to itself in a circle: the key “%s” stays empty",
                                 table->label, link->name);
          report_warning (report, text, NULL);
          return true;
        }
    }
  return check_refuse (
      file, stuck->place,
      "Let one of their keys be NULL, or leave one of the tables out of generate:.", error,
      "%s and the tables it refers to need each other", stuck->label);
}

bool
gen_order_tables (GenModel *model, const char *file, Report *report, GError **error)
{
  g_autoptr (GPtrArray) placed = g_ptr_array_new ();
  while (placed->len < model->tables->len)
    {
      guint before = placed->len;
      for (guint i = 0; i < model->tables->len; i++)
        {
          GenTable *table = model->tables->pdata[i];
          if (!g_ptr_array_find (placed, table, NULL) && needs_placed (table, placed))
            g_ptr_array_add (placed, table);
        }
      if (placed->len == before && !open_circle (model, file, placed, report, error))
        return false;
    }
  for (guint i = 0; i < placed->len; i++)
    model->tables->pdata[i] = placed->pdata[i];
  return true;
}
