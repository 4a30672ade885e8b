/*
 * Clusters of our own: the embedded one of a local environment, which keeps data, and scratch ones,
 * which are thrown away.
 *
 * Only Unix sockets, in a folder of mode 0700. The server refuses to run as root: then its files
 * belong to, and it runs as, an unprivileged user ("postgres" if it exists, else "nobody"; a cluster
 * that exists: whoever owns its data). Where that user cannot enter the project (/root), the files are
 * in /var/lib/pgkeel/<project>-<environment>-<hash>/ and FOLDER/location says so; cluster_place.h has
 * the whole layout.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

typedef struct Cluster Cluster;

typedef enum
{
  CLUSTER_ABSENT, /* never made */
  CLUSTER_STOPPED,
  CLUSTER_RUNNING,
} ClusterState;

/* The embedded cluster of FOLDER (<project>/.pgkeel/<environment>), whether it exists or not. */
bool cluster_open (const char *folder, Cluster **ret_cluster, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void cluster_free (Cluster *cluster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Cluster, cluster_free)

ClusterState cluster_state (const Cluster *cluster);
int cluster_major (const Cluster *cluster); /* 0 when absent */
const char *cluster_data_folder (const Cluster *cluster);
const char *cluster_log_path (const Cluster *cluster);
int cluster_pid (const Cluster *cluster); /* 0 unless running */

/* Makes it if absent (initdb with checksums, UTF-8, superuser "postgres"; MAJOR 0: newest), starts
 * it, waits until it answers. Running already is fine. */
bool cluster_start (Cluster *cluster, int major, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stops it, fast mode, and waits. Stopped already is fine. */
bool cluster_stop (Cluster *cluster, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* postgresql://postgres@/DATABASE?host=...; caller frees. */
char *cluster_url (const Cluster *cluster, const char *database);

/* A throw-away cluster: fsync off, minimal WAL, no autovacuum, dies with this process.
 *
 * It ends when the THREAD that called scratch_start ends, however that comes about (kill -9 too):
 * start it from a thread that outlives the work. Made in PARENT, or else the first of $TMPDIR,
 * /var/tmp and /tmp that the server's user can enter, in a folder of its own whose lock file tells
 * the living from leftovers. */
typedef struct
{
  int major;             /* exactly this major version */
  const char *superuser; /* name of the bootstrap superuser; NULL: "postgres" */
  const char *parent;    /* folder to make it in, if the server's user can enter it; NULL: none */
  int worker_count;      /* how many sessions will work in it at once */
  bool measures_wal;     /* writes as much WAL as a server that archives it or has replicas */
} ScratchSpec;

typedef struct ScratchCluster ScratchCluster;

/* Errors: KEEL_ERROR_MISSING when that major version is not installed here. Leftovers of processes
 * that were killed are removed on the way. */
bool scratch_start (const ScratchSpec *spec, ScratchCluster **ret_scratch, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
char *scratch_url (const ScratchCluster *scratch, const char *database); /* caller frees */
/* The same for another role than the superuser, which needs no password. */
char *scratch_url_as (const ScratchCluster *scratch, const char *user, const char *database);
/* Where the server writes its log. Owned by the scratch cluster. */
const char *scratch_log_path (const ScratchCluster *scratch);
/* A folder the server may write to, for tablespaces. Owned by the scratch cluster. */
const char *scratch_folder (const ScratchCluster *scratch);
/* Makes an empty folder NAME inside, owned by the server's user; caller frees the path. */
bool scratch_make_folder (const ScratchCluster *scratch, const char *name, char **ret_path,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stops it at once and removes its files. */
void scratch_free (ScratchCluster *scratch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScratchCluster, scratch_free)
