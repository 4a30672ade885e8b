#include "project/config.h"
#include "project/check.h"
#include "project/environment.h"

#include <string.h>

#define TEXT_MAX 4096
#define NAME_MAX_BYTES 63
#define MAX_ENVIRONMENTS 64

#define TEXT(key, type, member)                                                                    \
  CYAML_FIELD_STRING_PTR (key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, TEXT_MAX)
#define MAPPING(key, type, member, fields)                                                         \
  CYAML_FIELD_MAPPING_PTR (key, CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, type, member,   \
                           fields)

static const cyaml_schema_field_t pair_fields[] = {
  TEXT ("db", ConfigPair, db),
  TEXT ("full", ConfigPair, full),
  CYAML_FIELD_END,
};

static const cyaml_schema_value_t table_entry = {
  CYAML_VALUE_STRING (CYAML_FLAG_POINTER, char, 1, 2 * NAME_MAX_BYTES + 1),
};

static const cyaml_schema_field_t backup_fields[] = {
  TEXT ("dir", ConfigBackup, dir),
  TEXT ("min_size", ConfigBackup, min_size),
  MAPPING ("schedule", ConfigBackup, schedule, pair_fields),
  MAPPING ("keep", ConfigBackup, keep, pair_fields),
  CYAML_FIELD_SEQUENCE ("count", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigBackup, count,
                        &table_entry, 0, CYAML_UNLIMITED),
  CYAML_FIELD_END,
};

static const cyaml_schema_field_t command_fields[] = {
  TEXT ("status", ConfigCommand, status),
  TEXT ("up", ConfigCommand, up),
  TEXT ("down", ConfigCommand, down),
  CYAML_FIELD_END,
};

static const cyaml_schema_field_t migrations_fields[] = {
  TEXT ("dir", ConfigMigrations, dir),
  TEXT ("layout", ConfigMigrations, layout),
  TEXT ("lock_timeout", ConfigMigrations, lock_timeout),
  TEXT ("rehearsal_max_age", ConfigMigrations, rehearsal_max_age),
  TEXT ("statement_timeout", ConfigMigrations, statement_timeout),
  CYAML_FIELD_SEQUENCE ("ignore", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigMigrations,
                        ignore, &table_entry, 0, CYAML_UNLIMITED),
  MAPPING ("command", ConfigMigrations, command, command_fields),
  CYAML_FIELD_END,
};

static const cyaml_schema_field_t seeds_fields[] = {
  TEXT ("dir", ConfigSeeds, dir),
  CYAML_FIELD_END,
};

/* What must be there is asked for in settle_integrity.c, which says it in better words. */
const cyaml_schema_field_t config_aggregate_fields[] = {
  TEXT ("name", ConfigAggregate, name),
  TEXT ("parent", ConfigAggregate, parent),
  TEXT ("column", ConfigAggregate, column),
  TEXT ("child", ConfigAggregate, child),
  TEXT ("child_key", ConfigAggregate, child_key),
  TEXT ("parent_key", ConfigAggregate, parent_key),
  TEXT ("expression", ConfigAggregate, expression),
  TEXT ("filter", ConfigAggregate, filter),
  CYAML_FIELD_END,
};

static const cyaml_schema_value_t aggregate_entry = {
  CYAML_VALUE_MAPPING (CYAML_FLAG_DEFAULT, ConfigAggregate, config_aggregate_fields),
};

static const cyaml_schema_value_t pattern_entry = {
  CYAML_VALUE_STRING (CYAML_FLAG_POINTER, char, 1, TEXT_MAX),
};

static const cyaml_schema_field_t integrity_fields[] = {
  TEXT ("checks", ConfigIntegrity, checks),
  TEXT ("backup_max_age", ConfigIntegrity, backup_max_age),
  TEXT ("statement_timeout", ConfigIntegrity, statement_timeout),
  CYAML_FIELD_SEQUENCE_COUNT ("aggregates", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                              ConfigIntegrity, aggregates, aggregate_count, &aggregate_entry, 0,
                              CYAML_UNLIMITED),
  CYAML_FIELD_SEQUENCE ("ignore", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigIntegrity, ignore,
                        &pattern_entry, 0, CYAML_UNLIMITED),
  CYAML_FIELD_END,
};

static const cyaml_schema_value_t text_entry = {
  CYAML_VALUE_STRING (CYAML_FLAG_POINTER, char, 1, TEXT_MAX),
};

static const cyaml_schema_field_t guard_fields[] = {
  TEXT ("label", ConfigGuard, label),
  CYAML_FIELD_SEQUENCE ("protect", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigGuard, protect,
                        &text_entry, 0, CYAML_UNLIMITED),
  CYAML_FIELD_BOOL_PTR ("strict", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigGuard, strict),
  TEXT ("proof_max_age", ConfigGuard, proof_max_age),
  CYAML_FIELD_SEQUENCE ("production", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigGuard,
                        production, &text_entry, 0, CYAML_UNLIMITED),
  CYAML_FIELD_END,
};

static const cyaml_schema_field_t incident_fields[] = {
  TEXT ("notify", ConfigIncident, notify),
  TEXT ("webhook", ConfigIncident, webhook),
  CYAML_FIELD_BOOL_PTR ("emergency_backup", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                        ConfigIncident, emergency_backup),
  CYAML_FIELD_END,
};

static const cyaml_schema_field_t audit_fields[] = {
  CYAML_FIELD_BOOL_PTR ("database_head", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigAudit,
                        database_head),
  CYAML_FIELD_END,
};

const cyaml_schema_field_t config_environment_fields[] = {
  CYAML_FIELD_BOOL_PTR ("local", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigEnvironment,
                        local),
  TEXT ("url", ConfigEnvironment, url),
  CYAML_FIELD_BOOL_PTR ("protected", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigEnvironment,
                        is_protected),
  TEXT ("database", ConfigEnvironment, database),
  CYAML_FIELD_UINT_PTR ("postgres", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ConfigEnvironment,
                        postgres),
  CYAML_FIELD_END,
};

/* The names of the environments are the user's, and libcyaml knows no free keys: the fields of
 * "environments" are made from the document (ConfigSchema), this table has none. */
static const cyaml_schema_field_t no_fields[] = { CYAML_FIELD_END };

enum
{
  FIELD_PROJECT,
  FIELD_BACKUP,
  FIELD_MIGRATIONS,
  FIELD_SEEDS,
  FIELD_INTEGRITY,
  FIELD_GUARD,
  FIELD_INCIDENT,
  FIELD_AUDIT,
  FIELD_ENVIRONMENTS,
  FIELD_END,
};

const cyaml_schema_field_t config_fields[] = {
  [FIELD_PROJECT] = TEXT ("project", Config, project),
  [FIELD_BACKUP] = MAPPING ("backup", Config, backup, backup_fields),
  [FIELD_MIGRATIONS] = MAPPING ("migrations", Config, migrations, migrations_fields),
  [FIELD_SEEDS] = MAPPING ("seeds", Config, seeds, seeds_fields),
  [FIELD_INTEGRITY] = MAPPING ("integrity", Config, integrity, integrity_fields),
  [FIELD_GUARD] = MAPPING ("guard", Config, guard, guard_fields),
  [FIELD_INCIDENT] = MAPPING ("incident", Config, incident, incident_fields),
  [FIELD_AUDIT] = MAPPING ("audit", Config, audit, audit_fields),
  [FIELD_ENVIRONMENTS] = MAPPING ("environments", Config, environments, no_fields),
  [FIELD_END] = CYAML_FIELD_END,
};

/* The schema of one document: the fixed tables, and one field per environment in it, each an element
 * of the array Config.environments. */
typedef struct ConfigSchema
{
  cyaml_schema_field_t fields[FIELD_END + 1];
  cyaml_schema_field_t *environment_fields;
  cyaml_schema_value_t top;
} ConfigSchema;

static void
config_schema_free (ConfigSchema *schema)
{
  g_free (schema->environment_fields);
  g_free (schema);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConfigSchema, config_schema_free)

static ConfigSchema *
config_schema_new (const Node *environments)
{
  guint count = environments != NULL && environments->kind == NODE_MAPPING
                    ? environments->children->len
                    : 0;
  ConfigSchema *schema = g_new0 (ConfigSchema, 1);
  schema->environment_fields = g_new0 (cyaml_schema_field_t, count + 1);
  for (guint i = 0; i < count; i++)
    {
      const Node *child = environments->children->pdata[i];
      schema->environment_fields[i] = (cyaml_schema_field_t){
        .key = child->key,
        .data_offset = i * (uint32_t) sizeof (ConfigEnvironment),
        .value = { CYAML_VALUE_MAPPING (CYAML_FLAG_OPTIONAL, ConfigEnvironment,
                                        config_environment_fields) },
      };
    }
  memcpy (schema->fields, config_fields, sizeof schema->fields);
  cyaml_schema_value_t *value = &schema->fields[FIELD_ENVIRONMENTS].value;
  value->mapping.fields = schema->environment_fields;
  value->data_size = (count > 0 ? count : 1) * (uint32_t) sizeof (ConfigEnvironment);
  schema->top
      = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING (CYAML_FLAG_POINTER, Config, schema->fields) };
  return schema;
}

/* libcyaml's allocations are GLib's, so that g_autoptr and sanitizers see one heap. */
static void *
allocate (void *context, void *block, size_t size)
{
  (void) context;
  if (size > 0)
    return g_realloc (block, size);
  g_free (block);
  return NULL;
}

static void G_GNUC_PRINTF (3, 0)
    collect_log (cyaml_log_t level, void *context, const char *format, va_list args)
{
  (void) level;
  GString *log = context;
  g_string_append_vprintf (log, format, args);
}

static const cyaml_config_t quiet = { .mem_fn = allocate, .flags = CYAML_CFG_NO_ALIAS };

void
config_free (Config *config)
{
  if (config == NULL)
    return;
  ConfigSchema *schema = config->schema;
  Node *root = config->root;
  for (uint32_t i = 0; i < config->environment_count; i++)
    {
      g_free (config->environments[i].name);
      g_free (config->environments[i].key);
    }
  if (cyaml_free (&quiet, &schema->top, config, 0) != CYAML_OK)
    g_assert_not_reached ();
  config_schema_free (schema);
  node_free (root);
}

/* check_node has already said what a user can do wrong; what libcyaml still refuses is its own view
 * of YAML, so its own words are the best there are. */
static bool
load (const char *file, const char *text, size_t length, const ConfigSchema *schema,
      Config **ret_config, GError **error)
{
  g_autoptr (GString) log = g_string_new (NULL);
  cyaml_config_t config = quiet;
  config.log_fn = collect_log;
  config.log_ctx = log;
  config.log_level = CYAML_LOG_ERROR;
  cyaml_data_t *data = NULL;
  cyaml_err_t code
      = cyaml_load_data ((const uint8_t *) text, length, &config, &schema->top, &data, NULL);
  if (code == CYAML_OK)
    {
      *ret_config = data;
      return true;
    }
  g_strdelimit (log->str, "\r\n", ' ');
  return keel_error_full (error, KEEL_ERROR_CONFIG, NULL, log->len > 0 ? log->str : NULL, NULL,
                          "%s:1:1: %s", file, cyaml_strerror (code));
}

static bool
check_environment_name (const char *file, const Node *node, const Node *before, GError **error)
{
  static const char hint[] = "Use small letters, digits, “-” and “_”, beginning with a letter.";
  g_autofree char *shown = check_shown (node->key);
  g_autofree char *name = environment_canonical (node->key);
  Node at_key = { .line = node->key_line, .column = node->key_column };
  if (!environment_name_is_valid (name))
    return check_refuse (file, &at_key, hint, error, "“%s” cannot be the name of an environment",
                         shown);
  g_autofree char *other = before != NULL ? environment_canonical (before->key) : NULL;
  if (other != NULL && strcmp (name, other) == 0)
    return check_refuse (file, &at_key, "Remove one of the two.", error,
                         "“%s” is the same environment as “%s” on line %d", shown, before->key,
                         before->key_line);
  return true;
}

static bool
check_environment_names (const char *file, const Node *environments, GError **error)
{
  if (environments == NULL || environments->kind != NODE_MAPPING)
    return true;
  const GPtrArray *children = environments->children;
  if (children->len > MAX_ENVIRONMENTS)
    return check_refuse (file, environments, NULL, error, "there are more than %d environments",
                         MAX_ENVIRONMENTS);
  for (guint i = 0; i < children->len; i++)
    {
      if (!check_environment_name (file, children->pdata[i], NULL, error))
        return false;
      for (guint j = 0; j < i; j++)
        if (!check_environment_name (file, children->pdata[i], children->pdata[j], error))
          return false;
    }
  return true;
}

static void
name_environments (Config *config, const Node *environments)
{
  if (environments == NULL || environments->kind != NODE_MAPPING || config->environments == NULL)
    return;
  config->environment_count = environments->children->len;
  for (uint32_t i = 0; i < config->environment_count; i++)
    {
      const Node *node = environments->children->pdata[i];
      config->environments[i].key = g_strdup (node->key);
      config->environments[i].name = environment_canonical (node->key);
    }
}

/* An empty document, or only comments: libcyaml would call that an error. */
static Config *
config_new_empty (void)
{
  Config *config = g_new0 (Config, 1);
  config->schema = config_schema_new (NULL);
  return config;
}

bool
config_parse (const char *file, const char *text, size_t length, Config **ret_config,
              GError **error)
{
  g_autoptr (Node) root = NULL;
  if (!node_parse (file, text, length, &root, error))
    return false;
  if (root == NULL || node_is_null (root)
      || (root->kind == NODE_MAPPING && root->children->len == 0))
    {
      *ret_config = config_new_empty ();
      return true;
    }
  const Node *environments = node_find (root, "environments");
  g_autoptr (ConfigSchema) schema = config_schema_new (environments);
  Config *config = NULL;
  if (!check_environment_names (file, environments, error)
      || !check_node (file, root, &schema->top, error)
      || !load (file, text, length, schema, &config, error))
    return false;
  name_environments (config, environments);
  config->root = g_steal_pointer (&root);
  config->schema = g_steal_pointer (&schema);
  *ret_config = config;
  return true;
}
