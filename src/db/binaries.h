/*
 * PostgreSQL's own programs: where they are and of which version.
 *
 * Looked up in PGKEEL_PG_PATH (colon-separated bin folders, first), /usr/lib/postgresql/N/bin,
 * /usr/pgsql-N/bin, Homebrew's and /usr/local/pgsql/bin, then PATH. Debian's wrappers in /usr/bin
 * count only as a last resort, as they choose a version by themselves. A PGKEEL_PG_PATH that is set
 * but empty leaves only PATH. Each program is asked for its version once per process. Safe from any
 * thread.
 */
#pragma once

#include "base/error.h"

/* The path of TOOL ("pg_dump", "pg_restore", "psql") of exactly major version MAJOR, else of the
 * next newer one. Older ones are no use: KEEL_ERROR_MISSING whose hint is the line that installs it
 * ("apt-get install postgresql-client-17"). MAJOR 0: the newest, of PGKEEL_PG_PATH if it holds any. Caller
 * frees. */
char *binaries_find_tool (const char *tool, int major, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The folder that holds initdb, pg_ctl and postgres of exactly major version MAJOR (0: the newest, of
 * PGKEEL_PG_PATH if it holds any), and the version found (may be NULL). KEEL_ERROR_MISSING with the apt line when there is none. Caller frees. */
char *binaries_find_server (int major, int *ret_major, GError **error) G_GNUC_WARN_UNUSED_RESULT;
