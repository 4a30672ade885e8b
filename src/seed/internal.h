/*
 * What the files of the area share about one run. Nothing outside of src/seed includes it.
 *
 * The rows of a table's files go to a temporary table, its stage, whose columns are
 *
 *   n         the row's number, from 1, over all of the table's files
 *   layer     0: of common/, 1: of the environment's folder
 *   act       NULL: not looked at yet; i: to be inserted; e: there; u: to be updated; s: there and the
 *             same; x: another layer's row stands for it
 *   v<N>      the value of the table's column with attnum N, typed as that
 *   g<K>      whether the row says anything of group K
 *   c<K>      an input of a reference, typed as the column it is looked up in
 *   r<K>_<I>  what a reference within a reference came to
 *
 * COPY into it finds what is no value of its type, with the row and the column. Then references are looked
 * up, rows are found by their keys, and what differs is written.
 */
#pragma once

#include "db/statement.h"
#include "seed/files.h"
#include "seed/reader.h"
#include "seed/run.h"
#include "seed/table.h"

/* What the run's transaction sets beside the session's own settings. Triggers and defaults run with the search_path
 * that they know; names in our own statements have their schema. */
#define SEED_SETTINGS "SET LOCAL lock_timeout = '60s'; SET search_path TO DEFAULT"

typedef struct
{
  const SeedFile *file; /* borrowed */
  char *text;
  size_t length;
  int64_t first_row; /* n of its first row */
  int64_t row_count;
} SeedSource;

typedef struct SeedReference SeedReference;

/* One of the columns that a reference is looked up by. */
typedef struct
{
  int column;                  /* of the target */
  char *stage_column;          /* its value */
  const SeedReference *within; /* what it comes from; NULL: a file */
  bool is_shared;              /* the row says it elsewhere */
} SeedPart;

struct SeedReference
{
  char *path; /* as in the files: "user", "permission.role" */
  const SeedForeignKey *key;
  SeedTable *target;
  GPtrArray *parts;   /* of SeedPart */
  GPtrArray *outputs; /* of char *: stage columns, one for each of key->columns */
  GPtrArray *inputs;  /* of char *: stage columns that files fill: all NULL means that it is NULL */
};

/* A column of the stage that files fill. */
typedef struct
{
  char *path;               /* "email", "permission.resource" */
  char *stage_column;       /* "v5", "c2" */
  const SeedColumn *column; /* whose type it has */
  guint group;
} SeedInput;

/* What a row says or does not say as one: a column, or a reference. */
typedef struct
{
  char *name;
  GArray *columns;          /* of int: what it is written to */
  SeedReference *reference; /* NULL: a value */
} SeedGroup;

/* A table and the rows it is to have. */
typedef struct
{
  SeedTable *table;
  GPtrArray *sources;    /* of SeedSource */
  GArray *key;           /* of int: the natural key's columns */
  char *stage;           /* as SQL */
  GPtrArray *groups;     /* of SeedGroup */
  GPtrArray *inputs;     /* of SeedInput */
  GPtrArray *references; /* of SeedReference, those within others first */
  GArray *carried;       /* of int: which v<N> the stage has */
  GArray *copied;        /* of int: those that a file says */
  int64_t row_count;
  bool has_layers;     /* rows of both layers */
  bool is_self;        /* refers to itself */
  guint component;     /* tables that refer to each other in a circle have the same */
  uint64_t number;     /* of its first file */
  GPtrArray *broken;   /* of SeedForeignKey: filled in when the whole component has its rows */
  GPtrArray *deferred; /* of SeedForeignKey: checked when the whole component has its rows */
  int64_t update_count;
  SeedTableResult *result; /* borrowed */
} SeedSet;

struct SeedRun
{
  SeedSpec spec;
  DbConn *conn;
  const SeedConfig *config;
  Report *report;
  char *folder, *shown;
  GPtrArray *files;   /* of SeedFile */
  GPtrArray *sets;    /* of SeedSet; once ordered, in the order of loading */
  GPtrArray *scripts; /* of SeedFile *: SQL, in their order */
  GHashTable *by_oid; /* table's oid -> SeedSet */
  GHashTable *keys;   /* table's oid -> GArray of int: natural keys */
  SeedTables *tables;
  SeedResult *result;
  bool has_gone; /* rows of the ledger are in no file any more */
};

void seed_set_free (SeedSet *set);
void seed_reference_free (SeedReference *reference);

/* --- sets.c: files to sets -------------------------------------------------------------------- */

/* Fills RUN->sets and RUN->scripts from RUN->files. */
bool seed_sets_make (SeedRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether --minimal loads it; always without. */
bool seed_is_essential (const SeedRun *run, const SeedTable *table, const char *base);

/* The columns that a row of TABLE is known by; may be empty. Owned by the run. */
const GArray *seed_natural_key (const SeedRun *run, const SeedTable *table);

/* --- names.c: what the columns of files mean ------------------------------------------------------ */

/* Fills SET's groups, inputs and references from PATHS (of char *, the names in its files). */
bool seed_names_settle (SeedRun *run, SeedSet *set, const GPtrArray *paths, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The columns of TABLE that NAME means: a column, or the foreign key's that it names. NULL: none. */
GArray *seed_names_columns (const SeedTable *table, const char *name);

/* --- places.c: where a row stands ----------------------------------------------------------------- */

/* Calls for each value of ROW with its dotted path; objects of references are gone into. */
typedef bool (*SeedPathFn) (const char *path, const SeedValue *value, void *data, GError **error);
bool seed_each_path (SeedReader *reader, const SeedTable *table, const SeedRow *row,
                     SeedPathFn on_path, void *data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "FILE:LINE:COLUMN" of PATH (NULL: of the row) in row N of SET. Caller frees. */
char *seed_place (const SeedSet *set, int64_t n, const char *path);

/* KEEL_ERROR_CONFIG at that place. Always returns false. */
bool seed_refuse_row (const SeedSet *set, int64_t n, const char *path, const char *hint,
                      GError **error, const char *format, ...) G_GNUC_PRINTF (6, 7);

/* The path of the files that ends up in column NUMBER; NULL: none. Owned by SET. */
const char *seed_path_of_column (const SeedSet *set, int number);

/* The value of PATH in row N as the file has it, short enough for a message. Caller frees. */
char *seed_value_shown (const SeedSet *set, int64_t n, const char *path);

bool seed_source_reader (const SeedSource *source, SeedReader **ret_reader, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Where the name PATH stands first: in the header, or in the first object that has it. */
bool seed_source_name_offset (const SeedSource *source, const char *path, size_t *ret_offset);

/* --- stage.c ---------------------------------------------------------------------------------- */

/* Makes SET's stage and copies its rows there. */
bool seed_stage_fill (SeedRun *run, SeedSet *set, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- resolve.c -------------------------------------------------------------------------------- */

/* Looks up references and finds rows by their keys for the sets of one COMPONENT. Not FINAL: what cannot be found
 * yet may still come from a script. */
bool seed_resolve (SeedRun *run, guint component, bool is_final, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "t.key = s.v1 AND ...": a row T of the table is row S of the stage. */
char *seed_key_match (const SeedSet *set, const char *t, const char *s);

/* --- order.c ---------------------------------------------------------------------------------- */

/* Whether column NUMBER of SET can be NULL for a while: it may, and rows are not known by it. */
bool seed_can_be_null (const SeedSet *set, int number);

/* Sorts RUN->sets in the order of loading, and says where circles are broken. */
bool seed_order (SeedRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- apply.c ---------------------------------------------------------------------------------- */

/* Writes the sets of one component. */
bool seed_apply (SeedRun *run, guint component, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the server says of row N of SET, at PATH (may be NULL). Always returns false. */
bool seed_refuse_failure (const SeedSet *set, int64_t n, const char *path, const DbFailure *failure,
                          GError **error);

/* --- deferred.c ------------------------------------------------------------------------------- */

/* Checks the constraints NAMES (SQL; "ALL") and has them checked at once from here on. KEEL_ERROR_SERVER, with the
 * place of the row where it is one of a file. */
bool seed_constraints_now (SeedRun *run, const char *names, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* --- script.c --------------------------------------------------------------------------------- */

/* Refuses what cannot be in a transaction that goes on. */
bool seed_scripts_check (SeedRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Runs the scripts of TABLE (NULL: of none). */
bool seed_scripts_run (SeedRun *run, const SeedTable *table, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool seed_scripts_pending (SeedRun *run, bool *ret_pending, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* --- clean.c ---------------------------------------------------------------------------------- */

bool seed_clean (SeedRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- statements ------------------------------------------------------------------------------- */

/* Runs one statement; *RET_ROWS (may be NULL): how many rows it changed. */
bool seed_exec (SeedRun *run, const char *sql, int64_t *ret_rows, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The number in the first column of the first row; -1 without a row. */
bool seed_query_number (SeedRun *run, const char *sql, int64_t *ret_number, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
