/*
 * pgkeel.yaml as a C structure: what is written, before ${VAR} and before anything is chosen.
 *
 * The schema is declared once, as libcyaml's tables (config.c). check.c holds a document against
 * them first, because libcyaml 1.3 knows no columns, takes any word for a boolean's true and cannot
 * suggest the key that was meant; then libcyaml loads it.
 */
#pragma once

#include "project/node.h"

#include <cyaml/cyaml.h>
#include <stdint.h>

#define CONFIG_MAX_BYTES (256 * 1024)

typedef struct
{
  char *db;
  char *full;
} ConfigPair;

typedef struct
{
  char *dir;
  char *min_size;
  ConfigPair *schedule;
  ConfigPair *keep;
  char **count;
  uint32_t count_count;
} ConfigBackup;

typedef struct
{
  char *status;
  char *up;
  char *down;
} ConfigCommand;

typedef struct
{
  char *dir;
  char *layout;
  char *lock_timeout;
  char *rehearsal_max_age;
  char *statement_timeout;
  char **ignore;
  uint32_t ignore_count;
  ConfigCommand *command;
} ConfigMigrations;

typedef struct
{
  char *name;
  char *parent;
  char *column;
  char *child;
  char *child_key;
  char *parent_key;
  char *expression;
  char *filter;
} ConfigAggregate;

typedef struct
{
  char *checks;
  char *backup_max_age;
  char *statement_timeout;
  ConfigAggregate *aggregates;
  uint32_t aggregate_count;
  char **ignore;
  uint32_t ignore_count;
} ConfigIntegrity;

typedef struct
{
  char *dir;
} ConfigSeeds;

typedef struct
{
  char *label;
  char **protect;
  uint32_t protect_count;
  bool *strict;
  char *proof_max_age;
  char **production;
  uint32_t production_count;
} ConfigGuard;

typedef struct
{
  char *notify;
  char *webhook;
  bool *emergency_backup;
} ConfigIncident;

typedef struct
{
  bool *database_head;
} ConfigAudit;

typedef struct
{
  char *name; /* in lower case, aliases resolved; the others are NULL where nothing is written */
  char *key;  /* as written */
  bool *local;
  char *url;
  bool *is_protected;
  char *database;
  uint32_t *postgres;
} ConfigEnvironment;

typedef struct
{
  char *project;
  ConfigBackup *backup;
  ConfigMigrations *migrations;
  ConfigSeeds *seeds;
  ConfigIntegrity *integrity;
  ConfigGuard *guard;
  ConfigIncident *incident;
  ConfigAudit *audit;
  ConfigEnvironment *environments;
  uint32_t environment_count;

  Node *root; /* the same document with its places; NULL when it is empty */
  struct ConfigSchema *schema;
} Config;

/* Parses and checks TEXT (LENGTH bytes, NUL-terminated). FILE is for messages: one line, "FILE:LINE:COLUMN:
 * ...", and a hint. */
bool config_parse (const char *file, const char *text, size_t length, Config **ret_config,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void config_free (Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Config, config_free)

/* The fields of the document, of one environment and of one of integrity.aggregates: for the check, and for the test that the JSON
 * Schema says the same. */
extern const cyaml_schema_field_t config_fields[];
extern const cyaml_schema_field_t config_environment_fields[];
extern const cyaml_schema_field_t config_aggregate_fields[];
