/*
 * One migration, and the set of them a project has, whatever tool's layout its files follow.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Text of one direction. A file may hold both. */
typedef struct
{
  char *path; /* of its file, relative to the project's folder */
  /* The SQL of this direction only, UTF-8; NULL: there is none, or (migration_set_read_up) it was not
   * read. */
  char *text;
  size_t length;
  unsigned int line;   /* of the file, on which text begins, from 1; 0: it is put together */
  bool no_transaction; /* the file asks to be run without one */
} MigrationScript;

typedef enum
{
  MIGRATION_VERSIONED,
  MIGRATION_REPEATABLE, /* runs again whenever its checksum changes, after all others (Flyway R) */
  MIGRATION_BASELINE,   /* stands for all versions up to its own on an empty database (Flyway B) */
} MigrationKind;

typedef struct
{
  MigrationKind kind;
  /* As the layout's own tool writes it; unique in the set. A repeatable one's is its name, a
   * baseline's has a B before, that of sqitch's change is, from its second time on, "name#2". */
  char *version;
  char *name; /* what follows the version; may be empty */
  MigrationScript up, down;
  MigrationScript verify; /* sqitch's; text NULL: none */
  char checksum[65];      /* SHA-256 of the up file's bytes, hex */
  char *tool_key; /* by what the tool's own history knows it, where that is not the version */
  char *not_sql;  /* why pgkeel cannot run it, e.g. "a Go migration"; NULL: it can */
} Migration;

void migration_free (Migration *migration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Migration, migration_free)

/* Ordered as their tool applies them; repeatable ones last. */
typedef struct
{
  const char *layout;                            /* name of the layout, e.g. "pgkeel", "dbmate" */
  char *folder;                                  /* relative to the project's folder */
  GPtrArray *migrations;                         /* of Migration */
  GPtrArray *warnings;                           /* of char *: files that were left out and why */
  GHashTable *positions;                         /* version -> place in migrations, from 1 */
  int (*compare) (const char *a, const char *b); /* of versions that no file has; NULL: by bytes */
} MigrationSet;

/* An empty one, and one without a version yet; for layouts and tests. */
MigrationSet *migration_set_new (const char *layout, const char *folder);
Migration *migration_new (MigrationKind kind, const char *version, const char *name);

void migration_set_free (MigrationSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigrationSet, migration_set_free)

/* The migration of that version, or NULL. */
const Migration *migration_set_find (const MigrationSet *set, const char *version);

/* -1, 0, 1 as the layout's tool orders versions: by place where the set has both. What no file has is
 * compared as the layout compares versions; by bytes where it has no such order (sqitch's names). */
int migration_set_compare_versions (const MigrationSet *set, const char *a, const char *b);
