/*
 * The database as the checks see it: read once, in the run's snapshot, and shared by all of them.
 *
 * Holds the user's tables (ordinary, partitioned, foreign, materialised views) with their columns,
 * constraints, foreign keys, indexes and triggers, and the sequences and types with what matters
 * about them. Members of extensions and what belongs to pgkeel itself (schema "pgkeel") are left out.
 * Nothing changes after it has been read, so any thread may look at it.
 *
 * Texts are owned by the catalogue and never NULL unless said. "quoted" names are ready for SQL.
 */
#pragma once

#include "db/conn.h"

typedef struct CatalogueTable CatalogueTable;
typedef struct CatalogueType CatalogueType;

typedef struct
{
  int number; /* attnum */
  char *name, *quoted;
  char *type;            /* as SQL writes it with search_path = pg_catalog: "integer" */
  unsigned int type_oid; /* of the column itself; for a domain see base_oid */
  unsigned int base_oid; /* the type below all domains */
  char *base_name;       /* pg_type.typname of base_oid: "int4", "varchar", ... */
  char category;         /* pg_type.typcategory of base_oid: N, S, D, B, ... */
  bool is_not_null;
  bool is_not_null_domain; /* some domain of it is NOT NULL */
  bool is_generated;       /* GENERATED ALWAYS AS (...) STORED */
  bool is_virtual;         /* ... VIRTUAL (PostgreSQL 18) */
  bool is_identity;
  bool is_array;
  bool can_select;       /* the user may read this column */
  char *default_sql;     /* its default or generation expression; NULL: none */
  char *collation;       /* quoted name when it is not the type's default; NULL otherwise */
  CatalogueType *domain; /* when its type is a domain; NULL otherwise */
  double distinct;       /* pg_stats.n_distinct; 0: no statistics */
  double null_fraction;
  double correlation;
} CatalogueColumn;

typedef struct
{
  char *name, *quoted;
  char kind;        /* c check, n not null, p primary, u unique, x exclusion */
  char *definition; /* pg_get_constraintdef */
  char *expression; /* of checks; NULL otherwise */
  GArray *columns;  /* of int: attnums */
  bool is_validated, is_enforced, is_inherited;
  unsigned int index_oid; /* 0: none */
} CatalogueConstraint;

/* A foreign key. One that a partition inherited from its parent's is kept as is_inherited: the rows
 * are those of the partition. */
typedef struct
{
  unsigned int oid;
  char *name, *quoted;
  CatalogueTable *child, *parent;
  GPtrArray *child_columns, *parent_columns; /* of CatalogueColumn, borrowed, in pairs */
  GPtrArray *operators;      /* of char *: how a pair is compared: "=" or "OPERATOR(x.=)" */
  char match;                /* s simple, f full */
  char on_delete, on_update; /* a no action, r restrict, c cascade, n set null, d set default */
  bool is_validated, is_enforced, is_inherited;
  bool has_disabled_trigger; /* a trigger that enforces it is not enabled for ordinary sessions */
  char *definition;
} CatalogueKey;

typedef struct
{
  unsigned int oid;
  char *name, *quoted; /* quoted with its schema */
  char *method;        /* "btree" */
  char *definition;
  GPtrArray *keys;  /* of char *: key columns as SQL, quoted or an expression */
  GArray *columns;  /* of int: attnums of key columns, 0 for an expression */
  GArray *included; /* of int: attnums of INCLUDE columns */
  char *predicate;  /* NULL: not partial */
  char *operator_classes, *collations, *options; /* indclass, indcollation, indoption as text */
  bool is_unique, is_primary, is_exclusion, is_valid, is_ready, is_live, is_immediate;
  bool nulls_not_distinct;
  bool is_replica_identity, is_clustered;
  bool is_constraint;   /* made by a constraint */
  bool is_partial;      /* also where the predicate could not be read */
  bool is_inherited;    /* of a partitioned index */
  int64_t bytes, scans; /* size; pg_stat_user_indexes.idx_scan, -1: unknown */
} CatalogueIndex;

typedef struct
{
  char *name;
  char enabled; /* O, D, R, A */
  bool is_internal;
  char *function; /* quoted */
} CatalogueTrigger;

struct CatalogueTable
{
  unsigned int oid;
  char *schema, *name;
  char *quoted;          /* "schema"."name" */
  char *display;         /* schema.name, for people */
  char kind;             /* r, p, f, m */
  char persistence;      /* p, u */
  char replica_identity; /* d, n, f, i */
  bool is_partition;
  unsigned int parent_oid;   /* 0: none */
  CatalogueTable *parent;    /* of a partition; NULL otherwise */
  char *partition_condition; /* pg_get_partition_constraintdef; NULL: none */
  bool is_default_partition;
  bool has_children;  /* of inheritance, not partitions */
  bool is_locked;     /* exclusively, by another session: its definitions were not read */
  bool can_select;    /* the user may read the whole table */
  bool rls_is_active; /* for this user */
  bool rls_is_enabled, rls_is_forced;
  bool is_populated; /* of a materialised view */
  bool has_statistics;
  double rows;   /* estimate; 0 when it was never analysed and is empty on disk */
  int64_t bytes; /* main fork */
  char *options; /* reloptions, comma-separated; "" */
  char *owner;
  GPtrArray *columns;      /* of CatalogueColumn */
  GPtrArray *constraints;  /* of CatalogueConstraint: all but foreign keys */
  GPtrArray *keys;         /* of CatalogueKey whose child it is, borrowed */
  GPtrArray *referrers;    /* of CatalogueKey whose parent it is, borrowed */
  GPtrArray *indexes;      /* of CatalogueIndex */
  GPtrArray *triggers;     /* of CatalogueTrigger */
  CatalogueIndex *primary; /* borrowed; NULL: none */
};

typedef struct
{
  char *schema, *name, *quoted, *display;
  char *type; /* "bigint" */
  int64_t start, increment, minimum, maximum;
  bool is_cycling;
  bool can_read;
  int64_t last; /* last_value */
  bool is_called;
  CatalogueTable *table;   /* that it belongs to, by ownership or by a default; NULL: none */
  CatalogueColumn *column; /* likewise */
  bool is_owned;           /* OWNED BY or identity */
} CatalogueSequence;

/* A domain or an enum. */
struct CatalogueType
{
  unsigned int oid;
  char *schema, *name, *quoted, *display;
  char kind; /* d domain, e enum */
  bool is_not_null;
  CatalogueType *base;    /* of a domain over a domain; NULL otherwise */
  GPtrArray *constraints; /* of CatalogueConstraint: of a domain */
  GPtrArray *labels;      /* of char *: of an enum, in order */
};

typedef struct
{
  int server_version;
  char *database;
  char *system_identifier; /* "" where it may not be read */
  char *encoding;          /* of the database: "UTF8" */
  bool is_superuser, is_in_recovery;
  GPtrArray *tables;     /* of CatalogueTable, by schema and name: those to be looked at */
  GPtrArray *all_tables; /* of CatalogueTable: owns them */
  GPtrArray *keys;       /* of CatalogueKey */
  GPtrArray *sequences;  /* of CatalogueSequence */
  GPtrArray *types;      /* of CatalogueType */
  GHashTable *by_oid;    /* CatalogueTable by GUINT_TO_POINTER (oid), borrowed */
} Catalogue;

/* SCHEMAS (NULL-terminated; NULL: all) are those to be looked at; tables of other schemas that they
 * refer to are there as well, but are not in the list of tables. */
bool catalogue_read (DbConn *conn, const char *const *schemas, Catalogue **ret_catalogue,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void catalogue_free (Catalogue *catalogue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Catalogue, catalogue_free)

/* NULL when there is none. */
CatalogueTable *catalogue_table (const Catalogue *catalogue, unsigned int oid);
CatalogueTable *catalogue_table_named (const Catalogue *catalogue, const char *schema,
                                       const char *name);
CatalogueColumn *catalogue_column (const CatalogueTable *table, int number);
CatalogueColumn *catalogue_column_named (const CatalogueTable *table, const char *name);

/* True for tables that hold rows of their own and can be scanned: ordinary ones, partitions that are
 * not partitioned again, foreign tables; not partitioned tables and views. */
bool catalogue_table_has_rows (const CatalogueTable *table);

/* "ONLY " or, for partitioned tables, "": what stands in FROM before the quoted name. */
const char *catalogue_table_only (const CatalogueTable *table);

/* "schema.table.column" for people. Caller frees. */
char *catalogue_display (const CatalogueTable *table, const CatalogueColumn *column);

/* The columns of an array of CatalogueColumn, quoted, each with PREFIX ("" or "c.") before it, joined
 * by SEPARATOR. Caller frees. */
char *catalogue_columns_sql (const GPtrArray *columns, const char *prefix, const char *separator);
