/*
 * Who is at work: for the audit log and for incidents.
 *
 * Of the parent process only what it is called, never its arguments: they may hold secrets.
 */
#pragma once

#include <jansson.h>

/* {"user", "host", "pid"} and, where they are known: "login", the user that logged in, as the kernel
 * remembers it through su and sudo; "sudo_user", whom sudo names (the environment's word for it); "tty";
 * "parent": {"pid", "name", "program"}. The caller owns it. */
json_t *who_am_i (void);

/* "ada (as root) on db1, from bash": one line for people; caller frees. */
char *who_describe (const json_t *who);
