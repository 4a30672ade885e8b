/*
 * What depends on which transaction a statement is in, and what that has done before.
 */
#include "migrate/lint_internal.h"
#include "sql/token.h"
#include "sql/tree.h"

#include <string.h>

/* So many tables locked in one transaction are reported. */
#define MANY_TABLES 3

void
lint_transaction_clear (LintTransaction *transaction)
{
  g_clear_pointer (&transaction->locked, g_hash_table_unref);
  g_clear_pointer (&transaction->new_values, g_hash_table_unref);
  g_clear_pointer (&transaction->not_validated, g_hash_table_unref);
  *transaction = (LintTransaction){ 0 };
}

static void
add_text (GHashTable **set, char *text)
{
  if (*set == NULL)
    *set = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_add (*set, text);
}

static bool
has_text (GHashTable *set, const char *text)
{
  return set != NULL && g_hash_table_contains (set, text);
}

static void
roll_back (Lint *lint)
{
  if (lint->saved == NULL)
    return;
  lock_schema_free (lint->schema);
  lint->schema = lock_schema_copy (lint->saved);
}

static void
remember (Lint *lint)
{
  if (lint->saved == NULL)
    return;
  lock_schema_free (lint->saved);
  lint->saved = lock_schema_copy (lint->schema);
}

static void
control_transaction (Lint *lint)
{
  const char *what = sql_tree_text (lint->node, "kind");
  bool begins
      = g_strcmp0 (what, "TRANS_STMT_BEGIN") == 0 || g_strcmp0 (what, "TRANS_STMT_START") == 0;
  bool commits = g_strcmp0 (what, "TRANS_STMT_COMMIT") == 0;
  bool rolls_back = g_strcmp0 (what, "TRANS_STMT_ROLLBACK") == 0;
  if (!begins && !commits && !rolls_back)
    return;
  if (begins)
    lint_say (lint, RULE_NESTED_TRANSACTION,
              lint->is_explicit ? "%s within a transaction" : "%s in a migration", lint->class.tag);
  if (begins && !lint->has_idle_timeout)
    lint_say (lint, RULE_IDLE_TIMEOUT, "idle_in_transaction_session_timeout is not set");
  if (rolls_back)
    roll_back (lint);
  else
    remember (lint);
  lint->is_explicit = begins;
  lint->begin = lint->statement->start;
  lint_transaction_clear (&lint->transaction);
}

static void
note_setting (Lint *lint)
{
  const char *name = sql_tree_text (lint->node, "name");
  if (name == NULL)
    return;
  lint->has_lock_timeout |= strcmp (name, "lock_timeout") == 0;
  lint->has_statement_timeout |= strcmp (name, "statement_timeout") == 0;
  lint->has_idle_timeout |= strcmp (name, "idle_in_transaction_session_timeout") == 0;
}

/* The strongest lock on a relation that was there before, or NULL. */
static const LockEffect *
strongest (const Lint *lint)
{
  const LockEffect *found = NULL;
  for (guint i = 0; i < lint->effects->len; i++)
    {
      const LockEffect *effect = lint->effects->pdata[i];
      if (lint_is_old (lint, effect->key) && (found == NULL || effect->mode > found->mode))
        found = effect;
    }
  return found;
}

static bool
is_slow (const Lint *lint)
{
  static const char *const slow[]
      = { "IndexStmt",   "UpdateStmt",  "DeleteStmt",        "RefreshMatViewStmt", "VacuumStmt",
          "ReindexStmt", "ClusterStmt", "CreateTableAsStmt", "MergeStmt",          NULL };
  const json_t *insert = strcmp (lint->kind, "InsertStmt") == 0 ? lint->node : NULL;
  const json_t *select = json_object_get (json_object_get (insert, "selectStmt"), "SelectStmt");
  bool is_copying = select != NULL && json_object_get (select, "valuesLists") == NULL;
  for (guint i = 0; i < lint->effects->len; i++)
    {
      const LockEffect *effect = lint->effects->pdata[i];
      if (lint_is_old (lint, effect->key)
          && (effect->rewrite != LOCK_NO || effect->scan == LOCK_YES))
        return true;
    }
  if (!g_strv_contains (slow, lint->kind) && !is_copying)
    return false;
  return strongest (lint) != NULL;
}

static bool
writes_rows (const Lint *lint)
{
  return strcmp (lint->kind, "UpdateStmt") == 0 || strcmp (lint->kind, "DeleteStmt") == 0
         || strcmp (lint->kind, "MergeStmt") == 0
         || (strcmp (lint->kind, "InsertStmt") == 0 && is_slow (lint));
}

/* A table that an earlier statement of the transaction locked, or NULL. What this one locks as strongly
 * itself is for the rule about that lock. */
static const char *
locked_before (const Lint *lint)
{
  GHashTableIter iter;
  gpointer key;
  if (lint->transaction.locked == NULL)
    return NULL;
  g_hash_table_iter_init (&iter, lint->transaction.locked);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      const LockEffect *effect = lock_model_find (lint->effects, key);
      if (effect == NULL || effect->mode < LOCK_ACCESS_EXCLUSIVE)
        return key;
    }
  return NULL;
}

static void
check_backfill (Lint *lint)
{
  g_autofree char *written = lock_schema_key (json_object_get (lint->node, "relation"));
  LintReport report = { .rule = RULE_BACKFILL_WITH_DDL, .key = written };
  if (!writes_rows (lint) || lint->transaction.ddl_line == 0 || lint->transaction.backfill_reported)
    return;
  lint->transaction.backfill_reported = true;
  lint_report (lint, &report, "rows of “%s” are written while the locks of line %u are held",
               written, lint->transaction.ddl_line);
}

static void
check_work (Lint *lint)
{
  const char *locked = locked_before (lint);
  const LockEffect *effect = strongest (lint);
  if (!lint_in_transaction (lint) || effect == NULL || !is_slow (lint))
    return;
  if (locked == NULL)
    {
      check_backfill (lint);
      return;
    }
  LintReport report = { .rule = RULE_WORK_UNDER_LOCK, .key = effect->key };
  lint_report (lint, &report,
               "“%s” has been locked ACCESS EXCLUSIVE since line %u, and stays so meanwhile",
               locked, GPOINTER_TO_UINT (g_hash_table_lookup (lint->transaction.locked, locked)));
}

static unsigned int
line_of (const Lint *lint)
{
  unsigned int line = MAX (lint->file->line, 1);
  for (size_t i = 0; i < lint->statement->start; i++)
    line += lint->text[i] == '\n';
  return line;
}

static void
note_locks (Lint *lint)
{
  LintTransaction *transaction = &lint->transaction;
  if (!lint_in_transaction (lint))
    return;
  for (guint i = 0; i < lint->effects->len; i++)
    {
      const LockEffect *effect = lint->effects->pdata[i];
      if (!lint_is_old (lint, effect->key))
        continue;
      if (effect->mode >= LOCK_SHARE && transaction->ddl_line == 0)
        transaction->ddl_line = line_of (lint);
      if (effect->mode < LOCK_ACCESS_EXCLUSIVE)
        continue;
      const LockRelation *relation = lock_schema_find (lint->schema, effect->key);
      if (relation != NULL && relation->kind != LOCK_RELATION_TABLE
          && relation->kind != LOCK_RELATION_PARTITIONED)
        continue;
      if (transaction->locked == NULL)
        transaction->locked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      if (!g_hash_table_contains (transaction->locked, effect->key))
        g_hash_table_insert (transaction->locked, g_strdup (effect->key),
                             GUINT_TO_POINTER (line_of (lint)));
    }
  if (transaction->many_reported || transaction->locked == NULL
      || g_hash_table_size (transaction->locked) < MANY_TABLES)
    return;
  transaction->many_reported = true;
  lint_say (lint, RULE_MANY_TABLES_LOCKED,
            "this is table %u that the transaction locks ACCESS EXCLUSIVE",
            g_hash_table_size (transaction->locked));
}

/* Strong locks that statements wait for without an end. */
static void
check_timeouts (Lint *lint)
{
  const LockEffect *effect = strongest (lint);
  if (effect == NULL || effect->mode < LOCK_SHARE)
    return;
  LintReport report = { .rule = RULE_LOCK_TIMEOUT, .key = effect->key };
  if (!lint->has_lock_timeout && !lint->lock_timeout_reported)
    lint_report (lint, &report, "waits for %s on “%s” without lock_timeout",
                 lock_mode_name (effect->mode), effect->key);
  report.rule = RULE_STATEMENT_TIMEOUT;
  if (!lint->has_statement_timeout && !lint->statement_timeout_reported)
    lint_report (lint, &report, "holds %s on “%s” without statement_timeout",
                 lock_mode_name (effect->mode), effect->key);
  lint->lock_timeout_reported = lint->statement_timeout_reported = true;
}

/* pgkeel runs it by itself, between two transactions; out of a BEGIN of the file's own it cannot. */
static void
check_alone (Lint *lint)
{
  if (!sql_kind_runs_alone (lint->class.kind))
    return;
  if (lint->is_explicit)
    lint_say (lint, RULE_CONCURRENT_IN_TRANSACTION, "%s is between BEGIN and COMMIT",
              lint->class.tag);
  else if (lint->is_wrapped)
    {
      lint_say (lint, RULE_SPLITS_TRANSACTION, "%s cannot run in this file's transaction",
                lint->class.tag);
      lint_transaction_clear (&lint->transaction);
    }
}

static bool
uses_new_value (const json_t *constant, void *data)
{
  return has_text (data, sql_tree_text (json_object_get (constant, "sval"), "sval") != NULL
                             ? sql_tree_text (json_object_get (constant, "sval"), "sval")
                             : "");
}

static void
check_enum (Lint *lint)
{
  const char *value = sql_tree_text (lint->node, "newVal");
  const char *type = sql_tree_last_name (json_object_get (lint->node, "typeName"));
  bool is_new = type != NULL && lock_schema_enum_age (lint->schema, type) > lint->age;
  if (lint->class.kind == SQL_KIND_ENUM_VALUE)
    {
      if (value != NULL && lint_in_transaction (lint) && !is_new)
        add_text (&lint->transaction.new_values, g_strdup (value));
    }
  else if (lint->transaction.new_values != NULL && strcmp (lint->kind, "CommentStmt") != 0
           && sql_tree_visit (lint->tree, "A_Const", uses_new_value, lint->transaction.new_values))
    lint_say (lint, RULE_ENUM_VALUE_USED,
              "uses an enum value that this transaction added and has not committed");
}

/* VALIDATE of what the same transaction added. */
static void
check_validate (Lint *lint)
{
  g_autofree char *key = lock_schema_key (json_object_get (lint->node, "relation"));
  size_t index;
  json_t *element;
  if (strcmp (lint->kind, "AlterTableStmt") != 0 || key == NULL)
    return;
  json_array_foreach (json_object_get (lint->node, "cmds"), index, element)
    {
      const json_t *command = json_object_get (element, "AlterTableCmd");
      const json_t *constraint = json_object_get (json_object_get (command, "def"), "Constraint");
      const char *name = sql_tree_is (command, "subtype", "AT_ValidateConstraint")
                             ? sql_tree_text (command, "name")
                             : sql_tree_text (constraint, "conname");
      if (name == NULL || !lint_in_transaction (lint))
        continue;
      g_autofree char *full = g_strconcat (key, ".", name, NULL);
      LintReport report = { .rule = RULE_VALIDATE_SAME_TRANSACTION, .key = key };
      if (sql_tree_flag (constraint, "skip_validation"))
        add_text (&lint->transaction.not_validated, g_steal_pointer (&full));
      else if (constraint == NULL && has_text (lint->transaction.not_validated, full))
        lint_report (lint, &report, "“%s” is validated while the lock of its ADD is still held",
                     name);
    }
}

static bool
executes (const char *text)
{
  size_t at = 0, length = text != NULL ? strlen (text) : 0;
  SqlToken token;
  while (sql_token_next_word (text, length, &at, &token))
    if (sql_token_is (text, &token, "execute"))
      return true;
  return false;
}

static void
check_code (Lint *lint)
{
  const char *body = sql_tree_option_text (json_object_get (lint->node, "args"), "as");
  if (strcmp (lint->kind, "DoStmt") == 0)
    lint_say (lint, RULE_DYNAMIC_SQL,
              executes (body) ? "DO with EXECUTE: what it runs is put together when it runs"
                              : "DO: what it runs was not checked");
}

/* Within a transaction a procedure cannot commit. */
static void
check_commits (Lint *lint)
{
  if (lint->class.commits == SQL_COMMITS)
    lint_say (lint, RULE_COMMITS_ITSELF, "DO with COMMIT or ROLLBACK");
  else if (lint->class.commits == SQL_MAY_COMMIT && !lint_in_transaction (lint))
    lint_say (lint, RULE_COMMITS_ITSELF, "%s outside of a transaction", lint->class.tag);
}

void
lint_check_transaction (Lint *lint)
{
  check_alone (lint);
  check_commits (lint);
  if (lint->node == NULL)
    return;
  if (strcmp (lint->kind, "TransactionStmt") == 0)
    {
      control_transaction (lint);
      return;
    }
  if (strcmp (lint->kind, "VariableSetStmt") == 0)
    note_setting (lint);
  check_timeouts (lint);
  check_work (lint);
  check_enum (lint);
  check_validate (lint);
  check_code (lint);
  note_locks (lint);
}

void
lint_end_file (Lint *lint)
{
  LintReport report = { .rule = RULE_UNCOMMITTED_TRANSACTION, .location = (long) lint->begin };
  if (lint->is_explicit)
    lint_report (lint, &report, "the file ends within this transaction");
}
