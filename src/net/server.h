/*
 * An HTTP server on a Unix socket. One thread takes all calls; who needs long for an answer defers it and gives it
 * from another thread, so a call that has to wait never stands in the way of the next.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

typedef struct NetServer NetServer;
typedef struct NetExchange NetExchange;

/* Called in the server's thread. It calls net_exchange_reply, or net_exchange_defer and sees to it that some thread
 * calls net_exchange_reply later, once. */
typedef void (*NetHandler) (NetExchange *exchange, void *data);

typedef struct
{
  const char
      *socket; /* path; made with mode 0600, removed again. Not used when systemd hands one over */
  size_t max_bytes; /* of a body; more is told as cut */
  NetHandler handler;
  void *data;
} NetServerSpec;

/* Listens on the socket that systemd hands over (LISTEN_FDS), or on SPEC's. KEEL_ERROR_LOCKED when another process
 * serves there. */
bool net_server_start (const NetServerSpec *spec, NetServer **ret_server, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Takes no more calls; deferred ones must have been answered. */
void net_server_stop (NetServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NetServer, net_server_stop)

const char *net_exchange_method (const NetExchange *exchange);
const char *net_exchange_path (const NetExchange *exchange);
/* The body, NUL-terminated; *RET_IS_CUT: there was more than max_bytes, and what is here is not all of it. */
const char *net_exchange_body (const NetExchange *exchange, size_t *ret_length, bool *ret_is_cut);

void net_exchange_defer (NetExchange *exchange);
/* TEXT is copied. From any thread. */
void net_exchange_reply (NetExchange *exchange, unsigned int status, const char *content_type,
                         const char *text);
