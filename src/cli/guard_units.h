/*
 * The files with which systemd runs the Docker plugin, and what stands at their places.
 *
 * Each begins with a line that carries the digest of the rest: what nobody has changed may be replaced or
 * removed, everything else is left alone.
 */
#pragma once

#include "base/error.h"

typedef struct
{
  const char *root;        /* stands before every path below; "" */
  const char *unit_folder; /* "/etc/systemd/system" */
  const char *name;        /* the plugin's: "pgkeel" makes pgkeel-guard.service and .socket */
  const char *socket;      /* NULL: where the Engine looks for it */
  const char *program;     /* absolute path of pgkeel */
  const char *folder;      /* absolute, of pgkeel.yaml */
  const char *state;       /* absolute, where it logs */
  const char *backups;     /* absolute, where emergency backups go */
  const char *environment; /* NULL: not said */
  const char *docker;      /* NULL: not said */
} GuardUnitSpec;

typedef enum
{
  GUARD_FILE_ABSENT,
  GUARD_FILE_SAME,    /* just what would be written */
  GUARD_FILE_OLD,     /* written by another version or with other options, and not changed since */
  GUARD_FILE_FOREIGN, /* changed or made by somebody */
} GuardFileState;

typedef struct
{
  char *path;
  char *text;   /* what is to be there */
  char *before; /* what is; NULL: nothing */
  GuardFileState state;
} GuardFile;

/* KEEL_ERROR_USAGE when NAME can be none of a plugin, or a path holds a control character. */
bool guard_unit_check (const GuardUnitSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The GuardFiles of SPEC, looked at on disk. FOR_REMOVAL: with the Engine's .spec file wherever that leads. */
bool guard_unit_files (const GuardUnitSpec *spec, bool for_removal, GPtrArray **ret_files,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the links that systemctl enable has made to the units. */
bool guard_unit_disable (const GuardUnitSpec *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "pgkeel-guard": what the units are called; caller frees. */
char *guard_unit_name (const char *plugin);
