/*
 * Which protected volumes there were: .pgkeel/volumes.json. What was protected once and is gone, was made anew, or has
 * lost its label or its database, and was not released for it, was destroyed by somebody whom no guard saw.
 *
 *   {"version": 1, "volumes": {"pgdata": {"created": "...", "label": true, "postgres": "17", "lost": null,
 *                                      "released": 0}}}
 *
 * A loss is told once: "lost" says what was told. "released" is when its deletion was allowed: for a quarter of an hour it
 * may go.
 */
#pragma once

#include "guard/engine.h"
#include "project/project.h"

typedef struct GuardKnown GuardKnown;

/* An empty one when there is no file. One that cannot be read as such is KEEL_ERROR_CORRUPT. Others wait until it is
 * freed. */
bool guard_known_read (const Project *project, GuardKnown **ret_known, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void guard_known_free (GuardKnown *known);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardKnown, guard_known_free)

typedef struct
{
  char *volume;
  char *what; /* "is gone", "is there without its label", ...; for "the protected volume “x” ..." */
  json_t *evidence; /* what was known, and what is there now */
} GuardLoss;

void guard_loss_free (GuardLoss *loss);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuardLoss, guard_loss_free)

/* VOLUMES, of GuardVolume, are all that there are now. Returns what was lost since, of GuardLoss, by name; KNOWN then
 * says what there is now. Nothing is written. Caller frees with g_ptr_array_unref. */
GPtrArray *guard_known_compare (GuardKnown *known, const GPtrArray *volumes);

/* Durable when it returns. Nothing is written when nothing has changed since it was read. */
bool guard_known_write (GuardKnown *known, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The volume may go from now on: its deletion was released. Who takes a release must call it. */
bool guard_known_release (const Project *project, const char *volume, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
