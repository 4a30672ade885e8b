/*
 * Errors: one extended GError domain that carries what a database tool has to say.
 *
 * A message is one line without a final stop; "detail" adds facts (often the server's own), "hint"
 * is a full sentence that says what to do. The kind decides the exit code, in one table (error.c).
 * This module never prints.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define KEEL_ERROR (keel_error_quark ())

typedef enum
{
  KEEL_ERROR_ANSWER_NO,   /* a check failed, a backup is bad: exit 1 */
  KEEL_ERROR_CORRUPT,     /* bytes are not what their hash says: exit 1 */
  KEEL_ERROR_USAGE,       /* the command line is wrong: exit 2 */
  KEEL_ERROR_CONFIG,      /* pgkeel.yaml, .env or the environment is wrong: exit 2 */
  KEEL_ERROR_REFUSED,     /* a guard says no: exit 3 */
  KEEL_ERROR_UNREACHABLE, /* the server cannot be reached or logged in to: exit 4 */
  KEEL_ERROR_FAILED,      /* the operation failed: exit 5 */
  KEEL_ERROR_DISK_FULL,   /* as FAILED, told apart for its hint: exit 5 */
  KEEL_ERROR_SERVER,      /* the server refused a statement; SQLSTATE is set: exit 5 */
  KEEL_ERROR_MISSING,     /* a file, program or object is not there: exit 5 */
  KEEL_ERROR_CANCELLED,   /* interrupted by a signal: exit 5 */
  KEEL_ERROR_LOCKED,      /* another run holds the lock: exit 6 */
} KeelErrorKind;

GQuark keel_error_quark (void);

/* Sets *ERROR (which may be NULL: nothing happens). HINT may be NULL. Always returns false, so that
 * a function can `return keel_error (error, ...)`. */
bool keel_error (GError **error, KeelErrorKind kind, const char *hint, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* The same with everything: SQLSTATE (five characters), DETAIL and HINT may each be NULL. */
bool keel_error_full (GError **error, KeelErrorKind kind, const char *sqlstate, const char *detail,
                      const char *hint, const char *format, ...) G_GNUC_PRINTF (6, 7);

/* From an errno value: ENOSPC and EDQUOT become DISK_FULL, EACCES gets a hint. The message is
 * FORMAT, then ": " and the system's text. Always returns false. */
bool keel_error_errno (GError **error, int errno_value, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Puts "PREFIX: " before the message of *ERROR, if set. Always returns false. */
bool prefix_error (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Replaces the hint of *ERROR when it is of our domain and has none. */
void keel_error_suggest (GError **error, const char *hint);

/* Parts of an error of any domain; NULL where it has none. Owned by the error. */
const char *keel_error_sqlstate (const GError *error);
const char *keel_error_detail (const GError *error);
const char *keel_error_hint (const GError *error);

/* True when ERROR is of our domain and of KIND. */
bool keel_error_is (const GError *error, KeelErrorKind kind);

/* 0 for NULL; for errors of other domains 5. */
int keel_error_exit_code (const GError *error);

/* One word for JSON: "answer-no", "refused", ...; "failed" for other domains. */
const char *keel_error_kind_name (const GError *error);
