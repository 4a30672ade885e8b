/*
 * The schema's objects in an index: enough to say which one differs.
 */
#pragma once

#include "backup/index.h"
#include "db/conn.h"

/* Reads the schema of CONN's database (its session must speak UTF-8) into fingerprint and objects of
 * INDEX. */
bool objects_read (DbConn *conn, BackupIndex *index, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One line for each object that is missing, new or defined otherwise in NOW; GPtrArray of text, empty
 * when both are alike. */
GPtrArray *objects_compare (const BackupIndex *before, const BackupIndex *now);
