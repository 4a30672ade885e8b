/*
 * Indexes, materialized views, triggers, maintenance: statements that take as long as a table is large.
 */
#include "migrate/lint_internal.h"
#include "sql/tree.h"

#include <string.h>

#define WIDE_INDEX_COLUMNS 3

static void
check_create_index (Lint *lint)
{
  const json_t *range = json_object_get (lint->node, "relation");
  g_autofree char *key = lock_schema_key (range);
  const LockRelation *relation = lock_schema_find (lint->schema, key);
  size_t width = json_array_size (json_object_get (lint->node, "indexParams"));
  bool is_unique = sql_tree_flag (lint->node, "unique");
  LintReport report = { .rule = RULE_INDEX_NOT_CONCURRENT, .key = key };
  if (width > WIDE_INDEX_COLUMNS && !is_unique)
    lint_say (lint, RULE_WIDE_INDEX, "an index of %zu columns on “%s”", width, key);
  if (!lint_is_old (lint, key) || sql_tree_flag (lint->node, "concurrent"))
    return;
  bool is_partitioned = relation != NULL && relation->kind == LOCK_RELATION_PARTITIONED;
  if (is_partitioned && !sql_tree_flag (range, "inh"))
    return;
  if (is_partitioned)
    report.rule = RULE_INDEX_ON_PARTITIONED;
  lint_report (lint, &report,
               is_unique ? "a unique index is built on “%s”; a duplicate makes it fail"
                         : "an index is built on “%s”",
               key);
}

static void
check_drop_index (Lint *lint)
{
  size_t index;
  json_t *object;
  if (!sql_tree_is (lint->node, "removeType", "OBJECT_INDEX")
      || sql_tree_flag (lint->node, "concurrent"))
    return;
  json_array_foreach (json_object_get (lint->node, "objects"), index, object)
    {
      const json_t *names = json_object_get (json_object_get (object, "List"), "items");
      g_autofree char *key = lock_schema_key_of_names (names);
      const LockRelation *relation = lock_schema_find (lint->schema, key);
      LintReport report = { .rule = RULE_DROP_INDEX_NOT_CONCURRENT, .key = key };
      if (!lint_is_old (lint, key)
          || (relation != NULL && relation->parent != NULL
              && !lint_is_old (lint, relation->parent)))
        continue;
      lint_report (lint, &report, "index “%s” is dropped without CONCURRENTLY", key);
    }
}

static void
check_reindex (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_REINDEX_NOT_CONCURRENT, .key = key };
  if (lint->class.kind != SQL_KIND_CONCURRENT_REINDEX && (key == NULL || lint_is_old (lint, key)))
    lint_report (lint, &report, "“%s” is reindexed without CONCURRENTLY",
                 key != NULL ? key : sql_tree_text (lint->node, "name"));
}

static void
check_vacuum (Lint *lint)
{
  bool is_full = sql_tree_option_is_on (json_object_get (lint->node, "options"), "full", false);
  if (strcmp (lint->kind, "ClusterStmt") == 0)
    {
      g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
      LintReport report = { .rule = RULE_VACUUM_FULL, .key = key };
      lint_report (lint, &report, "CLUSTER writes “%s” anew", key != NULL ? key : "all tables");
    }
  else if (is_full)
    lint_say (lint, RULE_VACUUM_FULL, "VACUUM FULL writes tables anew");
}

static void
check_refresh (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_REFRESH_NOT_CONCURRENT, .key = key };
  if (!sql_tree_flag (lint->node, "concurrent") && !sql_tree_flag (lint->node, "skipData")
      && lint_is_old (lint, key))
    lint_report (lint, &report, "“%s” cannot be read while it is refreshed", key);
}

static void
check_trigger (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_TRIGGER, .key = key };
  if (lint_is_old (lint, key))
    lint_report (lint, &report, "a trigger is made on “%s”", key);
}

static void
check_lock (Lint *lint)
{
  const LockEffect *first = lint->effects->len > 0 ? lint->effects->pdata[0] : NULL;
  LintReport report = { .rule = RULE_EXPLICIT_LOCK, .key = first != NULL ? first->key : NULL };
  if (first != NULL && lint_is_old (lint, first->key) && first->mode >= LOCK_SHARE_UPDATE_EXCLUSIVE)
    lint_report (lint, &report, "“%s” is locked in %s mode", first->key,
                 lock_mode_name (first->mode));
}

static void
check_table_options (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_AUTOVACUUM_OFF, .key = key };
  if (!sql_tree_option_is_on (json_object_get (lint->node, "options"), "autovacuum_enabled", true))
    lint_report (lint, &report, "autovacuum is switched off for “%s”", key);
}

void
lint_check_index (Lint *lint)
{
  static const struct
  {
    const char *kind;
    void (*check) (Lint *lint);
  } checks[] = {
    { "IndexStmt", check_create_index },   { "DropStmt", check_drop_index },
    { "ReindexStmt", check_reindex },      { "VacuumStmt", check_vacuum },
    { "ClusterStmt", check_vacuum },       { "RefreshMatViewStmt", check_refresh },
    { "CreateTrigStmt", check_trigger },   { "LockStmt", check_lock },
    { "CreateStmt", check_table_options },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (checks); i++)
    if (strcmp (lint->kind, checks[i].kind) == 0)
      checks[i].check (lint);
}
