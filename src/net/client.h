/*
 * HTTP to one server, by TCP or through a Unix socket: a call and its whole answer.
 *
 * Follows no redirects, uses no proxies for Unix sockets, changes nothing about a path ("..", "//" and
 * escapes go out as given). An answer of any status is an answer; whether it is a good one decides the
 * caller. Connections are kept and used again. Any number of threads may call at the same time.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct NetClient NetClient;

typedef struct
{
  const char *base;    /* "http://host:port", "https://host": what stands before every path */
  const char *socket;  /* path of a Unix socket to connect to instead of BASE's host; NULL: none */
  int64_t connect_ms;  /* until the connection is there; 0: 5 s */
  int64_t timeout_ms;  /* of the whole call; 0: 30 s */
  size_t max_bytes;    /* of an answer; 0: 16 MiB */
  const char *ca_file; /* of https: who is believed; NULL: the system's */
  const char *cert_file; /* of https: who we are; NULL: nobody */
  const char *key_file;
} NetClientSpec;

/* All texts of SPEC are copied. */
NetClient *net_client_new (const NetClientSpec *spec);
/* No call may be under way. */
void net_client_free (NetClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NetClient, net_client_free)

typedef struct
{
  const char *method; /* NULL: GET, or POST when there is a body */
  const char *path;   /* begins with "/", escaped */
  const char *body;   /* NULL: none */
  size_t body_length;
  const char *content_type; /* of the body; NULL: application/json */
} NetCall;

typedef struct
{
  long status;
  char *body; /* never NULL after a call, NUL-terminated */
  size_t body_length;
} NetAnswer;

void net_answer_clear (NetAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (NetAnswer, net_answer_clear)

/* Errors: KEEL_ERROR_UNREACHABLE when no whole answer came, KEEL_ERROR_FAILED when it is larger than allowed,
 * KEEL_ERROR_CANCELLED. Messages say neither path nor body. */
bool net_client_call (NetClient *client, const NetCall *call, NetAnswer *ret_answer, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* TEXT as one part of a path or query: everything but letters, digits and "-._~" as %XX. Caller frees. */
char *net_escape (const char *text);
