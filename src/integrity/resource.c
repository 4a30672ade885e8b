#include "integrity/resource.h"
#include "integrity-resources.h"

const char *
integrity_sql (const char *name)
{
  g_autofree char *path = g_strdup_printf ("/pgkeel/integrity/sql/%s", name);
  g_autoptr (GBytes) bytes = g_resource_lookup_data (integrity_get_resource (), path,
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_assert (bytes != NULL);
  /* Uncompressed resources live in the program's own data and end with a NUL. */
  return g_bytes_get_data (bytes, NULL);
}
