#include "migrate/lock_model.h"

#include "migrate/lock_internal.h"
#include "sql/tree.h"

#include <string.h>

const char *
lock_mode_name (LockMode mode)
{
  static const char *const names[]
      = { "none",  "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
          "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE" };
  return names[mode];
}

const char *
lock_mode_blocks (LockMode mode)
{
  switch (mode)
    {
    case LOCK_ACCESS_EXCLUSIVE: return "all reads and writes";
    case LOCK_EXCLUSIVE:
    case LOCK_SHARE_ROW_EXCLUSIVE:
    case LOCK_SHARE: return "all writes";
    case LOCK_SHARE_UPDATE_EXCLUSIVE: return "other schema changes and vacuum";
    case LOCK_ROW_EXCLUSIVE:
    case LOCK_ROW_SHARE:
    case LOCK_ACCESS_SHARE: return "only schema changes";
    case LOCK_NONE: break;
    }
  return "nothing";
}

const char *
lock_answer_name (LockAnswer answer)
{
  static const char *const names[] = { "no", "maybe", "yes" };
  return names[answer];
}

static void
effect_free (LockEffect *effect)
{
  g_free (effect->key);
  g_free (effect);
}

const LockEffect *
lock_model_find (const GPtrArray *effects, const char *key)
{
  for (guint i = 0; i < effects->len; i++)
    {
      const LockEffect *effect = effects->pdata[i];
      if (g_strcmp0 (effect->key, key) == 0)
        return effect;
    }
  return NULL;
}

void
lock_note (LockPrediction *prediction, const char *key, LockMode mode, LockAnswer rewrite,
           LockAnswer scan)
{
  LockEffect *effect = (LockEffect *) lock_model_find (prediction->effects, key);
  if (key == NULL || mode == LOCK_NONE)
    return;
  if (effect == NULL)
    {
      effect = g_new0 (LockEffect, 1);
      effect->key = g_strdup (key);
      g_ptr_array_add (prediction->effects, effect);
    }
  effect->mode = MAX (effect->mode, mode);
  effect->rewrite = MAX (effect->rewrite, rewrite);
  effect->scan = MAX (effect->scan, scan);
}

void
lock_note_range (LockPrediction *prediction, const json_t *range, LockMode mode, LockAnswer rewrite,
                 LockAnswer scan)
{
  g_autofree char *key = lock_schema_key (range);
  lock_note (prediction, key, mode, rewrite, scan);
}

/* SEEN: the files may say of a table that it is its own ancestor, which a server would refuse. */
static void
note_tree (LockPrediction *prediction, const char *key, const LockEffect *effect, GHashTable *seen)
{
  const LockRelation *relation = lock_schema_find (prediction->schema, key);
  bool has_file = relation == NULL || relation->kind != LOCK_RELATION_PARTITIONED;
  if (key == NULL || !g_hash_table_add (seen, (char *) key))
    return;
  lock_note (prediction, key, effect->mode, has_file ? effect->rewrite : LOCK_NO, effect->scan);
  for (guint i = 0; relation != NULL && i < relation->children->len; i++)
    note_tree (prediction, relation->children->pdata[i], effect, seen);
}

void
lock_note_tree (LockPrediction *prediction, const char *key, LockMode mode, LockAnswer rewrite,
                LockAnswer scan)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  note_tree (prediction, key, &(LockEffect){ NULL, mode, rewrite, scan }, seen);
}

static void
predict_query (LockPrediction *prediction, const json_t *node)
{
  lock_note_queries (prediction, node);
}

static void
predict_write (LockPrediction *prediction, const json_t *node)
{
  lock_note_range (prediction, json_object_get (node, "relation"), LOCK_ROW_EXCLUSIVE, LOCK_NO,
                   LOCK_NO);
  lock_note_queries (prediction, node);
}

/* Tables that foreign keys of a CREATE TABLE point to. */
static bool
note_reference (const json_t *constraint, void *data)
{
  if (sql_tree_is (constraint, "contype", "CONSTR_FOREIGN"))
    lock_note_range (data, json_object_get (constraint, "pktable"), LOCK_SHARE_ROW_EXCLUSIVE,
                     LOCK_NO, LOCK_NO);
  return false;
}

static bool
note_like (const json_t *like, void *data)
{
  lock_note_range (data, json_object_get (like, "relation"), LOCK_ACCESS_SHARE, LOCK_NO, LOCK_NO);
  return false;
}

static void
predict_create_table (LockPrediction *prediction, const json_t *node)
{
  bool is_partition = json_object_get (node, "partbound") != NULL;
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (node, "inhRelations"), index, element)
    {
      const json_t *range = json_object_get (element, "RangeVar");
      g_autofree char *key = lock_schema_key (range);
      const LockRelation *parent = lock_schema_find (prediction->schema, key);
      lock_note (prediction, key,
                 is_partition ? LOCK_ACCESS_EXCLUSIVE : LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_NO,
                 LOCK_NO);
      for (guint i = 0; is_partition && parent != NULL && i < parent->children->len; i++)
        {
          const LockRelation *child
              = lock_schema_find (prediction->schema, parent->children->pdata[i]);
          if (child != NULL && child->is_default_partition)
            lock_note (prediction, child->key, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_YES);
        }
    }
  sql_tree_visit (node, "Constraint", note_reference, prediction);
  sql_tree_visit (node, "TableLikeClause", note_like, prediction);
}

static void
predict_create_foreign_table (LockPrediction *prediction, const json_t *node)
{
  predict_create_table (prediction, json_object_get (node, "base"));
}

/* OR REPLACE locks the view that is there; whether there is one is not known without the schema. */
static void
predict_view (LockPrediction *prediction, const json_t *node)
{
  g_autofree char *key = lock_schema_key (json_object_get (node, "view"));
  if (sql_tree_flag (node, "replace") && lock_schema_find (prediction->schema, key) != NULL)
    lock_note (prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
  lock_note_queries (prediction, json_object_get (node, "query"));
}

static void
predict_index (LockPrediction *prediction, const json_t *node)
{
  const json_t *range = json_object_get (node, "relation");
  g_autofree char *key = lock_schema_key (range);
  LockMode mode = sql_tree_flag (node, "concurrent") ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_SHARE;
  if (sql_tree_flag (range, "inh"))
    lock_note_tree (prediction, key, mode, LOCK_NO, LOCK_YES);
  else
    lock_note (prediction, key, mode, LOCK_NO, LOCK_NO);
}

/* The tables a table's foreign keys point to lose their triggers with it. */
static void
drop_table (LockPrediction *prediction, const char *key, bool cascade)
{
  const LockRelation *relation = lock_schema_find (prediction->schema, key);
  GHashTableIter iter;
  gpointer target;
  lock_note_tree (prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
  if (relation == NULL)
    return;
  g_hash_table_iter_init (&iter, relation->constraints);
  while (g_hash_table_iter_next (&iter, NULL, &target))
    if (((char *) target)[0] != '\0')
      lock_note (prediction, target, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
  /* A partition goes from its parent. */
  if (relation->parent != NULL)
    {
      const LockRelation *parent = lock_schema_find (prediction->schema, relation->parent);
      bool is_partition = parent != NULL && parent->kind == LOCK_RELATION_PARTITIONED;
      lock_note (prediction, relation->parent, is_partition ? LOCK_ACCESS_EXCLUSIVE : LOCK_NONE,
                 LOCK_NO, LOCK_NO);
    }
  if (!cascade)
    return;
  g_autoptr (GPtrArray) referrers = lock_schema_referrers (prediction->schema, key);
  for (guint i = 0; i < referrers->len; i++)
    lock_note (prediction, referrers->pdata[i], LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
}

static void
drop_index (LockPrediction *prediction, const char *key, bool concurrently)
{
  const LockRelation *index = lock_schema_find (prediction->schema, key);
  LockMode mode = concurrently ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE;
  g_autofree char *unknown = g_strdup_printf ("(table of index %s)", key);
  lock_note (prediction, key, mode, LOCK_NO, LOCK_NO);
  if (index == NULL || index->parent == NULL)
    lock_note (prediction, unknown, mode, LOCK_NO, LOCK_NO);
  else
    lock_note_tree (prediction, index->parent, mode, LOCK_NO, LOCK_NO);
}

/* The name of a trigger, rule or policy stands behind that of its table. */
static void
drop_from_table (LockPrediction *prediction, const json_t *names)
{
  size_t count = json_array_size (names);
  g_autofree char *key = lock_schema_key_from (
      count > 2 ? sql_tree_string (json_array_get (names, count - 3)) : NULL,
      count > 1 ? sql_tree_string (json_array_get (names, count - 2)) : NULL);
  lock_note (prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_NO, LOCK_NO);
}

static void
predict_drop (LockPrediction *prediction, const json_t *node)
{
  static const char *const of_tables[] = { "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY", NULL };
  static const char *const tables[] = { "OBJECT_TABLE",    "OBJECT_VIEW",          "OBJECT_MATVIEW",
                                        "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE", NULL };
  const char *kind = sql_tree_text (node, "removeType");
  bool cascade = sql_tree_is (node, "behavior", "DROP_CASCADE");
  size_t index;
  json_t *object;
  json_array_foreach (json_object_get (node, "objects"), index, object)
    {
      const json_t *names = json_object_get (json_object_get (object, "List"), "items");
      g_autofree char *key = lock_schema_key_of_names (names);
      if (kind == NULL || key == NULL)
        continue;
      if (strcmp (kind, "OBJECT_INDEX") == 0)
        drop_index (prediction, key, sql_tree_flag (node, "concurrent"));
      else if (strcmp (kind, "OBJECT_STATISTIC_EXT") == 0)
        lock_note (prediction, lock_schema_table_of_statistics (prediction->schema, key),
                   LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_NO, LOCK_NO);
      else if (g_strv_contains (of_tables, kind))
        drop_from_table (prediction, names);
      else if (g_strv_contains (tables, kind))
        drop_table (prediction, key, cascade);
    }
}

static void
predict_truncate (LockPrediction *prediction, const json_t *node)
{
  bool cascade = sql_tree_is (node, "behavior", "DROP_CASCADE");
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (node, "relations"), index, element)
    {
      g_autofree char *key = lock_schema_key (json_object_get (element, "RangeVar"));
      if (key == NULL)
        continue;
      if (sql_tree_flag (json_object_get (element, "RangeVar"), "inh"))
        lock_note_tree (prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_YES, LOCK_NO);
      else
        lock_note (prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_YES, LOCK_NO);
      g_autoptr (GPtrArray) referrers = lock_schema_referrers (prediction->schema, key);
      for (guint i = 0; cascade && i < referrers->len; i++)
        lock_note_tree (prediction, referrers->pdata[i], LOCK_ACCESS_EXCLUSIVE, LOCK_YES, LOCK_NO);
    }
}

static void
predict_rename (LockPrediction *prediction, const json_t *node)
{
  const json_t *range = json_object_get (node, "relation");
  g_autofree char *key = lock_schema_key (range);
  const LockRelation *relation = lock_schema_find (prediction->schema, key);
  bool is_index = sql_tree_is (node, "renameType", "OBJECT_INDEX")
                  || (relation != NULL && relation->kind == LOCK_RELATION_INDEX);
  bool recurses = sql_tree_is (node, "renameType", "OBJECT_COLUMN")
                  || sql_tree_is (node, "renameType", "OBJECT_TABCONSTRAINT");
  LockMode mode = is_index ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE;
  if (recurses && sql_tree_flag (range, "inh"))
    lock_note_tree (prediction, key, mode, LOCK_NO, LOCK_NO);
  else
    lock_note (prediction, key, mode, LOCK_NO, LOCK_NO);
}

static void
predict_relation_strongly (LockPrediction *prediction, const json_t *node)
{
  lock_note_range (prediction, json_object_get (node, "relation"), LOCK_ACCESS_EXCLUSIVE, LOCK_NO,
                   LOCK_NO);
}

static void
predict_policy (LockPrediction *prediction, const json_t *node)
{
  lock_note_range (prediction, json_object_get (node, "table"), LOCK_ACCESS_EXCLUSIVE, LOCK_NO,
                   LOCK_NO);
  lock_note_queries (prediction, node);
}

static void
predict_trigger (LockPrediction *prediction, const json_t *node)
{
  g_autofree char *key = lock_schema_key (json_object_get (node, "relation"));
  if (sql_tree_flag (node, "row"))
    lock_note_tree (prediction, key, LOCK_SHARE_ROW_EXCLUSIVE, LOCK_NO, LOCK_NO);
  else
    lock_note (prediction, key, LOCK_SHARE_ROW_EXCLUSIVE, LOCK_NO, LOCK_NO);
  lock_note_range (prediction, json_object_get (node, "constrrel"), LOCK_ACCESS_SHARE, LOCK_NO,
                   LOCK_NO);
}

static void
predict_rule (LockPrediction *prediction, const json_t *node)
{
  predict_relation_strongly (prediction, node);
  lock_note_queries (prediction, json_object_get (node, "actions"));
}

static void
predict_statistics (LockPrediction *prediction, const json_t *node)
{
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (node, "relations"), index, element)
    lock_note_range (prediction, json_object_get (element, "RangeVar"), LOCK_SHARE_UPDATE_EXCLUSIVE,
                     LOCK_NO, LOCK_NO);
}

static void
predict_comment (LockPrediction *prediction, const json_t *node)
{
  static const char *const on_relation[] = {
    "OBJECT_TABLE",         "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE",
    "OBJECT_FOREIGN_TABLE", NULL
  };
  static const char *const within[] = { "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER",
                                        "OBJECT_RULE",   "OBJECT_POLICY",        NULL };
  const char *kind = sql_tree_text (node, "objtype");
  const json_t *names
      = json_object_get (json_object_get (json_object_get (node, "object"), "List"), "items");
  size_t count = json_array_size (names);
  g_autofree char *key = lock_schema_key_of_names (names);
  g_autofree char *outer = lock_schema_key_from (
      count > 2 ? sql_tree_string (json_array_get (names, count - 3)) : NULL,
      count > 1 ? sql_tree_string (json_array_get (names, count - 2)) : NULL);
  if (kind != NULL && g_strv_contains (on_relation, kind))
    lock_note (prediction, key, LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_NO, LOCK_NO);
  else if (kind != NULL && g_strv_contains (within, kind))
    lock_note (prediction, outer,
               strcmp (kind, "OBJECT_COLUMN") == 0 ? LOCK_SHARE_UPDATE_EXCLUSIVE
                                                   : LOCK_ACCESS_SHARE,
               LOCK_NO, LOCK_NO);
}

static void
predict_lock (LockPrediction *prediction, const json_t *node)
{
  LockMode mode = (LockMode) sql_tree_number (node, "mode");
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (node, "relations"), index, element)
    {
      const json_t *range = json_object_get (element, "RangeVar");
      g_autofree char *key = lock_schema_key (range);
      if (mode <= LOCK_ACCESS_EXCLUSIVE && sql_tree_flag (range, "inh"))
        lock_note_tree (prediction, key, mode, LOCK_NO, LOCK_NO);
      else if (mode <= LOCK_ACCESS_EXCLUSIVE)
        lock_note (prediction, key, mode, LOCK_NO, LOCK_NO);
    }
}

static void
predict_vacuum (LockPrediction *prediction, const json_t *node)
{
  bool is_full = sql_tree_option_is_on (json_object_get (node, "options"), "full", false);
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (node, "rels"), index, element)
    {
      const json_t *relation = json_object_get (element, "VacuumRelation");
      g_autofree char *key = lock_schema_key (json_object_get (relation, "relation"));
      if (is_full)
        lock_note_tree (prediction, key, LOCK_ACCESS_EXCLUSIVE, LOCK_YES, LOCK_YES);
      else
        lock_note_tree (prediction, key, LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_NO, LOCK_YES);
    }
}

static void
predict_reindex (LockPrediction *prediction, const json_t *node)
{
  bool is_gentle = sql_tree_option_is_on (json_object_get (node, "params"), "concurrently", false);
  const json_t *range = json_object_get (node, "relation");
  g_autofree char *key = lock_schema_key (range);
  LockMode mode = is_gentle ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_SHARE;
  if (key == NULL)
    return;
  if (!sql_tree_is (node, "kind", "REINDEX_OBJECT_INDEX"))
    {
      lock_note_tree (prediction, key, mode, LOCK_NO, LOCK_YES);
      return;
    }
  const LockRelation *index = lock_schema_find (prediction->schema, key);
  g_autofree char *unknown = g_strdup_printf ("(table of index %s)", key);
  lock_note (prediction, key, is_gentle ? mode : LOCK_ACCESS_EXCLUSIVE,
             is_gentle ? LOCK_NO : LOCK_YES, LOCK_NO);
  lock_note (prediction, index != NULL && index->parent != NULL ? index->parent : unknown, mode,
             LOCK_NO, LOCK_YES);
}

static void
predict_cluster (LockPrediction *prediction, const json_t *node)
{
  lock_note_range (prediction, json_object_get (node, "relation"), LOCK_ACCESS_EXCLUSIVE, LOCK_YES,
                   LOCK_YES);
}

static void
predict_refresh (LockPrediction *prediction, const json_t *node)
{
  bool is_gentle = sql_tree_flag (node, "concurrent");
  lock_note_range (prediction, json_object_get (node, "relation"),
                   is_gentle ? LOCK_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE,
                   is_gentle ? LOCK_NO : LOCK_YES, LOCK_YES);
}

static void
predict_copy (LockPrediction *prediction, const json_t *node)
{
  lock_note_range (prediction, json_object_get (node, "relation"),
                   sql_tree_flag (node, "is_from") ? LOCK_ROW_EXCLUSIVE : LOCK_ACCESS_SHARE,
                   LOCK_NO, LOCK_NO);
  lock_note_queries (prediction, json_object_get (node, "query"));
}

/* Its parameters and its value are in its file; who owns it is not. */
static void
predict_alter_sequence (LockPrediction *prediction, const json_t *node)
{
  const json_t *options = json_object_get (node, "options");
  bool only_owner = json_array_size (options) == 1 && sql_tree_option (options, "owned_by") != NULL;
  lock_note_range (prediction, json_object_get (node, "sequence"), LOCK_SHARE_ROW_EXCLUSIVE,
                   only_owner ? LOCK_NO : LOCK_YES, LOCK_NO);
}

static bool
note_published (const json_t *table, void *data)
{
  lock_note_range (data, json_object_get (table, "relation"), LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_NO,
                   LOCK_NO);
  return false;
}

static void
predict_publication (LockPrediction *prediction, const json_t *node)
{
  sql_tree_visit (node, "pubtable", note_published, prediction);
}

/* Columns of the domain are read through for the new constraint. */
static void
predict_domain (LockPrediction *prediction, const json_t *node)
{
  const char *name = sql_tree_last_name (json_object_get (node, "typeName"));
  const char *subtype = sql_tree_text (node, "subtype");
  const json_t *constraint = json_object_get (json_object_get (node, "def"), "Constraint");
  bool reads = (g_strcmp0 (subtype, "C") == 0 && !sql_tree_flag (constraint, "skip_validation"))
               || g_strcmp0 (subtype, "V") == 0 || g_strcmp0 (subtype, "O") == 0;
  if (name == NULL || !reads)
    return;
  g_autoptr (GPtrArray) users = lock_schema_users_of_type (prediction->schema, name);
  for (guint i = 0; i < users->len; i++)
    lock_note (prediction, users->pdata[i], LOCK_SHARE, LOCK_NO, LOCK_YES);
}

/* Bodies in the standard's form are parsed when the function is made. */
static void
predict_function (LockPrediction *prediction, const json_t *node)
{
  lock_note_queries (prediction, json_object_get (node, "sql_body"));
}

static void
predict_security_of_table (LockPrediction *prediction, const json_t *node)
{
  lock_note_range (prediction, json_object_get (node, "relation"), LOCK_ACCESS_EXCLUSIVE, LOCK_NO,
                   LOCK_NO);
}

static const struct
{
  const char *node;
  void (*predict) (LockPrediction *prediction, const json_t *node);
} predictors[] = {
  { "AlterTableStmt", lock_predict_alter },
  { "CreateStmt", predict_create_table },
  { "CreateForeignTableStmt", predict_create_foreign_table },
  { "CreateTableAsStmt", predict_query },
  { "ViewStmt", predict_view },
  { "IndexStmt", predict_index },
  { "DropStmt", predict_drop },
  { "TruncateStmt", predict_truncate },
  { "RenameStmt", predict_rename },
  { "AlterObjectSchemaStmt", predict_security_of_table },
  { "CreatePolicyStmt", predict_policy },
  { "AlterPolicyStmt", predict_policy },
  { "CreateTrigStmt", predict_trigger },
  { "RuleStmt", predict_rule },
  { "CreateStatsStmt", predict_statistics },
  { "CommentStmt", predict_comment },
  { "LockStmt", predict_lock },
  { "VacuumStmt", predict_vacuum },
  { "ReindexStmt", predict_reindex },
  { "ClusterStmt", predict_cluster },
  { "RefreshMatViewStmt", predict_refresh },
  { "CopyStmt", predict_copy },
  { "AlterSeqStmt", predict_alter_sequence },
  { "CreatePublicationStmt", predict_publication },
  { "AlterPublicationStmt", predict_publication },
  { "AlterDomainStmt", predict_domain },
  { "CreateFunctionStmt", predict_function },
  { "InsertStmt", predict_write },
  { "UpdateStmt", predict_write },
  { "DeleteStmt", predict_write },
  { "MergeStmt", predict_write },
  { "SelectStmt", predict_query },
  { "ExplainStmt", predict_query },
  { "DeclareCursorStmt", predict_query },
};

GPtrArray *
lock_model_predict (const LockSchema *schema, const json_t *tree, int server_major)
{
  LockPrediction prediction
      = { schema, server_major, g_ptr_array_new_with_free_func ((GDestroyNotify) effect_free) };
  for (size_t i = 0; i < G_N_ELEMENTS (predictors); i++)
    {
      const json_t *node = json_object_get (tree, predictors[i].node);
      if (node != NULL)
        {
          predictors[i].predict (&prediction, node);
          /* FOR UPDATE of the outermost SELECT is in the statement's own node. */
          if (strcmp (predictors[i].node, "SelectStmt") == 0)
            lock_note_queries (&prediction, tree);
        }
    }
  return prediction.effects;
}
