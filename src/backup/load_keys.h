/*
 * The DDL that follows the data: indexes, primary and unique keys, foreign keys, statement by
 * statement, so that sessions can share it.
 *
 * What builds an index or adds a constraint may run beside others once its table is filled. The rest
 * (CLUSTER ON, ATTACH PARTITION, SET STATISTICS) needs such a statement before it, takes no time, and
 * runs after all of them in the order of the dump. Taking and marking is for one thread at a time: the
 * caller holds its own lock.
 */
#pragma once

#include "backup/reader.h"
#include "db/conn.h"

typedef struct LoadKeys LoadKeys;
typedef struct LoadKey LoadKey;

/* Reads and splits the DDL of KIND. */
bool load_keys_new (BackupReader *reader, BackupMemberKind kind, LoadKeys **ret_keys,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Rows that break a key no longer end the load: BROKEN (of char *, borrowed) gets what the server says of
 * it, and the foreign key is added NOT VALID or, where that cannot be, left out. */
void load_keys_tolerate (LoadKeys *keys, GPtrArray *broken);
void load_keys_free (LoadKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LoadKeys, load_keys_free)

/* The table called NAME (as the dump quotes it), of RAW_BYTES, is filled: its statements may run. */
void load_keys_table_filled (LoadKeys *keys, const char *name, uint64_t raw_bytes);
/* All tables are: every statement that may run beside others may run. */
void load_keys_all_filled (LoadKeys *keys);

/* The next statement that may run now, of the largest table first; NULL when there is none. */
LoadKey *load_keys_take (LoadKeys *keys);

/* How many there are to take. */
unsigned int load_keys_ready (const LoadKeys *keys);
/* Runs it in CONN. A deadlock with its neighbours is no error: it is put aside. */
bool load_key_run (LoadKey *key, DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs, in CONN and in order, what was put aside and what needs the others. */
bool load_keys_finish (LoadKeys *keys, DbConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
