/*
 * Sizes and durations as people write them. KB is 1024 bytes, as in PostgreSQL's own settings.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* "10KB", "1.5 GB", "4096" (bytes): units B, KB, MB, GB, TB in any case. False without an error
 * when TEXT is not a size or does not fit. */
bool size_parse (const char *text, uint64_t *ret_bytes) G_GNUC_WARN_UNUSED_RESULT;

/* "10.0 KB", "1.4 GB", "512 B"; caller frees. */
char *size_format (uint64_t bytes);

/* "48h", "7d", "90m", "30s", "2w": one number, one unit. False when TEXT is not a duration. */
bool duration_parse (const char *text, int64_t *ret_seconds) G_GNUC_WARN_UNUSED_RESULT;

/* "3 s", "4 min", "2 h", "5 d": the largest unit that keeps it readable; caller frees. */
char *duration_format (int64_t seconds);
