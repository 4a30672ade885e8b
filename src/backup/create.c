#include "backup/create.h"
#include "backup/backup_log.h"
#include "backup/catalogue.h"
#include "backup/retention.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/size.h"

#include <string.h>

#define LOCK_FILE ".lock"
/* A clock this far behind the newest backup has gone back, not just been asked twice. */
#define CLOCK_BACK_SECONDS 60
#define WARNINGS_SHOWN_MAX 10

void
create_result_clear (CreateResult *result)
{
  g_free (result->name);
  g_free (result->path);
  dump_result_clear (&result->dump);
  g_clear_pointer (&result->warnings, g_ptr_array_unref);
  g_clear_pointer (&result->removed, g_ptr_array_unref);
}

static void G_GNUC_PRINTF (4, 5)
    warn (GPtrArray *warnings, Report *report, const char *hint, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (warnings, text);
  if (warnings->len <= WARNINGS_SHOWN_MAX)
    report_warning (report, text, hint);
}

/* Said once, with the first of them. */
static const char *
shrunk_hint (const GPtrArray *warnings)
{
  return warnings->len == 0 ? "Make sure that this is meant before older backups go." : NULL;
}

/* A name after all others, whatever the clock says: "latest" must be the one made last. */
static char *
choose_name (const CreateSpec *spec, GPtrArray *entries, GPtrArray *warnings, Report *report)
{
  int64_t stamp = clock_now ();
  const BackupEntry *newest = entries->len > 0 ? entries->pdata[0] : NULL;
  if (newest != NULL && newest->stamp >= stamp)
    {
      if (newest->stamp > stamp + CLOCK_BACK_SECONDS)
        warn (warnings, report, "Set the clock; until then names follow the newest backup’s.",
              "the clock has gone back: “%s” has a later time", newest->name);
      stamp = newest->stamp + 1;
    }
  return catalogue_format_name (
      spec->project->name, spec->is_emergency ? CATALOGUE_EMERGENCY : dump_type_name (spec->type),
      stamp);
}

static const BackupEntry *
find_previous (GPtrArray *entries, const CreateSpec *spec)
{
  for (guint i = 0; i < entries->len; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (entry->problem == NULL && strcmp (entry->type, dump_type_name (spec->type)) == 0
          && strcmp (entry->project, spec->project->name) == 0)
        return entry;
    }
  return NULL;
}

static void
compare_counts (const BackupIndex *before, const BackupIndex *now, GPtrArray *warnings,
                Report *report)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < now->tables->len; i++)
    {
      BackupTable *table = now->tables->pdata[i];
      g_hash_table_insert (counts, g_strdup_printf ("%s.%s", table->schema, table->name), table);
    }
  for (guint i = 0; i < before->tables->len; i++)
    {
      const BackupTable *old = before->tables->pdata[i];
      g_autofree char *name = g_strdup_printf ("%s.%s", old->schema, old->name);
      const BackupTable *table = g_hash_table_lookup (counts, name);
      g_autofree char *rows = text_format_count (old->digest.rows);
      if (table == NULL && old->digest.rows > 0)
        warn (warnings, report, shrunk_hint (warnings), "table %s, which had %s rows, is gone",
              name, rows);
      else if (table != NULL && table->digest.rows < (old->digest.rows + 1) / 2)
        {
          g_autofree char *rows_now = text_format_count (table->digest.rows);
          warn (warnings, report, shrunk_hint (warnings), "table %s fell from %s to %s rows", name,
                rows, rows_now);
        }
    }
}

/* Fewer than half the rows or the bytes: not an error, but somebody should look. */
static void
compare_with_previous (Store *store, const BackupEntry *previous, CreateResult *result,
                       Report *report)
{
  g_autoptr (BackupReader) reader = NULL;
  guint before_count = result->warnings->len;
  if (previous == NULL || !backup_reader_open (store, previous->name, &reader, NULL))
    return;
  if (result->dump.size_bytes < previous->size_bytes / 2)
    {
      g_autofree char *before = size_format (previous->size_bytes);
      g_autofree char *now = size_format (result->dump.size_bytes);
      warn (result->warnings, report, shrunk_hint (result->warnings),
            "the backup is less than half as large as the one before: %s after %s", now, before);
    }
  compare_counts (backup_reader_index (reader), result->dump.index, result->warnings, report);
  result->is_shrunken = result->warnings->len > before_count;
  if (result->warnings->len > WARNINGS_SHOWN_MAX)
    {
      g_autofree char *more
          = g_strdup_printf ("%u more such warnings", result->warnings->len - WARNINGS_SHOWN_MAX);
      report_warning (report, more, NULL);
    }
}

static bool
log_success (const char *folder, const CreateResult *result, const Project *project, GError **error)
{
  const BackupIndex *index = result->dump.index;
  g_autoptr (GString) counts = g_string_new (NULL);
  for (guint i = 0; i < index->tables->len; i++)
    {
      const BackupTable *table = index->tables->pdata[i];
      if (g_strv_contains ((const char *const *) project->count_tables, table->name))
        g_string_append_printf (counts, " %s=%" G_GUINT64_FORMAT, table->name, table->digest.rows);
    }
  if (!backup_log (folder, "create", "ok", error,
                   "file=%s size=%" G_GUINT64_FORMAT " tables=%u rows=%" G_GUINT64_FORMAT
                   " seconds=%.2f%s",
                   result->name, result->dump.size_bytes, index->tables->len,
                   backup_index_rows (index), (double) result->dump.elapsed_us / 1e6, counts->str))
    return false;
  for (guint i = 0; i < result->warnings->len; i++)
    if (!backup_log (folder, "create", "warning", error, "file=%s %s", result->name,
                     (const char *) result->warnings->pdata[i]))
      return false;
  return true;
}

/* The dump was read back while it was written: that is a verification. */
static bool
note_verified (Store *store, const char *name, GError **error)
{
  g_autoptr (BackupReader) reader = NULL;
  return backup_reader_open (store, name, &reader, error)
         && catalogue_note_verified (store, name, reader, error);
}

/* The backup has its name, is whole and on disk: what comes after can only be warned about. Calling
 * the run failed would say that there is no backup, and taking the file away would make it true. */
static void
warn_after (CreateResult *result, Report *report, const char *what, GError *problem)
{
  warn (result->warnings, report, keel_error_hint (problem), "the backup is good, but %s: %s", what,
        problem->message);
  g_error_free (problem);
}

static void
settle (const CreateSpec *spec, Store *store, const char *folder, Report *report,
        CreateResult *result)
{
  GError *problem = NULL;
  if (!note_verified (store, result->name, &problem))
    warn_after (result, report, "that it was verified could not be noted",
                g_steal_pointer (&problem));
  /* What rows were lost may be in the old ones only. */
  bool keep_all = spec->keep_all || spec->is_emergency || result->is_shrunken;
  if (!keep_all && !retention_run (spec->project, folder, false, result->removed, &problem))
    warn_after (result, report, "old ones could not be removed", g_steal_pointer (&problem));
  /* Last, so that the log has all warnings, and the room that retention made. */
  if (!log_success (folder, result, spec->project, &problem))
    warn_after (result, report, "backup.log could not be written", g_steal_pointer (&problem));
}

static bool
create_locked (const CreateSpec *spec, Store *store, const char *folder, Report *report,
               CreateResult *result, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  if (!catalogue_list (store, &entries, error))
    return false;
  result->warnings = g_ptr_array_new_with_free_func (g_free);
  result->removed = g_ptr_array_new_with_free_func (g_free);
  result->name = choose_name (spec, entries, result->warnings, report);
  result->path = g_build_filename (folder, result->name, NULL);
  DumpSpec dump = { .url = spec->url,
                    .type = spec->type,
                    .job_count = spec->job_count,
                    .min_size_bytes = spec->is_emergency ? 0 : spec->project->min_size_bytes,
                    .project = spec->project->name,
                    .environment = spec->project->environment->name };
  if (!dump_run (&dump, store, result->name, report, &result->dump, error))
    return false;
  compare_with_previous (store, find_previous (entries, spec), result, report);
  settle (spec, store, folder, report, result);
  return true;
}

bool
backup_create (const CreateSpec *spec, Report *report, CreateResult *ret_result, GError **error)
{
  g_autofree char *folder = project_backup_folder (spec->project);
  g_autofree char *lock_path = g_build_filename (folder, LOCK_FILE, NULL);
  g_autoptr (Store) store = store_open_folder (folder);
  g_auto (CreateResult) result = { 0 };
  g_auto (Fd) lock = -1;
  g_autoptr (GError) problem = NULL;
  if (!fs_make_folder (folder, 0700, error) || !fs_lock (lock_path, &lock, error))
    return prefix_error (error, "backup");
  if (create_locked (spec, store, folder, report, &result, &problem))
    {
      *ret_result = result;
      result = (CreateResult){ 0 };
      return true;
    }
  /* The failure is what matters; a log that cannot be written either must not hide it. */
  if (!backup_log (folder, "create", "failed", NULL, "file=%s error=%s",
                   result.name != NULL ? result.name : "-", problem->message))
    report_warning (report, "the failure could not be written to backup.log", NULL);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}
