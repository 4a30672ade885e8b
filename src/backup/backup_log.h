/*
 * backup.log: one line of text for everything that happened to the backups of an environment.
 *
 *   2025-04-22T02:00:00Z create ok file=ledgerflow_db_backup_20250422_020000.sql.gz size=48213 ...
 */
#pragma once

#include "base/error.h"

#define BACKUP_LOG_FILE "backup.log"

/* Appends "TIME ACTION OUTCOME key=value ..." to FOLDER/backup.log; control characters in it become
 * spaces, so that it stays one line. */
bool backup_log (const char *folder, const char *action, const char *outcome, GError **error,
                 const char *format, ...) G_GNUC_PRINTF (5, 6) G_GNUC_WARN_UNUSED_RESULT;
