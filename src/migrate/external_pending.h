/*
 * What a command is about to do, as far as it can be told before it runs: the commands themselves, the
 * migration files, what the status command says, and what the tool's own table holds. When all that
 * is as it was, the command does what it did then.
 */
#pragma once

#include "migrate/external.h"

typedef struct
{
  char *path; /* seen from the project's folder */
  char *checksum;
} ExternalFile;

/* Checksums are SHA-256, hexadecimal. */
typedef struct
{
  char *commands;   /* of the up and the down command */
  char *status;     /* of what the status command wrote; NULL: nothing that could be compared */
  GPtrArray *files; /* of ExternalFile, by path */
  GPtrArray *rows;  /* of char *, sorted: "public.alembic_version ae10" */
} ExternalPending;

/* An empty one. */
ExternalPending *external_pending_new (void);
void external_pending_free (ExternalPending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExternalPending, external_pending_free)

typedef struct
{
  const char *root;      /* the project's folder */
  const char *dir;       /* migrations.dir; NULL: all folders that are called as such folders are */
  const char *up, *down; /* the commands; may be NULL */
  const char *status;    /* what the status command wrote; NULL: there is none */
  const ExternalState *state; /* of the database */
} ExternalPendingSpec;

bool external_pending_read (const ExternalPendingSpec *spec, ExternalPending **ret_pending,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds one by hand, for what was kept elsewhere. */
void external_pending_add_file (ExternalPending *pending, const char *path, const char *checksum);

/* Whether anything tells what is pending: without files and status nobody knows. */
bool external_pending_is_told (const ExternalPending *pending);

/* How NOW differs from what was REHEARSED at WHEN, a sentence without its end; NULL: it does not. Caller
 * frees. */
char *external_pending_difference (const ExternalPending *rehearsed, const ExternalPending *now,
                                   const char *when);
