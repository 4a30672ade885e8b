/*
 * What a layout is to the rest of src/migrate: one row of the table in layout.c.
 */
#pragma once

#include "migrate/folder.h"
#include "migrate/layout.h"
#include "migrate/migration.h"

/* How sure it is that a folder is of a layout. The surest one wins; two as sure are refused. */
typedef enum
{
  LAYOUT_FITS_NOT,
  LAYOUT_FITS_NAMES, /* files are called so */
  LAYOUT_FITS_MARKS, /* and more: marks in them, a plan beside them */
} LayoutFit;

/* A migration to be made. */
typedef struct
{
  const char *root; /* the project's folder */
  const MigrationSet *set;
  Folder *folder;   /* NULL: not there yet */
  const char *name; /* what it does, safe for file names */
  int64_t now;      /* Unix seconds */
  GPtrArray *files; /* of MigrationNewFile: to be added to */
} LayoutNew;

typedef struct
{
  const char *name;
  /* How its files are called, for hints. */
  const char *pattern;
  bool (*fits) (Folder *folder, LayoutFit *ret_fit, GError **error);
  /* Adds the migrations and the warnings to SET. With a compare below, in any order. */
  bool (*read) (Folder *folder, MigrationSet *set, GError **error);
  /* The order of versions, also of some that no file has; 0: the tool takes them for the same. NULL:
   * the order is the one that read adds them in. */
  int (*compare) (const char *a, const char *b);
  bool (*add) (LayoutNew *new, GError **error);
} Layout;

extern const Layout layout_native, layout_golang_migrate, layout_sqlx; /* layout_pairs.c */
extern const Layout layout_dbmate, layout_goose;                       /* layout_marks.c */
extern const Layout layout_sql_migrate, layout_node;                   /* layout_marks.c */
extern const Layout layout_flyway;                                     /* layout_flyway.c */
extern const Layout layout_diesel, layout_prisma;                      /* layout_folders.c */
extern const Layout layout_sqitch;                                     /* layout_sqitch.c */
extern const Layout layout_drizzle;                                    /* layout_drizzle.c */
extern const Layout layout_graphile;                                   /* layout_graphile.c */
extern const Layout layout_numbered;                                   /* layout_numbered.c */

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

/* The same for a file that holds a way back or a check, when there is such a one. */
bool layout_read_script_if_there (Folder *folder, const char *name, MigrationScript *script,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a comment line of TEXT is what asks for no transaction in every layout. */
bool layout_asks_for_no_transaction (const char *text);

/* "/a/b.sql:3: MESSAGE" with a hint, of kind CONFIG. Always returns false. LINE 0: none. */
bool layout_refuse (const Folder *folder, const char *name, unsigned int line, const char *hint,
                    GError **error, const char *format, ...) G_GNUC_PRINTF (6, 7);

/* The version after those in the set, as they are written there: times stay times, numbers grow by
 * one and keep their width. In an empty set a time of 14 digits where WIDTH is 0, else 1 with that
 * many digits. Caller frees. */
char *layout_next_version (const LayoutNew *new, unsigned int width);

/* Adds a file to be written, its name seen from the folder of the set; TEXT is taken over. */
void layout_add_file (LayoutNew *new, char *text, const char *format, ...) G_GNUC_PRINTF (3, 4);
