/*
 * Which Engine a command of docker goes to: -H, --context, DOCKER_HOST, DOCKER_CONTEXT, the context chosen in
 * docker's config.json; in docker's order. Reads docker's files, asks no Engine.
 */
#pragma once

#include "guard/arguments.h"
#include "guard/engine.h"

typedef struct
{
  char *context; /* its name; NULL: none, the host was said or is the usual one */
  char *host;    /* "unix:///run/docker.sock", "tcp://db1:2375"; NULL: not known, see problem */
  char *origin;  /* "--host", "DOCKER_HOST", "the context “x”", "default" */
  bool is_here;  /* by a Unix socket: files of volumes may be looked at from here */
  char *problem; /* why it cannot be asked: one line; NULL: it can */
} GuardEndpoint;

void guard_endpoint_clear (GuardEndpoint *endpoint);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardEndpoint, guard_endpoint_clear)

/* Never fails: what cannot be found out is the endpoint's `problem`. */
void guard_endpoint_find (const GuardCommand *command, GuardEndpoint *ret_endpoint);

/* The Engine of ENDPOINT; one that answers every question with the endpoint's problem when there is one. */
bool guard_endpoint_open (const GuardEndpoint *endpoint, GuardEngine **ret_engine, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Whether ENGINE, that of ENDPOINT, runs on this very host, as far as it says its name: a Unix socket may lead
 * through a tunnel, or into a virtual machine. False: its files are not to be looked at from here. */
bool guard_endpoint_is_here (const GuardEndpoint *endpoint, GuardEngine *engine);

/* docker's folder of settings: --config, DOCKER_CONFIG or ~/.docker. Caller frees. */
char *guard_docker_folder (const GuardCommand *command);
