#include "db/resource.h"
#include "db-resources.h"

static gpointer
get_resource (gpointer unused)
{
  (void) unused;
  return db_get_resource ();
}

/* GLib registers resources when the first is asked for, and gives NULL to a second thread that asks meanwhile. */
const char *
db_sql (const char *name)
{
  static GOnce once = G_ONCE_INIT;
  GResource *resource = g_once (&once, get_resource, NULL);
  g_autofree char *path = g_strdup_printf ("/pgkeel/db/sql/%s", name);
  g_autoptr (GBytes) bytes
      = g_resource_lookup_data (resource, path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  g_assert (bytes != NULL);
  /* Uncompressed resources live in the program's own data and end with a NUL. */
  return g_bytes_get_data (bytes, NULL);
}
