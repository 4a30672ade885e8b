/*
 * Whose files a server of ours has, and as whom it runs: us, or, as the server refuses to run as
 * root, an unprivileged user when we are root.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

typedef struct
{
  uid_t uid; /* for ProcessSpec: 0 when it is just us */
  gid_t gid;
} ServerUser;

/* The user for new clusters: when we are root "postgres", else "nobody". */
bool server_user_default (ServerUser *ret_user, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The owner of FOLDER: who runs a cluster that exists. KEEL_ERROR_FAILED when that is root, or when it
 * is another user than us and we are not root. */
bool server_user_of_folder (const char *folder, ServerUser *ret_user, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* True when USER can enter FOLDER, which exists: asked of the system as that user, so that access
 * control lists and odd mounts count. */
bool server_user_can_enter (const ServerUser *user, const char *folder);

/* Makes FOLDER (not its parents) with mode 0700 for USER. One that is there must be a folder of that
 * user that nobody else can write to: anything else may be a trap, and is KEEL_ERROR_FAILED. */
bool server_user_make_folder (const ServerUser *user, const char *folder, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
