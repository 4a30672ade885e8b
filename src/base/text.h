/*
 * Text helpers that GLib lacks.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (json_t, json_decref)

/* "1,666": thousands separated by commas; caller frees. */
char *text_format_count (uint64_t count);

/* The first line of TEXT without its end, for messages; caller frees. */
char *text_first_line (const char *text);

/* TEXT with each byte that is no part of valid UTF-8 written as \xff, so that different texts stay
 * different; caller frees. */
char *text_escape_invalid (const char *text);

/* A copy of a PostgreSQL URL or key=value connection string whose password (in the user part, or
 * in a password= or sslpassword= parameter) is "***"; caller frees. */
char *text_mask_url (const char *url);
