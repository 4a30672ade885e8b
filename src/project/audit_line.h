/*
 * The audit log as a file: lines, hashes, and the remembered head. What audit.c writes and
 * audit_verify.c reads.
 *
 *   .pgkeel/audit.jsonl   a line is one JSON object and "\n"; "previous" is "sha256:" and the hash
 *                         of the bytes of the line before without its "\n", zeros for the first
 *   .pgkeel/audit.head    {"count": N, "hash": "sha256:..."}: the last line that was written whole
 *   .pgkeel/audit.lock    held while a line is written or the log is verified
 *
 * "head_lost": true is in a line that was written when audit.head was gone.
 *
 * A line that a crash cut short stays where it is. It is no link of the chain; the next line carries
 * its hash in "torn".
 */
#pragma once

#include "project/audit.h"

#include <stdint.h>

#define AUDIT_FILE "audit.jsonl"
#define AUDIT_HEAD_FILE "audit.head"
#define AUDIT_LOCK_FILE "audit.lock"
#define AUDIT_LINE_MAX_BYTES (256 * 1024)
#define AUDIT_HASH_PREFIX "sha256:"

/* Reads lines of any length, of which it keeps at most AUDIT_LINE_MAX_BYTES. */
typedef struct AuditReader AuditReader;

typedef struct
{
  const char *text; /* NUL-terminated; owned by the reader until the next line */
  size_t length;    /* of the whole line without its newline; more than kept when it is too long */
  bool is_whole;    /* it ended with a newline */
  char *hash;       /* "sha256:..."; owned by the reader */
} AuditLine;

/* *RET_READER is NULL when there is no log. */
bool audit_reader_open (const char *path, AuditReader **ret_reader, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Skips what cannot be needed to know the last entry: the next line read is one of the last
 * 2 * AUDIT_LINE_MAX_BYTES. */
bool audit_reader_skip_to_tail (AuditReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Sets *RET_HAS_LINE to false at the end. */
bool audit_reader_next (AuditReader *reader, AuditLine *ret_line, bool *ret_has_line,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void audit_reader_free (AuditReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AuditReader, audit_reader_free)

/* "sha256:" and 64 zeros. */
const char *audit_hash_none (void);
char *audit_hash_of (const char *text, size_t length); /* caller frees */

/* The object of a line; NULL when it is none, or without a "seq" and a "previous". */
json_t *audit_line_parse (const AuditLine *line);

typedef struct
{
  bool is_known; /* false: there is no head file, or it cannot be read as one */
  uint64_t count;
  char *hash;
} AuditHead;

void audit_head_clear (AuditHead *head);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AuditHead, audit_head_clear)

bool audit_head_read (const Project *project, AuditHead *ret_head, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool audit_head_write (const Project *project, const AuditHead *head, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Waits up to a minute for the log's lock; makes .pgkeel if it is missing. */
bool audit_lock (const Project *project, int *ret_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
