/*
 * Atlas's table. Its hashes are links of a chain: that of a file is SHA-256 over names and bytes of all
 * files up to it, as the folder was when it was applied.
 */
#include "base/digest.h"
#include "migrate/adopt_internal.h"

#include <stdlib.h>
#include <string.h>

enum
{
  VERSION,
  DESCRIPTION,
  APPLIED,
  HASH,
  IS_BASELINE,
  IS_WHOLE,
  PROBLEM,
  RANK,
};

const char adopt_atlas_sql[]
    = "SELECT version, description,\n"
      "       pg_catalog.to_char (executed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),\n"
      "       pg_catalog.regexp_replace (hash, '^h1:', ''),\n"
      "       type & 1 <> 0, applied = total OR type & 4 <> 0, nullif (error, ''),\n"
      "       pg_catalog.row_number () OVER (ORDER BY executed_at, version)\n"
      "  FROM %s WHERE version NOT LIKE '.%' ORDER BY version COLLATE \"C\"";

/* A file of the folder, in the order of names. */
typedef struct
{
  const Migration *migration;
  char *name;
  char *bytes;
  size_t length;
  int64_t rank;      /* when it was applied, from 1; 0: it was not */
  bool is_before;    /* a baseline stands for it */
  bool leaves_chain; /* its bytes do not count */
} File;

static void
file_free (File *file)
{
  g_free (file->name);
  g_free (file->bytes);
  g_free (file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (File, file_free)

static int
compare_names (const void *a, const void *b)
{
  const File *const *first = a, *const *second = b;
  return strcmp ((*first)->name, (*second)->name);
}

static bool
leaves_chain (const char *bytes)
{
  static const char mark[] = "-- atlas:sum ignore";
  const char *at = strstr (bytes, mark);
  return at != NULL && (at == bytes || at[-1] == '\n');
}

static bool
read_files (const AdoptReading *reading, GPtrArray **ret_files, GError **error)
{
  const GPtrArray *migrations = reading->set->migrations;
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) file_free);
  for (guint i = 0; i < migrations->len; i++)
    {
      g_autoptr (File) file = g_new0 (File, 1);
      file->migration = migrations->pdata[i];
      file->name = g_path_get_basename (file->migration->up.path);
      if (!adopt_file_bytes (reading, file->migration, &file->bytes, &file->length, error))
        return false;
      file->leaves_chain = leaves_chain (file->bytes);
      g_ptr_array_add (files, g_steal_pointer (&file));
    }
  g_ptr_array_sort (files, compare_names);
  *ret_files = g_steal_pointer (&files);
  return true;
}

/* Says of each file when it was applied, or that a baseline stands for it. */
static void
note_ranks (const AdoptReading *reading, const DbResult *result, const GPtrArray *files)
{
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const Migration *migration = adopt_match (reading, db_result_text (result, row, VERSION));
      bool is_baseline = db_result_bool (result, row, IS_BASELINE);
      for (guint i = 0; i < files->len && migration != NULL; i++)
        {
          File *file = files->pdata[i];
          if (file->migration == migration)
            file->rank = db_result_int64 (result, row, RANK);
          if (is_baseline
              && migration_set_compare_versions (reading->set, file->migration->version,
                                                 migration->version)
                     <= 0)
            file->is_before = true;
        }
    }
}

/* The link of the file at PLACE: over those before it, all of them or (RANK > 0) only those that had
 * been applied when it was; base64, caller frees. */
static char *
link_at (const GPtrArray *files, guint place, int64_t rank)
{
  g_autoptr (Sha256) hash = sha256_new ();
  uint8_t sum[SHA256_BYTES];
  for (guint i = 0; i <= place; i++)
    {
      const File *file = files->pdata[i];
      if (rank > 0 && !file->is_before && (file->rank == 0 || file->rank > rank))
        continue;
      sha256_update (hash, file->name, strlen (file->name));
      if (!file->leaves_chain)
        sha256_update (hash, file->bytes, file->length);
    }
  sha256_finish (hash, sum);
  return g_base64_encode (sum, sizeof sum);
}

/* Whether the file is the one that was applied. One changed file breaks the chain behind it, so nothing
 * is known of those; nor where Atlas reads another tool's files, whose chain has more in it. */
static AdoptCheck
check_link (const AdoptReading *reading, const GPtrArray *files, const Migration *migration,
            const char *expected)
{
  for (guint i = 0; i < files->len; i++)
    {
      const File *file = files->pdata[i];
      if (file->migration != migration || file->leaves_chain)
        continue;
      g_autofree char *all = link_at (files, i, 0);
      if (strcmp (all, expected) == 0)
        return ADOPT_SAME;
      g_autofree char *then = link_at (files, i, file->rank);
      if (strcmp (then, expected) == 0)
        return ADOPT_SAME;
      return strcmp (reading->set->layout, "sql") == 0 ? ADOPT_DIFFERENT : ADOPT_UNCHECKED;
    }
  return ADOPT_UNCHECKED;
}

static bool
refuse_unfinished (const DbResult *result, int row, GError **error)
{
  const char *problem
      = db_result_is_null (result, row, PROBLEM) ? NULL : db_result_text (result, row, PROBLEM);
  return keel_error_full (error, KEEL_ERROR_REFUSED, NULL, problem,
                          "Finish it with “atlas migrate apply”, or say what is true with “atlas "
                          "migrate set”, then adopt again.",
                          "Atlas did not finish version %s", db_result_text (result, row, VERSION));
}

bool
adopt_take_atlas (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  g_autoptr (GPtrArray) files = NULL;
  bool is_chain_whole = true;
  if (row > 0)
    return true;
  if (!read_files (reading, &files, error))
    return false;
  note_ranks (reading, result, files);
  for (int i = 0; i < db_result_rows (result); i++)
    {
      const char *version = db_result_text (result, i, VERSION);
      const Migration *migration = adopt_match (reading, version);
      if (!db_result_bool (result, i, IS_WHOLE) || !db_result_is_null (result, i, PROBLEM))
        return refuse_unfinished (result, i, error);
      AdoptRow *added = adopt_add (
          reading, version,
          migration != NULL ? migration->name : db_result_text (result, i, DESCRIPTION), migration,
          db_result_is_null (result, i, APPLIED) ? NULL : db_result_text (result, i, APPLIED));
      if (db_result_bool (result, i, IS_BASELINE))
        {
          added->state = HISTORY_BASELINE;
          added->kind = MIGRATION_BASELINE;
        }
      else if (migration != NULL && is_chain_whole && *db_result_text (result, i, HASH) != '\0')
        added->check = check_link (reading, files, migration, db_result_text (result, i, HASH));
      is_chain_whole &= added->check != ADOPT_DIFFERENT;
    }
  return true;
}
