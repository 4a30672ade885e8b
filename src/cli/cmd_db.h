/*
 * What the files of `pgkeel db` share.
 */
#pragma once

#include "cli/command.h"
#include "db/cluster.h"

/* The embedded cluster of the project's environment, which is a local one. */
bool db_open_cluster (const Project *project, Cluster **ret_cluster, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* `pgkeel db shell`: becomes psql, so it returns only when that could not be done. */
bool db_run_shell (CliContext *context, int argc, char **argv, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
