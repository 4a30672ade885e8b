/*
 * The audit log: .pgkeel/audit.jsonl, one JSON object a line, each carrying the SHA-256 of the line
 * before, so that a line changed, removed or put in shows. Every destructive step writes its intent
 * before and its outcome after.
 */
#pragma once

#include "project/project.h"

#include <jansson.h>

/* Appends {"time", "seq", "user", "host", "pid", "environment", "action", "phase", ..., "previous"}.
 * ACTION: "restore", "db stop", ...; PHASE: "intent", "done", "failed", "refused", "note".
 * DETAILS (borrowed, may be NULL): an object merged in; secrets must not be in it. Takes a lock for the
 * moment; durable when it returns. */
bool audit_write (const Project *project, const char *action, const char *phase,
                  const json_t *details, GError **error) G_GNUC_WARN_UNUSED_RESULT;
