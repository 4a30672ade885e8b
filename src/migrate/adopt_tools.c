/*
 * The tables of the tools, row by row. Every statement gives texts; times are ISO, UTC.
 */
#include "base/fs.h"
#include "migrate/adopt_internal.h"
#include "migrate/folder.h"
#include "migrate/heads.h"
#include "migrate/sqitch_conf.h"

#include <isa-l/crc.h>
#include <string.h>

#define ISO(column)                                                                                \
  "pg_catalog.to_char (" column                                                                    \
  "::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

static const char *
text_or_null (const DbResult *result, int row, int column)
{
  return db_result_is_null (result, row, column) ? NULL : db_result_text (result, row, column);
}

static const char *
name_of (const Migration *migration)
{
  return migration != NULL ? migration->name : "";
}

static bool
is_true (const DbResult *result, int row, int column)
{
  return db_result_bool (result, row, column);
}

bool
adopt_file_bytes (const AdoptReading *reading, const Migration *migration, char **ret_bytes,
                  size_t *ret_length, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (migration->up.path, reading->root);
  return fs_read_text (path, MIGRATION_FILE_MAX_BYTES, ret_bytes, ret_length, error);
}

static bool
digest_is (GChecksumType kind, const char *bytes, size_t length, const char *expected)
{
  g_autofree char *sum = g_compute_checksum_for_data (kind, (const guchar *) bytes, length);
  return g_ascii_strcasecmp (sum, expected) == 0;
}

/* With the line ends of the other world, which a checkout may have brought. */
static bool
digest_is_but_for_line_ends (GChecksumType kind, const char *bytes, size_t length,
                             const char *expected)
{
  g_autoptr (GString) text = g_string_new_len (bytes, (gssize) length);
  g_string_replace (text, "\r\n", "\n", 0);
  if (digest_is (kind, text->str, text->len, expected))
    return true;
  g_string_replace (text, "\n", "\r\n", 0);
  return digest_is (kind, text->str, text->len, expected);
}

/* Whether the file's digest of KIND is EXPECTED, hexadecimal. */
static bool
check_digest (const AdoptReading *reading, AdoptRow *row, GChecksumType kind, const char *expected,
              GError **error)
{
  g_autofree char *bytes = NULL;
  size_t length;
  if (row->migration == NULL || expected == NULL)
    return true;
  if (!adopt_file_bytes (reading, row->migration, &bytes, &length, error))
    return false;
  row->check = digest_is (kind, bytes, length, expected)
                       || digest_is_but_for_line_ends (kind, bytes, length, expected)
                   ? ADOPT_SAME
                   : ADOPT_DIFFERENT;
  return true;
}

/* --- a version and nothing else: dbmate, Rails, diesel --------------------------------------- */

static const char *const schema_migrations[] = { "schema_migrations", NULL };
static const char *const version_only[] = { "version", NULL };

/* What Supabase calls it; the statements came to it later. */
static bool
is_supabase (const AdoptTable *table)
{
  return strcmp (table->schema, "supabase_migrations") == 0
         || g_strv_contains ((const char *const *) table->columns, "statements");
}

static bool
is_dbmate (const AdoptTable *table)
{
  return !table->has_ar_metadata && !is_supabase (table);
}

static bool
is_rails (const AdoptTable *table)
{
  return table->has_ar_metadata;
}

/* version, applied */
static bool
take_version (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *version = db_result_text (result, row, 0);
  const Migration *migration = adopt_match (reading, version);
  adopt_add (reading, version, name_of (migration), migration, text_or_null (result, row, 1));
  return true;
}

static const char *const diesel_tables[] = { "__diesel_schema_migrations", NULL };
static const char *const diesel_columns[] = { "version", "run_on", NULL };

/* --- golang-migrate -------------------------------------------------------------------------- */

static const char *const golang_columns[] = { "version", "dirty", NULL };

/* It remembers the last version only: all files up to it are applied. */
static bool
take_golang (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *version = db_result_text (result, row, 0);
  const MigrationSet *set = reading->set;
  if (is_true (result, row, 1))
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Find out how far it came, finish or undo that by hand, say so with "
                       "“migrate force VERSION”, then adopt again.",
                       "golang-migrate left version %s dirty", version);
  const Migration *last = adopt_match (reading, version);
  for (guint i = 0; i < set->migrations->len && last != NULL; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      if (migration_set_compare_versions (set, migration->version, last->version) <= 0)
        adopt_add (reading, migration->version, migration->name, migration, NULL);
    }
  if (last != NULL)
    return true;
  return keel_error (error, KEEL_ERROR_REFUSED,
                     "Check out the files that this database was made of.",
                     "golang-migrate is at version %s, and there is no file of it", version);
}

/* --- goose ----------------------------------------------------------------------------------- */

static const char *const goose_tables[] = { "goose_db_version", NULL };
static const char *const goose_columns[] = { "id", "version_id", "is_applied", NULL };

/* --- Flyway ---------------------------------------------------------------------------------- */

static const char *const flyway_tables[] = { "flyway_schema_history", "schema_version", NULL };
static const char *const flyway_columns[]
    = { "installed_rank", "version", "description", "type", "checksum", "success", NULL };

static uint32_t
crc_of_line (uint32_t crc, const char *line, size_t length)
{
  return crc32_gzip_refl (crc, (const unsigned char *) line, length);
}

int32_t
adopt_flyway_checksum (const char *bytes, size_t length)
{
  uint32_t crc = 0;
  const char *at = bytes, *end = bytes + length;
  if (length >= 3 && memcmp (at, "\xef\xbb\xbf", 3) == 0)
    at += 3;
  while (at < end)
    {
      const char *stop = at;
      while (stop < end && *stop != '\n' && *stop != '\r')
        stop++;
      crc = crc_of_line (crc, at, (size_t) (stop - at));
      at = stop + (stop < end);
    }
  return (int32_t) crc;
}

/* A repeatable one is found by its description, which has blanks for underscores. */
static const Migration *
find_repeatable (const MigrationSet *set, const char *description)
{
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      g_autofree char *name = g_strdelimit (g_strdup (migration->version), "_", ' ');
      if (migration->kind == MIGRATION_REPEATABLE && strcmp (name, description) == 0)
        return migration;
    }
  return NULL;
}

static void
remove_row (Adoption *adoption, const char *version)
{
  for (guint i = adoption->rows->len; i-- > 0;)
    {
      const AdoptRow *row = adoption->rows->pdata[i];
      if (strcmp (row->version, version) == 0)
        g_ptr_array_remove_index (adoption->rows, i);
    }
}

static bool
check_flyway (const AdoptReading *reading, AdoptRow *row, const char *checksum, GError **error)
{
  g_autofree char *bytes = NULL;
  size_t length;
  if (row->migration == NULL || checksum == NULL)
    return true;
  if (!adopt_file_bytes (reading, row->migration, &bytes, &length, error))
    return false;
  /* Placeholders are put in before a repeatable one is summed. */
  if (row->kind == MIGRATION_REPEATABLE && strstr (bytes, "${") != NULL)
    return true;
  g_autofree char *sum = g_strdup_printf ("%d", adopt_flyway_checksum (bytes, length));
  row->check = strcmp (sum, checksum) == 0 ? ADOPT_SAME : ADOPT_DIFFERENT;
  return true;
}

/* version, description, applied, by, checksum, success, type: in the order they were installed, so that
 * what was undone or deleted goes again, and what ran again stands once. */
static bool
take_flyway (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *description = db_result_text (result, row, 1);
  const char *type = db_result_text (result, row, 6);
  bool is_repeatable = db_result_is_null (result, row, 0);
  bool is_baseline = strcmp (type, "BASELINE") == 0 || strcmp (type, "SQL_BASELINE") == 0;
  g_autofree char *number = g_strdup (db_result_text (result, row, 0));
  const Migration *migration
      = is_repeatable ? find_repeatable (reading->set, description) : adopt_match (reading, number);
  const char *version = migration != NULL ? migration->version
                        : is_repeatable   ? description
                                          : number;
  if (strcmp (type, "SCHEMA") == 0)
    return true;
  if (!is_true (result, row, 5))
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Undo by hand what it left, run “flyway repair”, then adopt again.",
                       "Flyway failed at %s (%s)", version, description);
  remove_row (reading->adoption, version);
  if (g_str_has_prefix (type, "UNDO") || strcmp (type, "DELETE") == 0)
    return true;
  AdoptRow *added = adopt_add (reading, version, migration != NULL ? migration->name : description,
                               migration, text_or_null (result, row, 2));
  added->applied_by = g_strdup (text_or_null (result, row, 3));
  added->kind = is_repeatable ? MIGRATION_REPEATABLE : MIGRATION_VERSIONED;
  if (is_baseline)
    {
      added->state = HISTORY_BASELINE;
      added->kind = MIGRATION_BASELINE;
      return true;
    }
  return check_flyway (reading, added, text_or_null (result, row, 4), error);
}

/* --- sqlx ------------------------------------------------------------------------------------ */

static const char *const sqlx_tables[] = { "_sqlx_migrations", NULL };
static const char *const sqlx_columns[] = { "version", "success", "checksum", NULL };

/* version, description, applied, checksum (hexadecimal), success */
static bool
take_sqlx (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *version = db_result_text (result, row, 0);
  const Migration *migration = adopt_match (reading, version);
  if (!is_true (result, row, 4))
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        "Undo by hand what it left, delete its row from _sqlx_migrations, then adopt "
        "again.",
        "sqlx did not finish version %s", version);
  AdoptRow *added
      = adopt_add (reading, migration != NULL ? migration->version : version,
                   db_result_text (result, row, 1), migration, text_or_null (result, row, 2));
  return check_digest (reading, added, G_CHECKSUM_SHA384, text_or_null (result, row, 3), error);
}

/* --- Sqitch ---------------------------------------------------------------------------------- */

static const char *const sqitch_tables[] = { "changes", NULL };
static const char *const sqitch_columns[]
    = { "change_id", "script_hash", "change", "project", NULL };

/* One database may serve several projects; the one of the plan is meant, where there is a plan. */
static bool
is_other_project (AdoptReading *reading, const char *project)
{
  g_autoptr (SqitchPlaces) places = NULL;
  if (!sqitch_places_read (reading->root, reading->set->folder, &places, NULL))
    return false;
  g_autofree char *plan = g_build_filename (reading->set->folder, places->plan, NULL);
  g_autofree char *path = g_canonicalize_filename (plan, reading->root);
  g_autofree char *line = g_strdup_printf ("%%project=%s", project);
  g_autofree char *text = NULL;
  if (!fs_read_text (path, MIGRATION_FILE_MAX_BYTES, &text, NULL, NULL))
    return false;
  g_auto (GStrv) lines = g_strsplit_set (text, "\r\n", -1);
  return !g_strv_contains ((const char *const *) lines, line);
}

/* change, applied, by, script_hash, project: the n-th of a name is its n-th time in the plan. */
static bool
take_sqitch (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *change = db_result_text (result, row, 0);
  if (is_other_project (reading, db_result_text (result, row, 4)))
    return true;
  guint time = GPOINTER_TO_UINT (g_hash_table_lookup (reading->by_name, change)) + 1;
  g_hash_table_replace (reading->by_name, g_strdup (change), GUINT_TO_POINTER (time));
  g_autofree char *version
      = time == 1 ? g_strdup (change) : g_strdup_printf ("%s#%u", change, time);
  AdoptRow *added = adopt_add (reading, version, "", migration_set_find (reading->set, version),
                               text_or_null (result, row, 1));
  added->applied_by = g_strdup (text_or_null (result, row, 2));
  return check_digest (reading, added, G_CHECKSUM_SHA1, text_or_null (result, row, 3), error);
}

/* --- Prisma ---------------------------------------------------------------------------------- */

static const char *const prisma_tables[] = { "_prisma_migrations", NULL };
static const char *const prisma_columns[]
    = { "checksum", "finished_at", "migration_name", "rolled_back_at", NULL };

/* name, applied (NULL: it failed), checksum: those that were rolled back are not there. */
static bool
take_prisma (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *name = db_result_text (result, row, 0);
  if (db_result_is_null (result, row, 1))
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        "Say with “prisma migrate resolve” whether it is applied or rolled back, then "
        "adopt again.",
        "Prisma did not finish %s", name);
  AdoptRow *added = adopt_add (reading, name, "", migration_set_find (reading->set, name),
                               db_result_text (result, row, 1));
  return check_digest (reading, added, G_CHECKSUM_SHA256, text_or_null (result, row, 2), error);
}

/* --- drizzle --------------------------------------------------------------------------------- */

static const char *const drizzle_tables[] = { "__drizzle_migrations", NULL };
static const char *const drizzle_columns[] = { "id", "hash", "created_at", NULL };

static const Migration *
find_by_key (const MigrationSet *set, const char *key)
{
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      if (g_strcmp0 (migration->tool_key, key) == 0)
        return migration;
    }
  return NULL;
}

/* when, hash: drizzle knows a migration by the time in its journal, not when it ran. */
static bool
take_drizzle (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *when = db_result_text (result, row, 0);
  const Migration *migration = find_by_key (reading->set, when);
  AdoptRow *added
      = adopt_add (reading, migration != NULL ? migration->version : when, "", migration, NULL);
  return check_digest (reading, added, G_CHECKSUM_SHA256, text_or_null (result, row, 1), error);
}

/* --- graphile-migrate ------------------------------------------------------------------------ */

static const char *const graphile_tables[] = { "migrations", NULL };
static const char *const graphile_columns[] = { "hash", "previous_hash", "filename", "date", NULL };

/* filename, applied, hash, previous hash */
static bool
take_graphile (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *file = db_result_text (result, row, 0);
  const char *hash = db_result_text (result, row, 2);
  const char *previous = text_or_null (result, row, 3);
  g_autofree char *version = g_strndup (file, strspn (file, "0123456789"));
  const Migration *migration = adopt_match (reading, version);
  if (g_strcmp0 (previous, reading->last) != 0)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Find out which migrations this database has had before going on.",
                       "the chain of hashes in graphile_migrate.migrations is broken at %s", file);
  g_free (reading->last);
  reading->last = g_strdup (hash);
  AdoptRow *added
      = adopt_add (reading, version, name_of (migration), migration, text_or_null (result, row, 1));
  if (migration != NULL && migration->tool_key != NULL)
    added->check = strcmp (migration->tool_key, hash) == 0 ? ADOPT_SAME : ADOPT_DIFFERENT;
  return true;
}

/* --- programs: knex, node-pg-migrate, Alembic, Django, Ecto, Liquibase ----------------------- */

static const char *const knex_tables[] = { "knex_migrations", NULL };
static const char *const knex_columns[] = { "name", "batch", "migration_time", NULL };
static const char *const node_tables[] = { "pgmigrations", NULL };
static const char *const node_columns[] = { "name", "run_on", NULL };
static const char *const alembic_tables[] = { "alembic_version", NULL };
static const char *const alembic_columns[] = { "version_num", NULL };
static const char *const django_tables[] = { "django_migrations", NULL };
static const char *const django_columns[] = { "app", "name", "applied", NULL };
static const char *const ecto_columns[] = { "version", "inserted_at", NULL };
static const char *const liquibase_tables[] = { "databasechangelog", NULL };
static const char *const liquibase_columns[]
    = { "id", "author", "filename", "dateexecuted", "orderexecuted", "exectype", NULL };
static const char *const atlas_tables[] = { "atlas_schema_revisions", NULL };
static const char *const atlas_columns[] = { "version", "description", "type",
                                             "applied", "total",       "executed_at",
                                             "error",   "hash",        NULL };

/* name with an extension, applied */
static bool
take_file_name (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *name = db_result_text (result, row, 0);
  const char *dot = strrchr (name, '.');
  g_autofree char *stem = dot != NULL ? g_strndup (name, (gsize) (dot - name)) : g_strdup (name);
  const Migration *migration = migration_set_find (reading->set, stem);
  adopt_add (reading, stem, name_of (migration), migration, text_or_null (result, row, 1));
  return true;
}

/* A lock in a table beside, SUFFIX after the name of the history's; a run that was killed leaves it. */
static bool
read_lock (const AdoptReading *reading, const char *suffix, const char *condition, bool *ret_locked,
           GError **error)
{
  g_autofree char *name = g_strconcat (reading->table->name, suffix, NULL);
  g_autofree char *table = db_quote_name (reading->table->schema, name);
  g_autofree char *there = NULL, *locked = NULL;
  g_autofree char *sql = g_strdup_printf ("SELECT 1 FROM %s WHERE %s LIMIT 1", table, condition);
  const char *params[] = { table };
  if (!db_query_text (reading->conn, "SELECT pg_catalog.to_regclass ($1)::text", 1, params, &there,
                      error)
      || (there != NULL && !db_query_text (reading->conn, sql, 0, NULL, &locked, error)))
    return false;
  *ret_locked = locked != NULL;
  return true;
}

static bool
check_knex (AdoptReading *reading, GError **error)
{
  bool is_locked;
  if (!read_lock (reading, "_lock", "is_locked = 1", &is_locked, error))
    return false;
  return !is_locked
         || keel_error (
             error, KEEL_ERROR_REFUSED,
             "If no run of knex is alive, free it with “knex migrate:unlock”, see what it "
             "left, then adopt again.",
             "knex has locked its migrations");
}

static bool
check_liquibase (AdoptReading *reading, GError **error)
{
  bool is_locked;
  if (!read_lock (reading, "lock", "locked", &is_locked, error))
    return false;
  return !is_locked
         || keel_error (
             error, KEEL_ERROR_REFUSED,
             "If no run of Liquibase is alive, free it with “liquibase release-locks”, see what "
             "it left, then adopt again.",
             "Liquibase has locked its change log");
}

/* path::id::author, applied, exectype */
static bool
take_liquibase (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *change = db_result_text (result, row, 0);
  const char *how = db_result_text (result, row, 2);
  if (strcmp (how, "FAILED") == 0)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Undo by hand what it left, run “liquibase update”, then adopt again.",
                       "Liquibase failed at %s", change);
  if (strcmp (how, "SKIPPED") != 0)
    adopt_add (reading, change, "", NULL, text_or_null (result, row, 1));
  return true;
}

/* The revisions before HEAD are in the files only, where there are any. */
static bool
add_alembic_history (AdoptReading *reading, const char *head, GError **error)
{
  static const char *const names[] = { "", "versions" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *shown = g_build_filename (reading->set->folder, names[i], NULL);
      g_autofree char *path = g_canonicalize_filename (shown, reading->root);
      g_autoptr (Folder) folder = NULL;
      g_autoptr (PythonHistory) history = NULL;
      if (!g_file_test (path, G_FILE_TEST_IS_DIR))
        continue;
      if (!folder_open (reading->root, shown, false, &folder, error)
          || !python_history_read (folder, "", &history, error))
        return false;
      g_autoptr (GPtrArray) order
          = history != NULL ? python_history_up_to (history, head) : g_ptr_array_new ();
      for (guint j = 0; j < order->len; j++)
        {
          const PythonMigration *migration = order->pdata[j];
          adopt_add (reading, migration->revision, migration->name, NULL, NULL);
        }
      if (order->len > 0)
        return true;
    }
  const Migration *migration = adopt_match (reading, head);
  adopt_add (reading, head, name_of (migration), migration, NULL);
  return true;
}

/* Alembic remembers heads only. */
static bool
take_alembic (AdoptReading *reading, const DbResult *result, int row, GError **error)
{
  const char *version = db_result_text (result, row, 0);
  g_autoptr (GString) heads = g_string_new (NULL);
  for (int i = 0; i < db_result_rows (result); i++)
    g_string_append_printf (heads, "%s%s", i > 0 ? ", " : "", db_result_text (result, i, 0));
  if (db_result_rows (result) > 1)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Merge them with “alembic merge heads”, upgrade, then adopt again.",
                       "Alembic has %d heads in this database: %s", db_result_rows (result),
                       heads->str);
  return add_alembic_history (reading, version, error);
}

#define APPLIED(column) ", " ISO (column) " "

const AdoptTool adopt_tools[] = {
  { "dbmate", schema_migrations, version_only, true, is_dbmate,
    "SELECT version::text, NULL FROM %s ORDER BY version", take_version, NULL },
  { "golang-migrate", schema_migrations, golang_columns, true, NULL,
    "SELECT version::text, dirty FROM %s ORDER BY version", take_golang, NULL },
  { "goose", goose_tables, goose_columns, false, NULL,
    "SELECT version_id::text" APPLIED (
        "tstamp") "FROM (SELECT DISTINCT ON (version_id) * FROM %s "
                  "ORDER BY version_id, id DESC) v WHERE is_applied AND version_id > 0 ORDER BY version_id",
    take_version, NULL },
  { "flyway", flyway_tables, flyway_columns, false, NULL,
    "SELECT version, description" APPLIED (
        "installed_on") ", installed_by, checksum::text, success, "
                        "type FROM %s ORDER BY installed_rank",
    take_flyway, NULL },
  { "sqlx", sqlx_tables, sqlx_columns, false, NULL,
    "SELECT version::text, description" APPLIED (
        "installed_on") ", pg_catalog.encode (checksum, "
                        "'hex'), success FROM %s ORDER BY version",
    take_sqlx, NULL },
  { "diesel", diesel_tables, diesel_columns, false, NULL,
    "SELECT version" APPLIED ("run_on") "FROM %s ORDER BY version", take_version, NULL },
  { "sqitch", sqitch_tables, sqitch_columns, false, NULL,
    "SELECT change" APPLIED ("committed_at") ", committer_name, script_hash, project FROM %s "
                                             "ORDER BY committed_at",
    take_sqitch, NULL },
  { "prisma", prisma_tables, prisma_columns, false, NULL,
    "SELECT migration_name" APPLIED (
        "finished_at") ", checksum FROM %s WHERE rolled_back_at IS NULL "
                       "ORDER BY migration_name COLLATE \"C\"",
    take_prisma, NULL },
  { "drizzle", drizzle_tables, drizzle_columns, false, NULL,
    "SELECT created_at::text, hash FROM %s ORDER BY created_at", take_drizzle, NULL },
  { "graphile-migrate", graphile_tables, graphile_columns, false, NULL,
    "SELECT filename" APPLIED ("date") ", hash, previous_hash FROM %s "
                                       "ORDER BY filename COLLATE \"C\"",
    take_graphile, NULL },
  { "node-pg-migrate", node_tables, node_columns, false, NULL,
    "SELECT name" APPLIED ("run_on") "FROM %s ORDER BY id", take_file_name, NULL },
  { "knex", knex_tables, knex_columns, false, NULL,
    "SELECT name" APPLIED ("migration_time") "FROM %s ORDER BY id", take_file_name, check_knex },
  { "rails", schema_migrations, version_only, true, is_rails,
    "SELECT version::text, NULL FROM %s ORDER BY version", take_version, NULL },
  { "alembic", alembic_tables, alembic_columns, true, NULL,
    "SELECT version_num FROM %s ORDER BY version_num", take_alembic, NULL },
  { "django", django_tables, django_columns, false, NULL,
    "SELECT app || '.' || name" APPLIED ("applied") "FROM %s ORDER BY id", take_version, NULL },
  { "ecto", schema_migrations, ecto_columns, true, NULL,
    "SELECT version::text" APPLIED ("inserted_at") "FROM %s ORDER BY version", take_version, NULL },
  { "supabase", schema_migrations, version_only, false, is_supabase,
    "SELECT version::text, NULL FROM %s ORDER BY version", take_version, NULL },
  { "atlas", atlas_tables, atlas_columns, false, NULL, adopt_atlas_sql, adopt_take_atlas, NULL },
  { "liquibase", liquibase_tables, liquibase_columns, false, NULL,
    "SELECT filename || '::' || id || '::' || author" APPLIED (
        "dateexecuted") ", exectype FROM %s ORDER BY dateexecuted, orderexecuted",
    take_liquibase, check_liquibase },
  { 0 },
};
