/* What the fuzz targets of guard scan ask of a result. */
#pragma once

#include "guard/scan.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static unsigned int
count_lines (const ScanInput *inputs, size_t count, const char *path)
{
  unsigned int lines = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; strcmp (inputs[i].path, path) == 0 && j < inputs[i].length; j++)
      lines += inputs[i].text[j] == '\n' ? 1 : 0;
  return lines + 1;
}

static inline void
scan_check (const ScanInput *inputs, size_t count)
{
  static const char *const production[] = { "*prod.yml", NULL };
  const ScanSettings settings = { .label = "keep=true", .production = production };
  g_autoptr (ScanResult) result = guard_scan_texts (&settings, inputs, count);
  json_t *sarif = scan_sarif (result, "1");
  g_assert (sarif != NULL);
  for (guint i = 0; i < result->findings->len; i++)
    {
      const ScanFinding *finding = result->findings->pdata[i];
      g_assert (finding->rule != NULL && finding->message != NULL && finding->column >= 1);
      g_assert (finding->line >= 1 && finding->first_line >= 1
                && finding->first_line <= finding->line);
      g_assert (finding->line <= count_lines (inputs, count, finding->file));
    }
  json_decref (sarif);
}
