/*
 * What the catalogue says of a table that rows are loaded into, or that they refer to.
 *
 * Read once for each table and kept; see seed_tables_find. Nothing is written here.
 */
#pragma once

#include "db/conn.h"

typedef struct
{
  int number; /* attnum */
  char *name;
  char *type;     /* as DDL, with its length and collation */
  char *equal;    /* the operator that compares two values: OPERATOR(pg_catalog.=) */
  char *fallback; /* what an INSERT that leaves it out takes, as SQL; NULL: NULL */
  char *sequence; /* that its default takes numbers from, as SQL; NULL: none */
  bool is_not_null;
  bool is_json;
  bool is_array;
  bool is_always;    /* GENERATED ALWAYS AS IDENTITY */
  bool is_generated; /* GENERATED ALWAYS AS (expression) */
} SeedColumn;

typedef struct SeedTable SeedTable;

typedef struct
{
  char *name;
  guint target_oid;
  GArray *columns; /* of int, attnums here */
  GArray *targets; /* of int, attnums there */
  bool is_deferrable;
} SeedForeignKey;

struct SeedTable
{
  guint oid;
  char *schema;
  char *name;
  char *shown;        /* "roles", "app.permissions": for messages */
  char *sql;          /* "schema"."name" */
  GPtrArray *columns; /* of SeedColumn, in their order */
  GArray *primary;    /* of int, attnums; empty: no primary key */
  GPtrArray *uniques; /* of GArray of int: each unique index without conditions */
  GPtrArray *keys;    /* of SeedForeignKey, to other tables or itself */
};

/* The tables that were asked for. */
typedef struct SeedTables SeedTables;

SeedTables *seed_tables_new (DbConn *conn);
void seed_tables_free (SeedTables *tables);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeedTables, seed_tables_free)

/* The table SCHEMA.NAME; SCHEMA may be NULL: then the database's own search_path decides. *RET_TABLE is owned by
 * TABLES, and NULL when there is no such table. */
bool seed_tables_find (SeedTables *tables, const char *schema, const char *name,
                       SeedTable **ret_table, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool seed_tables_by_oid (SeedTables *tables, guint oid, SeedTable **ret_table, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The table that WRITTEN ("roles", "app.roles") means; otherwise as seed_tables_find. */
bool seed_tables_find_written (SeedTables *tables, const char *written, SeedTable **ret_table,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The name of a table of the database that is nearest to NAME, as a hint; NULL: none is near. Caller frees. */
char *seed_tables_nearest (SeedTables *tables, const char *name);

const SeedColumn *seed_table_column (const SeedTable *table, int number);
const SeedColumn *seed_table_column_called (const SeedTable *table, const char *name);

/* Whether no two rows can agree in COLUMNS (of int). */
bool seed_table_is_unique (const SeedTable *table, const GArray *columns);
