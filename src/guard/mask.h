/*
 * Secrets of other programs' command lines, for messages and the audit log. Rather too much is hidden
 * than too little: values of -e and --env, of options and variables whose name speaks of a password,
 * secret, token or key, and passwords of URLs.
 */
#pragma once

#include <glib.h>

/* ARGV (NULL-terminated) as one line, secrets as "***", words with blanks in quotes. Caller frees. */
char *mask_line (char *const *argv);

/* TEXT with what looks like a secret hidden. Caller frees. */
char *mask_text (const char *text);
