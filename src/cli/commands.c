/* The tree: what follows `pgkeel` on the command line, in the order --help shows it. */
#include "cli/cmds.h"

const CliCommand cli_commands[] = {
  { .name = "init", .same_as = &init_command },
  { .name = "db",
    .summary = "Start, stop, show and open the database of an environment",
    .children = db_commands },
  { .name = "backup",
    .summary = "Make, list, verify and prove backups",
    .children = backup_commands },
  { .name = "migrate",
    .summary = "Apply, undo and show migrations of the schema",
    .children = migrate_commands },
  { .name = "seed", .same_as = &seed_command },
  { .name = "restore", .same_as = &restore_command },
  { .name = "restore-test", .same_as = &restore_test_command },
  { .name = "env",
    .summary = "Show which environment is meant; stamp its database",
    .children = env_commands },
  { .name = "audit", .summary = "Show and verify the audit log", .children = audit_commands },
  { .name = "config", .summary = "Check and show pgkeel.yaml", .children = config_commands },
  { .name = "completion", .same_as = &completion_command },
  { .name = "version", .same_as = &version_command },
  { .name = "help", .same_as = &help_command },
  { 0 },
};
