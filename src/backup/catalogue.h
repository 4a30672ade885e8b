/*
 * The backups of one folder: their names, what each says of itself, and which one is meant.
 *
 * Backups describe themselves; beside one there may be NAME.verified.json (when all bytes were last
 * read against their hashes, or that they were found damaged) and NAME.proof.json (see proof.h). Both count only for the very bytes
 * they speak of. NAME.rehearsal.json is what migrations did to a copy of it (deploy/rehearsal.h).
 */
#pragma once

#include "backup/reader.h"

/* The type of what is made when an incident opens: it may hold what went wrong, so it is never "latest". */
#define CATALOGUE_EMERGENCY "emergency"

typedef struct
{
  char *name;           /* "ledgerflow_db_backup_20250422_020000.sql.gz" */
  char *project, *type; /* out of the name */
  int64_t stamp;        /* out of the name: seconds since 1970 */
  uint64_t size_bytes;
  char *problem;   /* why it cannot be read or was found damaged; NULL when there is none */
  int64_t created; /* of the snapshot; below only without a problem */
  uint64_t row_count;
  uint64_t table_count;
  char *content;     /* what the file itself says it holds: "db", "schema", "data" */
  char *environment; /* whose database */
  char *database;
  char *system_identifier; /* of its cluster */
  int64_t verified;        /* 0: never */
  int64_t proven;          /* 0: never; negative: the proof failed then */
} BackupEntry;

void backup_entry_free (BackupEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BackupEntry, backup_entry_free)

/* <project>_<type>_backup_<stamp>.sql.gz; caller frees. */
char *catalogue_format_name (const char *project, const char *type, int64_t stamp);
/* The reverse; outputs may be NULL. */
bool catalogue_parse_name (const char *name, char **ret_project, char **ret_type,
                           int64_t *ret_stamp) G_GNUC_WARN_UNUSED_RESULT;

/* All backups of STORE, newest first; GPtrArray of BackupEntry. Damaged ones are in it, with their
 * problem. */
bool catalogue_list (Store *store, GPtrArray **ret_entries, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Describes one; a damaged one is described too. */
bool catalogue_describe (Store *store, const char *name, BackupEntry **ret_entry, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What BACKUP on the command line means: a path, a name in FOLDER (with or without its ending), or
 * "latest": the newest whole backup of type "db" there. Gives the folder's store and the name.
 * KEEL_ERROR_MISSING when there is none. */
bool catalogue_find (const char *folder, const char *text, Store **ret_store, char **ret_name,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Records that every byte of NAME was just read against its hashes. */
bool catalogue_note_verified (Store *store, const char *name, const BackupReader *reader,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* backup_reader_verify of NAME, which READER reads, and remembers what damage it finds: until a later
 * verification finds the bytes good again, the backup counts as damaged. */
bool catalogue_check_bytes (Store *store, const char *name, BackupReader *reader, Report *report,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define CATALOGUE_REHEARSAL_ENDING ".rehearsal.json"

/* "NAME.rehearsal.json" for "NAME.sql.gz". Caller frees. */
char *catalogue_rehearsal_name (const char *name);

/* Removes NAME and what stands beside it. */
bool catalogue_remove (Store *store, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
