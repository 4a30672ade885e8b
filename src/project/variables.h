/*
 * Variables: the process's environment, then .env.<environment>, then .env, and ${VAR} in texts.
 *
 * Values of the files are expanded when they are asked for, so a variable that is missing there
 * disturbs only who needs it. Names appear in messages, values never.
 */
#pragma once

#include "base/error.h"
#include "project/place.h"

typedef struct Variables Variables;

Variables *variables_new (void);
void variables_free (Variables *variables);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Variables, variables_free)

/* Reads FOLDER/NAME, which goes before the files read so far. *RET_FOUND is false when it is not
 * there (or is a folder: Python's virtual environments are called .env, too). */
bool variables_read_file (Variables *variables, const char *folder, const char *name,
                          bool *ret_found, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same with TEXT (LENGTH bytes, NUL-terminated) that is in memory already. */
bool variables_add_text (Variables *variables, const char *name, const char *text, size_t length,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* *RET_VALUE (caller frees) is NULL when NAME is nowhere. *RET_SOURCE (may be NULL): the file's name,
 * NULL for the process's environment; owned by VARIABLES. */
bool variables_lookup (const Variables *variables, const char *name, char **ret_value,
                       const char **ret_source, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TEXT with ${NAME} and ${NAME:-default} replaced (the default when NAME is unset or empty); $${ is
 * a literal ${. PLACE is where TEXT stands. A variable that is missing is a KEEL_ERROR_CONFIG which
 * names it, its line and column. Results over 64 KiB and circles are refused. */
bool variables_expand (const Variables *variables, const char *text, const Place *place,
                       char **ret_text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
