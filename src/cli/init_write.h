/*
 * Reading and writing in a project's folder that may hold anything: no symbolic link is followed, and of
 * several files either all appear or none.
 *
 * New files are written aside, in a folder that is removed afterwards, and appear under their names only
 * when all are written, each whole and only where there is nothing. When something fails then, what has
 * appeared is taken away again and what was changed is put back. A crash in between leaves whole files;
 * the next run goes on from there.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

typedef struct
{
  char *path;   /* seen from the folder */
  char *before; /* what must be there when it is replaced; NULL: nothing may be there */
  char *after;
} InitChange;

typedef enum
{
  INIT_IS_ABSENT,
  INIT_IS_FILE,
  INIT_IS_LINK, /* it, or a folder on the way to it, is a symbolic link */
  INIT_IS_OTHER, /* a folder, a device, a file where a folder should be, more than 1 MiB, or no text */
} InitPresence;

/* What is at PATH below FOLDER; *RET_TEXT (caller frees) for a file, else NULL. */
bool init_read (const char *folder, const char *path, InitPresence *ret_presence, char **ret_text,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes all CHANGES (of InitChange) or none. KEEL_ERROR_REFUSED when a file has appeared or changed
 * meanwhile. */
bool init_write (const char *folder, GPtrArray *changes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
