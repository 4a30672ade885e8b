/*
 * Where a request to the Engine goes, read as the Engine reads it: Go's net/http and url packages, then
 * gorilla/mux. What the Engine would answer with a redirect (doubled slashes, dots) is read as what it
 * redirects to.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct
{
  char *path;       /* decoded once, cleaned, without version: "/volumes/x"; no slash at its end */
  int major, minor; /* of "/v1.41"; 0, 0: none given */
  char *query;      /* as given, after the "?"; "" when there is none */
} GuardUri;

void guard_uri_clear (GuardUri *uri);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardUri, guard_uri_clear)

/* TEXT: the request line's target: "/v1.41/volumes/x?force=1", "http://any/volumes/x". False when the Engine
 * could not read it either. */
bool guard_uri_read (const char *text, GuardUri *ret_uri);

/* Whether URI names an API version below MAJOR.MINOR, or none: then the Engine's own counts, which may be. */
bool guard_uri_is_below (const GuardUri *uri, int major, int minor);

/* The values of NAME in QUERY (form encoding), decoded, in their order; never NULL. Pairs that Go does not
 * read are read all the same where that is possible: who asks wants to know what might be meant. */
GPtrArray *guard_query_values (const char *query, const char *name);

/* Go's httputils.BoolValue of any of the values: everything but "", 0, no, false and none is true. */
bool guard_query_is_true (const char *query, const char *name);
