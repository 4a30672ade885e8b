/*
 * Where files are replayed: a scratch cluster that has the server's roles and tablespaces and a
 * database like the one that is asked about; or, without that version's programs, a scratch database on
 * the server itself. Thrown away at the end.
 *
 * Roles have no passwords there. Those that replay are superusers in a scratch cluster: what a DBA
 * allowed them on the server cannot be seen from their privileges alone.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"
#include "migrate/replay_files.h"

typedef struct
{
  DbConn *live; /* a session in the database that is asked about */
  const char *live_url;
  const ReplayFiles *files;
  GPtrArray *users;          /* of char *: names of the roles that replay */
  const char *const *ignore; /* extensions in it are made before the files run */
  const char *parent;        /* folder for the scratch cluster; NULL: the temporary one */
  bool on_server;            /* in a scratch database, even though a cluster might do */
  bool never_on_server;
  Report *report;
} ReplayPlaceSpec;

typedef struct ReplayPlace ReplayPlace;

/* KEEL_ERROR_MISSING when the version's programs or an extension that the files create are not
 * installed; KEEL_ERROR_REFUSED when files would change more than their database on the server. */
bool replay_place_open (const ReplayPlaceSpec *spec, ReplayPlace **ret_place, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void replay_place_free (ReplayPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ReplayPlace, replay_place_free)

/* "scratch cluster of PostgreSQL 15" */
const char *replay_place_title (const ReplayPlace *place);
bool replay_place_is_on_server (const ReplayPlace *place);

/* What db_connect takes to be USER in the database, with those settings of the live one that objects
 * depend on. On the server USER is whoever the URL says. Caller frees. */
char *replay_place_url (const ReplayPlace *place, const char *user, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
