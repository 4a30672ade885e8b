/*
 * Any bytes as compose files: up to four, with a NUL between them, in the roles that are merged. Every finding
 * has a rule, a place in its file and a message that is UTF-8, and SARIF can be made of it.
 */
#include "scan_check.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const paths[]
      = { "compose.yml", "compose.override.yml", "compose.prod.yml", "a/compose.dev.yml" };
  g_autofree char *text = g_malloc (size + 1);
  ScanInput inputs[G_N_ELEMENTS (paths)];
  size_t count = 0, at = 0;
  if (size > 0)
    memcpy (text, data, size);
  text[size] = '\0';
  for (; count < G_N_ELEMENTS (paths) && at <= size; count++)
    {
      size_t length = strlen (text + at);
      inputs[count] = (ScanInput){ paths[count], text + at, length };
      at += length + 1;
    }
  scan_check (inputs, count);
  return 0;
}
