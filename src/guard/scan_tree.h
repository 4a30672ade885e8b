/*
 * The files of a repository: as they are in the folder, as they are staged in the index of git, and as
 * the last commit has them. Git is asked, where there is one; it is never told to change anything.
 *
 * Paths are seen from the tree's root, with / between folders.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

typedef struct ScanTree ScanTree;

/* FOLDER: absolute. STAGED: files are read from the index, and the root is that of the repository; it is
 * a KEEL_ERROR_USAGE when FOLDER is in none. Caller frees. */
bool scan_tree_open (const char *folder, bool staged, ScanTree **ret_tree, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* One without files, and without git. Caller frees. */
ScanTree *scan_tree_new_empty (void);

void scan_tree_free (ScanTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScanTree, scan_tree_free)

const char *scan_tree_root (const ScanTree *tree);
bool scan_tree_is_git (const ScanTree *tree);
bool scan_tree_has_head (const ScanTree *tree);

/* All files: of git those that are tracked and those that it does not ignore; without git, all but what
 * is below node_modules and its like. Of char *, sorted; owned by the tree. */
const GPtrArray *scan_tree_paths (const ScanTree *tree);

/* Whether PATH is among them: of git, that it is not ignored. */
bool scan_tree_lists (const ScanTree *tree, const char *path);

/* Whether git has PATH in its index. */
bool scan_tree_is_tracked (const ScanTree *tree, const char *path);
/* Whether PATH is in the index with other contents than in the last commit. Only of a staged tree. */
bool scan_tree_is_changed (const ScanTree *tree, const char *path);

/* A file's text, NUL-terminated, caller frees; *RET_TEXT is NULL when there is no such file, it is no
 * ordinary one, or it is larger than SCAN_FILE_MAX_BYTES. */
#define SCAN_FILE_MAX_BYTES ((size_t) 1024 * 1024)
bool scan_tree_read (const ScanTree *tree, const char *path, char **ret_text, size_t *ret_length,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same of the last commit. */
bool scan_tree_read_head (const ScanTree *tree, const char *path, char **ret_text,
                          size_t *ret_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same of the folder, whatever is staged: for what git ignores (.env). PATH may lead out of it. */
bool scan_tree_read_file (const ScanTree *tree, const char *path, char **ret_text,
                          size_t *ret_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
