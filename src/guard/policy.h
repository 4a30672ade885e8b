/*
 * What may be done to Docker. One judgement for the Engine's plugin and for the wrapper.
 *
 * A volume is protected when it carries the label, when guard.protect names it, or when it holds a
 * PostgreSQL data directory (a file PG_VERSION, at most three folders deep). What cannot be found out
 * (the Engine does not answer, files cannot be read) counts against an operation that destroys, and
 * for one that reads.
 */
#pragma once

#include "guard/engine.h"
#include "guard/operation.h"
#include "project/project.h"

typedef struct GuardPolicy GuardPolicy;

/* SETTINGS (the section `guard`) is copied. RELEASES: folder of the releases (release.h), NULL: none is
 * honoured. */
GuardPolicy *guard_policy_new (const ProjectGuard *settings, const char *releases);
void guard_policy_free (GuardPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardPolicy, guard_policy_free)

/* What must not be taken away from the guard itself: PLUGIN is its name as the Engine knows it, PATHS are files
 * and folders of the host that no container may write to. Copied. */
void guard_policy_protect_self (GuardPolicy *policy, const char *plugin, const char *const *paths);

/* IS_REMOTE: the Engine runs on another host, so the files of its volumes cannot be looked at; those that this
 * host has at the same paths are others. */
void guard_policy_set_remote (GuardPolicy *policy, bool is_remote);

typedef struct
{
  bool is_allowed;
  const char *rule; /* stable, for the log: "volume-remove", "prune", "mount", "opaque", ... */
  char *reason;     /* one line; NULL when allowed without a word */
  char *volume;     /* what was at stake; NULL: nothing in particular */
  char *hint;       /* the safe alternative; NULL */
  bool is_attempt;  /* somebody tried to destroy protected data: opens an incident */
  bool is_released; /* allowed, because a release was there; it is used up */
} GuardVerdict;

void guard_verdict_clear (GuardVerdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardVerdict, guard_verdict_clear)

/* Never fails: what could not be found out is part of the verdict. TAKE_RELEASES: a release that fits is
 * used up; without, it is only looked at. */
void guard_judge (const GuardPolicy *policy, GuardEngine *engine, const GuardOperation *operation,
                  bool take_releases, GuardVerdict *ret_verdict);

/* The volume NAME; *RET_VOLUME is NULL when there is none. */
bool guard_volume_read (const GuardPolicy *policy, GuardEngine *engine, const char *name,
                        GuardVolume **ret_volume, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets the containers of VOLUME. */
bool guard_volume_find_containers (GuardEngine *engine, GuardVolume *volume, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* All volumes, by name, with their containers. */
bool guard_volumes_read (const GuardPolicy *policy, GuardEngine *engine, GPtrArray **ret_volumes,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool guard_volume_is_protected (const GuardVolume *volume);
