/*
 * One judgement under way: what policy.c and the files that judge kinds of operations share.
 */
#pragma once

#include "base/text.h"
#include "guard/volume.h"

typedef struct
{
  const GuardPolicy *policy;
  GuardEngine *engine;
  const GuardOperation *operation;
  bool takes_releases;
  GuardVerdict *verdict; /* allowed until something refuses */
  json_t *volumes;       /* what the Engine lists, read once; NULL: not yet */
  json_t *containers;
  char *root; /* the Engine's data folder, resolved; NULL: not yet */
} Judge;

/* Why something is refused. */
typedef struct
{
  const char *rule;   /* static */
  const char *volume; /* NULL: none in particular */
  const char *hint;   /* NULL: none */
  bool is_attempt;
} Refusal;

/* Refuses; the first refusal stands. Always returns false, so that a judge can `return judge_refuse (...)`. */
bool judge_refuse (Judge *judge, const Refusal *refusal, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Refuses because it cannot be found out what would be destroyed. ERROR is freed. Returns false. */
bool judge_refuse_unknown (Judge *judge, GError *error);

/* The lists of all volumes and of all containers, owned by the judge; false: refused as unknown. */
bool judge_volumes (Judge *judge, const json_t **ret_volumes) G_GNUC_WARN_UNUSED_RESULT;
bool judge_containers (Judge *judge, const json_t **ret_containers) G_GNUC_WARN_UNUSED_RESULT;
/* /containers/NAME/json; NULL: there is none. Caller owns. False: refused as unknown. */
bool judge_container (Judge *judge, const char *name, json_t **ret_container)
    G_GNUC_WARN_UNUSED_RESULT;

/* judge_paths.c */

/* Whether a container or volume may get PATH of the host; false: refused. MAY_WRITE: not only to read. */
bool judge_host_path (Judge *judge, const char *path, bool may_write) G_GNUC_WARN_UNUSED_RESULT;
/* As judge_host_path to write, of the Engine's data folder only. */
bool judge_engine_root (Judge *judge, const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* The paths in the options of a volume ({"device": ..., "o": ...}). */
bool judge_volume_options (Judge *judge, const json_t *options) G_GNUC_WARN_UNUSED_RESULT;
/* UPPER is LOWER or a folder above it; both absolute and clean. */
bool judge_path_covers (const char *upper, const char *lower);

/* judge_mounts.c */
bool judge_container_create (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_container_start (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_service_change (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;

/* judge_place.c */

/* A container to be, and a volume that it will write to. */
typedef struct
{
  const char *project, *service; /* compose's; NULL: none */
  const char *image;             /* NULL: none is named */
  const json_t *environment;     /* ["A=b"]; may be NULL */
  const char *program;           /* the first word of its command; NULL: the image's */
  const char *target;            /* where it mounts it */
  const char *name;              /* when it is there already: its own name; NULL */
} Placement;

/* Whether the protected VOLUME may be mounted like that. */
bool judge_placement (Judge *judge, const GuardVolume *volume, const Placement *placement)
    G_GNUC_WARN_UNUSED_RESULT;

/* Whether a container that is there, and writes to the protected VOLUME, may be started. */
bool judge_start_placement (Judge *judge, const GuardVolume *volume, const Placement *placement)
    G_GNUC_WARN_UNUSED_RESULT;

/* judge_removal.c */
bool judge_volume_remove (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_prune (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_container_remove (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_container_stop (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_container_renew (Judge *judge) G_GNUC_WARN_UNUSED_RESULT;
bool judge_compose_down (Judge *judge, const char *project) G_GNUC_WARN_UNUSED_RESULT;
/* Whether CONTAINER (/containers/x/json) may go with its anonymous volumes. */
bool judge_anonymous_volumes (Judge *judge, const json_t *container) G_GNUC_WARN_UNUSED_RESULT;
