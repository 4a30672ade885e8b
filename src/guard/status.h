/*
 * Whether a Docker Engine really consults the plugin: asked by a probe through the Engine (probe.h). That the
 * plugin's process runs, that its socket is there, that daemon.json names it, all prove nothing.
 */
#pragma once

#include "base/error.h"
#include "guard/probe.h"

typedef struct
{
  char *host;        /* the Engine that was asked */
  char *version;     /* its own; NULL: it did not say */
  char **plugins;    /* authorization plugins that it asks, in their order; NULL: it did not say */
  bool is_guarded;   /* our plugin answered the probe */
  char *plugin;      /* who refused the probe, by the Engine's name for it; NULL: nobody */
  GuardProbe answer; /* of our plugin */
  char *problem;     /* one line, why it is not guarded, or what is wrong all the same; NULL */
  char *change;      /* what to do about it; NULL */
} GuardStatus;

void guard_status_clear (GuardStatus *status);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardStatus, guard_status_clear)

/* Asks the Engine at HOST (as guard_engine_open); NAME is what the plugin should be called. An Engine whose
 * plugin is dead takes about half a minute to answer. KEEL_ERROR_UNREACHABLE: it cannot be told. */
bool guard_status_read (const char *host, const char *name, GuardStatus *ret_status, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
