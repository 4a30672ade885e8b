/*
 * Removes old backups, and never the last good one.
 *
 * Only files older than backup.keep go, only when pgkeel.yaml sets it, and only of the same project and
 * type. Whatever their age, kept are: the newest whole backup whose proof did not fail, the newest
 * proven one, every emergency backup, and every file that is damaged or not understood (those are for a
 * person to look at).
 */
#pragma once

#include "project/project.h"

/* DRY_RUN only lists. Adds the names (removed or to be removed) to REMOVED, oldest first. */
bool retention_run (const Project *project, const char *folder, bool dry_run, GPtrArray *removed,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
