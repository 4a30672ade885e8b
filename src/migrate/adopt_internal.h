/*
 * What the files of adopt share: a reading under way, and the tools.
 */
#pragma once

#include "migrate/adopt.h"

/* A table that may be a tool's. */
typedef struct
{
  char *schema, *name;
  char **columns;       /* in their order */
  bool has_ar_metadata; /* Rails' ar_internal_metadata stands beside it */
} AdoptTable;

typedef struct
{
  DbConn *conn;
  const char *root;
  const MigrationSet *set;
  const AdoptTable *table;
  Adoption *adoption;
  GHashTable *by_name; /* what a tool counts while it is read: name -> how often */
  char *last;          /* what it remembers of the row before */
} AdoptReading;

typedef struct
{
  const char *name;
  const char *const *tables;               /* how its table may be called, NULL-terminated */
  const char *const *columns;              /* that it must have, NULL-terminated */
  bool only_these;                         /* and no others */
  bool (*is_it) (const AdoptTable *table); /* what the columns do not tell; NULL: they do */
  const char *sql;                         /* with %s for the table's quoted name */
  /* Takes one row of the result. */
  bool (*take) (AdoptReading *reading, const DbResult *result, int row, GError **error);
  /* Looks at what else there is, before; NULL: nothing. */
  bool (*check) (AdoptReading *reading, GError **error);
} AdoptTool;

/* adopt_atlas.c */
extern const char adopt_atlas_sql[];
bool adopt_take_atlas (AdoptReading *reading, const DbResult *result, int row, GError **error);

extern const AdoptTool adopt_tools[]; /* ends with a row without a name */

/* Adds a row for VERSION, whose file is MIGRATION (NULL: none). */
AdoptRow *adopt_add (AdoptReading *reading, const char *version, const char *name,
                     const Migration *migration, const char *applied);

/* The migration of the set whose version is VERSION as text, or else as the set compares versions. */
const Migration *adopt_match (const AdoptReading *reading, const char *version);

/* The bytes of the migration's up file as they are on disk; caller frees. */
bool adopt_file_bytes (const AdoptReading *reading, const Migration *migration, char **ret_bytes,
                       size_t *ret_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* CRC-32 as Flyway computes it: of the lines without their ends and without a byte order mark, as a
 * signed number. */
int32_t adopt_flyway_checksum (const char *bytes, size_t length);
