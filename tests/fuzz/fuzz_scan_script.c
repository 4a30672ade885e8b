/*
 * Any bytes as a file with commands in it; the first byte says of which kind. Every finding has a rule, a place
 * in the file and a message that is UTF-8, and SARIF can be made of it.
 */
#include "scan_check.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const paths[]
      = { "a.sh",           "Makefile", "package.json", ".github/workflows/a.yml",
          ".gitlab-ci.yml", ".env",     "tool" };
  if (size == 0)
    return 0;
  g_autofree char *text = g_malloc (size);
  if (size > 1)
    memcpy (text, data + 1, size - 1);
  text[size - 1] = '\0';
  ScanInput input = { paths[data[0] % G_N_ELEMENTS (paths)], text, size - 1 };
  scan_check (&input, 1);
  return 0;
}
