/*
 * Databases as a whole: made with the properties of another, swapped by renaming, dropped.
 *
 * PROPERTIES is the "database" object of an index's source (see source.h and docs/backup-format.md).
 */
#pragma once

#include "base/text.h"
#include "db/conn.h"

/* NAMEDATALEN - 1: longer names are cut by the server. */
#define DATABASE_NAME_MAX_BYTES 63

/* A session in a database that always is there, not being EXCEPT: "postgres", else "template1". */
bool database_connect_admin (const char *url, const char *except, DbConn **ret_conn, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

bool database_exists (DbConn *admin, const char *name, bool *ret_exists, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* BASE with SUFFIX, cut so that both fit. Caller frees. */
char *database_derive_name (const char *base, const char *suffix);

/* Makes an empty database with encoding, locale and owner of PROPERTIES. With ANY_LOCALE, a locale
 * that the server lacks is replaced by "C" and *RET_REPLACED (may be NULL) set. A comment marks it
 * as unfinished until database_finish. An interruption or an error leaves none behind. */
bool database_create (DbConn *admin, const char *name, const json_t *properties, bool any_locale,
                      bool *ret_replaced, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Privileges, settings, comment and limits of PROPERTIES; removes the mark. */
bool database_finish (DbConn *admin, const char *name, const json_t *properties, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Drops the subscriptions in CONN's database, which could not be dropped with them. They come from a
 * backup and never were connected to anything, so nothing is told to the other side. Not all may go. */
void database_drop_subscriptions (DbConn *conn);

/* Drops NAME, ending sessions in it; fine when it is not there. */
bool database_drop (DbConn *admin, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Drops databases that carry the mark and that nobody works in: restores that were killed. Gives
 * their number. */
bool database_drop_unfinished (DbConn *admin, int *ret_count, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Finishes NEW as database_finish does, then renames CURRENT to KEPT and NEW to CURRENT, ending the
 * sessions in CURRENT; without ENDS_SESSIONS they make it fail (SQLSTATE 55006). The mark goes and the names change in one transaction: either all happens or
 * NEW stays marked. With KEPT NULL there is no CURRENT, and only NEW is renamed. */
bool database_swap (DbConn *admin, const char *current, const char *kept, const char *new_name,
                    const json_t *properties, bool ends_sessions, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The roles and tablespaces of SOURCE that the server lacks, by name; GPtrArrays of text. */
bool database_list_missing (DbConn *admin, const json_t *source, GPtrArray **ret_roles,
                            GPtrArray **ret_tablespaces, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "CREATE ROLE ..." with the attributes it had, no password. Caller frees; NULL when SOURCE does not
 * describe it. */
char *database_create_role_sql (const json_t *source, const char *role);
