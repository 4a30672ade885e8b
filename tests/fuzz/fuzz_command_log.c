/* A server's log: no bytes break its reading, and every text that comes of it is UTF-8. */
#include "deploy/command_log.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_auto (CommandLog) log = { 0 };
  command_log_init (&log);
  command_log_parse ((const char *) data, size, &log);
  for (guint i = 0; i < log.statements->len; i++)
    {
      const CommandStatement *statement = log.statements->pdata[i];
      if (!g_utf8_validate (statement->text, -1, NULL) || statement->elapsed_us < 0)
        abort ();
    }
  return 0;
}
