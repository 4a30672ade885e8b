/*
 * The relations of a database, but for the catalogues: their names, and the files that hold them.
 */
#pragma once

#include "deploy/measurement.h"

#include "db/conn.h"

typedef struct
{
  char *name;  /* "schema.name", quoted where needed */
  char kind;   /* pg_class.relkind */
  char *file;  /* pg_class.relfilenode */
  bool is_new; /* made in this transaction */
  int64_t inserted, updated, deleted;
} Relation;

void relation_free (Relation *relation);

/* From a row of OID, name, kind and file. Caller frees. */
Relation *relation_new (const DbResult *result, int row);
Relation *relation_copy (const Relation *relation);

/* All there are, as committed: OID -> Relation. */
bool relations_read (DbConn *conn, GHashTable **ret_relations, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Tells MEASUREMENT when NOW, the same relation as BEFORE, has another file. */
void relation_note_file (Measurement *measurement, const Relation *before, const Relation *now);
