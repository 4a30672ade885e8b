/*
 * The folder that migrations are in, as the layouts see it: its names in the order of their bytes,
 * and its files, each read at most once.
 *
 * Follows symbolic links to files and to the folder itself. Hidden names are not there. Every text
 * is UTF-8 without a byte order mark; another one is an error that names the line.
 */
#pragma once

#include "base/error.h"
#include "migrate/migration.h"

/* More than this is no migration. */
#define MIGRATION_FILE_MAX_BYTES ((size_t) 64 * 1024 * 1024)

typedef struct
{
  char *name;
  bool is_folder;
} FolderEntry;

typedef struct
{
  char *text; /* NUL-terminated */
  size_t length;
  bool had_mark;     /* a byte order mark, which is not in text */
  char checksum[65]; /* SHA-256 of its bytes, hex; "": not needed yet */
} FolderFile;

typedef struct
{
  char *root;         /* the project's folder */
  char *shown;        /* seen from the project's folder, for messages and paths; "." for itself */
  char *path;         /* absolute */
  int fd;             /* of the folder */
  bool only_up;       /* files that hold a way back and no way up are seen, but not read */
  GPtrArray *entries; /* of FolderEntry, sorted by bytes */
  GHashTable *names;  /* the same by name */
  GHashTable *files;  /* name -> FolderFile: what has been read */
} Folder;

/* Lists SHOWN below ROOT. KEEL_ERROR_MISSING when it is not there. */
bool folder_open (const char *root, const char *shown, bool only_up, Folder **ret_folder,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void folder_free (Folder *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Folder, folder_free)

/* The names in NAME, a folder below (several levels are fine: "a/b"); caller frees with
 * g_ptr_array_unref. */
bool folder_list (const Folder *folder, const char *name, GPtrArray **ret_entries, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The file NAME ("a/b.sql" is fine), owned by FOLDER. */
bool folder_read (Folder *folder, const char *name, FolderFile **ret_file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same, but its text becomes the caller's: the next one to ask reads it anew. */
bool folder_take (Folder *folder, const char *name, char **ret_text, size_t *ret_length,
                  char checksum[65], GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SHA-256 of the bytes in the file, hex. */
const char *folder_checksum (FolderFile *file);

/* Whether there is such a file or folder. */
bool folder_has (const Folder *folder, const char *name);

/* NAME, seen from the folder SHOWN, as it is seen from where SHOWN is seen from; caller frees. */
char *folder_path_of (const char *shown, const char *name);

/* NAME as messages and scripts show it, seen from the project's folder; caller frees. */
char *folder_shown (const Folder *folder, const char *name);
