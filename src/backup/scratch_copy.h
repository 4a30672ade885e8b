/*
 * A scratch cluster fit for a copy of a backup: of the same major version, with the roles (without
 * their passwords) and tablespaces that its DDL names.
 */
#pragma once

#include "backup/index.h"
#include "db/cluster.h"
#include "db/conn.h"

typedef struct
{
  const char *parent; /* as in ScratchSpec */
  int worker_count;
  bool measures_wal;
} ScratchCopySpec;

/* RET_ADMIN: a superuser's session in the database "postgres". KEEL_ERROR_MISSING when that major
 * version is not installed here. */
bool scratch_copy_start (const ScratchCopySpec *spec, const BackupIndex *index,
                         ScratchCluster **ret_cluster, DbConn **ret_admin, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
