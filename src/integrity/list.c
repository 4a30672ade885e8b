#include "integrity/checks.h"
#include "integrity/run.h"

#include <string.h>

/* In the order of docs/integrity.md. */
static const Check *const lists[] = {
  checks_referential, checks_inferred,    checks_related, checks_keys,   checks_uniqueness,
  checks_sequences,   checks_constraints, checks_values,  checks_labels, checks_aggregates,
  checks_groups,      checks_physical,    checks_amcheck, checks_server, checks_performance,
  checks_statistics,  checks_schema,
};

static gpointer
collect (gpointer data)
{
  (void) data;
  GPtrArray *all = g_ptr_array_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const Check *check = lists[i]; check->id != NULL; check++)
      g_ptr_array_add (all, (void *) check);
  return all;
}

const GPtrArray *
integrity_checks (void)
{
  static GOnce once = G_ONCE_INIT;
  return g_once (&once, collect, NULL);
}

const Check *
integrity_check_find (const char *id)
{
  const GPtrArray *all = integrity_checks ();
  for (guint i = 0; i < all->len; i++)
    if (strcmp (((const Check *) all->pdata[i])->id, id) == 0)
      return all->pdata[i];
  return NULL;
}
