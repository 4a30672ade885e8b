/*
 * The difference of two texts, line by line, for people.
 */
#pragma once

#include <glib.h>

/* The lines of BEFORE and AFTER: those that are only in BEFORE begin with "-", only in AFTER with "+", in
 * both with a space. Of these at most CONTEXT are kept around each difference; "..." stands for what
 * is left out. Each line ends with a newline; "" when the texts are equal. NULL counts as no lines.
 * Caller frees. */
char *line_diff (const char *before, const char *after, guint context);

/* The same as a unified diff of the file PATH, which patch -p1 and git apply take. BEFORE is NULL for a
 * file that is not there yet. "" when the texts are equal. Caller frees. */
char *line_diff_unified (const char *path, const char *before, const char *after);
