/*
 * Whether the rows of a copy keep to its constraints: every foreign key and check is validated again,
 * those that the server takes for valid too (rows loaded with triggers off, or a migration that set
 * session_replication_role, may break them unseen). Changes nothing, but must never be used on a
 * database that anybody else works in: it writes to the server's catalogues and takes that back.
 */
#pragma once

#include "base/error.h"
#include "db/conn.h"

typedef struct
{
  guint total;          /* foreign keys and checks there are */
  GHashTable *broken;   /* "schema.table constraint" -> what the server says */
  GPtrArray *not_valid; /* of char *: those that are marked NOT VALID, broken or not */
} ConstraintCheck;

void constraint_check_clear (ConstraintCheck *check);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ConstraintCheck, constraint_check_clear)

/* CONN: a superuser's, outside of transactions. */
bool constraint_check_run (DbConn *conn, ConstraintCheck *ret_check, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
