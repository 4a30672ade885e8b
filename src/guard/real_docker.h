/*
 * The real docker that stands behind us: found in PATH, past ourselves.
 */
#pragma once

#include "base/error.h"

/* Set in the environment of what we become, and counted up: a "docker" that leads back to us ends. */
#define REAL_DOCKER_DEPTH "PGKEEL_DOCKER_DEPTH"

/* NAME ("docker", "docker-compose") in PATH, leaving out whatever is this program by another name; for "docker",
 * PGKEEL_DOCKER instead when it is set. Caller frees *RET_PATH. KEEL_ERROR_MISSING when there is none,
 * KEEL_ERROR_CONFIG when PGKEEL_DOCKER is none or is ourselves. */
bool real_docker_find (const char *name, char **ret_path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Becomes the program PATH with ARGV (argv[0] included): descriptors, terminal and signals are what they were for
 * us. Returns only on failure: KEEL_ERROR_FAILED, also when we have called ourselves again and again. */
bool real_docker_exec (const char *path, char *const *argv, GError **error);
