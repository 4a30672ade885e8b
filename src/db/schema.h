/*
 * The schema of a database as a list of objects, and its fingerprint.
 *
 * Everything pg_dump carries over is read: kind, name, definition, one object per table, column,
 * constraint, index, function, grant, comment and so on. Nothing in it depends on OIDs, on physical
 * layout, on the order of creation, on who reads or with which settings, so two databases that
 * pg_dump makes equal have equal fingerprints: above all a database and its restored copy. Where
 * PostgreSQL itself does not give back what it was given, both spellings are made one:
 *
 *   casts of whole arrays (schema_canonical.h)    the order of an inheritance child's columns
 *   names of foreign keys' copies in partitions   invalid indexes, which pg_dump leaves behind
 *   subscriptions: enabled or not                 a public schema as initdb makes it, or none
 *
 * Left out: members of extensions (but changed grants and policies on them), large objects, data,
 * sequence positions, the database's own settings, roles, tablespaces. Secrets (options of user
 * mappings, connection texts) are shown as 16 bits of a digest: enough to see a change, useless for
 * guessing. Fingerprints compare within one major version: a newer server describes some objects
 * in new words.
 *
 * The SQL is in sql/schema-*.sql. A line that ends in "-- [15,17)" is for servers of major version
 * 15 to before 17; either bound may be missing.
 */
#pragma once

#include "db/conn.h"

typedef struct
{
  char *kind;       /* "table", "column", "index", ... */
  char *name;       /* quoted and with its schema, as SQL would name it; unique within a kind */
  char *definition; /* lines of text, for people and for comparison; not always valid SQL */
} DbSchemaObject;

typedef enum
{
  DB_SCHEMA_ADDED,   /* only in the second schema */
  DB_SCHEMA_REMOVED, /* only in the first */
  DB_SCHEMA_CHANGED, /* in both, with different definitions */
} DbSchemaChangeKind;

typedef struct
{
  DbSchemaChangeKind change;
  char *kind;
  char *name;
  char *before; /* definition in the first schema; NULL when added */
  char *after;  /* definition in the second; NULL when removed */
} DbSchemaChange;

/* Reads the schema of CONN's database. Inside a transaction it sees what that transaction's
 * snapshot shows, and leaves its settings as they were; otherwise it runs one of its own. Objects
 * that others drop meanwhile may make it fail: hold locks on the tables, as a dump does. Objects a
 * user may not see the options of (user mappings), or at all (subscriptions), are left out as
 * pg_dump leaves them out for that user.
 * RET_OBJECTS: DbSchemaObject, sorted by kind and name, freed with the array. */
bool db_schema_read (DbConn *conn, GPtrArray **ret_objects, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "sha256:" and 64 hexadecimal digits over OBJECTS, whatever their order; caller frees. Versions of
 * extensions are not part of it: a dump does not carry them.
 *
 * The hash is over the text "pgkeel schema 1\n" and, for each object sorted by kind, name and
 * definition (bytes), each of the three as its length in 8 bytes, big-endian, and its bytes. */
char *db_schema_fingerprint (const GPtrArray *objects);

/* What it takes to get from BEFORE to AFTER: DbSchemaChange, sorted by kind and name, freed with
 * the array; empty when nothing differs. Unlike the fingerprint this compares the versions of
 * extensions too. */
GPtrArray *db_schema_diff (const GPtrArray *before, const GPtrArray *after);

/* QUERY without the lines that are for other major versions than MAJOR. Caller frees. */
char *db_schema_query_for (const char *query, int major);
