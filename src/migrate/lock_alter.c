/*
 * ALTER TABLE, command by command. Modes as in PostgreSQL's AlterTableGetLockLevel and what the
 * execution of a command locks beyond.
 */
#include "migrate/lock_internal.h"
#include "sql/tree.h"

#include <string.h>

/* One command of an ALTER TABLE. */
typedef struct
{
  LockPrediction *prediction;
  const char *key;              /* of the table */
  const LockRelation *relation; /* NULL: not known */
  const json_t *command;
  LockMode mode; /* what comes out */
  LockAnswer rewrite, scan;
  bool stays;       /* at the table that is named, whatever partitions it has */
  bool locks_below; /* stays, but everything below is locked, too */
} Command;

static const json_t *
definition_of (const Command *command, const char *kind)
{
  return json_object_get (json_object_get (command->command, "def"), kind);
}

static bool
is_partitioned (const Command *command)
{
  return command->relation != NULL && command->relation->kind == LOCK_RELATION_PARTITIONED;
}

/* A constraint behind ADD COLUMN or after ADD. */
static void
note_constraint (Command *command, const json_t *constraint, bool is_new_column)
{
  const char *kind = sql_tree_text (constraint, "contype");
  bool is_validated = !sql_tree_flag (constraint, "skip_validation");
  if (kind == NULL)
    return;
  if (strcmp (kind, "CONSTR_FOREIGN") == 0)
    {
      lock_note_range (command->prediction, json_object_get (constraint, "pktable"),
                       LOCK_SHARE_ROW_EXCLUSIVE, LOCK_NO, LOCK_NO);
      command->scan = MAX (command->scan, is_validated && !is_new_column ? LOCK_YES : LOCK_NO);
      if (!is_new_column)
        command->mode = LOCK_SHARE_ROW_EXCLUSIVE;
    }
  else if (strcmp (kind, "CONSTR_CHECK") == 0)
    command->scan = MAX (command->scan, is_validated ? LOCK_YES : LOCK_NO);
  else if (strcmp (kind, "CONSTR_NOTNULL") == 0)
    command->scan = MAX (command->scan, is_validated ? LOCK_YES : LOCK_NO);
  else if ((strcmp (kind, "CONSTR_PRIMARY") == 0 || strcmp (kind, "CONSTR_UNIQUE") == 0
            || strcmp (kind, "CONSTR_EXCLUSION") == 0)
           && sql_tree_text (constraint, "indexname") == NULL)
    command->scan = LOCK_YES;
}

static LockAnswer
column_rewrites (Command *command, const json_t *column)
{
  const LockSchema *schema = command->prediction->schema;
  const json_t *type = json_object_get (column, "typeName");
  const char *type_name = sql_tree_last_name (json_object_get (type, "names"));
  bool is_constrained = false;
  LockAnswer answer = LOCK_NO;
  size_t index;
  json_t *element;
  if (type_name != NULL
      && (g_str_has_suffix (type_name, "serial") || strcmp (type_name, "serial4") == 0
          || strcmp (type_name, "serial8") == 0 || strcmp (type_name, "serial2") == 0))
    return LOCK_YES;
  if (type_name != NULL && lock_schema_is_domain (schema, type_name, &is_constrained)
      && is_constrained)
    return LOCK_YES;
  json_array_foreach (json_object_get (column, "constraints"), index, element)
    {
      const json_t *constraint = json_object_get (element, "Constraint");
      if (sql_tree_is (constraint, "contype", "CONSTR_IDENTITY"))
        return LOCK_YES;
      if (sql_tree_is (constraint, "contype", "CONSTR_GENERATED"))
        return sql_tree_is (constraint, "generated_kind", "v") ? LOCK_NO : LOCK_YES;
      if (sql_tree_is (constraint, "contype", "CONSTR_DEFAULT"))
        answer = MAX (
            answer, lock_expression_is_volatile (schema, json_object_get (constraint, "raw_expr")));
    }
  return answer;
}

static void
add_column (Command *command)
{
  const json_t *column = definition_of (command, "ColumnDef");
  size_t index;
  json_t *element;
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  command->rewrite = column_rewrites (command, column);
  json_array_foreach (json_object_get (column, "constraints"), index, element)
    note_constraint (command, json_object_get (element, "Constraint"), true);
  /* A new column without a default has the same value everywhere, so NOT NULL is known at once. */
  if (command->rewrite == LOCK_NO && command->scan == LOCK_YES
      && !sql_tree_contains (json_object_get (column, "constraints"), "raw_expr"))
    command->scan = LOCK_MAYBE;
}

static bool
is_same_column (const json_t *expression, const char *name)
{
  const json_t *cast = json_object_get (expression, "TypeCast");
  const json_t *inner = cast != NULL ? json_object_get (cast, "arg") : expression;
  const json_t *column = json_object_get (inner, "ColumnRef");
  return g_strcmp0 (sql_tree_last_name (json_object_get (column, "fields")), name) == 0;
}

static void
change_type (Command *command)
{
  const LockSchema *schema = command->prediction->schema;
  const char *name = sql_tree_text (command->command, "name");
  const json_t *definition = definition_of (command, "ColumnDef");
  const json_t *using = json_object_get (definition, "raw_default");
  const LockColumn *column = lock_schema_column (schema, command->key, name);
  LockType new = lock_type_of (json_object_get (definition, "typeName"));
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  if (using != NULL && !is_same_column (using, name))
    command->rewrite = LOCK_YES;
  else if (column == NULL)
    command->rewrite = LOCK_MAYBE;
  else
    command->rewrite = lock_type_change_rewrites (schema, &column->type, &new);
  lock_type_clear (&new);
}

/* A CHECK that was validated tells the server all there is to find. */
static void
set_not_null (Command *command)
{
  const char *name = sql_tree_text (command->command, "name");
  const LockColumn *column = lock_schema_column (command->prediction->schema, command->key, name);
  const char *check = command->relation != NULL
                          ? g_hash_table_lookup (command->relation->not_null_checks, name)
                          : NULL;
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  if ((column != NULL && column->is_not_null) || (check != NULL && check[0] != '?'))
    command->scan = LOCK_NO;
  else
    command->scan = LOCK_YES;
}

/* Whether all columns of a key are known to be NOT NULL. */
static bool
is_filled (const Command *command, const json_t *keys)
{
  size_t index;
  json_t *key;
  json_array_foreach (keys, index, key)
    {
      const LockColumn *column
          = lock_schema_column (command->prediction->schema, command->key, sql_tree_string (key));
      if (column == NULL || !column->is_not_null)
        return false;
    }
  return true;
}

/* The index of a partitioned table is built on each partition; inheriting tables have none of it,
 * but do get NOT NULL. */
static void
note_index_below (Command *command, const json_t *constraint)
{
  bool sets_not_null = sql_tree_is (constraint, "contype", "CONSTR_PRIMARY")
                       && !is_filled (command, json_object_get (constraint, "keys"));
  command->stays = is_partitioned (command) || !sets_not_null;
  if (!is_partitioned (command))
    return;
  for (guint i = 0; i < command->relation->children->len; i++)
    lock_note_tree (command->prediction, command->relation->children->pdata[i],
                    sets_not_null ? LOCK_ACCESS_EXCLUSIVE : LOCK_SHARE, LOCK_NO, LOCK_YES);
}

/* Since 18 ADD CONSTRAINT locks all that inherit, whether they get the constraint or not. */
#define LOCKS_BELOW_SINCE 18

static void
add_constraint (Command *command)
{
  static const char *const with_index[]
      = { "CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION", NULL };
  const json_t *constraint = definition_of (command, "Constraint");
  const char *kind = sql_tree_text (constraint, "contype");
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  note_constraint (command, constraint, false);
  if (kind != NULL && g_strv_contains (with_index, kind))
    note_index_below (command, constraint);
  command->stays |= sql_tree_flag (constraint, "is_no_inherit");
  command->locks_below = command->prediction->server_major >= LOCKS_BELOW_SINCE;
}

/* Without a foreign key's triggers the table it is to is left alone. */
static void
drop_constraint (Command *command)
{
  const char *name = sql_tree_text (command->command, "name");
  const char *target = command->relation != NULL && name != NULL
                           ? g_hash_table_lookup (command->relation->constraints, name)
                           : NULL;
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  if (target != NULL && target[0] != '\0')
    lock_note (command->prediction, target, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
  else if (command->relation != NULL && name != NULL
           && g_ptr_array_find_with_equal_func (command->relation->indexes, name, g_str_equal,
                                                NULL))
    lock_note (command->prediction, name, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
}

static void
validate_constraint (Command *command)
{
  const char *name = sql_tree_text (command->command, "name");
  const char *target = command->relation != NULL && name != NULL
                           ? g_hash_table_lookup (command->relation->constraints, name)
                           : NULL;
  command->mode = LOCK_SHARE_UPDATE_EXCLUSIVE;
  command->scan = LOCK_YES;
  if (target != NULL && target[0] != '\0')
    lock_note (command->prediction, target, LOCK_ROW_SHARE, LOCK_NO, LOCK_YES);
}

/* The default partition has to be looked through for rows that belong to the new one. */
static void
lock_default_partition (Command *command)
{
  for (guint i = 0; command->relation != NULL && i < command->relation->children->len; i++)
    {
      const char *key = command->relation->children->pdata[i];
      const LockRelation *child = lock_schema_find (command->prediction->schema, key);
      if (child != NULL && child->is_default_partition)
        lock_note (command->prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_YES);
    }
}

static void
attach_partition (Command *command)
{
  const json_t *partition = definition_of (command, "PartitionCmd");
  const json_t *range = json_object_get (partition, "name");
  command->mode = LOCK_SHARE_UPDATE_EXCLUSIVE;
  lock_note_range (command->prediction, range, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_YES);
  lock_default_partition (command);
}

static void
attach_index (Command *command)
{
  const json_t *partition = definition_of (command, "PartitionCmd");
  command->mode = LOCK_SHARE_UPDATE_EXCLUSIVE;
  lock_note_range (command->prediction, json_object_get (partition, "name"), LOCK_ACCESS_EXCLUSIVE,
                   LOCK_NO, LOCK_NO);
}

static void
attach (Command *command)
{
  if (command->relation != NULL && command->relation->kind == LOCK_RELATION_INDEX)
    attach_index (command);
  else
    attach_partition (command);
}

static void
detach_partition (Command *command)
{
  const json_t *partition = definition_of (command, "PartitionCmd");
  bool is_gentle = sql_tree_flag (partition, "concurrent")
                   || sql_tree_is (command->command, "subtype", "AT_DetachPartitionFinalize");
  command->mode = is_gentle ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE;
  lock_note_range (command->prediction, json_object_get (partition, "name"), LOCK_ACCESS_EXCLUSIVE,
                   LOCK_NO, LOCK_NO);
  if (!is_gentle)
    lock_default_partition (command);
}

static void
change_inheritance (Command *command)
{
  bool is_adding = sql_tree_is (command->command, "subtype", "AT_AddInherit");
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  lock_note_range (command->prediction, definition_of (command, "RangeVar"),
                   is_adding ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_SHARE, LOCK_NO, LOCK_NO);
}

static void
change_persistence (Command *command)
{
  bool to_unlogged = sql_tree_is (command->command, "subtype", "AT_SetUnLogged");
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  if (command->relation == NULL)
    command->rewrite = LOCK_MAYBE;
  else
    command->rewrite = command->relation->is_unlogged != to_unlogged ? LOCK_YES : LOCK_NO;
}

static void
move (Command *command)
{
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  command->rewrite = LOCK_MAYBE;
}

static void
set_expression (Command *command)
{
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  command->rewrite = LOCK_YES;
}

/* Options that a running query reads need more than those that only writers and vacuum do. */
static void
set_options (Command *command)
{
  const json_t *list = json_object_get (json_object_get (command->command, "def"), "List");
  bool is_strong = sql_tree_option (json_object_get (list, "items"), "user_catalog_table") != NULL;
  bool is_view = command->relation != NULL && command->relation->kind == LOCK_RELATION_VIEW;
  command->mode = is_strong || is_view ? LOCK_ACCESS_EXCLUSIVE : LOCK_SHARE_UPDATE_EXCLUSIVE;
}

static void
gently (Command *command)
{
  command->mode = LOCK_SHARE_UPDATE_EXCLUSIVE;
}

static void
for_triggers (Command *command)
{
  command->mode = LOCK_SHARE_ROW_EXCLUSIVE;
}

static void
use_sequence (Command *command)
{
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  command->scan = LOCK_NO;
}

/* What is not here takes ACCESS EXCLUSIVE and only changes catalogues. */
static const struct
{
  const char *subtype;
  void (*predict) (Command *command);
  bool stays; /* at the table that is named, whatever partitions it has */
} commands[] = {
  { "AT_AddColumn", add_column },
  { "AT_AlterColumnType", change_type },
  { "AT_SetNotNull", set_not_null },
  { "AT_AddConstraint", add_constraint },
  { "AT_DropConstraint", drop_constraint },
  { "AT_ValidateConstraint", validate_constraint },
  { "AT_AttachPartition", attach, true },
  { "AT_DetachPartition", detach_partition, true },
  { "AT_DetachPartitionFinalize", detach_partition, true },
  { "AT_AddInherit", change_inheritance, true },
  { "AT_DropInherit", change_inheritance, true },
  { "AT_SetLogged", change_persistence, true },
  { "AT_SetUnLogged", change_persistence, true },
  { "AT_SetTableSpace", move, true },
  { "AT_SetAccessMethod", move, true },
  { "AT_SetExpression", set_expression },
  { "AT_SetRelOptions", set_options, true },
  { "AT_ResetRelOptions", set_options, true },
  { "AT_SetOptions", gently },
  { "AT_ResetOptions", gently },
  { "AT_SetStatistics", gently },
  { "AT_ClusterOn", gently, true },
  { "AT_DropCluster", gently, true },
  { "AT_EnableTrig", for_triggers },
  { "AT_EnableAlwaysTrig", for_triggers },
  { "AT_EnableReplicaTrig", for_triggers },
  { "AT_EnableTrigAll", for_triggers },
  { "AT_EnableTrigUser", for_triggers },
  { "AT_DisableTrig", for_triggers },
  { "AT_DisableTrigAll", for_triggers },
  { "AT_DisableTrigUser", for_triggers },
  { "AT_AddIdentity", use_sequence },
  { "AT_ChangeOwner", NULL, true },
  { "AT_ReplicaIdentity", NULL, true },
  { "AT_EnableRule", NULL, true },
  { "AT_DisableRule", NULL, true },
  { "AT_EnableRowSecurity", NULL, true },
  { "AT_DisableRowSecurity", NULL, true },
  { "AT_ForceRowSecurity", NULL, true },
  { "AT_NoForceRowSecurity", NULL, true },
  { "AT_AddOf", NULL, true },
  { "AT_DropOf", NULL, true },
};

static void
predict_command (Command *command)
{
  const char *subtype = sql_tree_text (command->command, "subtype");
  command->mode = LOCK_ACCESS_EXCLUSIVE;
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_strcmp0 (subtype, commands[i].subtype) == 0)
      {
        if (commands[i].predict != NULL)
          commands[i].predict (command);
        command->stays |= commands[i].stays;
        return;
      }
}

static void
note_below (const Command *all)
{
  for (guint i = 0; all->relation != NULL && i < all->relation->children->len; i++)
    lock_note_tree (all->prediction, all->relation->children->pdata[i], all->mode, LOCK_NO,
                    LOCK_NO);
}

/* All commands wait for the strongest mode that any of them needs. */
void
lock_predict_alter (LockPrediction *prediction, const json_t *node)
{
  const json_t *range = json_object_get (node, "relation");
  g_autofree char *key = lock_schema_key (range);
  Command all = { .prediction = prediction, .mode = LOCK_NONE, .stays = true };
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (node, "cmds"), index, element)
    {
      Command command = { prediction, key, lock_schema_find (prediction->schema, key),
                          json_object_get (element, "AlterTableCmd") };
      predict_command (&command);
      all.mode = MAX (all.mode, command.mode);
      /* A partitioned table has no file of its own. */
      all.rewrite = MAX (all.rewrite, command.rewrite);
      all.scan = MAX (all.scan, command.scan);
      all.stays &= command.stays;
      all.locks_below |= command.locks_below;
      all.relation = command.relation;
    }
  if (!all.stays && sql_tree_flag (range, "inh"))
    lock_note_tree (prediction, key, all.mode, all.rewrite, all.scan);
  else
    lock_note (prediction, key, all.mode, is_partitioned (&all) ? LOCK_NO : all.rewrite, all.scan);
  if (all.locks_below && sql_tree_flag (range, "inh"))
    note_below (&all);
}
