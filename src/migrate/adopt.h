/*
 * Takes over the history that another tool has written into the database: reads its table, holds it
 * against the files, and writes rows of pgkeel.migration. The tool's own tables are never changed.
 *
 * Refuses a history that its own tool would not go on from: one that is dirty, that has failed, that
 * is locked, that has several heads.
 */
#pragma once

#include "db/conn.h"
#include "migrate/history.h"
#include "migrate/migration.h"
#include "sql/parse.h"

typedef enum
{
  ADOPT_UNCHECKED, /* the tool keeps no checksum, or there is no file */
  ADOPT_SAME,
  ADOPT_DIFFERENT, /* the file is not what the tool has applied */
} AdoptCheck;

const char *adopt_check_name (AdoptCheck check); /* "unchecked", "same", "different" */

typedef struct
{
  char *version, *name;
  MigrationKind kind;
  HistoryState state;         /* ADOPTED, or BASELINE where the tool itself had one */
  char *applied, *applied_by; /* ISO, UTC; NULL where the tool does not know */
  AdoptCheck check;
  const Migration *migration; /* of the set; NULL: there is no file */
} AdoptRow;

typedef struct
{
  const char *tool;
  char *table;         /* "public.schema_migrations" */
  GPtrArray *rows;     /* of AdoptRow, in the tool's order */
  GPtrArray *warnings; /* of char * */
} Adoption;

void adoption_free (Adoption *adoption);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Adoption, adoption_free)

/* The names that --from takes, NULL-terminated; static. */
const char *const *adopt_tool_names (void);

/* Which tools have a history here: *RET_FOUND are char *, "dbmate (public.schema_migrations)"; the caller
 * frees with g_ptr_array_unref. */
bool adopt_find (DbConn *conn, GPtrArray **ret_found, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads the history of TOOL (NULL: of the only one that has any) in TABLE ("schema.name"; NULL: where it
 * is by its name). ROOT and SET: the project's folder and files. Changes nothing.
 *
 * Errors: KEEL_ERROR_USAGE for a tool that is not known; KEEL_ERROR_MISSING when there is no history;
 * KEEL_ERROR_REFUSED when there are several, or the one there is in a bad state; KEEL_ERROR_ANSWER_NO
 * when it is empty. */
bool adopt_read (DbConn *conn, const char *root, const MigrationSet *set, const char *tool,
                 const char *table, Adoption **ret_adoption, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Writes the rows that pgkeel.migration does not have in force yet, all or none, in one transaction, in
 * which the tool's history is read once more: KEEL_ERROR_REFUSED when it has changed since. The lock
 * of run_lock.h must be held, and the table be there (history_ensure). */
bool adopt_write (DbConn *conn, const char *root, const MigrationSet *set, SqlParser *parser,
                  const Adoption *adoption, guint *ret_written, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Declares that all of SET up to VERSION (NULL: all) is in the database already: one row that stands
 * for them. KEEL_ERROR_REFUSED when pgkeel.migration has rows in force, or the database is empty. As
 * above for lock and table. */
bool adopt_check_baseline (DbConn *conn, const MigrationSet *set, const char *version,
                           const Migration **ret_last, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool adopt_write_baseline (DbConn *conn, const Migration *last, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
