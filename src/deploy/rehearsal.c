#include "deploy/rehearsal.h"
#include "base/clock.h"
#include "base/digest.h"

#include <string.h>

static void
migration_clear (RehearsedMigration *migration)
{
  g_free (migration->version);
  g_free (migration->name);
  g_free (migration->path);
  g_free (migration->down_path);
  g_free (migration->checksum);
  g_free (migration->down_checksum);
  g_clear_pointer (&migration->up, g_ptr_array_unref);
  g_clear_pointer (&migration->down, g_ptr_array_unref);
  g_clear_pointer (&migration->schema_changes, g_ptr_array_unref);
  g_free (migration);
}

static void
command_free (RehearsedCommand *command)
{
  if (command == NULL)
    return;
  external_pending_free (command->pending);
  command_log_clear (&command->log);
  g_clear_pointer (&command->applied, g_ptr_array_unref);
  g_clear_pointer (&command->schema_changes, g_ptr_array_unref);
  g_clear_pointer (&command->data_changes, g_ptr_array_unref);
  g_free (command);
}

void
rehearsal_clear (Rehearsal *rehearsal)
{
  g_free (rehearsal->backup);
  g_free (rehearsal->backup_sha256);
  g_free (rehearsal->project);
  g_free (rehearsal->environment);
  g_free (rehearsal->role);
  g_clear_pointer (&rehearsal->migrations, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->problems, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->notes, g_ptr_array_unref);
  run_failure_clear (&rehearsal->failure);
  g_clear_pointer (&rehearsal->differences, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->constraints_broken, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->invalid_indexes, g_ptr_array_unref);
  g_clear_pointer (&rehearsal->not_validated, g_ptr_array_unref);
  command_free (rehearsal->command);
  *rehearsal = (Rehearsal){ 0 };
}

const char *
rehearsal_return_name (RehearsalReturn way_back)
{
  static const char *const names[] = { "not tried", "no down script", "proven", "loses", "failed" };
  return names[way_back];
}

char *
rehearsal_down_checksum (const Migration *migration)
{
  uint8_t sum[SHA256_BYTES];
  if (migration->down.text == NULL)
    return NULL;
  sha256_of (migration->down.text, migration->down.length, sum);
  return sha256_hex (sum);
}

static void
describe_backup (const RehearseSpec *spec, Rehearsal *result)
{
  const BackupIndex *index = backup_reader_index (spec->reader);
  result->backup = g_strdup (spec->backup);
  result->backup_sha256 = sha256_hex (backup_reader_trailer (spec->reader)->sha256);
  result->is_fresh = spec->is_fresh;
  result->backup_created = index->created;
  result->project = g_strdup (index->project);
  result->environment = g_strdup (index->environment);
  result->server_version = index->server_version;
  result->rehearsed = clock_now ();
}

static void
make_lists (Rehearsal *result)
{
  result->migrations = g_ptr_array_new_with_free_func ((GDestroyNotify) migration_clear);
  result->problems = g_ptr_array_new_with_free_func (g_free);
  result->notes = g_ptr_array_new_with_free_func (g_free);
  result->differences = g_ptr_array_new_with_free_func (g_free);
  result->constraints_broken = g_ptr_array_new_with_free_func (g_free);
  result->invalid_indexes = g_ptr_array_new_with_free_func (g_free);
  result->not_validated = g_ptr_array_new_with_free_func (g_free);
}

bool
rehearsal_begin (const RehearseSpec *spec, Rehearsal *ret_rehearsal, GError **error)
{
  const BackupIndex *index = backup_reader_index (spec->reader);
  if (strcmp (index->type, "db") != 0)
    return keel_error (error, KEEL_ERROR_USAGE, "Name a backup of type db.",
                       "“%s” is a backup of type %s: migrations are rehearsed with schema and data",
                       spec->backup, index->type);
  make_lists (ret_rehearsal);
  describe_backup (spec, ret_rehearsal);
  return true;
}
