/*
 * seeds.yaml: what is said of the tables that are seeded. docs/seeds.md has its keys.
 *
 * Reads the file and checks its shape, with lines and columns in every message; whether the tables and
 * columns are there is for those who ask the database. `generate:` is not looked into: it is handed
 * over as a tree.
 */
#pragma once

#include "project/node.h"

#include <stdint.h>

#define SEED_CONFIG_FILE "seeds.yaml"
#define SEED_CONFIG_MAX_BYTES (1024 * 1024)

/* A name as written, and where: "roles", "app.permissions", "90_settings.sql". */
typedef struct
{
  char *name;
  const Node *node; /* owned by the config's root */
} SeedName;

/* The natural key of a table. */
typedef struct
{
  char *table;
  char **columns;   /* NULL-terminated, at least one */
  const Node *node; /* the value */
} SeedKey;

typedef struct
{
  char *table;
  char *where; /* NULL: all rows */
  int64_t min; /* rows; 0: no limit */
  int64_t max; /* rows; -1: no limit */
  const Node *node;
} SeedExpect;

typedef struct
{
  char *file;           /* as messages call it: "seeds/seeds.yaml" */
  Node *root;           /* NULL: there is no file, or an empty one */
  GPtrArray *keys;      /* of SeedKey */
  GPtrArray *essential; /* of SeedName; of the top and of the environment */
  GPtrArray *clean;     /* of SeedName; likewise */
  GPtrArray *expect;    /* of SeedExpect; likewise, the environment's replacing the top's */
  const Node *generate; /* the environment's `generate:`, else the top's; NULL: none */
  bool has_environment; /* the environment is named below `environments:` */
} SeedConfig;

/* Reads PATH for ENVIRONMENT (a canonical name). A file that is not there is an empty config. FILE is what
 * messages call it. KEEL_ERROR_CONFIG with line and column. */
bool seed_config_read (const char *path, const char *file, const char *environment,
                       SeedConfig **ret_config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of TEXT, LENGTH bytes and NUL-terminated. */
bool seed_config_parse (const char *file, const char *text, size_t length, const char *environment,
                        SeedConfig **ret_config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void seed_config_free (SeedConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeedConfig, seed_config_free)
