/*
 * What is asked of a Docker Engine. A vtable, so that the policy is tested without one: it only reads.
 */
#pragma once

#include "base/error.h"
#include "net/client.h"

#include <jansson.h>

typedef struct GuardEngine GuardEngine;
struct GuardEngine
{
  /* GET PATH ("/volumes/x", escaped, without a version). *RET is NULL when the Engine says 404. Errors:
   * KEEL_ERROR_UNREACHABLE; KEEL_ERROR_FAILED for other answers. Called from any thread. */
  bool (*get) (GuardEngine *engine, const char *path, json_t **ret, GError **error);
  /* POST of BODY; *RET is the answer, or NULL when it has none. Errors as above, with the Engine's reason. May be
   * NULL. */
  bool (*post) (GuardEngine *engine, const char *path, const json_t *body, json_t **ret,
                GError **error);
  void (*free) (GuardEngine *engine);
};

static inline void
guard_engine_free (GuardEngine *engine)
{
  if (engine != NULL)
    engine->free (engine);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardEngine, guard_engine_free)

/* The Engine at HOST: "unix:///var/run/docker.sock" or "tcp://127.0.0.1:2375"; NULL: DOCKER_HOST, or the
 * usual socket. Connects when asked. */
bool guard_engine_open (const char *host, GuardEngine **ret_engine, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same for who can wait: TIMEOUT_MS for each answer. An Engine with a dead plugin takes 15 s and more. */
bool guard_engine_open_patient (const char *host, int64_t timeout_ms, GuardEngine **ret_engine,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same Engine for who wants answers as they are. TIMEOUT_MS: of a call. */
bool guard_engine_client (const char *host, int64_t timeout_ms, NetClient **ret_client,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where HOST (which may be NULL) leads. */
const char *guard_engine_host (const char *host);

/* "authorization denied by plugin x: ..." of the Engine's {"message": "..."}, its first line; caller frees. */
char *guard_engine_message (const NetAnswer *answer);

/* A volume, and what is known of it. */
typedef struct
{
  char *name;
  char *created;     /* ISO time, as the Engine has it */
  char *driver;      /* "local" */
  char *mountpoint;  /* on the Engine's host */
  char *device;      /* a file or folder of the host that it shows instead of its own; NULL: none */
  char *project;     /* com.docker.compose.project; NULL: none */
  bool is_anonymous; /* it goes with its container when that is removed with -v */
  bool is_labelled;  /* carries the protection label */
  bool is_named;     /* in guard.protect */
  char *postgres;    /* PG_VERSION found in it ("17"); NULL: none, or it cannot be looked into */
  bool is_readable;  /* whether its files could be looked at from here */
  bool is_remote;    /* its files are on another host */
  GPtrArray *container; /* of char *: names of the containers that mount it; NULL: not asked for */
  GPtrArray *running;   /* of char *: those of them that run; NULL: not asked for */
} GuardVolume;

void guard_volume_free (GuardVolume *volume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardVolume, guard_volume_free)
