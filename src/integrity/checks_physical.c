/* Settings that endanger the files, wraparound, checksums, collations, indexes that are not whole. */
#include "integrity/checks.h"
#include "integrity/query_check.h"

#define QUERY(...)                                                                                 \
  &(const QueryCheck)                                                                              \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

/* Everywhere a setting can be set: the server, this database, roles in it. $1: its name, $2: the value
 * that is a danger, $3: what to say. */
static const char setting_sql[]
    = "SELECT 'setting ' || $1::text,\n"
      "       CASE WHEN s.setting = $2::text THEN format('%s is %s: %s', $1::text, $2::text, $3::text) END,\n"
      "       NULL, CASE WHEN s.setting = $2::text AND s.context <> 'internal'\n"
      "                  THEN format('ALTER SYSTEM RESET %I; SELECT pg_reload_conf()', $1::text) END,\n"
      "       format('SELECT name, setting, source, sourcefile, sourceline FROM pg_settings"
      " WHERE name = %L', $1::text), NULL\n"
      "  FROM (SELECT s.name, s.context,\n"
      /* pgkeel's own sessions do not change these, so what is in force here is so for others. */
      "               s.setting FROM pg_settings s WHERE s.name = $1::text) s\n"
      "UNION ALL\n"
      "SELECT 'setting ' || $1::text || ' of ' || coalesce('role ' || r.rolname, 'database ' || d.datname),\n"
      "       CASE WHEN c.entry = $1::text || '=' || $2::text THEN format('%s is %s there: %s', $1::text, $2::text, $3::text) END,\n"
      "       NULL, CASE WHEN c.entry <> $1::text || '=' || $2::text THEN NULL\n"
      "                  WHEN r.oid IS NULL THEN format('ALTER DATABASE %I RESET %I', d.datname, $1::text)\n"
      "                  WHEN d.oid IS NULL THEN format('ALTER ROLE %I RESET %I', r.rolname, $1::text)\n"
      "                  ELSE format('ALTER ROLE %I IN DATABASE %I RESET %I', r.rolname, d.datname, $1::text)"
      " END,\n"
      "       'SELECT setdatabase, setrole::regrole, setconfig FROM pg_db_role_setting', NULL\n"
      "  FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c(entry)\n"
      "  LEFT JOIN pg_roles r ON r.oid = s.setrole\n"
      "  LEFT JOIN pg_database d ON d.oid = s.setdatabase\n"
      " WHERE c.entry LIKE $1::text || '=%' AND (s.setdatabase = 0 OR d.datname = current_database())";

#define SETTING(name, value, words)                                                                \
  QUERY ("settings", setting_sql,                                                                  \
         {                                                                                         \
             name,                                                                                 \
             value,                                                                                \
             words,                                                                                \
         })

static const char checksum_failures_sql[]
    = "SELECT 'database ' || d.datname,\n"
      "       CASE WHEN s.checksum_failures > 0\n"
      "            THEN format('%s pages failed their checksum, the last on %s', s.checksum_failures,\n"
      "                        to_char(s.checksum_last_failure, 'YYYY-MM-DD HH24:MI')) END,\n"
      "       NULL, NULL,\n"
      "       'SELECT datname, checksum_failures, checksum_last_failure FROM pg_stat_database"
      " WHERE checksum_failures > 0', NULL\n"
      "  FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid\n"
      " WHERE d.datallowconn\n"
      "UNION ALL\n"
      "SELECT 'the catalogues that databases share',\n"
      "       format('%s pages failed their checksum', checksum_failures), NULL, NULL, NULL, NULL\n"
      "  FROM pg_stat_database WHERE datid = 0 AND checksum_failures > 0";

static const char checksums_off_sql[]
    = "SELECT 'cluster', CASE WHEN setting = 'off'\n"
      "  THEN 'data checksums are off: a page that the disk changed is read as if it were sound' END,\n"
      "  NULL, NULL, 'SELECT name, setting FROM pg_settings WHERE name = ''data_checksums''', NULL FROM pg_settings WHERE name = 'data_checksums'";

/* $1: a worry, $2: an emergency, in transactions. */
#define WRAPAROUND_SQL(age, words)                                                                 \
  "SELECT 'database ' || datname,\n"                                                               \
  "       CASE WHEN " age " > least($1::bigint, $2::bigint)\n"                                     \
  "            THEN format('its oldest " words                                                     \
  " is %s old; the server stops taking writes at about "                                           \
  "2,100,000,000', " age ") END,\n"                                                                \
  "       CASE WHEN " age " > $2::bigint THEN 'critical' ELSE 'error' END, NULL,\n"                \
  "       'SELECT oid::regclass, age(relfrozenxid), mxid_age(relminmxid) FROM pg_class"            \
  " WHERE relkind IN (''r'', ''t'', ''m'') ORDER BY 2 DESC LIMIT 20', NULL\n"                      \
  "  FROM pg_database"

static const char index_invalid_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN i.indisvalid THEN NULL\n"
      "            WHEN c.relkind = 'I'\n"
      "            THEN 'is INVALID: not every partition has its index, so it does not enforce anything"
      " for the whole table'\n"
      "            WHEN i.indisunique\n"
      "            THEN 'is INVALID: it serves no query, costs every write, and what it should keep unique"
      " may not be'\n"
      "            ELSE 'is INVALID: it serves no query and costs every write' END,\n"
      "       NULL,\n"
      "       CASE WHEN i.indisvalid OR c.relkind = 'I' THEN NULL\n"
      "            WHEN c.relname ~ '_cc(new|old)[0-9]*$'\n"
      "            THEN format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)\n"
      "            ELSE format('REINDEX INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) END,\n"
      "       'SELECT indexrelid::regclass, indrelid::regclass FROM pg_index WHERE NOT indisvalid', NULL\n"
      "  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid\n"
      "  JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE" QUERY_USER_RELATION "   AND i.indisready AND i.indislive\n"
      /* One that is being built just now is not a failure. */
      "   AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)";

static const char index_not_ready_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN i.indisready AND i.indislive THEN NULL\n"
      "            WHEN NOT i.indislive THEN 'is half dropped: DROP INDEX CONCURRENTLY did not end'\n"
      "            ELSE 'is half built: CREATE INDEX CONCURRENTLY ended before it took writes' END,\n"
      "       NULL,\n"
      "       CASE WHEN NOT (i.indisready AND i.indislive)\n"
      "            THEN format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) END,\n"
      "       'SELECT indexrelid::regclass, indrelid::regclass FROM pg_index"
      " WHERE NOT indisready OR NOT indislive', NULL\n"
      "  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid\n"
      "  JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE" QUERY_USER_RELATION
      "   AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)";

/* Collations of columns and expressions in indexes; the database's own has its row below. A C library
 * that tells no version (musl) cannot be compared with. */
static const char collation_sql[]
    = "WITH used AS (\n"
      "  SELECT DISTINCT i.indexrelid, u.coll\n"
      "    FROM pg_index i CROSS JOIN LATERAL unnest(i.indcollation::oid[]) u(coll)\n"
      "    JOIN pg_class c ON c.oid = i.indexrelid\n"
      "   WHERE u.coll <> 0 AND c.relpersistence <> 't')\n"
      "SELECT format('collation %I.%I', n.nspname, c.collname),\n"
      "       CASE WHEN c.collversion <> pg_collation_actual_version(c.oid)\n"
      "            THEN format('was version %s when its %s indexes were made and is %s now: they may not"
      " find what is there', c.collversion,\n"
      "                        (SELECT count(*) FROM used u WHERE u.coll = c.oid),\n"
      "                        pg_collation_actual_version(c.oid)) END, NULL,\n"
      "       CASE WHEN c.collversion <> pg_collation_actual_version(c.oid)\n"
      "            THEN (SELECT coalesce(string_agg(format('REINDEX INDEX CONCURRENTLY %s',"
      " u.indexrelid::regclass), '; ' ORDER BY u.indexrelid) || '; ', '')\n"
      "                    FROM used u WHERE u.coll = c.oid)\n"
      "                 || format('ALTER COLLATION %I.%I REFRESH VERSION', n.nspname, c.collname) END,\n"
      "       format('SELECT indexrelid::regclass, indrelid::regclass FROM pg_index WHERE %s ="
      " ANY (indcollation::oid[])', c.oid), NULL\n"
      "  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace\n"
      " WHERE c.collversion IS NOT NULL AND c.oid IN (SELECT u.coll FROM used u)\n"
      "UNION ALL -- [15,)\n"
      "SELECT 'database ' || d.datname, -- [15,)\n"
      "       CASE WHEN d.datcollversion <> pg_database_collation_actual_version(d.oid) -- [15,)\n"
      "            THEN format('its collation was version %s and is %s now: %s indexes may not find what is"
      " there', -- [15,)\n"
      "                        d.datcollversion, pg_database_collation_actual_version(d.oid), -- [15,)\n"
      "                        (SELECT count(*) FROM used u WHERE u.coll = 100)) END, -- [15,)\n"
      "       NULL, -- [15,)\n"
      "       CASE WHEN d.datcollversion <> pg_database_collation_actual_version(d.oid) -- [15,)\n"
      "            THEN format('REINDEX DATABASE CONCURRENTLY %I; ALTER DATABASE %I REFRESH COLLATION"
      " VERSION', -- [15,)\n"
      "                        d.datname, d.datname) END, -- [15,)\n"
      "       'SELECT indexrelid::regclass, indrelid::regclass FROM pg_index WHERE 100 ="
      " ANY (indcollation::oid[])', NULL -- [15,)\n"
      "  FROM pg_database d -- [15,)\n"
      " WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL -- [15,)\n";

/* Rows of catalogues that refer to rows which are not there. */
#define DANGLING(catalogue, identity, column, target)                                              \
  "SELECT '" catalogue "', count(*), 'SELECT " identity ", " column " FROM " catalogue             \
  " x WHERE " column " <> 0 AND NOT EXISTS (SELECT 1 FROM " target " t WHERE t.oid = x." column    \
  ")', '" column "', '" target "'\n"                                                               \
  "  FROM " catalogue " x WHERE x." column " <> 0\n"                                               \
  "   AND NOT EXISTS (SELECT 1 FROM " target " t WHERE t.oid = x." column ")\n"

static const char dangling_sql[]
    = "SELECT catalogue || '.' || attribute,\n"
      "       CASE WHEN number > 0 THEN format('%s rows refer to rows of %s that are not there', number,"
      " target) END,\n"
      "       NULL, NULL, query, NULL\n"
      "  FROM (\n" DANGLING ("pg_class",
                             "oid, relname", "relnamespace", "pg_namespace") "UNION ALL\n" DANGLING ("pg_class",
                                                                                                     "oid, relname", "relowner", "pg_roles") "UNION ALL\n" DANGLING ("pg_class", "oid, relname", "reltype", "pg_type") "UNION ALL\n" DANGLING ("pg_class", "oid, relname", "reltoastrelid", "pg_class") "UNION ALL\n" DANGLING ("pg_attribute", "attrelid, attname",
                                                                                                                                                                                                                                                                                                                                "attrelid",
                                                                                                                                                                                                                                                                                                                                "pg_class") "UNION ALL\n" DANGLING ("pg_attribute", "attrelid, attname", "atttypid", "pg_type") "UNION ALL\n" DANGLING ("pg_attrdef", "oid, adrelid", "adrelid", "pg_class") "UNION ALL\n" DANGLING ("pg_index",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "indexrelid, indrelid",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "indexrelid",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "pg_class") "UNION ALL\n" DANGLING ("pg_index", "indexrelid, indrelid", "indrelid", "pg_class") "UNION ALL\n" DANGLING ("pg_constraint",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "oid, conname",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "conrelid",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "pg_class") "UNION ALL\n" DANGLING ("pg_constraint",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "oid, conname", "confrelid", "pg_class") "UNION ALL\n" DANGLING ("pg_trigger", "oid, tgname", "tgrelid", "pg_class") "UNION ALL\n" DANGLING ("pg_trigger", "oid, tgname", "tgfoid", "pg_proc") "UNION ALL\n" DANGLING ("pg_inherits", "inhrelid, inhparent", "inhparent", "pg_class") "UNION ALL\n" DANGLING ("pg_proc", "oid, proname", "pronamespace", "pg_namespace") "UNION ALL\n" DANGLING ("pg_type",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "oid, typname",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "typnamespace",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "pg_namespace") "  ) found(catalogue, number, query, attribute, target)";

/* A file that is gone or cut to nothing has size 0, whatever pg_class remembers of it. */
static const char file_missing_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN c.relpages > 0 AND pg_relation_size(c.oid) = 0\n"
      "            THEN format('had %s pages when it was last looked at, and its file is missing or empty',"
      " c.relpages) END,\n"
      "       NULL, NULL, format('SELECT pg_relation_filepath(%s)', c.oid), NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'm', 'i', 't') AND c.relpersistence = 'p'";

static const char unlogged_table_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN c.relpersistence = 'u'\n"
      "            THEN 'is UNLOGGED: a crash empties it, and standbys do not have it' END,\n"
      "       NULL, CASE WHEN c.relpersistence = 'u'\n"
      "                  THEN format('ALTER TABLE %I.%I SET LOGGED', n.nspname, c.relname) END, NULL, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind = 'r' AND" QUERY_USER_RELATION;

static const char unlogged_sequence_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN c.relpersistence = 'u'\n"
      "            THEN 'is UNLOGGED: after a crash it begins again and gives numbers that are taken' END,\n"
      "       NULL, CASE WHEN c.relpersistence = 'u'\n"
      "                  THEN format('ALTER SEQUENCE %I.%I SET LOGGED', n.nspname, c.relname) END, NULL, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind = 'S' AND" QUERY_USER_RELATION;

#define PHYSICAL(check_id, check_severity, quick, check_title, check_why, check_advice, query)     \
  {                                                                                                \
    .id = check_id, .severity = CHECK_SEVERITY_##check_severity,                                   \
    .category = CHECK_CATEGORY_PHYSICAL, .title = check_title, .why = check_why,                   \
    .advice = check_advice, .is_quick = quick, .run = query_check_run, .data = query               \
  }

const Check checks_physical[] = {
  PHYSICAL ("checksum-failures", CRITICAL, true, "Pages failed their checksums",
            "The disk, its controller or the memory gave back other bytes than were written.",
            "Prove the last backups, move off this disk, and restore what is damaged.",
            QUERY ("databases", checksum_failures_sql)),
  PHYSICAL ("checksums-off", WARNING, false, "Data checksums are off",
            "Damage on the disk is read as if it were data, and copied into every backup.",
            "Stop the server and run pg_checksums --enable.",
            QUERY ("clusters", checksums_off_sql)),
  PHYSICAL ("setting-fsync", CRITICAL, true, "fsync is off",
            "After a crash of the machine the database may be destroyed.",
            "Set fsync = on and reload.",
            SETTING ("fsync", "off", "a crash of the machine may destroy the database")),
  PHYSICAL ("setting-full-page-writes", CRITICAL, true, "full_page_writes is off",
            "After a crash pages may be half old, half new.",
            "Set full_page_writes = on and reload.",
            SETTING ("full_page_writes", "off", "after a crash pages may be half old, half new")),
  PHYSICAL ("setting-zero-damaged-pages", CRITICAL, true, "zero_damaged_pages is on",
            "The server throws away damaged pages, with all their rows, without stopping.",
            "Set it to off, everywhere; use it only by hand, in one session, after a backup.",
            SETTING ("zero_damaged_pages", "on",
                     "damaged pages are emptied without anybody being asked")),
  PHYSICAL (
      "setting-ignore-checksum-failure", CRITICAL, true, "ignore_checksum_failure is on",
      "Damaged pages are read, and served, as if they were sound.", "Set it to off, everywhere.",
      SETTING ("ignore_checksum_failure", "on", "damaged pages are served as if they were sound")),
  PHYSICAL ("setting-ignore-system-indexes", ERROR, true, "ignore_system_indexes is on",
            "It is for repairing catalogues by hand; everything else is slow and may go wrong.",
            "Remove it from the options of the sessions and the server.",
            SETTING ("ignore_system_indexes", "on", "the catalogues' indexes are not used")),
  PHYSICAL (
      "setting-synchronous-commit", WARNING, true, "synchronous_commit is off",
      "A crash loses the last transactions that were already confirmed to their clients.",
      "Set it to on, or off only for transactions that may be lost.",
      SETTING ("synchronous_commit", "off", "a crash loses transactions that were confirmed")),
  PHYSICAL (
      "wraparound-xid", CRITICAL, true, "Transaction numbers run out",
      "Near 2.1 billion unfrozen transactions the server refuses every write.",
      "Find what holds vacuum back (old transactions, slots, prepared transactions), then VACUUM.",
      QUERY ("databases", WRAPAROUND_SQL ("age(datfrozenxid)", "transaction"),
             { "1000000000", "1500000000" })),
  PHYSICAL ("wraparound-multixact", CRITICAL, true, "Multixact numbers run out",
            "Near 2.1 billion unfrozen multixacts the server refuses every write.",
            "Find what holds vacuum back, then VACUUM the tables with the oldest relminmxid.",
            QUERY ("databases", WRAPAROUND_SQL ("mxid_age(datminmxid)", "multixact"),
                   { "1000000000", "1500000000" })),
  PHYSICAL ("index-invalid", ERROR, true, "Indexes that are not valid",
            "It costs every write, serves no query, and a unique one keeps nothing unique.",
            "Build it again with REINDEX INDEX CONCURRENTLY, or drop it.",
            QUERY ("indexes", index_invalid_sql)),
  PHYSICAL ("index-not-ready", ERROR, true, "Indexes left half built or half dropped",
            "What an interrupted CREATE or DROP INDEX CONCURRENTLY leaves is of no use to anybody.",
            "Drop it, and create it again if it is wanted.",
            QUERY ("indexes", index_not_ready_sql)),
  PHYSICAL ("collation-version", ERROR, true, "Collations changed under their indexes",
            "When the sorting of texts changes, indexes miss rows and let duplicates in.",
            "Rebuild the indexes, then refresh the version.", QUERY ("collations", collation_sql)),
  PHYSICAL ("catalogue-dangling", CRITICAL, true, "Catalogues that refer to nothing",
            "The system's own tables contradict each other: dumps and statements will fail.",
            "Restore from a proven backup; do not edit catalogues by hand.",
            QUERY ("references", dangling_sql)),
  PHYSICAL (
      "file-missing", CRITICAL, true, "Files of tables or indexes are missing",
      "The rows that were in it are gone from this server.",
      "Stop writing, keep a copy of the data folder, and restore the table from a proven backup.",
      QUERY ("relations", file_missing_sql)),
  PHYSICAL ("table-unlogged", WARNING, false, "Unlogged tables",
            "A crash empties them, and standbys and archives never have them.",
            "ALTER TABLE ... SET LOGGED, unless its rows can be lost.",
            QUERY ("tables", unlogged_table_sql)),
  PHYSICAL ("sequence-unlogged", WARNING, false, "Unlogged sequences",
            "After a crash it begins again and gives numbers that are taken.",
            "ALTER SEQUENCE ... SET LOGGED.", QUERY ("sequences", unlogged_sequence_sql)),
  { 0 },
};
