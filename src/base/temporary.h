/*
 * Temporary folders that do not outlive their use, not even when the program is killed: each is held
 * by who made it, and whoever makes the next one removes those that nobody holds any more.
 */
#pragma once

#include "base/fs.h"

typedef struct
{
  char *path; /* NULL: none */
  Fd hold;
} TemporaryFolder;

/* <TMPDIR>/pgkeel-PURPOSE-XXXXXX, mode 0700. PURPOSE is one word. */
bool temporary_folder_make (const char *purpose, TemporaryFolder *ret_folder, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Removes it with everything in it; fine when there is none. */
void temporary_folder_clear (TemporaryFolder *folder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TemporaryFolder, temporary_folder_clear)
