/* pgkeel guard: one file for each command below it. */
#include "cli/cmds.h"

const CliCommand guard_commands[] = {
  { .name = "install", .same_as = &guard_install_command },
  { .name = "status", .same_as = &guard_status_command },
  { .name = "volumes", .same_as = &guard_volumes_command },
  { .name = "release", .same_as = &guard_release_command },
  { .name = "run", .same_as = &guard_run_command },
  { .name = "docker", .same_as = &guard_docker_command },
  { .name = "serve", .same_as = &guard_serve_command },
  { .name = "scan", .same_as = &guard_scan_command },
  { 0 },
};
