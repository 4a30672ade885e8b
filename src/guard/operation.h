/*
 * What somebody is about to do to Docker, in the terms that the policy decides on. Made from a
 * request to the Engine (request.h) or from a command line (arguments.h); judged by policy.h.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>

typedef enum
{
  GUARD_OTHER,         /* the policy has no opinion: reading, starting, stopping, building, ... */
  GUARD_VOLUME_REMOVE, /* name */
  GUARD_VOLUME_PRUNE,  /* takes_named, filters */
  GUARD_VOLUME_CREATE, /* spec */
  GUARD_VOLUME_UPDATE, /* name, spec: cluster volumes */
  GUARD_CONTAINER_CREATE, /* spec; name: of the container, NULL: the Engine makes one up */
  GUARD_CONTAINER_START, /* name; spec: what old versions of the API could add to it; NULL: nothing */
  GUARD_CONTAINER_STOP,   /* name; one that removes itself takes its anonymous volumes along */
  GUARD_CONTAINER_REMOVE, /* name; removes_volumes */
  GUARD_CONTAINER_RENEW, /* name; its anonymous volumes are replaced by empty ones: `compose up -V` */
  GUARD_CONTAINER_EXEC,    /* name, spec: the making of an exec */
  GUARD_ARCHIVE_PUT,       /* name, path: `docker cp` into a container */
  GUARD_CHECKPOINT_REMOVE, /* name, path: a folder of the host that goes with all that is in it */
  GUARD_PLUGIN_CHANGE, /* name, verb: "remove", "disable", "upgrade", "set", "pull", "create", "enable" */
  GUARD_SERVICE_CHANGE, /* spec: swarm services made or updated: they mount, too; verb "remove": name */
  GUARD_SWARM_LEAVE,
  GUARD_COMPOSE_DOWN, /* project; removes_volumes: only command lines say it in one piece */
  GUARD_OPAQUE,       /* a call that could destroy, and cannot be looked into: `detail` says why */
} GuardAct;

typedef struct
{
  GuardAct act;
  char *name;           /* volume, container (name or ID, as given), plugin; NULL where none */
  bool force;           /* as given */
  bool removes_volumes; /* a container's anonymous volumes, a project's volumes */
  bool takes_named;     /* a prune that takes named volumes, too */
  json_t *filters;      /* of a prune: {"label": ["a=b"], "label!": [...]}; NULL: none */
  json_t *spec;         /* the body, with keys as the Engine's API spells them; NULL: none */
  char *path;           /* inside of the container, as given; of a checkpoint: of the host */
  char *project;        /* compose's */
  const char *verb; /* static; NULL: none; "recreate" of a volume that compose would make anew */
  char *detail;     /* of GUARD_OPAQUE */
  char *given;      /* for messages and the log: "DELETE /v1.41/volumes/x", "docker volume rm x" */
} GuardOperation;

void guard_operation_clear (GuardOperation *operation);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardOperation, guard_operation_clear)
void guard_operation_free (GuardOperation *operation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardOperation, guard_operation_free)

/* "volume-remove", "opaque", ...: for JSON and the audit log. */
const char *guard_act_name (GuardAct act);
