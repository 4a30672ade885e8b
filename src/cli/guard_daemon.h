/*
 * The Docker Engine's daemon.json: whether it names the plugin, and the line that would. Nothing is written to it.
 */
#pragma once

#include "base/error.h"

typedef enum
{
  GUARD_DAEMON_NAMES_IT,
  GUARD_DAEMON_NAMES_IT_NOT,
  GUARD_DAEMON_ABSENT,
  GUARD_DAEMON_UNREADABLE, /* it cannot be read, or is no JSON; the Engine does not start with it */
} GuardDaemonState;

typedef struct
{
  char *path;
  GuardDaemonState state;
  char *line;    /* “"authorization-plugins": ["pgkeel", ...]” with all that are there */
  char *problem; /* why it is unreadable; NULL */
} GuardDaemon;

void guard_daemon_clear (GuardDaemon *daemon);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardDaemon, guard_daemon_clear)

/* ROOT stands before /etc/docker/daemon.json; NAME is the plugin's. */
void guard_daemon_read (const char *root, const char *name, GuardDaemon *ret_daemon);
