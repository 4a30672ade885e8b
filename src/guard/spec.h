/*
 * Bodies of requests, read as Go's encoding/json does it for the Engine.
 *
 * Go takes keys in any case ("HOSTCONFIG", even with letters that only fold to the same) and lets a key
 * that is there twice be merged. Here keys that matter are spelt as the Engine's API does, and an object
 * that says one thing twice cannot be read: no client sends one, and whose word counts is hard to tell.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>

/* The first JSON value of TEXT, which must be an object; what follows it is not read, as the Engine does
 * not. *RET_SPEC: caller owns. */
bool guard_spec_read (const char *text, size_t length, json_t **ret_spec, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* {"label": ["a=b"], ...} of a `filters` value, {"label": {"a=b": true}} or {"label": ["a=b"]}; NULL when it
 * is neither. Caller owns. */
json_t *guard_filters_read (const char *text);
