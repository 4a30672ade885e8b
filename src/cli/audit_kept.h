/*
 * audit.database_head: the end of the audit log, kept in the environment's database as well.
 */
#pragma once

#include "cli/command.h"
#include "project/audit_database.h"

/* At a command's end, when it has written to the audit log: lets the environment's database remember where that ends. What
 * prevents it is a warning; where nothing may be written, or nobody is there to write to by intention (a local cluster that
 * is stopped), it is only said among the steps. */
void audit_kept_write (CliContext *context);

/* What the environment's database remembers, for audit_verify_kept; *RET_KEPT is NULL when audit.database_head is
 * not set. */
bool audit_kept_read (const Project *project, GPtrArray **ret_kept, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
