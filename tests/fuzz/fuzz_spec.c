/*
 * Any bytes as the body of a request, and as the filters of a prune: what is read once reads as itself again.
 */
#include "base/text.h"
#include "guard/spec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_filters (const json_t *filters)
{
  const char *key;
  json_t *values, *value;
  size_t i;
  json_object_foreach ((json_t *) filters, key, values)
    {
      g_assert (json_is_array (values));
      json_array_foreach (values, i, value)
        g_assert (json_is_string (value));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) spec = NULL, again = NULL;
  g_autofree char *text = g_strndup (size > 0 ? (const char *) data : "", size);
  g_autoptr (json_t) filters = guard_filters_read (text);
  if (filters != NULL)
    check_filters (filters);
  if (!guard_spec_read ((const char *) data, size, &spec, &error))
    {
      g_assert (error != NULL && spec == NULL);
      return 0;
    }
  g_assert (json_is_object (spec));
  char *dumped = json_dumps (spec, JSON_COMPACT);
  g_assert (dumped != NULL);
  bool is_read = guard_spec_read (dumped, strlen (dumped), &again, NULL);
  g_assert (is_read && json_equal (spec, again));
  free (dumped);
  return 0;
}
