#include "migrate/lint_rules.h"

#include <string.h>

static const LintRule rules[RULE_COUNT] = {
  [RULE_INDEX_NOT_CONCURRENT]
  = { "index-not-concurrent", LINT_ERROR, "an index is built while all writes wait",
      "CREATE INDEX holds a SHARE lock until the index is built, which takes as long as the table is "
      "large. Every INSERT, UPDATE and DELETE waits behind it.",
      "CREATE INDEX CONCURRENTLY, in a file of its own that runs without a transaction.",
      "require-concurrent-index-creation", "add_index, add_reference", "PG101, MF102" },
  [RULE_DROP_INDEX_NOT_CONCURRENT]
  = { "drop-index-not-concurrent", LINT_WARNING, "an index is dropped while everybody waits",
      "DROP INDEX needs ACCESS EXCLUSIVE on the table: it waits for the longest query on it, and all "
      "others wait behind it.",
      "DROP INDEX CONCURRENTLY, in a file of its own that runs without a transaction.",
      "require-concurrent-index-deletion", "remove_index", "PG102" },
  [RULE_REINDEX_NOT_CONCURRENT]
  = { "reindex-not-concurrent", LINT_ERROR, "an index is rebuilt while all writes wait",
      "REINDEX holds SHARE on the table and ACCESS EXCLUSIVE on each index until it is built.",
      "REINDEX ... CONCURRENTLY, without a transaction.", "require-concurrent-reindex", NULL,
      NULL },
  [RULE_INDEX_ON_PARTITIONED]
  = { "index-on-partitioned", LINT_ERROR, "an index is built on all partitions while writes wait",
      "On a partitioned table there is no CONCURRENTLY; all partitions are locked until the last "
      "index is built.",
      "CREATE INDEX ... ON ONLY the parent, CREATE INDEX CONCURRENTLY on each partition, then ALTER "
      "INDEX ... ATTACH PARTITION.",
      NULL, NULL, "PG108" },
  [RULE_DETACH_NOT_CONCURRENT]
  = { "detach-not-concurrent", LINT_WARNING, "a partition is detached while everybody waits",
      "DETACH PARTITION needs ACCESS EXCLUSIVE on the partitioned table, and with it on all queries "
      "of every partition.",
      "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY (PostgreSQL 14), without a transaction.",
      "require-concurrent-partition-detach", NULL, NULL },
  [RULE_ATTACH_SCANS]
  = { "attach-scans", LINT_WARNING, "a partition is read through under ACCESS EXCLUSIVE",
      "ATTACH PARTITION reads all of the new partition, and of the default one, unless a CHECK that "
      "says the same is there already.",
      "ADD a CHECK of the partition's bounds NOT VALID, VALIDATE it, ATTACH, then drop the CHECK.",
      NULL, NULL, NULL },
  [RULE_CHECK_VALIDATED]
  = { "check-validated", LINT_ERROR, "a CHECK is verified under ACCESS EXCLUSIVE",
      "All rows are read while nobody can read or write the table.",
      "ADD CONSTRAINT ... NOT VALID; then, in a later transaction, VALIDATE CONSTRAINT, which lets "
      "reads and writes go on.",
      "constraint-missing-not-valid", "add_check_constraint", "PG305" },
  [RULE_FOREIGN_KEY_VALIDATED]
  = { "foreign-key-validated", LINT_ERROR,
      "a foreign key is verified while writes of two tables wait",
      "Both tables are under SHARE ROW EXCLUSIVE until every row has been looked up.",
      "ADD CONSTRAINT ... NOT VALID; then, in a later transaction, VALIDATE CONSTRAINT.",
      "adding-foreign-key-constraint, constraint-missing-not-valid",
      "add_foreign_key, add_reference", "PG306" },
  [RULE_SET_NOT_NULL]
  = { "set-not-null", LINT_ERROR, "all rows are read under ACCESS EXCLUSIVE to set NOT NULL",
      "SET NOT NULL reads the whole table, unless a validated CHECK (column IS NOT NULL) says it "
      "already. A row with NULL makes it fail.",
      "ADD CONSTRAINT ... CHECK (column IS NOT NULL) NOT VALID; VALIDATE CONSTRAINT in a later "
      "transaction; SET NOT NULL, which then reads nothing; DROP CONSTRAINT.",
      "adding-not-nullable-field", "change_column_null", "PG303, MF104" },
  [RULE_UNIQUE_BUILDS_INDEX]
  = { "unique-builds-index", LINT_ERROR,
      "a UNIQUE constraint builds its index under ACCESS EXCLUSIVE",
      "Nobody can read or write the table until the index is built; and it fails on the first "
      "duplicate.",
      "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... UNIQUE USING INDEX.",
      "disallowed-unique-constraint", "add_unique_constraint", "PG105, MF101" },
  [RULE_PRIMARY_KEY_BUILDS_INDEX]
  = { "primary-key-builds-index", LINT_ERROR,
      "a primary key builds its index under ACCESS EXCLUSIVE",
      "Nobody can read or write the table until the index is built, and until all rows were read for "
      "NOT NULL when the column allows NULL.",
      "Set NOT NULL first, CREATE UNIQUE INDEX CONCURRENTLY, then ADD PRIMARY KEY USING INDEX.",
      "adding-serial-primary-key-field", NULL, "PG104, PG304, PG312" },
  [RULE_EXCLUSION]
  = { "exclusion-builds-index", LINT_ERROR,
      "an exclusion constraint builds its index under ACCESS EXCLUSIVE",
      "There is no way to build it beside the traffic: nobody can read or write until it is done.",
      "Make it in a window without traffic, or on a new table that is filled and swapped.", NULL,
      "add_exclusion_constraint", "PG109" },
  [RULE_CHANGE_TYPE]
  = { "change-type", LINT_ERROR, "changing a column's type writes the table anew",
      "The table and all its indexes are written again under ACCESS EXCLUSIVE, and programs that read "
      "the old type break at that moment.",
      "Add a column of the new type, fill it in batches, keep it current by a trigger, and swap.",
      "changing-column-type", "change_column", "PG301" },
  [RULE_VOLATILE_DEFAULT]
  = { "volatile-default", LINT_ERROR,
      "a default that differs from row to row writes the table anew",
      "Only a default that is one value for all rows is kept beside the table; a volatile function is "
      "called for every row, under ACCESS EXCLUSIVE.",
      "ADD COLUMN without a default, SET DEFAULT, then fill the old rows in batches.",
      "adding-field-with-default", "add_column (volatile default)", "PG302" },
  [RULE_ADD_SERIAL]
  = { "add-serial", LINT_ERROR, "adding a serial column writes the table anew",
      "Every row gets a number from the sequence, under ACCESS EXCLUSIVE.",
      "ADD COLUMN bigint, SET DEFAULT nextval of a sequence of its own, fill the old rows in batches.",
      "adding-serial-primary-key-field", "add_column (auto-increment)", NULL },
  [RULE_ADD_IDENTITY]
  = { "add-identity", LINT_ERROR, "adding an identity column writes the table anew",
      "Every row gets a number from the sequence, under ACCESS EXCLUSIVE.",
      "ADD COLUMN bigint, fill it in batches, make it NOT NULL by a CHECK, then ADD GENERATED ... AS "
      "IDENTITY.",
      "adding-serial-primary-key-field", "add_column (auto-increment)", "PG310" },
  [RULE_ADD_GENERATED]
  = { "add-generated", LINT_ERROR, "adding a stored generated column writes the table anew",
      "The expression is computed for every row, under ACCESS EXCLUSIVE.",
      "Add a plain column, keep it current by a trigger, and fill the old rows in batches; or use a "
      "VIRTUAL one (PostgreSQL 18).",
      "adding-field-with-default", "add_column (stored generated)", "PG309" },
  [RULE_ADD_DOMAIN_COLUMN]
  = { "add-domain-column", LINT_ERROR,
      "adding a column of a domain with constraints writes the table anew",
      "The constraints are checked for every row, under ACCESS EXCLUSIVE, even though all are NULL.",
      "Add the column with the domain's base type and a CHECK ... NOT VALID.", NULL, NULL, NULL },
  [RULE_ADD_REQUIRED_COLUMN]
  = { "add-required-column", LINT_ERROR,
      "a NOT NULL column without a default cannot be added to rows",
      "It fails as soon as the table has one row; programs that do not know the column cannot insert.",
      "ADD COLUMN with a constant DEFAULT, or without NOT NULL, which is set when the rows are filled.",
      "adding-required-field, adding-not-nullable-field", NULL, "MF103" },
  [RULE_DOMAIN_CONSTRAINT]
  = { "domain-constraint", LINT_WARNING, "a domain's new constraint reads every table that uses it",
      "Writes to all of them wait under SHARE locks until all are read.",
      "ALTER DOMAIN ... ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT.",
      "ban-alter-domain-with-add-constraint", NULL, NULL },
  [RULE_VACUUM_FULL]
  = { "vacuum-full", LINT_ERROR, "the table is written anew while nobody can read it",
      "VACUUM FULL and CLUSTER copy the table under ACCESS EXCLUSIVE, and need its size in free space.",
      "pg_repack or pg_squeeze, or plain VACUUM.", "prefer-repack", NULL, NULL },
  [RULE_SET_LOGGED]
  = { "set-logged", LINT_ERROR, "SET LOGGED and SET UNLOGGED write the table anew",
      "All of it is copied under ACCESS EXCLUSIVE, for SET LOGGED through the WAL; an unlogged table "
      "is empty after a crash and on every replica.",
      "Make a new table, fill it in batches, and swap.", NULL, NULL, "PG307" },
  [RULE_SET_ACCESS_METHOD]
  = { "set-access-method", LINT_ERROR, "changing the access method writes the table anew",
      "All of it is copied under ACCESS EXCLUSIVE.",
      "Make a new table, fill it in batches, and swap.", NULL, NULL, "PG311" },
  [RULE_SET_TABLESPACE]
  = { "set-tablespace", LINT_ERROR, "moving to another tablespace copies the table",
      "All of it is copied under ACCESS EXCLUSIVE.",
      "pg_repack --tablespace, or for indexes REINDEX (CONCURRENTLY, TABLESPACE ...).", NULL, NULL,
      NULL },
  [RULE_REFRESH_NOT_CONCURRENT]
  = { "refresh-not-concurrent", LINT_WARNING, "nobody can read the view while it is refreshed",
      "REFRESH MATERIALIZED VIEW holds ACCESS EXCLUSIVE for as long as its query takes.",
      "REFRESH MATERIALIZED VIEW CONCURRENTLY; it needs a unique index of plain columns.", NULL,
      NULL, NULL },
  [RULE_TRIGGER]
  = { "trigger-lock", LINT_NOTE, "making a trigger waits for all writes",
      "CREATE TRIGGER takes SHARE ROW EXCLUSIVE: short, but it waits for open transactions that wrote, "
      "and all writes wait behind it. From then on it runs in every one of them.",
      "Set lock_timeout, and make it in a transaction of its own.", NULL, NULL, "PG308" },
  [RULE_REPLICA_IDENTITY]
  = { "replica-identity-full", LINT_WARNING,
      "REPLICA IDENTITY FULL writes whole old rows to the WAL",
      "Every UPDATE and DELETE logs the complete old row, and subscribers search for it without a key.",
      "REPLICA IDENTITY USING INDEX, with a unique index on NOT NULL columns.", NULL, NULL,
      "PG314" },
  [RULE_AUTOVACUUM_OFF]
  = { "autovacuum-off", LINT_WARNING, "autovacuum is switched off for a table",
      "The table bloats, its statistics grow old, and an emergency vacuum comes at a time you did not "
      "choose.",
      "Tune autovacuum_vacuum_scale_factor and autovacuum_vacuum_cost_delay instead.", NULL, NULL,
      "PG320" },
  [RULE_EXPLICIT_LOCK]
  = { "explicit-lock", LINT_WARNING, "LOCK TABLE holds up everybody until the transaction ends",
      "Every statement between it and COMMIT adds to the time that others wait.",
      "Take the weakest mode that will do, in a transaction that does nothing slow, with lock_timeout.",
      NULL, NULL, NULL },
  [RULE_DROP_TABLE]
  = { "drop-table", LINT_WARNING, "a table is dropped with its rows",
      "Programs that still read it fail at once, and only a backup brings the rows back.",
      "Stop using it, rename it, wait, and drop it in a later release.", "ban-drop-table",
      "create_table (force)", "DS102" },
  [RULE_DROP_COLUMN]
  = { "drop-column", LINT_WARNING, "a column is dropped with its values",
      "Programs that still name it, or have cached SELECT *, fail at once; only a backup brings the "
      "values back.",
      "Stop using it in a release before, and drop it in a later one.", "ban-drop-column",
      "remove_column", "DS103" },
  [RULE_DROP_SCHEMA]
  = { "drop-schema", LINT_ERROR, "a schema is dropped", "With CASCADE everything in it goes too.",
      "Drop what is in it by name, then the empty schema.", NULL, NULL, "DS101" },
  [RULE_DROP_DATABASE] = { "drop-database", LINT_ERROR, "a database is dropped",
                           "Nothing of it is left to undo it with.", "Not in a migration.",
                           "ban-drop-database", NULL, NULL },
  [RULE_DROP_CASCADE]
  = { "drop-cascade", LINT_WARNING, "CASCADE drops whatever depends on it",
      "What that is shows only when it runs: views, foreign keys, functions that nobody listed.",
      "Drop what depends on it by name, then the thing itself without CASCADE.", NULL, NULL, NULL },
  [RULE_TRUNCATE]
  = { "truncate", LINT_ERROR, "all rows of a table are removed",
      "TRUNCATE takes ACCESS EXCLUSIVE, calls no ON DELETE triggers, and with CASCADE empties every "
      "table that refers to it.",
      "DELETE in batches, with a WHERE.", "ban-truncate-cascade", NULL, NULL },
  [RULE_DROP_FOREIGN_KEY]
  = { "drop-foreign-key", LINT_NOTE, "a foreign key is dropped",
      "Rows that refer to nothing can come in from then on, and both tables are locked ACCESS "
      "EXCLUSIVE for a moment.",
      "Make sure that what replaces it is there.", NULL, NULL, "CD101" },
  [RULE_DROP_PRIMARY_KEY]
  = { "drop-primary-key", LINT_WARNING, "a primary key is dropped",
      "Duplicates can come in, foreign keys to it stop it, and logical replication cannot send "
      "UPDATEs of the table any more.",
      "Build the new key's index CONCURRENTLY, then drop and add USING INDEX in one statement.",
      NULL, NULL, "PG312" },
  [RULE_DROP_NOT_NULL] = { "drop-not-null", LINT_NOTE, "a column allows NULL from now on",
                           "Programs that rely on a value meet NULL.", "Change who reads it first.",
                           "ban-drop-not-null", NULL, NULL },
  [RULE_RENAME_TABLE]
  = { "rename-table", LINT_WARNING, "a table changes its name under running programs",
      "Programs of the release before fail until they are replaced.",
      "Rename it and make a view of the old name in the same transaction; drop the view later.",
      "renaming-table", "rename_table", "BC101" },
  [RULE_RENAME_COLUMN]
  = { "rename-column", LINT_WARNING, "a column changes its name under running programs",
      "Programs of the release before fail until they are replaced.",
      "Add a column, keep both current by a trigger, fill it, change the programs, drop the old one.",
      "renaming-column", "rename_column", "BC102" },
  [RULE_RENAME_SCHEMA]
  = { "rename-schema", LINT_WARNING, "a schema changes its name under running programs",
      "Everything in it is somewhere else at once.", "Make a new schema and move programs over.",
      NULL, "rename_schema", NULL },
  [RULE_RENAME_ENUM_VALUE]
  = { "rename-enum-value", LINT_WARNING, "an enum's value changes its name under running programs",
      "Programs that compare with or write the old one fail.",
      "Add the new value, change the programs, update the rows, and leave the old one.", NULL,
      "rename_enum_value", NULL },
  [RULE_UPDATE_WITHOUT_WHERE]
  = { "write-without-where", LINT_WARNING, "every row of a table is written in one statement",
      "All rows stay locked until COMMIT, the table doubles, and replicas lag behind.",
      "Write it in batches: -- pgkeel: batch.", NULL, "backfill", NULL },
  [RULE_DUPLICATE_ASSIGNMENT]
  = { "duplicate-assignment", LINT_ERROR, "a column is assigned twice", "PostgreSQL refuses it.",
      "Assign it once.", "ban-duplicate-column-assignments", NULL, NULL },
  [RULE_NESTED_TRANSACTION]
  = { "nested-transaction", LINT_NOTE, "the file begins a transaction itself",
      "pgkeel follows its BEGIN and COMMIT. Tools that put a transaction around each file do not: the "
      "file's COMMIT ends theirs, and their history is written on its own.",
      "Leave BEGIN and COMMIT out: the file is a transaction.", "transaction-nesting", NULL,
      "TX101" },
  [RULE_UNCOMMITTED_TRANSACTION] = { "uncommitted-transaction", LINT_ERROR, "a BEGIN has no COMMIT",
                                     "Nothing of it stays, or its locks do.", "End it with COMMIT.",
                                     "ban-uncommitted-transaction", NULL, NULL },
  [RULE_CONCURRENT_IN_TRANSACTION]
  = { "concurrent-in-transaction", LINT_ERROR,
      "a statement that refuses to run in a transaction is in one",
      "PostgreSQL stops with “cannot run inside a transaction block”.",
      "Put it into a file of its own that runs without a transaction.",
      "ban-concurrent-index-creation-in-transaction", NULL, "PG103" },
  [RULE_SPLITS_TRANSACTION]
  = { "splits-transaction", LINT_WARNING,
      "a statement that runs alone splits the file's transaction",
      "pgkeel commits what comes before it and goes on behind it: a failure leaves half of the file "
      "done, until the same command goes on. Other tools stop with “cannot run inside a transaction "
      "block”.",
      "Put it into a file of its own.", "ban-concurrent-index-creation-in-transaction", NULL,
      "PG103, TX201" },
  [RULE_COMMITS_ITSELF]
  = { "commits-itself", LINT_WARNING, "a procedure or a DO block may commit a part of its work",
      "Nobody can tell how far it came: interrupted, it is run again from its beginning by the same "
      "command, over what it has committed.",
      "Let it find out itself what is left to be done; or write the loop as one statement behind “-- "
      "pgkeel: batch”, which goes on where it stopped.",
      NULL, NULL, NULL },
  [RULE_ENUM_VALUE_USED]
  = { "enum-value-used", LINT_WARNING, "an enum's value is used in the transaction that adds it",
      "PostgreSQL stops with “unsafe use of new value”. (pgkeel migrate up commits in between, so the "
      "file is no longer one transaction; other tools fail.)",
      "Use it in the next migration.", NULL, NULL, NULL },
  [RULE_VALIDATE_SAME_TRANSACTION]
  = { "validate-same-transaction", LINT_ERROR,
      "a constraint is validated in the transaction that adds it",
      "The lock that ADD took is held while all rows are read, so NOT VALID gained nothing.",
      "VALIDATE CONSTRAINT in a later migration.", NULL, "validate_constraint", NULL },
  [RULE_WORK_UNDER_LOCK]
  = { "work-under-lock", LINT_ERROR, "slow work while a table is locked ACCESS EXCLUSIVE",
      "A lock lasts until COMMIT: nobody can read or write the locked table while the rest of the "
      "transaction runs.",
      "Do it in a transaction of its own, before or after.", NULL, "backfill", NULL },
  [RULE_MANY_TABLES_LOCKED]
  = { "many-tables-locked", LINT_WARNING,
      "several tables are locked ACCESS EXCLUSIVE in one transaction",
      "The first waits locked until the last is free, and a program that takes them in another order "
      "ends in a deadlock.",
      "One transaction per table.", NULL, NULL, NULL },
  [RULE_BACKFILL_WITH_DDL] = { "backfill-with-ddl", LINT_WARNING,
                               "rows are written in the transaction that changes the schema",
                               "The schema's locks last until all rows are written.",
                               "Write the rows in the next migration.", NULL, "backfill", NULL },
  [RULE_LOCK_TIMEOUT]
  = { "lock-timeout", LINT_NOTE, "no lock_timeout is set",
      "A statement that waits for a lock makes everybody behind it wait, for as long as the longest "
      "query runs. (pgkeel migrate up sets one; other tools do not.)",
      "SET lock_timeout = '5s'; before it, and try again when it fails.",
      "require-lock-timeout, require-timeout-settings", "lock_timeout", NULL },
  [RULE_STATEMENT_TIMEOUT]
  = { "statement-timeout", LINT_NOTE, "no statement_timeout is set",
      "A statement that takes longer than thought goes on for as long as it takes, with its locks.",
      "SET statement_timeout before it.", "require-statement-timeout, require-timeout-settings",
      "statement_timeout", NULL },
  [RULE_IDLE_TIMEOUT]
  = { "idle-timeout", LINT_NOTE, "a BEGIN without idle_in_transaction_session_timeout",
      "When the program that runs the file hangs, its locks stay.",
      "SET idle_in_transaction_session_timeout before BEGIN.", NULL, NULL, NULL },
  [RULE_NOT_REPEATABLE]
  = { "not-repeatable", LINT_NOTE, "cannot be run again after a failure half way",
      "Without a transaction what came before it stays; other tools than pgkeel begin at the top again "
      "and stop at what is there.",
      "IF NOT EXISTS or IF EXISTS; for a concurrent index, DROP INDEX CONCURRENTLY IF EXISTS first, as "
      "an INVALID one counts as existing.",
      "prefer-robust-stmts", NULL, NULL },
  [RULE_INTEGER_KEY] = { "integer-key", LINT_WARNING, "a key of 32 bits",
                         "It ends at 2,147,483,647, and widening it writes the table anew.",
                         "bigint.", "prefer-bigint-over-int", NULL, NULL },
  [RULE_SMALLINT_KEY] = { "smallint-key", LINT_WARNING, "a key of 16 bits",
                          "It ends at 32,767, and widening it writes the table anew.", "bigint.",
                          "prefer-bigint-over-smallint", NULL, NULL },
  [RULE_SERIAL] = { "serial", LINT_NOTE, "serial instead of an identity column",
                    "The sequence has rights of its own and can be overwritten by any INSERT.",
                    "bigint GENERATED ALWAYS AS IDENTITY.", "prefer-identity", NULL, NULL },
  [RULE_VARCHAR]
  = { "varchar", LINT_NOTE, "a text with a limit in its type",
      "Lowering the limit writes or reads the table; a CHECK can be changed beside the traffic.",
      "text, with a CHECK where a limit is needed.", "prefer-text-field", NULL, NULL },
  [RULE_CHAR] = { "char", LINT_WARNING, "char pads with blanks",
                  "Comparisons and lengths surprise, and it saves nothing.", "text.",
                  "ban-char-field", NULL, NULL },
  [RULE_TIMESTAMP] = { "timestamp", LINT_NOTE, "a time without a time zone",
                       "The same value means another moment to each session.", "timestamptz.",
                       "prefer-timestamp-tz", NULL, NULL },
  [RULE_JSON] = { "json-column", LINT_WARNING, "json has no equality",
                  "SELECT DISTINCT, GROUP BY and UNION on the table fail.", "jsonb.", NULL,
                  "add_column (json)", NULL },
  [RULE_DOMAIN_WITH_CONSTRAINT]
  = { "domain-with-constraint", LINT_NOTE, "a domain with a constraint",
      "Changing it later reads every table that uses it.", "A CHECK on the column.",
      "ban-create-domain-with-constraint", NULL, NULL },
  [RULE_WIDE_INDEX] = { "wide-index", LINT_NOTE, "an index of more than three columns",
                        "It slows every write and rarely serves better than its first columns.",
                        "Keep the most selective columns, or INCLUDE the others.", NULL,
                        "add_index (columns)", NULL },
  [RULE_COLUMN_ALIGNMENT]
  = { "column-alignment", LINT_NOTE, "the order of columns wastes space in every row",
      "Wide fixed types begin at multiples of eight bytes; narrow ones before them leave holes.",
      "Columns of eight bytes first, then four, two, one, then those of any length.", NULL, NULL,
      "PG110" },
  [RULE_ENUM_ORDER]
  = { "enum-order", LINT_NOTE, "a new enum value without BEFORE or AFTER",
      "It sorts last, and the order cannot be changed later.",
      "ADD VALUE ... BEFORE or AFTER another.", "require-enum-value-ordering", NULL, NULL },
  [RULE_SCHEMA_NOT_NAMED] = { "schema-not-named", LINT_NOTE, "a table without its schema",
                              "Where it goes depends on who runs it.", "Write schema.table.",
                              "require-table-schema", NULL, NULL },
  [RULE_NAME_TOO_LONG] = { "name-too-long", LINT_WARNING, "a name of more than 63 bytes",
                           "PostgreSQL cuts it silently, and two such names may become one.",
                           "A shorter name.", "identifier-too-long", NULL, NULL },
  [RULE_UNKNOWN]
  = { "unknown", LINT_ERROR, "could not be parsed",
      "What it does is not known, and so neither that it is safe.",
      "Correct it; or, when a newer PostgreSQL knows it, ignore this rule with a reason.",
      "syntax-error", NULL, NULL },
  [RULE_DYNAMIC_SQL]
  = { "dynamic-sql", LINT_NOTE, "code whose statements are not seen",
      "What DO executes is put together when it runs: nothing here was checked.",
      "Plain statements where possible; pgkeel migrate rehearse measures the rest.", NULL,
      "execute", "SA101" },
  [RULE_UNUSED_IGNORE]
  = { "unused-ignore", LINT_WARNING, "a comment ignores what is not there",
      "It would hide the next one of its kind.", "Remove it.", "unused-ignore", NULL, NULL },
  [RULE_IGNORE_WITHOUT_REASON]
  = { "ignore-without-reason", LINT_WARNING, "a comment ignores a rule without saying why",
      "Whoever comes after has to find out again.", "-- pgkeel: ignore RULE because ...", NULL,
      NULL, NULL },
};

const LintRule *
lint_rule (LintRuleNumber number)
{
  return &rules[number];
}

const LintRule *
lint_rules (size_t *ret_count)
{
  *ret_count = RULE_COUNT;
  return rules;
}

const LintRule *
lint_rule_find (const char *id)
{
  for (size_t i = 0; i < RULE_COUNT; i++)
    if (strcmp (rules[i].id, id) == 0)
      return &rules[i];
  return NULL;
}

const char *
lint_severity_name (LintSeverity severity)
{
  static const char *const names[] = { "note", "warning", "error" };
  return names[severity];
}

bool
lint_severity_parse (const char *name, LintSeverity *ret_severity)
{
  for (LintSeverity severity = LINT_NOTE; severity <= LINT_ERROR; severity++)
    if (strcmp (name, lint_severity_name (severity)) == 0)
      {
        *ret_severity = severity;
        return true;
      }
  return false;
}
