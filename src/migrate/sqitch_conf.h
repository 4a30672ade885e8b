/*
 * sqitch.conf: where Sqitch keeps its plan and its scripts.
 *
 * Git's configuration syntax. For each setting the section of the target (core.target, else
 * engine.pg.target) comes first, then engine "pg" (core "pg" in old files), then core. Paths are seen
 * from the folder that sqitch.conf is in. Settings of the user and of the system are not read: what a
 * project's migrations are must not depend on who asks.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

typedef struct
{
  char *plan; /* a file; this and the folders are seen from the asker's folder */
  char *deploy, *revert, *verify; /* folders */
  char *reworked[3];              /* of the scripts of changes that were reworked: the same three */
  char *extension;                /* of scripts: "sql" */
} SqitchPlaces;

/* Where a project keeps what whose folder is FOLDER (seen from ROOT, the project's folder): as
 * sqitch.conf in FOLDER says, or one in ROOT that has FOLDER for its top_dir or keeps the plan there,
 * else as Sqitch does without any. KEEL_ERROR_CONFIG when the file cannot be understood or is for
 * another database than PostgreSQL. */
bool sqitch_places_read (const char *root, const char *folder, SqitchPlaces **ret_places,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sqitch_places_free (SqitchPlaces *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SqitchPlaces, sqitch_places_free)

/* The settings in TEXT, "section.sub.key" -> value, the last of several; SHOWN is for messages. */
bool sqitch_conf_parse (const char *shown, const char *text, GHashTable **ret_values,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The top_dir that sqitch.conf in ROOT names, seen from ROOT; NULL when there is no such file. Caller
 * frees. */
bool sqitch_top_dir (const char *root, char **ret_top, GError **error) G_GNUC_WARN_UNUSED_RESULT;
