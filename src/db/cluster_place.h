/*
 * Where an embedded cluster's files are.
 *
 *   <folder>/            <project>/.pgkeel/<environment>, mode 0700, the server's user's
 *     data/  run/  server.log
 *     location           only when the files are elsewhere: that folder, then <folder>, a line each
 *   <folder>.lock        held while one run starts or stops it
 *
 * Elsewhere is /var/lib/pgkeel/<project>-<environment>-<hash of folder>/: when we are root and the
 * server's user cannot enter the project (it is under /root, say). A location that came with a copy
 * of the project is not followed while the original is there: two projects must not share data. The
 * socket moves to $XDG_RUNTIME_DIR/pgkeel-<hash> or /tmp/pgkeel-<uid>-<hash> when its path would be
 * longer than the system takes.
 */
#pragma once

#include "db/server_user.h"

typedef struct
{
  char *folder; /* as given */
  char *home;   /* holds data, run and server.log: folder itself or elsewhere */
  char *data;
  char *log;
  char *run; /* the socket's folder for the next start */
  ServerUser user;
} ClusterPlace;

/* Finds the files of FOLDER's cluster, or where they would be made. */
bool cluster_place_find (const char *folder, ClusterPlace *ret_place, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Makes what is missing but the data: folders, location. */
bool cluster_place_make (const ClusterPlace *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* True when there is data. */
bool cluster_place_has_data (const ClusterPlace *place);

void cluster_place_clear (ClusterPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ClusterPlace, cluster_place_clear)
