/*
 * Removes a database behind a proven backup, and leaves an empty one in its place.
 *
 * Never destroys first: an empty database is made beside it, with the same owner, encoding, locale,
 * privileges and settings and the environment's stamp; both are renamed in one transaction; then the old
 * one, which nobody finds any more, is compared with the backup, every row of it. Only what the backup
 * holds is dropped: when they differ, since somebody wrote after the backup was made, the names are
 * changed back. Killed at any moment, the data is either in the database, or in the one it was renamed
 * to, or in the proven backup.
 */
#pragma once

#include "backup/reader.h"
#include "project/project.h"

typedef struct
{
  const Project *project; /* whose stamp the empty database gets */
  const char *url;
  const char *database;
  const BackupIndex *index; /* of the proven backup */
  unsigned int job_count;
  bool end_sessions; /* of others in the database; false: their presence is an error */
} RemoveSpec;

/* KEEL_ERROR_REFUSED when others are connected and may not be ended; KEEL_ERROR_ANSWER_NO when the
 * database is not what the backup holds. False: nothing was removed, and *RET_KEPT (caller frees) is the
 * name under which the database is now, if not its own; true: it is empty. */
bool remove_run (const RemoveSpec *spec, Report *report, char **ret_kept, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
