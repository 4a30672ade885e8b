/*
 * What a layout is to the rest of src/migrate: one row of the table in layout.c.
 */
#pragma once

#include "migrate/folder.h"
#include "migrate/migration.h"

typedef struct
{
  const char *name;
  /* How its files are called, for hints. */
  const char *pattern;
  /* Whether the folder has files that are this layout's and no other's. */
  bool (*fits) (Folder *folder, bool *ret_fits, GError **error);
  /* Adds the migrations and the warnings to SET. With a compare below, in any order. */
  bool (*read) (Folder *folder, MigrationSet *set, GError **error);
  /* The order of versions, also of some that no file has; 0: the tool takes them for the same. NULL:
   * the order is the one that read adds them in. */
  int (*compare) (const char *a, const char *b);
} Layout;

extern const Layout layout_native; /* layout_pairs.c */

/* "20250102030405_name.up.sql" with SUFFIX ".up.sql": digits, "_", a name, the suffix. False when it
 * is not so; the outputs may be NULL, the caller frees them. */
bool layout_split_name (const char *file, const char *suffix, char **ret_version, char **ret_name);

/* Versions of digits as the numbers they are, however long and however many zeros lead. */
int layout_compare_numbers (const char *a, const char *b);

/* Adds a warning: FORMAT after the shown path of the file NAME. */
void layout_warn (const Folder *folder, MigrationSet *set, const char *name, const char *format,
                  ...) G_GNUC_PRINTF (4, 5);

/* Fills SCRIPT with the whole file NAME and, where CHECKSUM is not NULL, that with its checksum. */
bool layout_read_script (Folder *folder, const char *name, MigrationScript *script,
                         char checksum[65], GError **error) G_GNUC_WARN_UNUSED_RESULT;
