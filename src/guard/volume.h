/*
 * Volumes, as the policy needs them.
 */
#pragma once

#include "guard/policy.h"

/* The policy's copy of the section `guard`, and what else it goes by. */
struct GuardPolicy
{
  char *label_name, *label_value; /* no value: any counts */
  char **protect;
  bool is_strict;
  char *releases; /* NULL: none are honoured */
  char *plugin;   /* what the guard is called; NULL: it is no plugin */
  char **paths;   /* of the guard itself; never NULL */
};

/* Of an object of /volumes: everything but its containers. */
GuardVolume *guard_volume_from_json (const GuardPolicy *policy, const json_t *object);

/* Looks into the volume's files; *POSTGRES and *IS_READABLE are set. */
void guard_volume_look_into (GuardVolume *volume);

/* PG_VERSION in FOLDER or at most three folders below: its text ("17"), caller frees; NULL: none. *RET_IS_COMPLETE
 * is false when not all of it could be looked at. */
char *guard_find_postgres (const char *folder, bool *ret_is_complete);

/* "holds a PostgreSQL 17 database", "carries the label x=y", "is named in guard.protect"; caller frees. */
char *guard_volume_why (const GuardPolicy *policy, const GuardVolume *volume);
