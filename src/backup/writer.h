/*
 * Writes a backup file: members in the order in which they are handed over, then index and trailer.
 */
#pragma once

#include "backup/index.h"
#include "backup/reader.h"
#include "store/store.h"

typedef struct BackupWriter BackupWriter;

/* Begins NAME in STORE, under a temporary name. */
bool backup_writer_open (Store *store, const char *name, BackupWriter **ret_writer, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Without a commit nothing remains. */
void backup_writer_free (BackupWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BackupWriter, backup_writer_free)

/* Appends one whole gzip member; from any thread. Sets offset, size and hash of *MEMBER. */
bool backup_writer_append (BackupWriter *writer, const uint8_t *data, size_t length,
                           BackupMember *member, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Appends index and trailer, puts everything on disk, reads it all back from there and checks every
 * hash, checks that the file is larger than MIN_SIZE_BYTES, and only then gives it its name.
 * RET_SIZE and RET_READER (the finished file) may be NULL. */
bool backup_writer_finish (BackupWriter *writer, const BackupIndex *index, uint64_t min_size_bytes,
                           uint64_t *ret_size_bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
