/*
 * What a Docker volume holds, how large it is, and which proven backup there is of it.
 *
 * A backup is of a database in a volume when it carries the cluster's system identifier, which is read from
 * the volume's files, and the database's name; of any environment of the project. A copy of a data directory
 * has its original's identifier: nothing in the files tells them apart. What cannot be read is UNKNOWN, which
 * is no proof. A backup that lies in the volume itself is none of it.
 */
#pragma once

#include "guard/engine.h"
#include "project/project.h"

typedef enum
{
  GUARD_PROOF_UNKNOWN = 0, /* cannot be found out: treat as if there were no backup */
  GUARD_PROOF_MISSING,     /* a database has no backup */
  GUARD_PROOF_UNPROVEN,    /* a database has backups; none whose last proof passed */
  GUARD_PROOF_STALE,       /* the newest proven one is older than guard.proof_max_age */
  GUARD_PROOF_FRESH,       /* each database has a proven backup that is young enough */
  GUARD_PROOF_NO_DATABASE, /* all of it was looked at: no PostgreSQL */
} GuardProofVerdict;

/* "unknown", "missing", "unproven", "stale", "fresh", "no-database". */
const char *guard_proof_verdict_name (GuardProofVerdict verdict);

/* A whole backup of a database ("db", not damaged). */
typedef struct
{
  char *path;
  char *environment, *database, *system_identifier;
  int64_t created; /* seconds since 1970: the snapshot */
  int64_t proven;  /* when last; 0: never; negative: it failed then */
  uint64_t device, inode;
} GuardBackup;

/* Those of all environments, the newest first, of GuardBackup. Once for any number of volumes. */
bool guard_backups_read (const Project *project, GPtrArray **ret_backups, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  char *name; /* NULL: it has files, but no row in pg_database (yet) */
  GuardProofVerdict verdict;
  const GuardBackup *newest; /* NULL: none; of the list of backups, like the next */
  const GuardBackup *proven; /* the newest whose last proof passed */
} GuardDatabaseProof;

/* One data directory. */
typedef struct
{
  char *path;
  char *version;           /* "17" */
  char *system_identifier; /* NULL: it cannot be read */
  bool is_shut_down;       /* in order */
  int64_t changed;         /* when its server last said so, seconds since 1970; 0: unknown */
  char *problem;           /* why it is UNKNOWN; NULL */
  GPtrArray *databases;    /* of GuardDatabaseProof: those that hold something; never NULL */
  GuardProofVerdict verdict;
} GuardClusterProof;

typedef struct
{
  GuardProofVerdict verdict; /* the worst */
  GPtrArray *clusters;       /* of GuardClusterProof; never NULL */
  char *problem;             /* why not all of it could be looked at; NULL */
  bool has_size;             /* all of its files could be counted */
  uint64_t size_bytes;       /* on disk; what could be counted */
  unsigned int inside_count; /* backups that do not count because they lie in it */
  const GuardBackup *proven; /* of the database that is worst off; NULL: none */
  GPtrArray *backups;        /* holds what is pointed to */
} GuardProof;

void guard_proof_free (GuardProof *proof);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardProof, guard_proof_free)

/* Of the files in the folder PATH of this machine; NULL: nothing is known. BACKUPS is kept by reference; NULL: they could
 * not be read. */
GuardProof *guard_proof_of_path (const Project *project, GPtrArray *backups, const char *path);

/* Of VOLUME, which was looked into. */
GuardProof *guard_proof_of_volume (const Project *project, GPtrArray *backups,
                                   const GuardVolume *volume);

/* "shop: proven 2 h ago (backup of 3 h ago)", "no backup of shop, orders"; one line, caller frees. */
char *guard_proof_describe (const GuardProof *proof);

/* {"verdict", "size_bytes", "problem", "clusters": [...]}; the caller owns it. */
json_t *guard_proof_json (const GuardProof *proof);
