/*
 * What the files of the backup commands share.
 */
#pragma once

#include "cli/command.h"

/* What every backup command starts from. */
typedef struct
{
  Project *project; /* borrowed from the context */
  char *folder;     /* of the environment's backups */
} BackupBase;

void backup_base_clear (BackupBase *base);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BackupBase, backup_base_clear)
bool backup_base_open (CliContext *context, BackupBase *base, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The run functions of backup list and backup show. */
bool cmd_backup_list (CliContext *context, int argc, char **argv, GError **error);
bool cmd_backup_show (CliContext *context, int argc, char **argv, GError **error);
