/*
 * Changes of enum types as migrations: the statements of both ways, written from what the database has.
 *
 * Reads the database, changes nothing in it. Adding and renaming are one statement each; removing, and
 * undoing an addition, is the exchange of enum_swap.h.
 */
#pragma once

#include "db/conn.h"
#include "migrate/layout.h"

typedef struct
{
  char *oid;
  char *name;        /* "schema"."name", as in SQL */
  GPtrArray *labels; /* of char *, in their order */
} EnumType;

/* Finds NAME as the server would in the role's own search_path, and reads its values. Also begins the
 * read-only transaction in which the type's uses are read; the session is not good for more.
 * KEEL_ERROR_MISSING: no such type, or no enum. */
bool enum_type_read (DbConn *conn, const char *name, EnumType **ret_type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void enum_type_free (EnumType *type);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EnumType, enum_type_free)

typedef struct
{
  char *name;        /* of the migration */
  GPtrArray *up;     /* of char *: a statement or several that belong together */
  GPtrArray *down;   /* NULL: there is no way back */
  char *no_way_back; /* then why; may have several lines */
} EnumChange;

void enum_change_free (EnumChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EnumChange, enum_change_free)

/* Adds VALUE before BEFORE or after AFTER, at most one of which is given; at the end without. */
bool enum_change_add (DbConn *conn, const EnumType *type, const char *value, const char *before,
                      const char *after, EnumChange **ret_change, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

bool enum_change_rename (const EnumType *type, const char *value, const char *new_value,
                         EnumChange **ret_change, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes VALUE away; rows that hold it become REPLACEMENT. KEEL_ERROR_ANSWER_NO when there are such
 * rows and REPLACEMENT is NULL, with tables, columns and counts as detail; KEEL_ERROR_REFUSED when
 * something uses the type that cannot be carried along. */
bool enum_change_remove (DbConn *conn, const EnumType *type, const char *value,
                         const char *replacement, EnumChange **ret_change, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Puts the statements into FILES, as migration_plan_new gave them for LAYOUT. False when there is no
 * place for the way back. The file of a way back that does not exist is taken out. */
bool enum_change_fill (const EnumChange *change, const char *layout, GPtrArray *files);
