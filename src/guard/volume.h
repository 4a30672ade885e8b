/*
 * Volumes, as the policy needs them.
 */
#pragma once

#include "guard/control_file.h"
#include "guard/database_list.h"
#include "guard/policy.h"

#include <sys/types.h>

/* The policy's copy of the section `guard`, and what else it goes by. */
struct GuardPolicy
{
  char *label_name, *label_value; /* no value: any counts */
  char **protect;
  bool is_strict;
  bool is_remote; /* the Engine is on another host */
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

/* A PostgreSQL data directory, as its files say. */
typedef struct
{
  char *path;       /* absolute */
  char *version;    /* PG_VERSION: "17" */
  bool has_control; /* CONTROL is set */
  ControlFile control;
  GPtrArray *databases; /* of GuardDatabase; NULL: they could not be read */
  char *problem;        /* why something is not known; NULL */
} GuardDataFolder;

void guard_data_folder_free (GuardDataFolder *folder);

/* All of them in FOLDER and at most three folders below, of GuardDataFolder, by path. Free with g_ptr_array_unref. */
GPtrArray *guard_find_data_folders (const char *folder, bool *ret_is_complete);

/* A process whose working folder is FOLDER, as a server's is its data directory, whatever container it is in and
 * however it has the folder; 0: none that can be seen (root sees all). */
pid_t guard_find_worker (const char *folder);

/* Where the volume's files are as seen from here; NULL when they cannot be seen. Of VOLUME. */
const char *guard_volume_place (const GuardVolume *volume);

/* What makes it this one and no other of the same name: when and where it was made, and the system identifiers
 * of the clusters in it, as far as they can be read. Compared as it is; caller frees. NULL when the Engine does not say it in UTF-8. */
char *guard_volume_identity (const GuardVolume *volume);

/* "holds a PostgreSQL 17 database", "carries the label x=y", "is named in guard.protect"; caller frees. */
char *guard_volume_why (const GuardPolicy *policy, const GuardVolume *volume);
