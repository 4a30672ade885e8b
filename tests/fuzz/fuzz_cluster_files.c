/*
 * Files of a data directory, which whoever has the volume may have written: as pg_control and as the file of
 * pg_database. There is an answer, or an error and no output.
 */
#include "guard/control_file.h"
#include "guard/database_list.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_control (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  ControlFile control = { 0 };
  bool is_good = control_file_parse (data, size, &control, &error);
  g_assert (is_good == (error == NULL));
  g_assert (is_good || (control.layout_version == 0 && control.system_identifier == 0));
}

static void
try_table (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) databases
      = g_ptr_array_new_with_free_func ((GDestroyNotify) guard_database_free);
  bool is_good = guard_databases_parse ((const char *) data, size, -1, databases, &error);
  g_assert (is_good == (error == NULL));
  for (guint i = 0; i < databases->len; i++)
    {
      const GuardDatabase *database = databases->pdata[i];
      g_assert (database->name != NULL && strlen (database->name) < 64);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  try_control (data, size);
  try_table (data, size);
  return 0;
}
