/* The tree: what follows `pgkeel` on the command line, in the order --help shows it. */
#include "cli/cmds.h"

const CliCommand cli_commands[] = {
  { .name = "db",
    .summary = "Start, stop, show and open the database of an environment",
    .children = db_commands },
  { .name = "backup",
    .summary = "Make, list, verify and prove backups",
    .children = backup_commands },
  { .name = "restore-test", .same_as = &restore_test_command },
  { .name = "completion", .same_as = &completion_command },
  { .name = "version", .same_as = &version_command },
  { .name = "help", .same_as = &help_command },
  { 0 },
};
