/*
 * Reads SQL text on its way to psql, whoever wrote it, and refuses what would lead out of the database
 * that it is restored into: psql's own commands (\connect, \! and the like) and statements about other
 * databases. Also knows by pg_dump's first and last words whether a dump is whole.
 *
 * Follows psql's quoting and the data of COPY, so that text that merely looks like a command is left
 * alone. It does not judge the SQL.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

typedef struct Script Script;

/* PATH is for messages. IS_GZIP: pgkeel's own files are known by their trailer, so that one of them
 * that comes here as gzip has lost it. */
Script *script_new (const char *path, bool is_gzip);
void script_free (Script *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Script, script_free)

/* The next piece, before psql sees it. Errors: KEEL_ERROR_REFUSED; KEEL_ERROR_USAGE for what is no
 * text. */
bool script_read (Script *script, const char *data, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* There is no more. KEEL_ERROR_CORRUPT when it was begun by pg_dump or pgkeel, and lacks its end. */
bool script_end (Script *script, GError **error) G_GNUC_WARN_UNUSED_RESULT;
