/*
 * Reads a backup file: trailer and index first, then any part, each checked against its hash.
 */
#pragma once

#include "backup/index.h"
#include "backup/trailer.h"
#include "base/report.h"
#include "store/store.h"

typedef struct BackupReader BackupReader;

/* Opens NAME in STORE. Errors: KEEL_ERROR_CORRUPT when it is not a whole pgkeel backup. */
bool backup_reader_open (Store *store, const char *name, BackupReader **ret_reader, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same from an open object, which is taken over on success. */
bool backup_reader_new (StoreReader **object, BackupReader **ret_reader, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void backup_reader_free (BackupReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BackupReader, backup_reader_free)

const BackupIndex *backup_reader_index (const BackupReader *reader);
const BackupTrailer *backup_reader_trailer (const BackupReader *reader);
uint64_t backup_reader_size (const BackupReader *reader);

/* How many bytes of the file were read so far, trailer and index included. */
uint64_t backup_reader_bytes_read (const BackupReader *reader);

/* Reads the compressed bytes of MEMBER into BUFFER (replaced) and checks their hash. Any thread. */
bool backup_reader_read (BackupReader *reader, const BackupMember *member, GByteArray *buffer,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The inflated text of MEMBER, which must have the length the index says. Caller frees. */
bool backup_reader_read_text (BackupReader *reader, const BackupMember *member, char **ret_text,
                              size_t *ret_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads every byte: the whole against the trailer's hash, and every part against the index's. */
bool backup_reader_verify (BackupReader *reader, Report *report, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
