/*
 * Tells systemd that a plugin still answers, so that one that hangs is killed and started again: the Engine itself
 * waits for it without limit. Follows sd_watchdog_enabled(3) and sd_notify(3).
 */
#pragma once

#include <glib.h>

typedef struct GuardWatchdog GuardWatchdog;

/* Asks the plugin at SOCKET, three times in each span that WATCHDOG_USEC gives, what it is, and tells NOTIFY_SOCKET when
 * it answered. NULL when nobody wants to know: one of the two is not set, or WATCHDOG_PID is another process. */
GuardWatchdog *guard_watchdog_start (const char *socket);

/* Waits for a question that is under way. NULL: nothing. */
void guard_watchdog_stop (GuardWatchdog *watchdog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardWatchdog, guard_watchdog_stop)
