/*
 * Files: bounded reads, durable writes, folders, locks.
 *
 * What must survive a crash goes through fs_write_durable: temporary file, write, fsync, rename,
 * fsync of the folder. Errors name the path.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* A file descriptor that closes itself: `g_auto (Fd) fd = -1;`. */
typedef int Fd;
static inline void
fd_clear (Fd *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fd, fd_clear)

/* Reads a whole regular file of at most MAX_BYTES (more: an error), NUL-terminated; a NUL byte
 * inside is kept, and RET_LENGTH (may be NULL) says the length. */
bool fs_read_text (const char *path, size_t max_bytes, char **ret_text, size_t *ret_length,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How the names of unfinished files end; they begin with a dot. */
#define FS_PARTIAL_SUFFIX ".partial"

/* Replaces PATH with LENGTH bytes of DATA, mode MODE, all or nothing, on disk when it returns. */
bool fs_write_durable (const char *path, const void *data, size_t length, mode_t mode,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the unfinished files of FOLDER whose writers were killed: those that nobody has locked. */
void fs_remove_partial (const char *folder);

/* Appends DATA to PATH (made with MODE if missing) in one write, then fsync. When it does not fit,
 * nothing of it is left. */
bool fs_append (const char *path, const void *data, size_t length, mode_t mode, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* write() until all is written. PATH is for the message only. */
bool fs_write_all (int fd, const void *data, size_t length, const char *path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* pread() of exactly LENGTH bytes at OFFSET; a file that ends before is KEEL_ERROR_CORRUPT. */
bool fs_pread_all (int fd, void *buffer, size_t length, uint64_t offset, const char *path,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* fsync of a folder, so that a rename in it lasts. */
bool fs_sync_folder (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes PATH and its parents with MODE, durably; fine when it is there. */
bool fs_make_folder (const char *path, mode_t mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes a file or a whole tree without following symbolic links; fine when it is not there. When
 * another process still adds to the tree, it waits up to 10 seconds for that to end. */
bool fs_remove_tree (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes an exclusive lock on PATH (made if missing, mode 0600, never removed) without waiting; the
 * lock lasts until *RET_FD is closed. KEEL_ERROR_LOCKED when another process holds it; the hint
 * names its process id. */
bool fs_lock (const char *path, int *ret_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the folder PATH, whose last six characters "XXXXXX" are replaced in place, with mode 0700, and
 * holds it until *RET_HOLD is closed or the process ends. */
bool fs_make_held_folder (char *path, Fd *ret_hold, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes hold of a folder made by fs_make_held_folder whose maker does not hold it any more. A maker
 * that loses the folder before it could take hold of it makes another one. */
bool fs_hold_folder (const char *path, Fd *ret_hold) G_GNUC_WARN_UNUSED_RESULT;

/* Free bytes for ordinary users on the file system of PATH. */
bool fs_free_bytes (const char *path, uint64_t *ret_bytes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
