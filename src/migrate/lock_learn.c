/*
 * What each kind of statement changes of what is known of the schema.
 */
#include "base/text.h"
#include "migrate/lock_schema_internal.h"
#include "sql/tree.h"

#include <string.h>

/* The column of CHECK (column IS NOT NULL), or NULL. */
static const char *
not_null_column (const json_t *expression)
{
  const json_t *test = json_object_get (expression, "NullTest");
  const json_t *column = json_object_get (json_object_get (test, "arg"), "ColumnRef");
  return sql_tree_is (test, "nulltesttype", "IS_NOT_NULL")
             ? sql_tree_last_name (json_object_get (column, "fields"))
             : NULL;
}

/* What the server calls a constraint without a name. */
static char *
default_name (const LockRelation *relation, const json_t *columns, const char *suffix)
{
  const char *table = strrchr (relation->key, '.');
  g_autoptr (GString) name = g_string_new (table != NULL ? table + 1 : relation->key);
  size_t index;
  json_t *column;
  json_array_foreach (columns, index, column)
    g_string_append_printf (name, "_%s", sql_tree_string (column));
  g_string_append (name, suffix);
  return g_string_free (g_steal_pointer (&name), FALSE);
}

static void
add_index (LockSchema *schema, LockRelation *relation, const char *name)
{
  const char *dot = strrchr (relation->key, '.');
  g_autofree char *folder
      = dot != NULL ? g_strndup (relation->key, (gsize) (dot - relation->key)) : NULL;
  g_autofree char *key = lock_schema_key_from (folder, name);
  const LockRelation *other = lock_relation_find (schema, key);
  /* The server would refuse it. */
  if (other != NULL && other->kind != LOCK_RELATION_INDEX)
    return;
  g_ptr_array_add (relation->indexes, g_strdup (key));
  LockRelation *index = lock_relation_add (schema, g_strdup (key), LOCK_RELATION_INDEX);
  index->parent = g_strdup (relation->key);
}

static void
set_not_null (LockRelation *relation, const char *name, bool is_not_null)
{
  LockColumn *column = name != NULL ? g_hash_table_lookup (relation->columns, name) : NULL;
  if (column != NULL)
    column->is_not_null = is_not_null;
}

static void
set_all_not_null (LockRelation *relation, const json_t *keys)
{
  size_t index;
  json_t *key;
  json_array_foreach (keys, index, key)
    set_not_null (relation, sql_tree_string (key), true);
}

/* COLUMN: of a constraint that stands behind a column; NULL for the table's. */
static void
learn_constraint (LockSchema *schema, LockRelation *relation, const json_t *constraint,
                  const char *column)
{
  const char *kind = sql_tree_text (constraint, "contype");
  const char *given = sql_tree_text (constraint, "conname");
  const json_t *keys = json_object_get (constraint, "keys");
  g_autoptr (json_t) own
      = column != NULL ? json_pack ("[{s:{s:s}}]", "String", "sval", column) : NULL;
  g_autofree char *name = NULL;
  if (kind == NULL)
    return;
  if (keys == NULL)
    keys = own;
  if (strcmp (kind, "CONSTR_NOTNULL") == 0)
    set_not_null (relation, column != NULL ? column : sql_tree_last_name (keys), true);
  else if (strcmp (kind, "CONSTR_GENERATED") == 0 && column != NULL)
    ((LockColumn *) g_hash_table_lookup (relation->columns, column))->is_generated = true;
  else if (strcmp (kind, "CONSTR_IDENTITY") == 0)
    set_not_null (relation, column, true);
  else if (strcmp (kind, "CONSTR_PRIMARY") == 0 || strcmp (kind, "CONSTR_UNIQUE") == 0
           || strcmp (kind, "CONSTR_EXCLUSION") == 0)
    {
      bool is_primary = strcmp (kind, "CONSTR_PRIMARY") == 0;
      name = given != NULL
                 ? g_strdup (given)
                 : default_name (relation, is_primary ? NULL : keys, is_primary ? "_pkey" : "_key");
      if (is_primary)
        set_all_not_null (relation, keys);
      g_hash_table_replace (relation->constraints, g_strdup (name), g_strdup (""));
      if (sql_tree_text (constraint, "indexname") == NULL)
        add_index (schema, relation, name);
    }
  else if (strcmp (kind, "CONSTR_FOREIGN") == 0)
    {
      const json_t *foreign = json_object_get (constraint, "fk_attrs");
      name = given != NULL ? g_strdup (given)
                           : default_name (relation, foreign != NULL ? foreign : own, "_fkey");
      g_hash_table_replace (relation->constraints, g_strdup (name),
                            lock_schema_key (json_object_get (constraint, "pktable")));
    }
  else if (strcmp (kind, "CONSTR_CHECK") == 0)
    {
      const char *checked = not_null_column (json_object_get (constraint, "raw_expr"));
      name = given != NULL ? g_strdup (given) : default_name (relation, own, "_check");
      g_hash_table_replace (relation->constraints, g_strdup (name), g_strdup (""));
      /* One that is not validated counts once VALIDATE names it. */
      if (checked != NULL)
        g_hash_table_replace (
            relation->not_null_checks, g_strdup (checked),
            g_strconcat (sql_tree_flag (constraint, "skip_validation") ? "?" : "", name, NULL));
    }
}

static void
learn_column (LockSchema *schema, LockRelation *relation, const json_t *definition)
{
  const char *name = sql_tree_text (definition, "colname");
  const json_t *collation = json_object_get (definition, "collClause");
  LockColumn *column = g_new0 (LockColumn, 1);
  size_t index;
  json_t *constraint;
  if (name == NULL)
    {
      g_free (column);
      return;
    }
  column->type = lock_type_of (json_object_get (definition, "typeName"));
  column->collation = g_strdup (sql_tree_last_name (json_object_get (collation, "collname")));
  if (g_str_has_suffix (column->type.name, "serial"))
    {
      column->is_not_null = true;
      g_free (column->type.name);
      column->type.name = g_strdup ("int4");
    }
  g_hash_table_replace (relation->columns, g_strdup (name), column);
  json_array_foreach (json_object_get (definition, "constraints"), index, constraint)
    learn_constraint (schema, relation, json_object_get (constraint, "Constraint"), name);
}

static void
set_parent (LockSchema *schema, LockRelation *relation, const char *parent_key)
{
  LockRelation *parent = lock_relation_find (schema, parent_key);
  g_free (relation->parent);
  relation->parent = g_strdup (parent_key);
  lock_copy_columns (relation, parent);
  if (parent != NULL)
    g_ptr_array_add (parent->children, g_strdup (relation->key));
}

static void
learn_table (LockSchema *schema, const json_t *node, LockRelationKind kind)
{
  const json_t *range = json_object_get (node, "relation");
  char *key = lock_schema_key (range);
  size_t index;
  json_t *element;
  if (key == NULL
      || (sql_tree_flag (node, "if_not_exists") && lock_relation_find (schema, key) != NULL))
    {
      g_free (key);
      return;
    }
  LockRelation *relation = lock_relation_add (schema, key, kind);
  relation->is_unlogged = sql_tree_is (range, "relpersistence", "u");
  relation->is_default_partition
      = sql_tree_flag (json_object_get (node, "partbound"), "is_default");
  json_array_foreach (json_object_get (node, "inhRelations"), index, element)
    {
      g_autofree char *parent = lock_schema_key (json_object_get (element, "RangeVar"));
      if (parent != NULL)
        set_parent (schema, relation, parent);
    }
  json_array_foreach (json_object_get (node, "tableElts"), index, element)
    {
      if (json_object_get (element, "ColumnDef") != NULL)
        learn_column (schema, relation, json_object_get (element, "ColumnDef"));
    }
  json_array_foreach (json_object_get (node, "tableElts"), index, element)
    {
      const json_t *like = json_object_get (element, "TableLikeClause");
      g_autofree char *source = lock_schema_key (json_object_get (like, "relation"));
      lock_copy_columns (relation, lock_relation_find (schema, source));
      learn_constraint (schema, relation, json_object_get (element, "Constraint"), NULL);
    }
}

static void
learn_table_as (LockSchema *schema, const json_t *node)
{
  char *key = lock_schema_key (json_object_get (json_object_get (node, "into"), "rel"));
  if (key != NULL)
    lock_relation_add (schema, key,
                       sql_tree_is (node, "objtype", "OBJECT_MATVIEW") ? LOCK_RELATION_MATVIEW
                                                                       : LOCK_RELATION_TABLE);
}

static void
learn_index (LockSchema *schema, const json_t *node)
{
  g_autofree char *table = lock_schema_key (json_object_get (node, "relation"));
  const char *name = sql_tree_text (node, "idxname");
  LockRelation *relation = lock_relation_find (schema, table);
  if (relation != NULL && name != NULL)
    add_index (schema, relation, name);
}

static void
learn_drop (LockSchema *schema, const json_t *node)
{
  static const char *const relations[] = {
    "OBJECT_TABLE",         "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE",
    "OBJECT_FOREIGN_TABLE", NULL
  };
  const char *kind = sql_tree_text (node, "removeType");
  size_t index;
  json_t *object;
  json_array_foreach (json_object_get (node, "objects"), index, object)
    {
      const json_t *names = json_object_get (json_object_get (object, "List"), "items");
      const json_t *type = json_object_get (json_object_get (object, "TypeName"), "names");
      g_autofree char *key = lock_schema_key_of_names (names);
      if (kind != NULL && key != NULL && g_strv_contains (relations, kind))
        lock_relation_forget (schema, key);
      else if (type != NULL && sql_tree_last_name (type) != NULL)
        {
          g_hash_table_remove (schema->domains, sql_tree_last_name (type));
          g_hash_table_remove (schema->enums, sql_tree_last_name (type));
        }
    }
}

static void
drop_constraint (LockSchema *schema, LockRelation *relation, const char *name)
{
  GHashTableIter iter;
  gpointer check;
  g_autofree char *pending = g_strconcat ("?", name, NULL);
  g_hash_table_remove (relation->constraints, name);
  g_hash_table_iter_init (&iter, relation->not_null_checks);
  while (g_hash_table_iter_next (&iter, NULL, &check))
    if (strcmp (check, name) == 0 || strcmp (check, pending) == 0)
      g_hash_table_iter_remove (&iter);
  lock_remove_text (relation->indexes, name);
}

static void
validate_constraint (LockRelation *relation, const char *name)
{
  GHashTableIter iter;
  gpointer check;
  g_hash_table_iter_init (&iter, relation->not_null_checks);
  while (g_hash_table_iter_next (&iter, NULL, &check))
    if (((char *) check)[0] == '?' && strcmp ((char *) check + 1, name) == 0)
      {
        g_hash_table_iter_replace (&iter, g_strdup (name));
        return;
      }
}

static void
change_type (LockRelation *relation, const char *name, const json_t *definition)
{
  LockColumn *column = g_hash_table_lookup (relation->columns, name);
  if (column == NULL)
    return;
  lock_type_clear (&column->type);
  column->type = lock_type_of (json_object_get (definition, "typeName"));
  g_free (column->collation);
  column->collation = g_strdup (sql_tree_last_name (
      json_object_get (json_object_get (definition, "collClause"), "collname")));
}

static void
learn_partition (LockSchema *schema, LockRelation *relation, const json_t *command, bool attach)
{
  const json_t *partition = json_object_get (json_object_get (command, "def"), "PartitionCmd");
  g_autofree char *key = lock_schema_key (json_object_get (partition, "name"));
  LockRelation *child = lock_relation_find (schema, key);
  if (child == NULL)
    return;
  if (attach)
    {
      child->is_default_partition
          = sql_tree_flag (json_object_get (partition, "bound"), "is_default");
      set_parent (schema, child, relation->key);
      return;
    }
  lock_remove_text (relation->children, key);
  g_clear_pointer (&child->parent, g_free);
}

static void
learn_command (LockSchema *schema, LockRelation *relation, const json_t *command)
{
  const char *what = sql_tree_text (command, "subtype");
  const char *name = sql_tree_text (command, "name");
  const json_t *def = json_object_get (command, "def");
  if (what == NULL)
    return;
  if (strcmp (what, "AT_AddColumn") == 0)
    learn_column (schema, relation, json_object_get (def, "ColumnDef"));
  else if (strcmp (what, "AT_AddConstraint") == 0)
    learn_constraint (schema, relation, json_object_get (def, "Constraint"), NULL);
  else if (strcmp (what, "AT_SetLogged") == 0)
    relation->is_unlogged = false;
  else if (strcmp (what, "AT_SetUnLogged") == 0)
    relation->is_unlogged = true;
  else if (strcmp (what, "AT_AttachPartition") == 0)
    learn_partition (schema, relation, command, true);
  else if (strcmp (what, "AT_DetachPartition") == 0)
    learn_partition (schema, relation, command, false);
  else if (name == NULL)
    return;
  else if (strcmp (what, "AT_DropColumn") == 0)
    {
      g_hash_table_remove (relation->columns, name);
      g_hash_table_remove (relation->not_null_checks, name);
    }
  else if (strcmp (what, "AT_AlterColumnType") == 0)
    change_type (relation, name, json_object_get (def, "ColumnDef"));
  else if (strcmp (what, "AT_SetNotNull") == 0 || strcmp (what, "AT_DropNotNull") == 0)
    set_not_null (relation, name, strcmp (what, "AT_SetNotNull") == 0);
  else if (strcmp (what, "AT_DropConstraint") == 0)
    drop_constraint (schema, relation, name);
  else if (strcmp (what, "AT_ValidateConstraint") == 0)
    validate_constraint (relation, name);
}

static void
learn_alter (LockSchema *schema, const json_t *node)
{
  g_autofree char *key = lock_schema_key (json_object_get (node, "relation"));
  LockRelation *relation = lock_relation_find (schema, key);
  size_t index;
  json_t *command;
  if (relation == NULL)
    return;
  json_array_foreach (json_object_get (node, "cmds"), index, command)
    learn_command (schema, relation, json_object_get (command, "AlterTableCmd"));
}

/* The relation of OLD becomes NEW, wherever it is named. */
static void
change_key (LockSchema *schema, const char *old, char *new)
{
  LockRelation *relation = lock_relation_find (schema, old);
  GHashTableIter relations, constraints;
  gpointer other, target, stolen_key;
  if (relation == NULL || strcmp (old, new) == 0)
    {
      g_free (new);
      return;
    }
  g_hash_table_iter_init (&relations, schema->relations);
  while (g_hash_table_iter_next (&relations, NULL, &other))
    {
      LockRelation *another = other;
      if (g_strcmp0 (another->parent, old) == 0)
        {
          g_free (another->parent);
          another->parent = g_strdup (new);
        }
      g_hash_table_iter_init (&constraints, another->constraints);
      while (g_hash_table_iter_next (&constraints, NULL, &target))
        if (strcmp (target, old) == 0)
          g_hash_table_iter_replace (&constraints, g_strdup (new));
    }
  LockRelation *parent = lock_relation_find (schema, relation->parent);
  GPtrArray *siblings = parent == NULL                          ? NULL
                        : relation->kind == LOCK_RELATION_INDEX ? parent->indexes
                                                                : parent->children;
  if (siblings != NULL)
    {
      lock_remove_text (siblings, old);
      g_ptr_array_add (siblings, g_strdup (new));
    }
  g_hash_table_steal_extended (schema->relations, old, &stolen_key, NULL);
  g_free (stolen_key);
  g_free (relation->key);
  relation->key = new;
  g_hash_table_replace (schema->relations, g_strdup (new), relation);
}

static void
learn_rename (LockSchema *schema, const json_t *node)
{
  const json_t *range = json_object_get (node, "relation");
  g_autofree char *key = lock_schema_key (range);
  const char *new = sql_tree_text (node, "newname");
  const char *old = sql_tree_text (node, "subname");
  LockRelation *relation = lock_relation_find (schema, key);
  gpointer stolen_key, column;
  if (relation == NULL || new == NULL)
    return;
  if (!sql_tree_is (node, "renameType", "OBJECT_COLUMN"))
    {
      if (old == NULL)
        change_key (schema, key, lock_schema_key_from (sql_tree_text (range, "schemaname"), new));
      return;
    }
  if (old != NULL && g_hash_table_steal_extended (relation->columns, old, &stolen_key, &column))
    {
      g_free (stolen_key);
      g_hash_table_replace (relation->columns, g_strdup (new), column);
    }
}

static void
learn_set_schema (LockSchema *schema, const json_t *node)
{
  const json_t *range = json_object_get (node, "relation");
  g_autofree char *key = lock_schema_key (range);
  if (key != NULL)
    change_key (
        schema, key,
        lock_schema_key_from (sql_tree_text (node, "newschema"), sql_tree_text (range, "relname")));
}

static bool
is_check (const json_t *constraint, void *data)
{
  return sql_tree_is (constraint, "contype", "CONSTR_CHECK")
         || sql_tree_is (constraint, "contype", "CONSTR_NOTNULL");
}

static void
learn_function (LockSchema *schema, const json_t *node)
{
  const char *name = sql_tree_last_name (json_object_get (node, "funcname"));
  const char *volatility = sql_tree_option_text (json_object_get (node, "options"), "volatility");
  if (name != NULL)
    g_hash_table_replace (schema->functions, g_strdup (name),
                          GINT_TO_POINTER (volatility != NULL ? volatility[0] : 'v'));
}

static void
learn_statistics (LockSchema *schema, const json_t *node)
{
  g_autofree char *key = lock_schema_key_of_names (json_object_get (node, "defnames"));
  const json_t *first = json_array_get (json_object_get (node, "relations"), 0);
  g_autofree char *table = lock_schema_key (json_object_get (first, "RangeVar"));
  if (key != NULL && table != NULL)
    g_hash_table_replace (schema->statistics, g_steal_pointer (&key), g_steal_pointer (&table));
}

static void
learn_named (LockSchema *schema, const json_t *range, LockRelationKind kind)
{
  char *key = lock_schema_key (range);
  if (key != NULL)
    lock_relation_add (schema, key, kind);
}

static void
learn_owner (LockSchema *schema, const json_t *node)
{
  g_autofree char *key = lock_schema_key (json_object_get (node, "sequence"));
  const json_t *owner
      = json_object_get (sql_tree_option (json_object_get (node, "options"), "owned_by"), "arg");
  const json_t *names = json_object_get (json_object_get (owner, "List"), "items");
  LockRelation *sequence = lock_relation_find (schema, key);
  size_t count = json_array_size (names);
  if (sequence == NULL || count < 2)
    return;
  g_free (sequence->parent);
  sequence->parent = lock_schema_key_from (
      count > 2 ? sql_tree_string (json_array_get (names, count - 3)) : NULL,
      sql_tree_string (json_array_get (names, count - 2)));
}

static void
learn_create_table (LockSchema *schema, const json_t *node)
{
  bool is_partitioned = json_object_get (node, "partspec") != NULL;
  learn_table (schema, node, is_partitioned ? LOCK_RELATION_PARTITIONED : LOCK_RELATION_TABLE);
}

static void
learn_foreign_table (LockSchema *schema, const json_t *node)
{
  learn_table (schema, json_object_get (node, "base"), LOCK_RELATION_FOREIGN);
}

static void
learn_view (LockSchema *schema, const json_t *node)
{
  learn_named (schema, json_object_get (node, "view"), LOCK_RELATION_VIEW);
}

static void
learn_sequence (LockSchema *schema, const json_t *node)
{
  learn_named (schema, json_object_get (node, "sequence"), LOCK_RELATION_SEQUENCE);
  learn_owner (schema, node);
}

static void
learn_enum (LockSchema *schema, const json_t *node)
{
  const char *name = sql_tree_last_name (json_object_get (node, "typeName"));
  if (name != NULL)
    g_hash_table_replace (schema->enums, g_strdup (name), GSIZE_TO_POINTER (schema->age));
}

static void
learn_domain (LockSchema *schema, const json_t *node)
{
  const char *name = sql_tree_last_name (json_object_get (node, "domainname"));
  bool is_constrained = sql_tree_visit (node, "Constraint", is_check, NULL);
  if (name != NULL)
    g_hash_table_replace (schema->domains, g_strdup (name), GINT_TO_POINTER (is_constrained));
}

void
lock_schema_learn (LockSchema *schema, const json_t *tree)
{
  static const struct
  {
    const char *kind;
    void (*learn) (LockSchema *schema, const json_t *node);
  } lessons[] = {
    { "CreateStmt", learn_create_table },
    { "CreateForeignTableStmt", learn_foreign_table },
    { "CreateTableAsStmt", learn_table_as },
    { "ViewStmt", learn_view },
    { "CreateSeqStmt", learn_sequence },
    { "AlterSeqStmt", learn_owner },
    { "IndexStmt", learn_index },
    { "DropStmt", learn_drop },
    { "AlterTableStmt", learn_alter },
    { "RenameStmt", learn_rename },
    { "AlterObjectSchemaStmt", learn_set_schema },
    { "CreateStatsStmt", learn_statistics },
    { "CreateFunctionStmt", learn_function },
    { "CreateEnumStmt", learn_enum },
    { "CreateDomainStmt", learn_domain },
  };
  schema->age++;
  for (size_t i = 0; i < G_N_ELEMENTS (lessons); i++)
    {
      const json_t *node = json_object_get (tree, lessons[i].kind);
      if (node != NULL)
        lessons[i].learn (schema, node);
    }
}
