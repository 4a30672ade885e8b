/*
 * ALTER TABLE and ALTER DOMAIN: what is scanned or written anew under which lock.
 */
#include "migrate/lint_internal.h"
#include "sql/tree.h"

#include <string.h>

/* The first major version that has it. */
#define DETACH_CONCURRENTLY 14

typedef struct
{
  Lint *lint;
  const char *key; /* of the table */
  const LockRelation *relation;
  const json_t *command;
  const char *name; /* of the column or constraint */
  guint command_count;
} Alter;

static const json_t *
definition_of (const Alter *alter, const char *kind)
{
  return json_object_get (json_object_get (alter->command, "def"), kind);
}

static char *
text_or (const char *text, const char *otherwise)
{
  return g_strdup (text != NULL ? text : otherwise);
}

/* Reports RULE about the table at NODE's place. */
#define say(alter, number, node, ...)                                                              \
  lint_report ((alter)->lint,                                                                      \
               &(LintReport){ .rule = (number),                                                    \
                              .key = (alter)->key,                                                 \
                              .location = sql_tree_number ((node), "location") },                  \
               __VA_ARGS__)

static void
check_constraint (Alter *alter, const json_t *constraint, bool is_new_column)
{
  const char *kind = sql_tree_text (constraint, "contype");
  g_autofree char *name = text_or (sql_tree_text (constraint, "conname"), "without a name");
  bool is_validated = !sql_tree_flag (constraint, "skip_validation");
  bool has_index = sql_tree_text (constraint, "indexname") != NULL;
  if (kind == NULL)
    return;
  if (strcmp (kind, "CONSTR_CHECK") == 0 && is_validated)
    say (alter, RULE_CHECK_VALIDATED, constraint, "CHECK “%s” reads all of “%s”", name, alter->key);
  else if (strcmp (kind, "CONSTR_FOREIGN") == 0 && is_validated && !is_new_column)
    {
      g_autofree char *target = lock_schema_key (json_object_get (constraint, "pktable"));
      say (alter, RULE_FOREIGN_KEY_VALIDATED, constraint,
           "foreign key “%s” to “%s” looks up every row of “%s”", name, target, alter->key);
    }
  else if (strcmp (kind, "CONSTR_NOTNULL") == 0 && is_validated && !is_new_column)
    say (alter, RULE_SET_NOT_NULL, constraint, "NOT NULL reads all of “%s”", alter->key);
  else if (strcmp (kind, "CONSTR_UNIQUE") == 0 && !has_index)
    say (alter, RULE_UNIQUE_BUILDS_INDEX, constraint, "UNIQUE “%s” builds an index on “%s”", name,
         alter->key);
  else if (strcmp (kind, "CONSTR_PRIMARY") == 0 && !has_index)
    say (alter, RULE_PRIMARY_KEY_BUILDS_INDEX, constraint,
         "the primary key builds an index on “%s”", alter->key);
  else if (strcmp (kind, "CONSTR_EXCLUSION") == 0)
    say (alter, RULE_EXCLUSION, constraint, "“%s” builds an index on “%s”", name, alter->key);
}

static const json_t *
constraint_of (const json_t *column, const char *kind)
{
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (column, "constraints"), index, element)
    {
      const json_t *constraint = json_object_get (element, "Constraint");
      if (sql_tree_is (constraint, "contype", kind))
        return constraint;
    }
  return NULL;
}

static bool
is_null_constant (const json_t *expression)
{
  return sql_tree_flag (json_object_get (expression, "A_Const"), "isnull");
}

static void
check_default (Alter *alter, const json_t *column, const char *name)
{
  const json_t *constraint = constraint_of (column, "CONSTR_DEFAULT");
  const json_t *expression = json_object_get (constraint, "raw_expr");
  LockAnswer answer = lock_expression_is_volatile (alter->lint->schema, expression);
  if (answer == LOCK_YES)
    say (alter, RULE_VOLATILE_DEFAULT, constraint, "the default of “%s” is computed for every row",
         name);
  else if (answer == LOCK_MAYBE)
    say (alter, RULE_VOLATILE_DEFAULT, constraint,
         "the default of “%s” calls a function that is volatile unless it was declared otherwise",
         name);
}

static void
check_new_type (Alter *alter, const json_t *column, const char *name)
{
  const json_t *type = json_object_get (column, "typeName");
  const char *type_name = sql_tree_last_name (json_object_get (type, "names"));
  bool is_constrained;
  if (type_name == NULL)
    return;
  if (strstr (type_name, "serial") != NULL)
    say (alter, RULE_ADD_SERIAL, column, "“%s” is numbered for every row of “%s”", name,
         alter->key);
  else if (lock_schema_is_domain (alter->lint->schema, type_name, &is_constrained)
           && is_constrained)
    say (alter, RULE_ADD_DOMAIN_COLUMN, column, "“%s” is of domain “%s”, which has constraints",
         name, type_name);
}

static bool
gives_a_value (const json_t *column)
{
  const char *type
      = sql_tree_last_name (json_object_get (json_object_get (column, "typeName"), "names"));
  const json_t *constraint = constraint_of (column, "CONSTR_DEFAULT");
  const json_t *expression = json_object_get (constraint, "raw_expr");
  return (expression != NULL && !is_null_constant (expression))
         || constraint_of (column, "CONSTR_IDENTITY") != NULL
         || constraint_of (column, "CONSTR_GENERATED") != NULL
         || (type != NULL && strstr (type, "serial") != NULL);
}

static void
add_column (Alter *alter)
{
  const json_t *column = definition_of (alter, "ColumnDef");
  const json_t *identity = constraint_of (column, "CONSTR_IDENTITY");
  const json_t *generated = constraint_of (column, "CONSTR_GENERATED");
  const char *name = sql_tree_text (column, "colname");
  size_t index;
  json_t *element;
  check_default (alter, column, name);
  check_new_type (alter, column, name);
  if (identity != NULL)
    say (alter, RULE_ADD_IDENTITY, identity, "“%s” is numbered for every row of “%s”", name,
         alter->key);
  if (generated != NULL && !sql_tree_is (generated, "generated_kind", "v"))
    say (alter, RULE_ADD_GENERATED, generated, "“%s” is computed for every row of “%s”", name,
         alter->key);
  if ((constraint_of (column, "CONSTR_NOTNULL") != NULL
       || constraint_of (column, "CONSTR_PRIMARY") != NULL)
      && !gives_a_value (column))
    say (alter, RULE_ADD_REQUIRED_COLUMN, column, "“%s” is NOT NULL and has no default", name);
  json_array_foreach (json_object_get (column, "constraints"), index, element)
    check_constraint (alter, json_object_get (element, "Constraint"), true);
}

static void
set_not_null (Alter *alter)
{
  const LockEffect *effect = lock_model_find (alter->lint->effects, alter->key);
  if (effect != NULL && effect->scan != LOCK_NO)
    say (alter, RULE_SET_NOT_NULL, alter->command, "SET NOT NULL on “%s” reads all of “%s”",
         alter->name, alter->key);
}

static void
change_type (Alter *alter)
{
  const json_t *definition = definition_of (alter, "ColumnDef");
  const LockColumn *column = lock_schema_column (alter->lint->schema, alter->key, alter->name);
  const LockEffect *effect = lock_model_find (alter->lint->effects, alter->key);
  LockType new = lock_type_of (json_object_get (definition, "typeName"));
  LockAnswer answer = effect != NULL ? effect->rewrite : LOCK_MAYBE;
  if (answer == LOCK_YES)
    say (alter, RULE_CHANGE_TYPE, definition, "“%s” becomes %s: “%s” is written anew", alter->name,
         new.name, alter->key);
  else if (answer == LOCK_MAYBE && column == NULL)
    say (
        alter, RULE_CHANGE_TYPE, definition,
        "“%s” becomes %s: “%s” is written anew, unless its type now is one that %s can take as it is",
        alter->name, new.name, alter->key, new.name);
  else if (answer == LOCK_MAYBE)
    say (alter, RULE_CHANGE_TYPE, definition, "“%s” becomes %s from %s, which may write “%s” anew",
         alter->name, new.name, column->type.name, alter->key);
  lock_type_clear (&new);
}

static void
add_constraint (Alter *alter)
{
  check_constraint (alter, definition_of (alter, "Constraint"), false);
}

static void
attach_partition (Alter *alter)
{
  const json_t *partition = definition_of (alter, "PartitionCmd");
  g_autofree char *key = lock_schema_key (json_object_get (partition, "name"));
  const LockRelation *child = lock_schema_find (alter->lint->schema, key);
  bool has_check = false;
  GHashTableIter iter;
  gpointer target;
  if (alter->relation != NULL && alter->relation->kind == LOCK_RELATION_INDEX)
    return;
  if (json_object_get (partition, "bound") == NULL || !lint_is_old (alter->lint, key))
    return;
  /* Whether it says what the bounds say is the server's to tell. */
  if (child != NULL)
    g_hash_table_iter_init (&iter, child->constraints);
  while (child != NULL && g_hash_table_iter_next (&iter, &target, NULL))
    has_check |= strstr (target, "check") != NULL || strstr (target, "bound") != NULL;
  if (!has_check)
    say (alter, RULE_ATTACH_SCANS, alter->command,
         "all of “%s” is read to become a partition of “%s”", key, alter->key);
}

static void
detach_partition (Alter *alter)
{
  const json_t *partition = definition_of (alter, "PartitionCmd");
  if (!sql_tree_flag (partition, "concurrent") && alter->lint->server_major >= DETACH_CONCURRENTLY)
    say (alter, RULE_DETACH_NOT_CONCURRENT, alter->command,
         "a partition of “%s” is detached without CONCURRENTLY", alter->key);
}

static void
set_logged (Alter *alter)
{
  say (alter, RULE_SET_LOGGED, alter->command, "“%s” is copied", alter->key);
}

static void
set_access_method (Alter *alter)
{
  say (alter, RULE_SET_ACCESS_METHOD, alter->command, "“%s” is copied", alter->key);
}

static void
set_tablespace (Alter *alter)
{
  say (alter, RULE_SET_TABLESPACE, alter->command, "“%s” is copied to tablespace “%s”", alter->key,
       alter->name != NULL ? alter->name : "?");
}

static void
set_expression (Alter *alter)
{
  say (alter, RULE_ADD_GENERATED, alter->command, "“%s” is computed anew for every row of “%s”",
       alter->name, alter->key);
}

static void
replica_identity (Alter *alter)
{
  if (sql_tree_is (definition_of (alter, "ReplicaIdentityStmt"), "identity_type", "f"))
    say (alter, RULE_REPLICA_IDENTITY, alter->command, "REPLICA IDENTITY FULL on “%s”", alter->key);
}

static void
set_options (Alter *alter)
{
  const json_t *items = json_object_get (
      json_object_get (json_object_get (alter->command, "def"), "List"), "items");
  if (!sql_tree_option_is_on (items, "autovacuum_enabled", true))
    say (alter, RULE_AUTOVACUUM_OFF, alter->command, "autovacuum is switched off for “%s”",
         alter->key);
}

static const struct
{
  const char *subtype;
  void (*check) (Alter *alter);
} checks[] = {
  { "AT_AddColumn", add_column },
  { "AT_SetNotNull", set_not_null },
  { "AT_AlterColumnType", change_type },
  { "AT_AddConstraint", add_constraint },
  { "AT_AttachPartition", attach_partition },
  { "AT_DetachPartition", detach_partition },
  { "AT_SetLogged", set_logged },
  { "AT_SetUnLogged", set_logged },
  { "AT_SetAccessMethod", set_access_method },
  { "AT_SetTableSpace", set_tablespace },
  { "AT_SetExpression", set_expression },
  { "AT_ReplicaIdentity", replica_identity },
  { "AT_SetRelOptions", set_options },
};

static void
check_domain (Lint *lint)
{
  const char *name = sql_tree_last_name (json_object_get (lint->node, "typeName"));
  const char *subtype = sql_tree_text (lint->node, "subtype");
  const json_t *constraint = json_object_get (json_object_get (lint->node, "def"), "Constraint");
  bool adds = g_strcmp0 (subtype, "C") == 0 && !sql_tree_flag (constraint, "skip_validation");
  if (adds || g_strcmp0 (subtype, "O") == 0)
    lint_say (lint, RULE_DOMAIN_CONSTRAINT, "every table with a column of domain “%s” is read",
              name != NULL ? name : "?");
}

void
lint_check_alter (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  const json_t *commands = json_object_get (lint->node, "cmds");
  size_t index;
  json_t *element;
  if (strcmp (lint->kind, "AlterDomainStmt") == 0)
    check_domain (lint);
  if (strcmp (lint->kind, "AlterTableStmt") != 0 || !lint_is_old (lint, key))
    return;
  json_array_foreach (commands, index, element)
    {
      Alter alter = { lint, key, lock_schema_find (lint->schema, key),
                      json_object_get (element, "AlterTableCmd") };
      alter.name = sql_tree_text (alter.command, "name");
      for (size_t i = 0; i < G_N_ELEMENTS (checks); i++)
        if (sql_tree_is (alter.command, "subtype", checks[i].subtype))
          checks[i].check (&alter);
    }
}
