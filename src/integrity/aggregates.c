#include "integrity/aggregates.h"

void
integrity_aggregate_free (IntegrityAggregate *aggregate)
{
  if (aggregate == NULL)
    return;
  g_free (aggregate->name);
  g_free (aggregate->parent);
  g_free (aggregate->column);
  g_free (aggregate->child);
  g_free (aggregate->child_key);
  g_free (aggregate->parent_key);
  g_free (aggregate->expression);
  g_free (aggregate->filter);
  g_free (aggregate);
}
