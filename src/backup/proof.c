#include "backup/proof.h"
#include "backup/catalogue.h"
#include "backup/database.h"
#include "backup/load.h"
#include "backup/scratch_copy.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "db/cluster.h"

#include <string.h>
#include <unistd.h>

#define PROOF_FILE_MAX_BYTES (16 * 1024 * 1024)
#define DIFFERENCES_KEPT_MAX 1000

void
proof_clear (Proof *proof)
{
  g_clear_pointer (&proof->place, g_free);
  compare_result_clear (&proof->compared);
}

/* Where the backup is restored to, thrown away at the end. */
typedef struct
{
  ScratchCluster *cluster; /* NULL: on a server */
  char *url;
  char *database;
  DbConn *admin;
} Place;

static void
place_clear (Place *place)
{
  cancel_hold ();
  if (place->admin != NULL && place->cluster == NULL && place->database != NULL)
    (void) !database_drop (place->admin, place->database, NULL);
  cancel_release ();
  db_conn_free (place->admin);
  scratch_free (place->cluster);
  g_free (place->url);
  g_free (place->database);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

static bool
open_cluster (const ProofSpec *spec, const BackupIndex *index, unsigned int jobs, Place *place,
              GError **error)
{
  ScratchCopySpec copy = { .parent = spec->scratch_parent, .worker_count = (int) jobs };
  if (!scratch_copy_start (&copy, index, &place->cluster, &place->admin, error))
    return false;
  place->url = scratch_url (place->cluster, "postgres");
  place->database = g_strdup ("proof");
  return true;
}

static bool
open_on_server (const ProofSpec *spec, const BackupIndex *index, Place *place, GError **error)
{
  int unfinished;
  g_autoptr (GPtrArray) roles = NULL;
  g_autoptr (GPtrArray) tablespaces = NULL;
  if (!database_connect_admin (spec->server_url, NULL, &place->admin, error))
    return false;
  place->url = g_strdup (spec->server_url);
  g_autofree char *suffix = g_strdup_printf ("_proof_%d", (int) getpid ());
  place->database = database_derive_name (index->database, suffix);
  if (db_server_major (place->admin) != index->server_version / 10000)
    return keel_error (error, KEEL_ERROR_MISSING, NULL,
                       "the server is PostgreSQL %d, the backup comes from PostgreSQL %d",
                       db_server_major (place->admin), index->server_version / 10000);
  if (!database_drop_unfinished (place->admin, &unfinished, error)
      || !database_list_missing (place->admin, index->source, &roles, &tablespaces, error))
    return false;
  if (roles->len + tablespaces->len > 0)
    return keel_error (error, KEEL_ERROR_FAILED,
                       "Create it there first, or install that version's programs here.",
                       "the server lacks the role or tablespace “%s”",
                       (const char *) (roles->len > 0 ? roles->pdata[0] : tablespaces->pdata[0]));
  return true;
}

/* A scratch cluster if its programs are here; a scratch database otherwise. Both failing, the first
 * reason is the one to act on. */
static bool
open_place (const ProofSpec *spec, const BackupIndex *index, unsigned int jobs, Place *place,
            char **ret_place, GError **error)
{
  g_autoptr (GError) problem = NULL;
  int major = index->server_version / 10000;
  if (open_cluster (spec, index, jobs, place, &problem))
    {
      *ret_place = g_strdup_printf ("scratch cluster of PostgreSQL %d", major);
      return true;
    }
  if (keel_error_is (problem, KEEL_ERROR_MISSING) && spec->server_url != NULL
      && open_on_server (spec, index, place, NULL))
    {
      *ret_place = g_strdup_printf ("scratch database on the server (PostgreSQL %d)", major);
      return true;
    }
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
restore_and_compare (const ProofSpec *spec, Place *place, BackupReader *reader, Report *report,
                     Proof *proof, GError **error)
{
  const BackupIndex *index = backup_reader_index (reader);
  const json_t *properties = json_object_get (index->source, "database");
  LoadSpec load = { .url = place->url, .database = place->database, .job_count = spec->job_count };
  LoadResult loaded;
  CompareSpec compare = { .url = place->url,
                          .database = place->database,
                          .job_count = spec->job_count,
                          .expect_schema = true,
                          .expect_data = strcmp (index->type, "schema") != 0 };
  g_autoptr (GPtrArray) broken = g_ptr_array_new_with_free_func (g_free);
  if (spec->tolerate_broken_keys)
    load.broken_keys = broken;
  if (!database_create (place->admin, place->database, properties, place->cluster != NULL,
                        &proof->locale_replaced, error)
      || !load_run (&load, reader, report, &loaded, error))
    return false;
  /* A key that is not valid, or left out, is another schema. */
  if (broken->len > 0)
    compare.expect_schema = false;
  if (!compare_run (&compare, index, report, &proof->compared, error))
    return false;
  proof->broken_keys = broken->len;
  for (guint i = 0; i < broken->len; i++)
    g_ptr_array_add (proof->compared.differences, g_strdup (broken->pdata[i]));
  return true;
}

static json_t *
format_differences (const GPtrArray *differences)
{
  json_t *array = json_array ();
  for (guint i = 0; i < differences->len && i < DIFFERENCES_KEPT_MAX; i++)
    {
      g_autofree char *text = g_utf8_make_valid (differences->pdata[i], -1);
      json_array_append_new (array, json_string (text));
    }
  return array;
}

static char *
format_proof (const Proof *proof, const char *name, BackupReader *reader, json_t *inspected)
{
  const CompareResult *c = &proof->compared;
  g_autofree char *sha256 = sha256_hex (backup_reader_trailer (reader)->sha256);
  g_autofree char *proven = clock_format_iso (proof->proven);
  g_autofree char *backup = g_utf8_make_valid (name, -1);
  g_autoptr (json_t) object = json_pack (
      "{s:i, s:s, s:s, s:s, s:b, s:s, s:f, s:s, s:b, s:{s:I, s:I}, s:I, s:{s:I, s:I}, s:b, s:{s:I, "
      "s:I}, s:{s:b, s:b}, s:o, s:O*}",
      "format", 1, "backup", backup, "sha256", sha256, "proven", proven, "passed",
      (int) proof->passed, "place", proof->place, "seconds", (double) proof->elapsed_us / 1e6,
      "pgkeel_version", PGKEEL_VERSION, "locale_replaced", (int) proof->locale_replaced, "tables",
      "equal", (json_int_t) c->tables_equal, "total", (json_int_t) c->tables_total, "rows",
      (json_int_t) c->rows, "sequences", "equal", (json_int_t) c->sequences_equal, "total",
      (json_int_t) c->sequences_total, "large_objects_equal", (int) c->large_objects_equal,
      "indexes", "valid", (json_int_t) c->indexes_valid, "total", (json_int_t) c->indexes_total,
      "schema", "compared", (int) c->schema_compared, "equal", (int) c->schema_equal, "differences",
      format_differences (c->differences), "inspection", inspected);
  char *text = json_dumps (object, JSON_INDENT (2));
  g_assert (text != NULL);
  return text;
}

static bool
inspect (const ProofSpec *spec, const Place *place, json_t **ret_report, bool *ret_passed,
         GError **error)
{
  *ret_passed = true;
  if (spec->inspect == NULL)
    return true;
  g_autofree char *url = db_conninfo (place->url, place->database, NULL, error);
  return url != NULL && spec->inspect (url, spec->inspect_data, ret_report, ret_passed, error);
}

static bool
check_provable (const BackupIndex *index, GError **error)
{
  if (strcmp (index->type, "data") != 0)
    return true;
  return keel_error (error, KEEL_ERROR_USAGE,
                     "Prove a “db” backup; “pgkeel backup verify” checks the bytes of this one.",
                     "a backup of data alone cannot be restored by itself, so not be proven");
}

bool
proof_run (const ProofSpec *spec, Store *store, const char *name, Report *report, Proof *ret_proof,
           GError **error)
{
  int64_t started = clock_monotonic_us ();
  g_autoptr (BackupReader) reader = NULL;
  g_autoptr (json_t) inspected = NULL;
  g_auto (Place) place = { 0 };
  g_auto (Proof) proof = { 0 };
  bool content;
  unsigned int jobs = spec->job_count > 0 ? spec->job_count : g_get_num_processors ();
  if (!backup_reader_open (store, name, &reader, error)
      || !check_provable (backup_reader_index (reader), error)
      || !catalogue_check_bytes (store, name, reader, report, error)
      || !open_place (spec, backup_reader_index (reader), jobs, &place, &proof.place, error))
    return false;
  report_step (report, "restoring into a %s", proof.place);
  if (!restore_and_compare (spec, &place, reader, report, &proof, error)
      || !inspect (spec, &place, &inspected, &content, error))
    return prefix_error (error, "the backup could not be proven");
  proof.passed = proof.compared.differences->len == 0 && content;
  proof.proven = clock_now ();
  proof.elapsed_us = clock_monotonic_us () - started;
  g_autofree char *text = format_proof (&proof, name, reader, inspected);
  g_autofree char *file = proof_file_name (name);
  if (!store_write_small (store, file, text, error))
    return false;
  *ret_proof = proof;
  proof = (Proof){ 0 };
  return true;
}

char *
proof_file_name (const char *backup_name)
{
  static const char ending[] = ".sql.gz";
  size_t length = strlen (backup_name);
  if (g_str_has_suffix (backup_name, ending))
    length -= strlen (ending);
  return g_strdup_printf ("%.*s.proof.json", (int) length, backup_name);
}

bool
proof_read (Store *store, const char *name, const uint8_t sha256[SHA256_BYTES], int64_t *ret_proven,
            GError **error)
{
  g_autofree char *file = proof_file_name (name);
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  if (!store_read_small (store, file, PROOF_FILE_MAX_BYTES, &text, &problem))
    {
      *ret_proven = 0;
      if (keel_error_is (problem, KEEL_ERROR_MISSING))
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_autoptr (json_t) object = json_loads (text, JSON_REJECT_DUPLICATES, NULL);
  g_autofree char *hex = sha256_hex (sha256);
  const char *proven_text = json_string_value (json_object_get (object, "proven"));
  int64_t proven;
  /* A proof of other bytes, or one that cannot be read, proves nothing. */
  bool is_ours = g_strcmp0 (json_string_value (json_object_get (object, "sha256")), hex) == 0
                 && proven_text != NULL && clock_parse_iso (proven_text, &proven);
  if (!is_ours)
    proven = 0;
  else if (!json_is_true (json_object_get (object, "passed")))
    proven = -proven;
  *ret_proven = proven;
  return true;
}
