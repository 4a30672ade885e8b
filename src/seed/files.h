/*
 * The files of an environment: seeds/common/ and seeds/<environment>/, by their names.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define SEED_COMMON "common"
#define SEED_FILE_MAX_BYTES ((size_t) 512 * 1024 * 1024)

typedef enum
{
  SEED_FILE_CSV,
  SEED_FILE_JSON,
  SEED_FILE_SQL,
} SeedFileKind;

typedef struct
{
  char *path;  /* absolute */
  char *shown; /* as messages call it: "seeds/common/01_roles.csv" */
  char *base;  /* "01_roles.csv" */
  SeedFileKind kind;
  uint64_t number; /* NN; UINT64_MAX without one */
  char *schema;    /* as in the name; NULL: none */
  char *table;
  bool is_common;
} SeedFile;

/* The files below FOLDER, which messages call SHOWN, for ENVIRONMENT: *RET_FILES, of SeedFile, the common ones first,
 * each folder's by number and name. *RET_IGNORED (of char *): what was left out, with the reason. A folder
 * that is not there has no files. */
bool seed_files_find (const char *folder, const char *shown, const char *environment,
                      GPtrArray **ret_files, GPtrArray **ret_ignored, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
