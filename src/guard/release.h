/*
 * A release opens one volume for one deletion: a file in a folder that only root may write
 * (/var/lib/pgkeel/guard/releases, or PGKEEL_GUARD_STATE/releases), made by `pgkeel guard release`, taken by who
 * decides the deletion: the plugin, or the wrapper where there is no plugin.
 *
 * It is bound to the volume's name and identity (guard_volume_identity), so neither a new volume of the same
 * name nor other data in it is opened by an old release, and to one act. Taking it is one rename: of two deletions only one has it.
 */
#pragma once

#include "base/error.h"
#include "guard/operation.h"

#include <stdint.h>

#define GUARD_RELEASE_SECONDS 600

typedef struct
{
  const char *volume;
  const char *identity; /* of the volume */
  GuardAct act;         /* GUARD_VOLUME_REMOVE */
  const char *by;       /* who, for the log */
  int64_t expires;      /* seconds since 1970 */
} GuardRelease;

/* PGKEEL_GUARD_STATE or /var/lib/pgkeel/guard, and "/releases". Caller frees. */
char *guard_release_folder (void);

/* Makes the folder if need be. KEEL_ERROR_REFUSED when a release in it would not count. */
bool guard_release_prepare (const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Durable when it returns. A release of the same volume that is there is replaced. */
bool guard_release_write (const char *folder, const GuardRelease *release, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Whether there is one for VOLUME of that IDENTITY, at NOW; TAKE: it is used up. A release that cannot be read,
 * is not of this volume or too old does not count; a folder or file that others than root and its owner may
 * write does not either, and the owner must be root or who we are. */
bool guard_release_find (const char *folder, const char *volume, const char *identity, GuardAct act,
                         int64_t now, bool take, bool *ret_found, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* All that count or would have counted before their time was over: of GuardReleaseEntry, by name. Empty when
 * there is no folder. */
bool guard_release_list (const char *folder, GPtrArray **ret_entries, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Takes back the release of VOLUME, whatever it says; *RET_FOUND: there was one. */
bool guard_release_revoke (const char *folder, const char *volume, bool *ret_found, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  char *volume, *identity, *by;
  int64_t expires;
} GuardReleaseEntry;

void guard_release_entry_free (GuardReleaseEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardReleaseEntry, guard_release_entry_free)
