/*
 * A request to the Docker Engine, as the Engine shows it to its authorization plugins, and what it does.
 *
 * Read as the Engine reads it, and where two readings are possible, as the one that destroys more.
 * What cannot be looked into and could destroy is GUARD_OPAQUE.
 */
#pragma once

#include "guard/operation.h"

#include <stddef.h>

typedef struct
{
  char *method;
  char *uri;
  json_t *headers; /* an object of texts; of a header that came twice, the Engine shows the last */
  char *body;      /* NULL: the Engine showed none, which does not mean that there is none */
  size_t body_length;
} GuardRequest;

void guard_request_clear (GuardRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardRequest, guard_request_clear)

/* From the body of AuthZPlugin.AuthZReq: {"RequestMethod", "RequestUri", "RequestBody" (base64), "RequestHeaders"}. */
bool guard_request_parse (const char *envelope, size_t length, GuardRequest *ret_request,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Never fails: what cannot be read is GUARD_OPAQUE, or GUARD_OTHER when it only reads. */
void guard_request_operation (const GuardRequest *request, GuardOperation *ret_operation);
