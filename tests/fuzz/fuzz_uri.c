/*
 * Any bytes as the target of a request: what is read of it is a clean path, the same when it is read again,
 * and its query is taken apart without a byte too much.
 */
#include "guard/uri.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_path (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_assert (*path == '/');
  for (char **part = parts; *part != NULL; part++)
    g_assert (strcmp (*part, "..") != 0 && strcmp (*part, ".") != 0);
  g_assert (strstr (path, "//") == NULL);
  g_assert (path[1] == '\0' || !g_str_has_suffix (path, "/"));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup (size > 0 ? (const char *) data : "", size);
  g_auto (GuardUri) uri = { 0 };
  g_autoptr (GPtrArray) values = guard_query_values (text, "force");
  for (guint i = 0; i < values->len; i++)
    g_assert (strlen (values->pdata[i]) <= size);
  (void) guard_query_is_true (text, "v");
  if (!guard_uri_read (text, &uri))
    return 0;
  check_path (uri.path);
  g_assert (uri.query != NULL && uri.major >= 0 && uri.minor >= 0);
  (void) guard_uri_is_below (&uri, 1, 42);
  g_autoptr (GPtrArray) filters = guard_query_values (uri.query, "filters");
  return 0;
}
