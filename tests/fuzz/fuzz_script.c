/* SQL text on its way to psql: however it is cut into pieces, the verdict is the same. */
#include "backup/script.h"

#include <glib.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int
verdict (const uint8_t *data, size_t size, size_t piece)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Script) script = script_new ("dump.sql", false);
  bool is_fine = true;
  for (size_t at = 0; is_fine && at < size; at += piece)
    is_fine = script_read (script, (const char *) data + at, MIN (piece, size - at), &error);
  is_fine = is_fine && script_end (script, &error);
  g_assert (is_fine == (error == NULL));
  return is_fine ? -1 : error->code;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int whole = verdict (data, size, size + 1);
  g_assert (verdict (data, size, 1) == whole);
  g_assert (verdict (data, size, 7) == whole);
  return 0;
}
