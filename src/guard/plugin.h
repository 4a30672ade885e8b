/*
 * The Docker Engine's authorization plugin: answers its questions by the policy.
 *
 * Whatever only reads is answered at once; what the policy must look at waits in a queue of its own, because to
 * look at it means to ask the Engine, which asks its plugins about that, too.
 */
#pragma once

#include "guard/policy.h"

typedef struct GuardPlugin GuardPlugin;

typedef struct
{
  const char *socket;
  const char *version; /* of this program, for `guard status` */
  GuardEngine *engine;
  /* Called from several threads, after the Engine has its answer, with what was refused; and with what a release
   * allowed before the Engine has it: then false takes it back. */
  bool (*notice) (const GuardOperation *operation, const GuardVerdict *verdict, void *data);
  void *data;
} GuardPluginSpec;

/* POLICY is taken over. */
bool guard_plugin_start (const GuardPluginSpec *spec, GuardPolicy *policy, GuardPlugin **ret_plugin,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* From now on; taken over. */
void guard_plugin_set_policy (GuardPlugin *plugin, GuardPolicy *policy);

/* Answers what was asked, then stops. */
void guard_plugin_stop (GuardPlugin *plugin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardPlugin, guard_plugin_stop)
