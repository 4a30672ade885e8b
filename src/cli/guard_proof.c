#include "cli/guard_proof.h"

#include "backup/catalogue.h"
#include "base/clock.h"
#include "base/size.h"
#include "cli/output.h"
#include "guard/volume.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_BYTES 512
/* A clock may be a little ahead of another's. */
#define FUTURE_MAX_SECONDS 60

const char *
guard_proof_verdict_name (GuardProofVerdict verdict)
{
  switch (verdict)
    {
    case GUARD_PROOF_UNKNOWN: return "unknown";
    case GUARD_PROOF_MISSING: return "missing";
    case GUARD_PROOF_UNPROVEN: return "unproven";
    case GUARD_PROOF_STALE: return "stale";
    case GUARD_PROOF_FRESH: return "fresh";
    case GUARD_PROOF_NO_DATABASE: return "no-database";
    }
  return "unknown";
}

/* --- the backups ------------------------------------------------------------------------------ */

static void
backup_free (void *data)
{
  GuardBackup *backup = data;
  g_free (backup->path);
  g_free (backup->environment);
  g_free (backup->database);
  g_free (backup->system_identifier);
  g_free (backup);
}

static void
add_backup (GPtrArray *backups, const char *folder, const BackupEntry *entry)
{
  struct stat info;
  if (entry->problem != NULL || g_strcmp0 (entry->content, "db") != 0
      || entry->system_identifier == NULL || entry->database == NULL)
    return;
  g_autofree char *path = g_build_filename (folder, entry->name, NULL);
  if (stat (path, &info) != 0) /* retention was here */
    return;
  GuardBackup *backup = g_new0 (GuardBackup, 1);
  backup->path = g_steal_pointer (&path);
  backup->environment = g_strdup (entry->environment);
  backup->database = g_strdup (entry->database);
  backup->system_identifier = g_strdup (entry->system_identifier);
  backup->created = entry->created;
  backup->proven = entry->proven;
  backup->device = info.st_dev;
  backup->inode = info.st_ino;
  g_ptr_array_add (backups, backup);
}

static bool
add_folder (GPtrArray *backups, const char *folder, GError **error)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autoptr (GPtrArray) entries = NULL;
  if (!catalogue_list (store, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    add_backup (backups, folder, entries->pdata[i]);
  return true;
}

static int
compare_backups (const void *a, const void *b)
{
  const GuardBackup *const *first = a, *const *second = b;
  if ((*first)->created != (*second)->created)
    return (*first)->created < (*second)->created ? 1 : -1;
  return strcmp ((*first)->path, (*second)->path);
}

bool
guard_backups_read (const Project *project, GPtrArray **ret_backups, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GPtrArray) backups = g_ptr_array_new_with_free_func (backup_free);
  g_autoptr (GDir) dir = g_dir_open (project->backup_folder, 0, &problem);
  if (dir == NULL && !g_error_matches (problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "cannot look for backups: %s",
                       problem->message);
  /* The folders of all environments, also of those that are not in pgkeel.yaml any more. */
  for (const char *name = dir != NULL ? g_dir_read_name (dir) : NULL; name != NULL;
       name = g_dir_read_name (dir))
    {
      g_autofree char *folder = g_build_filename (project->backup_folder, name, NULL);
      if (*name != '.' && g_file_test (folder, G_FILE_TEST_IS_DIR)
          && !add_folder (backups, folder, error))
        return false;
    }
  g_ptr_array_sort (backups, compare_backups);
  *ret_backups = g_steal_pointer (&backups);
  return true;
}

/* --- the volume's files ----------------------------------------------------------------------- */

static guint
hash_file (gconstpointer key)
{
  const GuardBackup *backup = key;
  return g_int64_hash (&backup->inode);
}

static gboolean
is_same_file (gconstpointer a, gconstpointer b)
{
  const GuardBackup *first = a, *second = b;
  return first->inode == second->inode && first->device == second->device;
}

typedef struct
{
  GuardProof *proof;
  GHashTable *by_file; /* of GuardBackup: all */
  GHashTable *inside;  /* of GuardBackup: those that were met in the volume */
} Walk;

/* Tells them by device and inode: a folder of the volume may be mounted elsewhere, and linked to. */
static void
count_file (Walk *walk, const struct stat *info)
{
  GuardBackup wanted = { .device = info->st_dev, .inode = info->st_ino };
  GuardBackup *backup = g_hash_table_lookup (walk->by_file, &wanted);
  walk->proof->size_bytes += (uint64_t) info->st_blocks * BLOCK_BYTES;
  if (backup != NULL)
    g_hash_table_add (walk->inside, backup);
}

/* False when not all of it could be seen. */
static bool
walk_files (const char *path, Walk *walk)
{
  bool is_whole = true;
  char *roots[] = { (char *) path, NULL };
  FTS *fts = fts_open (roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  if (fts == NULL)
    return false;
  errno = 0;
  for (FTSENT *entry = fts_read (fts); entry != NULL; entry = fts_read (fts))
    {
      if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        is_whole = is_whole && entry->fts_errno == ENOENT;
      else if (entry->fts_info != FTS_DP)
        count_file (walk, entry->fts_statp);
      errno = 0;
    }
  if (errno != 0)
    is_whole = false;
  fts_close (fts);
  return is_whole;
}

/* Their size, and the backups among them; caller frees the set. */
static GHashTable *
look_at_files (GuardProof *proof, const char *path)
{
  g_autoptr (GHashTable) by_file = g_hash_table_new (hash_file, is_same_file);
  GHashTable *inside = g_hash_table_new (hash_file, is_same_file);
  for (guint i = 0; i < proof->backups->len; i++)
    g_hash_table_add (by_file, proof->backups->pdata[i]);
  Walk walk = { proof, by_file, inside };
  proof->has_size = walk_files (path, &walk);
  proof->inside_count = g_hash_table_size (inside);
  return inside;
}

/* --- the verdicts ----------------------------------------------------------------------------- */

static void
database_proof_free (void *data)
{
  GuardDatabaseProof *database = data;
  g_free (database->name);
  g_free (database);
}

static void
cluster_proof_free (void *data)
{
  GuardClusterProof *cluster = data;
  g_free (cluster->path);
  g_free (cluster->version);
  g_free (cluster->system_identifier);
  g_free (cluster->problem);
  g_ptr_array_unref (cluster->databases);
  g_free (cluster);
}

void
guard_proof_free (GuardProof *proof)
{
  if (proof == NULL)
    return;
  g_ptr_array_unref (proof->clusters);
  g_clear_pointer (&proof->backups, g_ptr_array_unref);
  g_free (proof->problem);
  g_free (proof);
}

/* By the age of what is in it: a proof of today does not make an old backup a new one. */
static bool
is_fresh (const GuardBackup *backup, int64_t max_age_seconds)
{
  int64_t age = clock_now () - backup->created;
  return age >= -FUTURE_MAX_SECONDS && age <= max_age_seconds;
}

static GuardProofVerdict
judge_database (const GuardDatabaseProof *database, const Project *project)
{
  if (database->name == NULL)
    return GUARD_PROOF_UNKNOWN;
  if (database->newest == NULL)
    return GUARD_PROOF_MISSING;
  if (database->proven == NULL)
    return GUARD_PROOF_UNPROVEN;
  return is_fresh (database->proven, project->guard.proof_max_age_seconds) ? GUARD_PROOF_FRESH
                                                                           : GUARD_PROOF_STALE;
}

/* The list is sorted: the first that fits is the newest. */
static void
find_backups (GuardDatabaseProof *database, const GuardClusterProof *cluster, GPtrArray *backups,
              GHashTable *inside)
{
  for (guint i = 0; i < backups->len && database->proven == NULL; i++)
    {
      GuardBackup *backup = backups->pdata[i];
      if (g_strcmp0 (backup->system_identifier, cluster->system_identifier) != 0
          || g_strcmp0 (backup->database, database->name) != 0
          || g_hash_table_contains (inside, backup))
        continue;
      if (database->newest == NULL)
        database->newest = backup;
      if (backup->proven > 0)
        database->proven = backup;
    }
}

static void
add_database (GuardClusterProof *cluster, const GuardDatabase *found, const Project *project,
              GPtrArray *backups, GHashTable *inside)
{
  GuardDatabaseProof *database = g_new0 (GuardDatabaseProof, 1);
  database->name = g_strdup (found->name);
  find_backups (database, cluster, backups, inside);
  database->verdict = judge_database (database, project);
  cluster->verdict = MIN (cluster->verdict, database->verdict);
  g_ptr_array_add (cluster->databases, database);
}

static bool
is_template (const GuardDatabase *database)
{
  return g_strcmp0 (database->name, "template0") == 0
         || g_strcmp0 (database->name, "template1") == 0;
}

/* What initdb made and nobody used needs no backup, unless there is nothing else. */
static void
add_databases (GuardClusterProof *cluster, const GPtrArray *databases, const Project *project,
               GPtrArray *backups, GHashTable *inside)
{
  bool is_all_pristine = true;
  for (guint i = 0; i < databases->len; i++)
    is_all_pristine = is_all_pristine && ((const GuardDatabase *) databases->pdata[i])->is_pristine;
  for (guint i = 0; i < databases->len; i++)
    {
      const GuardDatabase *database = databases->pdata[i];
      if (is_all_pristine ? !is_template (database) : !database->is_pristine)
        add_database (cluster, database, project, backups, inside);
    }
}

static GuardClusterProof *
judge_cluster (const GuardDataFolder *folder, const Project *project, GPtrArray *backups,
               GHashTable *inside)
{
  GuardClusterProof *cluster = g_new0 (GuardClusterProof, 1);
  cluster->path = g_strdup (folder->path);
  cluster->version = g_strdup (folder->version);
  cluster->problem = g_strdup (folder->problem);
  cluster->databases = g_ptr_array_new_with_free_func (database_proof_free);
  if (folder->has_control)
    {
      cluster->system_identifier
          = g_strdup_printf ("%" G_GUINT64_FORMAT, folder->control.system_identifier);
      cluster->is_shut_down = folder->control.is_shut_down;
      cluster->changed = folder->control.changed;
    }
  if (folder->databases == NULL)
    return cluster;
  cluster->verdict = GUARD_PROOF_FRESH;
  add_databases (cluster, folder->databases, project, backups, inside);
  if (cluster->databases->len == 0)
    cluster->verdict = GUARD_PROOF_UNKNOWN;
  return cluster;
}

/* The verdict is the worst of the clusters'. */
static void
judge_clusters (GuardProof *proof, const GPtrArray *folders, const Project *project,
                GHashTable *inside)
{
  proof->verdict = folders->len > 0 ? GUARD_PROOF_FRESH : GUARD_PROOF_NO_DATABASE;
  for (guint i = 0; i < folders->len; i++)
    {
      GuardClusterProof *cluster
          = judge_cluster (folders->pdata[i], project, proof->backups, inside);
      g_ptr_array_add (proof->clusters, cluster);
      proof->verdict = MIN (proof->verdict, cluster->verdict);
    }
}

/* The oldest of the proven ones that a database has to rely on; NULL when one has none. */
static const GuardBackup *
find_weakest (const GuardProof *proof)
{
  const GuardBackup *weakest = NULL;
  for (guint i = 0; i < proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = proof->clusters->pdata[i];
      for (guint j = 0; j < cluster->databases->len; j++)
        {
          const GuardDatabaseProof *database = cluster->databases->pdata[j];
          if (database->proven == NULL)
            return NULL;
          if (weakest == NULL || database->proven->created < weakest->created)
            weakest = database->proven;
        }
    }
  return weakest;
}

GuardProof *
guard_proof_of_path (const Project *project, GPtrArray *backups, const char *path)
{
  bool is_complete = false;
  GuardProof *proof = g_new0 (GuardProof, 1);
  proof->clusters = g_ptr_array_new_with_free_func (cluster_proof_free);
  proof->backups = backups != NULL ? g_ptr_array_ref (backups) : g_ptr_array_new ();
  if (path == NULL)
    {
      proof->problem = g_strdup ("its files cannot be seen from here");
      return proof;
    }
  g_autoptr (GHashTable) inside = look_at_files (proof, path);
  g_autoptr (GPtrArray) folders = guard_find_data_folders (path, &is_complete);
  judge_clusters (proof, folders, project, inside);
  proof->proven = find_weakest (proof);
  if (!is_complete || !proof->has_size)
    {
      proof->verdict = GUARD_PROOF_UNKNOWN;
      proof->problem = g_strdup_printf ("not all of its files can be looked at%s",
                                        geteuid () != 0 ? " by this user" : "");
    }
  else if (backups == NULL && proof->verdict != GUARD_PROOF_NO_DATABASE)
    {
      proof->verdict = GUARD_PROOF_UNKNOWN;
      proof->problem = g_strdup ("the backups cannot be read");
    }
  return proof;
}

GuardProof *
guard_proof_of_volume (const Project *project, GPtrArray *backups, const GuardVolume *volume)
{
  GuardProof *proof = guard_proof_of_path (project, backups, guard_volume_place (volume));
  if (!volume->is_readable && proof->problem == NULL)
    {
      proof->verdict = GUARD_PROOF_UNKNOWN;
      proof->problem = g_strdup ("its files are not mounted now");
    }
  return proof;
}

/* --- what is said ----------------------------------------------------------------------------- */

static char *
format_age (int64_t time)
{
  g_autofree char *age = duration_format (MAX (clock_now () - time, 0));
  return g_strdup_printf ("%s ago", age);
}

static char *
describe_database (const GuardDatabaseProof *database)
{
  if (database->name == NULL)
    return g_strdup ("a database without a name yet: unknown");
  if (database->newest == NULL)
    return g_strdup_printf ("%s: no backup", database->name);
  if (database->proven == NULL)
    {
      g_autofree char *age = format_age (database->newest->created);
      return g_strdup_printf ("%s: backup of %s, %s", database->name, age,
                              database->newest->proven < 0 ? "PROOF FAILED" : "never proven");
    }
  g_autofree char *made = format_age (database->proven->created);
  g_autofree char *proven = format_age (database->proven->proven);
  return g_strdup_printf ("%s: backup of %s, proven %s%s", database->name, made, proven,
                          database->verdict == GUARD_PROOF_STALE ? ", too old" : "");
}

char *
guard_proof_describe (const GuardProof *proof)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  if (proof->verdict == GUARD_PROOF_NO_DATABASE)
    return g_strdup ("no database");
  for (guint i = 0; i < proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = proof->clusters->pdata[i];
      if (cluster->problem != NULL)
        g_ptr_array_add (parts, g_strdup_printf ("unknown: %s", cluster->problem));
      for (guint j = 0; j < cluster->databases->len; j++)
        g_ptr_array_add (parts, describe_database (cluster->databases->pdata[j]));
    }
  if (proof->problem != NULL)
    g_ptr_array_add (parts, g_strdup_printf ("unknown: %s", proof->problem));
  g_ptr_array_add (parts, NULL);
  return g_strjoinv ("; ", (char **) parts->pdata);
}

static json_t *
json_time (int64_t seconds)
{
  if (seconds == 0)
    return json_null ();
  g_autofree char *text = clock_format_iso (seconds);
  return json_string (text);
}

static json_t *
backup_json (const GuardBackup *backup)
{
  if (backup == NULL)
    return json_null ();
  return json_pack ("{s:o, s:o, s:o, s:o, s:b}", "path", output_json_string (backup->path),
                    "environment", output_json_string (backup->environment), "created",
                    json_time (backup->created), "proven",
                    json_time (backup->proven > 0 ? backup->proven : 0), "proof_failed",
                    (int) (backup->proven < 0));
}

static json_t *
cluster_json (const GuardClusterProof *cluster)
{
  json_t *databases = json_array ();
  for (guint i = 0; i < cluster->databases->len; i++)
    {
      const GuardDatabaseProof *database = cluster->databases->pdata[i];
      json_array_append_new (databases, json_pack ("{s:o, s:s, s:o, s:o}", "name",
                                                   output_json_string (database->name), "verdict",
                                                   guard_proof_verdict_name (database->verdict),
                                                   "newest", backup_json (database->newest),
                                                   "proven", backup_json (database->proven)));
    }
  return json_pack (
      "{s:o, s:o, s:o, s:b, s:s, s:o, s:o}", "path", output_json_string (cluster->path), "version",
      output_json_string (cluster->version), "system_identifier",
      output_json_string (cluster->system_identifier), "is_shut_down", (int) cluster->is_shut_down,
      "verdict", guard_proof_verdict_name (cluster->verdict), "problem",
      output_json_string (cluster->problem), "databases", databases);
}

json_t *
guard_proof_json (const GuardProof *proof)
{
  json_t *clusters = json_array ();
  for (guint i = 0; i < proof->clusters->len; i++)
    json_array_append_new (clusters, cluster_json (proof->clusters->pdata[i]));
  return json_pack ("{s:s, s:o, s:o, s:I, s:o}", "verdict",
                    guard_proof_verdict_name (proof->verdict), "problem",
                    output_json_string (proof->problem), "size_bytes",
                    proof->has_size ? json_integer ((json_int_t) proof->size_bytes) : json_null (),
                    "backups_inside", (json_int_t) proof->inside_count, "clusters", clusters);
}
