/*
 * The question with which `guard status` finds out whether the Engine consults the plugin: a harmless GET with
 * a query parameter of its own. Who consults it gets a refusal that only pgkeel gives, for that one question.
 *
 * It is no secret and proves nothing to a liar; it keeps refusals of other plugins, and answers to
 * other questions, from being taken for ours, even when they repeat the whole URL.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The query parameter; its value is the nonce. */
#define GUARD_PROBE "pgkeel-guard-probe"

/* What the plugin says of itself; counts are -1 when they could not be found out. */
typedef struct
{
  char *version;      /* of the plugin's program */
  int64_t volumes;    /* how many the Engine has */
  int64_t guarded;    /* of these: protected */
  int64_t unreadable; /* of these: those that the plugin cannot look into */
  char *problem;      /* why they could not be found out; NULL */
} GuardProbe;

void guard_probe_clear (GuardProbe *probe);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GuardProbe, guard_probe_clear)

/* A nonce that nobody has used; caller frees. */
char *guard_probe_nonce (void);

/* The nonce in URI, the target of a request; NULL: it is no probe. Caller frees. */
char *guard_probe_find (const char *uri);

/* The reason to refuse the probe NONCE with; caller frees. */
char *guard_probe_answer (const char *nonce, const GuardProbe *probe);

/* Whether MESSAGE, in which an Engine may have put words before and after, is the answer to NONCE. */
bool guard_probe_read (const char *message, const char *nonce, GuardProbe *ret_probe);
