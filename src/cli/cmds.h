/*
 * The rows and tables that the command files give to the tree in commands.c.
 */
#pragma once

#include "cli/command.h"

extern const CliCommand help_command;             /* help.c */
extern const CliCommand audit_commands[];         /* cmd_audit.c */
extern const CliCommand config_commands[];        /* cmd_config.c */
extern const CliCommand env_commands[];           /* cmd_env.c */
extern const CliCommand guard_commands[];         /* cmd_guard.c */
extern const CliCommand guard_release_command;    /* cmd_guard_release.c */
extern const CliCommand guard_scan_command;       /* cmd_guard_scan.c */
extern const CliCommand guard_install_command;    /* cmd_guard_install.c */
extern const CliCommand guard_run_command;        /* cmd_guard_run.c */
extern const CliCommand guard_docker_command;     /* cmd_guard_docker.c */
extern const CliCommand guard_serve_command;      /* cmd_guard_serve.c */
extern const CliCommand guard_status_command;     /* cmd_guard_status.c */
extern const CliCommand guard_volumes_command;    /* cmd_guard_volumes.c */
extern const CliCommand init_command;             /* cmd_init.c */
extern const CliCommand version_command;          /* cmd_version.c */
extern const CliCommand completion_command;       /* completion.c */
extern const CliCommand db_commands[];            /* cmd_db.c */
extern const CliCommand backup_commands[];        /* cmd_backup.c */
extern const CliCommand restore_test_command;     /* cmd_backup.c */
extern const CliCommand incident_commands[];      /* cmd_incident.c */
extern const CliCommand integrity_commands[];     /* cmd_integrity.c */
extern const CliCommand migrate_commands[];       /* cmd_migrate.c */
extern const CliCommand migrate_enum_commands[];  /* cmd_migrate_enum.c */
extern const CliCommand migrate_lint_command;     /* cmd_migrate_lint.c */
extern const CliCommand migrate_rehearse_command; /* cmd_migrate_rehearse.c */
extern const CliCommand migrate_validate_command; /* cmd_migrate_validate.c */
extern const CliCommand nuke_command;             /* cmd_nuke.c */
extern const CliCommand restore_command;          /* cmd_restore.c */
extern const CliCommand seed_command;             /* cmd_seed.c */

/* The run function of backup prove, shared with restore-test. */
bool cmd_backup_prove (CliContext *context, int argc, char **argv, GError **error);
