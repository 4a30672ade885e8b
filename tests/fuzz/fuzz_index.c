/*
 * The text of an index. One that is taken covers the file, and written again and read again it comes
 * out the same. The first two bytes of the input are where the index begins in the file.
 */
#include "backup/index.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static uint64_t
sum_members (const GArray *members, uint64_t end)
{
  uint64_t sum = 0;
  for (guint i = 0; i < members->len; i++)
    {
      const BackupMember *member = &g_array_index (members, BackupMember, i);
      g_assert (member->offset < end && member->size_bytes <= end - member->offset);
      sum += member->size_bytes;
    }
  return sum;
}

static void
check (const BackupIndex *index, uint64_t end)
{
  uint64_t sum = sum_members (index->members, end);
  for (guint i = 0; i < index->tables->len; i++)
    {
      const BackupTable *table = index->tables->pdata[i];
      g_autoptr (GError) error = NULL;
      g_autofree char *name = g_strdup_printf ("%s.%s", table->schema, table->name);
      const BackupTable *found = backup_index_find_table (index, name, &error);
      g_assert ((found == NULL) == (error != NULL));
      sum += sum_members (table->members, end);
    }
  g_assert (sum == end);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  uint64_t end = (uint64_t) data[0] << 8 | data[1];
  g_autoptr (BackupIndex) index = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  if (!backup_index_parse ((const char *) data + 2, size - 2, end, &index, &error))
    {
      g_assert (error != NULL && index == NULL);
      return 0;
    }
  g_assert (error == NULL);
  check (index, end);
  size_t length, length_again;
  g_autofree char *text = backup_index_format (index, &length);
  g_assert (backup_index_parse (text, length, end, &again, &error));
  g_autofree char *text_again = backup_index_format (again, &length_again);
  g_assert (length == length_again && memcmp (text, text_again, length) == 0);
  return 0;
}
