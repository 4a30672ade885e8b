/*
 * Time: the wall clock in UTC for names and records, the monotonic clock for durations.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* Seconds since 1970, UTC. */
int64_t clock_now (void);

/* Microseconds of a clock that never goes back. */
int64_t clock_monotonic_us (void);

/* "20250422_020000": the time stamp of backup names. Caller frees. */
char *clock_format_stamp (int64_t unix_seconds);

/* The reverse; false when TEXT is not exactly that form or not a real date. */
bool clock_parse_stamp (const char *text, int64_t *ret_unix_seconds) G_GNUC_WARN_UNUSED_RESULT;

/* "2025-04-22T02:00:00Z" (RFC 3339). Caller frees. */
char *clock_format_iso (int64_t unix_seconds);

/* The reverse, with "Z" only. */
bool clock_parse_iso (const char *text, int64_t *ret_unix_seconds) G_GNUC_WARN_UNUSED_RESULT;
