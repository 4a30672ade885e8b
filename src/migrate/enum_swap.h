/*
 * Exchanging an enum type for one with other values, as PostgreSQL cannot take a value away: what
 * has to be said to the server before and after, for everything that uses the type.
 *
 * Reads the catalogue, writes nothing. Domains over the type are exchanged with it. What ALTER COLUMN
 * cannot carry along (defaults, checks, foreign keys, indexes with expressions, triggers, policies,
 * views) is dropped and made again from its own definition; what would not come back as it was is
 * refused.
 */
#pragma once

#include "db/conn.h"

#include <glib.h>

typedef struct EnumSwap EnumSwap;

/* Reads what uses the enum type of OID, called NAME ("schema"."name"). VALUE is the value that one of
 * the two ways lacks. In a transaction. KEEL_ERROR_REFUSED names what cannot be carried along in its detail. */
bool enum_swap_read (DbConn *conn, const char *oid, const char *name, const char *value,
                     EnumSwap **ret_swap, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void enum_swap_free (EnumSwap *swap);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EnumSwap, enum_swap_free)

/* Counts the rows that hold the value, column by column. *RET_USES has a line for each that has some,
 * like “table public.a, column b: 3 rows”; NULL: there are none. */
bool enum_swap_count (const EnumSwap *swap, DbConn *conn, char **ret_uses, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Adds to STATEMENTS (of char *) what makes the type one of LABELS, which lacks the value; rows that
 * hold it become REPLACEMENT, or stop the migration when that is NULL. KEEL_ERROR_REFUSED when a
 * definition is made of the value. */
bool enum_swap_write_without (const EnumSwap *swap, const GPtrArray *labels,
                              const char *replacement, GPtrArray *statements, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same with LABELS that have every value that there is. */
void enum_swap_write_with (const EnumSwap *swap, const GPtrArray *labels, GPtrArray *statements);
