/*
 * What takes data away, or breaks programs that know the schema of before.
 */
#include "migrate/lint_internal.h"
#include "sql/tree.h"

#include <string.h>

static void
check_drop (Lint *lint)
{
  const char *what = sql_tree_text (lint->node, "removeType");
  bool is_cascade = sql_tree_is (lint->node, "behavior", "DROP_CASCADE");
  bool all_new = true;
  size_t index;
  json_t *object;
  if (what == NULL)
    return;
  json_array_foreach (json_object_get (lint->node, "objects"), index, object)
    {
      const json_t *names = json_object_get (json_object_get (object, "List"), "items");
      g_autofree char *key = lock_schema_key_of_names (names);
      LintReport report = { .rule = RULE_DROP_TABLE, .key = key };
      bool is_old = key == NULL || lint_is_old (lint, key);
      all_new = all_new && !is_old;
      if (strcmp (what, "OBJECT_TABLE") == 0 && is_old)
        lint_report (lint, &report, "table “%s” is dropped with its rows", key);
      else if (strcmp (what, "OBJECT_SCHEMA") == 0)
        lint_say (lint, RULE_DROP_SCHEMA, "schema “%s” is dropped",
                  sql_tree_string (object) != NULL ? sql_tree_string (object) : "?");
    }
  if (is_cascade && !all_new)
    lint_say (lint, RULE_DROP_CASCADE, "%s ... CASCADE", lint->class.tag);
}

static void
check_drop_constraint (Lint *lint, const char *key, const char *name)
{
  const LockRelation *relation = lock_schema_find (lint->schema, key);
  const char *target = relation != NULL ? g_hash_table_lookup (relation->constraints, name) : NULL;
  LintReport report = { .rule = RULE_DROP_FOREIGN_KEY, .key = key };
  bool is_primary = g_str_has_suffix (name, "_pkey") || g_str_has_suffix (name, "_pk");
  bool is_foreign = (target != NULL && target[0] != '\0')
                    || (target == NULL
                        && (g_str_has_suffix (name, "_fkey") || g_str_has_suffix (name, "_fk")
                            || g_str_has_prefix (name, "fk_")));
  if (is_primary)
    {
      report.rule = RULE_DROP_PRIMARY_KEY;
      lint_report (lint, &report, "the primary key of “%s” is dropped", key);
    }
  else if (is_foreign)
    lint_report (lint, &report, "foreign key “%s” of “%s” is dropped", name, key);
}

static void
check_alter (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  size_t index;
  json_t *element;
  if (!lint_is_old (lint, key))
    return;
  json_array_foreach (json_object_get (lint->node, "cmds"), index, element)
    {
      const json_t *command = json_object_get (element, "AlterTableCmd");
      const char *name = sql_tree_text (command, "name");
      LintReport report = { .rule = RULE_DROP_COLUMN, .key = key };
      if (name == NULL)
        continue;
      if (sql_tree_is (command, "behavior", "DROP_CASCADE"))
        lint_say (lint, RULE_DROP_CASCADE, "“%s” is dropped with CASCADE", name);
      if (sql_tree_is (command, "subtype", "AT_DropColumn"))
        lint_report (lint, &report, "column “%s” of “%s” is dropped with its values", name, key);
      else if (sql_tree_is (command, "subtype", "AT_DropConstraint"))
        check_drop_constraint (lint, key, name);
      else if (sql_tree_is (command, "subtype", "AT_DropNotNull"))
        {
          report.rule = RULE_DROP_NOT_NULL;
          lint_report (lint, &report, "“%s” of “%s” allows NULL from now on", name, key);
        }
    }
}

static void
check_rename (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  const char *old = sql_tree_text (lint->node, "subname");
  const char *new = sql_tree_text (lint->node, "newname");
  LintReport report = { .key = key };
  if (key != NULL && !lint_is_old (lint, key))
    return;
  if (sql_tree_is (lint->node, "renameType", "OBJECT_SCHEMA"))
    lint_say (lint, RULE_RENAME_SCHEMA, "schema “%s” becomes “%s”", old, new);
  else if (sql_tree_is (lint->node, "renameType", "OBJECT_COLUMN"))
    {
      report.rule = RULE_RENAME_COLUMN;
      lint_report (lint, &report, "column “%s” of “%s” becomes “%s”", old, key, new);
    }
  else if (sql_tree_is (lint->node, "renameType", "OBJECT_TABLE")
           || sql_tree_is (lint->node, "renameType", "OBJECT_VIEW"))
    {
      report.rule = RULE_RENAME_TABLE;
      lint_report (lint, &report, "“%s” becomes “%s”", key, new);
    }
}

static void
check_set_schema (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_RENAME_TABLE, .key = key };
  if (key != NULL && lint_is_old (lint, key))
    lint_report (lint, &report, "“%s” moves to schema “%s”", key,
                 sql_tree_text (lint->node, "newschema"));
}

static void
check_enum (Lint *lint)
{
  const char *type = sql_tree_last_name (json_object_get (lint->node, "typeName"));
  const char *old = sql_tree_text (lint->node, "oldVal");
  if (old != NULL)
    lint_say (lint, RULE_RENAME_ENUM_VALUE, "“%s” of enum “%s” becomes “%s”", old, type,
              sql_tree_text (lint->node, "newVal"));
}

static void
check_truncate (Lint *lint)
{
  bool is_cascade = sql_tree_is (lint->node, "behavior", "DROP_CASCADE");
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (lint->node, "relations"), index, element)
    {
      g_autofree char *key = lock_schema_key (json_object_get (element, "RangeVar"));
      LintReport report = { .rule = RULE_TRUNCATE, .key = key };
      if (lint_is_old (lint, key))
        lint_report (lint, &report,
                     is_cascade ? "“%s” is emptied, and every table that refers to it"
                                : "“%s” is emptied",
                     key);
    }
}

static void
check_assignments (Lint *lint)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  const char *list = strcmp (lint->kind, "InsertStmt") == 0 ? "cols" : "targetList";
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (lint->node, list), index, element)
    {
      const json_t *target = json_object_get (element, "ResTarget");
      const char *name = sql_tree_text (target, "name");
      LintReport report
          = { .rule = RULE_DUPLICATE_ASSIGNMENT, .location = sql_tree_number (target, "location") };
      if (name == NULL || json_object_get (target, "indirection") != NULL)
        continue;
      if (!g_hash_table_add (seen, (char *) name))
        lint_report (lint, &report, "“%s” is assigned twice", name);
    }
}

static void
check_write (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_UPDATE_WITHOUT_WHERE, .key = key };
  bool is_restricted = json_object_get (lint->node, "whereClause") != NULL
                       || json_object_get (lint->node, "usingClause") != NULL
                       || json_object_get (lint->node, "fromClause") != NULL;
  if (!is_restricted && lint_is_old (lint, key))
    lint_report (lint, &report, "%s of all rows of “%s”", lint->class.tag, key);
  check_assignments (lint);
}

static void
check_drop_database (Lint *lint)
{
  lint_say (lint, RULE_DROP_DATABASE, "database “%s” is dropped",
            sql_tree_text (lint->node, "dbname"));
}

void
lint_check_loss (Lint *lint)
{
  static const struct
  {
    const char *kind;
    void (*check) (Lint *lint);
  } checks[] = {
    { "DropStmt", check_drop },          { "AlterTableStmt", check_alter },
    { "RenameStmt", check_rename },      { "AlterObjectSchemaStmt", check_set_schema },
    { "AlterEnumStmt", check_enum },     { "TruncateStmt", check_truncate },
    { "UpdateStmt", check_write },       { "DeleteStmt", check_write },
    { "InsertStmt", check_assignments }, { "DropdbStmt", check_drop_database },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (checks); i++)
    if (strcmp (lint->kind, checks[i].kind) == 0)
      checks[i].check (lint);
}
