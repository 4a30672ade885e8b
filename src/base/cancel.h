/*
 * Cancellation: SIGINT, SIGTERM and SIGHUP ask the program to stop, once, in order.
 *
 * A handler only raises a flag; whoever waits polls it (or the descriptor) and unwinds through its
 * ordinary error path, so that temporary files go and transactions roll back. A second SIGINT ends
 * the process at once.
 */
#pragma once

#include "base/error.h"

/* Installs the handlers and ignores SIGPIPE. Call once, before any thread is made. */
void cancel_install (void);

/* Takes the handlers away again: what was ignored before is ignored, the rest is as usual. For the child
 * between fork and exec; safe there. */
void cancel_restore (void);

/* Puts back what was set for these signals before cancel_install: for who becomes another program, which inherits
 * what is ignored. */
void cancel_uninstall (void);

/* True once a signal has arrived, or cancel_request was called. Safe from any thread. */
bool cancel_requested (void);

/* Raises the flag without a signal. */
void cancel_request (void);

/* Readable once cancellation is requested: for poll(). Never closed; -1 before cancel_install. */
int cancel_fd (void);

/* False, with KEEL_ERROR_CANCELLED set, once cancellation is requested. */
bool cancel_check (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Between the two, the calling thread does not see a cancellation: for cleaning up after one, which
 * needs statements and programs that would be interrupted again at once. They nest. A second SIGINT
 * still ends the process. */
void cancel_hold (void);
void cancel_release (void);
