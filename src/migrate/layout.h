/*
 * Reads the migrations of a project, whichever tool's layout its files follow.
 *
 * Reads and sorts; parses no SQL, asks no server, changes no file. What a tool would leave out
 * without a word is listed in the set's warnings; what can be understood in two ways is refused.
 */
#pragma once

#include "base/error.h"
#include "migrate/migration.h"

#include <stdint.h>

/* Reads the set below ROOT, the project's folder (absolute). FOLDER (seen from ROOT) and LAYOUT are
 * what pgkeel.yaml says, and NULL where it says nothing: then the usual folders are looked in, and
 * the layout is told from the names and the marks in the files. A project without any migrations
 * gives an empty set of the native layout.
 *
 * Errors: KEEL_ERROR_MISSING when FOLDER is not there; KEEL_ERROR_CONFIG when there is no such
 * layout, two layouts or folders fit, or the files contradict each other. */
bool migration_set_read (const char *root, const char *folder, const char *layout,
                         MigrationSet **ret_set, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without reading files that hold a way back or a check only: where there is one, its script
 * has a path and no text, so nothing of it is known to be wrong. Half as many files, often. */
bool migration_set_read_up (const char *root, const char *folder, const char *layout,
                            MigrationSet **ret_set, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same as migration_set_read, but FOLDER need not be there yet: then the set is empty. */
bool migration_set_read_for_new (const char *root, const char *folder, const char *layout,
                                 MigrationSet **ret_set, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A file that a new migration consists of. */
typedef struct
{
  char *path; /* seen from the project's folder */
  char *text;
  bool is_changed; /* it is there: TEXT is what it becomes (a plan, a journal) */
} MigrationNewFile;

/* The files of a new migration called NAME in the layout of SET, which is that of FOLDER below ROOT, at
 * NOW (Unix seconds); writes nothing. *RET_FILES are MigrationNewFile; the caller frees with
 * g_ptr_array_unref. KEEL_ERROR_USAGE when the name cannot stand in a file name. */
bool migration_plan_new (const char *root, const MigrationSet *set, const char *name, int64_t now,
                         GPtrArray **ret_files, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The names that `migrations.layout` takes, NULL-terminated, the native one first; static. */
const char *const *migration_layout_names (void);
