/*
 * Any text as a migration file, as Sqitch's plan and as its settings. What is told apart by marks keeps the lines of the
 * file, what is blanked keeps the length, and no text makes a plan of which a name leads out of its
 * folder.
 */
#include "migrate/blocks.h"
#include "migrate/runnable.h"
#include "migrate/sqitch_conf.h"
#include "migrate/sqitch_plan.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static guint
count_lines (const char *text, size_t length)
{
  guint lines = 0;
  for (size_t i = 0; i < length; i++)
    lines += text[i] == '\n';
  return lines;
}

static void
check_script (const MigrationScript *script, const char *text, size_t length)
{
  if (script->text == NULL)
    return;
  g_assert (strlen (script->text) == script->length);
  if (script->line == 0)
    return;
  g_assert (script->length <= length && script->line >= 2);
  g_assert (script->line - 1 + count_lines (script->text, script->length)
            <= count_lines (text, length) + 1);
}

static void
try_layout (Folder *folder, const Layout *layout, const char *text, size_t length)
{
  g_autoptr (MigrationSet) set = migration_set_new (layout->name, ".");
  LayoutFit fit;
  if (!layout->fits (folder, &fit, NULL))
    g_assert_not_reached ();
  if (!layout->read (folder, set, NULL))
    return;
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      check_script (&migration->up, text, length);
      check_script (&migration->down, text, length);
    }
}

/* A folder that is only in memory: the file has been read already. */
static void
try_marks (const char *text, size_t length)
{
  static const Layout *const layouts[]
      = { &layout_dbmate, &layout_goose, &layout_sql_migrate, &layout_node };
  FolderEntry entry = { .name = (char *) "1_a.sql" };
  FolderFile file = { .text = (char *) text, .length = length };
  Folder folder = { .root = (char *) "/", .shown = (char *) ".", .path = (char *) "/", .fd = -1 };
  folder.entries = g_ptr_array_new ();
  folder.names = g_hash_table_new (g_str_hash, g_str_equal);
  folder.files = g_hash_table_new (g_str_hash, g_str_equal);
  g_ptr_array_add (folder.entries, &entry);
  g_hash_table_add (folder.names, entry.name);
  g_hash_table_insert (folder.files, entry.name, &file);
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    try_layout (&folder, layouts[i], text, length);
  g_hash_table_unref (folder.files);
  g_hash_table_unref (folder.names);
  g_ptr_array_unref (folder.entries);
}

static void
try_plan (const char *text)
{
  g_autoptr (SqitchPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  if (!sqitch_plan_parse ("sqitch.plan", text, &plan, &error))
    {
      g_assert (error != NULL && strchr (error->message, '\n') == NULL);
      return;
    }
  for (guint i = 0; i < plan->changes->len; i++)
    {
      const SqitchChange *change = plan->changes->pdata[i];
      g_assert (*change->name != '\0' && *change->name != '/');
      g_assert (strstr (change->name, "..") == NULL);
    }
}

static void
try_conf (const char *text)
{
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (GError) error = NULL;
  GHashTableIter each;
  void *name;
  if (!sqitch_conf_parse ("sqitch.conf", text, &values, &error))
    {
      g_assert (error != NULL && strchr (error->message, '\n') == NULL);
      return;
    }
  g_hash_table_iter_init (&each, values);
  while (g_hash_table_iter_next (&each, &name, NULL))
    g_assert (strchr (name, '.') != NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  size_t length = strlen (text);
  if (!g_utf8_validate_len (text, length, NULL))
    return 0;
  try_marks (text, length);
  try_plan (text);
  try_conf (text);
  g_autofree char *blanked = g_strdup (text);
  g_autofree char *problem = runnable_problem (blanked, length, 1);
  g_assert (strlen (blanked) == length);
  g_assert (count_lines (blanked, length) == count_lines (text, length));
  g_assert (problem == NULL || *problem != '\0');
  return 0;
}
