/*
 * Runs a program in our place: its standard descriptors, terminal, folder and signals are ours, and we only
 * wait for it.
 *
 * The program stays in our process group, so the terminal's signals (Ctrl-C, Ctrl-Z, hanging up) reach it
 * without us; those that are sent to our process alone are passed on. While it runs nothing here is
 * cancelled by them.
 */
#pragma once

#include "base/error.h"

/* ARGV is NULL-terminated; argv[0] is looked up in our PATH when it has no /. ENVIRONMENT: all of its variables,
 * NULL: ours. *RET_STATUS is what waitpid says of it. Errors: KEEL_ERROR_MISSING when there is no such program,
 * KEEL_ERROR_FAILED when it cannot be run, KEEL_ERROR_CANCELLED when that was asked for before it began. Not for two
 * threads at once. */
bool foreground_run (const char *const *argv, char **environment, int *ret_status, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The exit code that a shell gives STATUS: 128 + signal for a program that was killed. */
int foreground_exit_code (int status);

/* Ends our process as the program ended: by the same signal, without a core of ours. Returns when it
 * was not killed. Buffers are the caller's to flush. */
void foreground_die_alike (int status);
