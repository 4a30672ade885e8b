#include "migrate/lock_schema.h"

#include "base/text.h"
#include "sql/tree.h"

#include <string.h>

struct LockSchema
{
  GHashTable *relations;  /* by key, of LockRelation */
  GHashTable *domains;    /* name: whether it has constraints */
  GHashTable *enums;      /* name: which statement made it */
  GHashTable *functions;  /* name: volatility */
  GHashTable *statistics; /* key: that of their table */
  guint64 age;
};

void
lock_type_clear (LockType *type)
{
  g_free (type->name);
  type->name = NULL;
}

static int
constant_number (const json_t *node)
{
  const json_t *constant = json_object_get (node, "A_Const");
  return (int) sql_tree_number (json_object_get (constant, "ival"), "ival");
}

LockType
lock_type_of (const json_t *node)
{
  LockType type = { 0 };
  const json_t *modifiers = json_object_get (node, "typmods");
  const char *name = sql_tree_last_name (json_object_get (node, "names"));
  bool is_array = json_array_size (json_object_get (node, "arrayBounds")) > 0;
  type.name = g_strconcat (name != NULL ? name : "", is_array ? "[]" : "", NULL);
  type.modifier_count = (int) MIN (json_array_size (modifiers), G_N_ELEMENTS (type.modifiers));
  for (int i = 0; i < type.modifier_count; i++)
    type.modifiers[i] = constant_number (json_array_get (modifiers, (size_t) i));
  return type;
}

static void
column_free (LockColumn *column)
{
  lock_type_clear (&column->type);
  g_free (column->collation);
  g_free (column);
}

static void
relation_free (LockRelation *relation)
{
  g_free (relation->key);
  g_free (relation->parent);
  g_hash_table_unref (relation->columns);
  g_hash_table_unref (relation->not_null_checks);
  g_hash_table_unref (relation->constraints);
  g_ptr_array_unref (relation->children);
  g_ptr_array_unref (relation->indexes);
  g_free (relation);
}

LockSchema *
lock_schema_new (void)
{
  LockSchema *schema = g_new0 (LockSchema, 1);
  schema->relations
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) relation_free);
  schema->domains = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  schema->enums = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  schema->functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  schema->statistics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return schema;
}

void
lock_schema_free (LockSchema *schema)
{
  if (schema == NULL)
    return;
  g_hash_table_unref (schema->relations);
  g_hash_table_unref (schema->domains);
  g_hash_table_unref (schema->enums);
  g_hash_table_unref (schema->functions);
  g_hash_table_unref (schema->statistics);
  g_free (schema);
}

guint64
lock_schema_age (const LockSchema *schema)
{
  return schema->age;
}

char *
lock_schema_key_from (const char *schema, const char *name)
{
  if (name == NULL)
    return NULL;
  return schema == NULL || strcmp (schema, "public") == 0 ? g_strdup (name)
                                                          : g_strconcat (schema, ".", name, NULL);
}

char *
lock_schema_key (const json_t *range)
{
  return lock_schema_key_from (sql_tree_text (range, "schemaname"),
                               sql_tree_text (range, "relname"));
}

char *
lock_schema_key_of_names (const json_t *names)
{
  return lock_schema_key_from (sql_tree_schema_name (names), sql_tree_last_name (names));
}

static LockRelation *
find (const LockSchema *schema, const char *key)
{
  return key != NULL ? g_hash_table_lookup (schema->relations, key) : NULL;
}

const LockRelation *
lock_schema_find (const LockSchema *schema, const char *key)
{
  return find (schema, key);
}

const LockColumn *
lock_schema_column (const LockSchema *schema, const char *key, const char *column)
{
  const LockRelation *relation = find (schema, key);
  return relation != NULL && column != NULL ? g_hash_table_lookup (relation->columns, column)
                                            : NULL;
}

GPtrArray *
lock_schema_referrers (const LockSchema *schema, const char *key)
{
  GPtrArray *keys = g_ptr_array_new ();
  GHashTableIter relations, constraints;
  gpointer relation, target;
  g_hash_table_iter_init (&relations, schema->relations);
  while (g_hash_table_iter_next (&relations, NULL, &relation))
    {
      g_hash_table_iter_init (&constraints, ((LockRelation *) relation)->constraints);
      while (g_hash_table_iter_next (&constraints, NULL, &target))
        if (strcmp (target, key) == 0)
          g_ptr_array_add (keys, ((LockRelation *) relation)->key);
    }
  return keys;
}

GPtrArray *
lock_schema_users_of_type (const LockSchema *schema, const char *type_name)
{
  GPtrArray *keys = g_ptr_array_new ();
  GHashTableIter relations, columns;
  gpointer relation, column;
  g_hash_table_iter_init (&relations, schema->relations);
  while (g_hash_table_iter_next (&relations, NULL, &relation))
    {
      g_hash_table_iter_init (&columns, ((LockRelation *) relation)->columns);
      while (g_hash_table_iter_next (&columns, NULL, &column))
        if (g_strcmp0 (((LockColumn *) column)->type.name, type_name) == 0)
          {
            g_ptr_array_add (keys, ((LockRelation *) relation)->key);
            break;
          }
    }
  return keys;
}

const char *
lock_schema_table_of_statistics (const LockSchema *schema, const char *key)
{
  return g_hash_table_lookup (schema->statistics, key);
}

bool
lock_schema_is_domain (const LockSchema *schema, const char *name, bool *ret_constrained)
{
  gpointer constrained = NULL;
  bool is_one = g_hash_table_lookup_extended (schema->domains, name, NULL, &constrained);
  *ret_constrained = GPOINTER_TO_INT (constrained) != 0;
  return is_one;
}

bool
lock_schema_is_enum (const LockSchema *schema, const char *name)
{
  return g_hash_table_contains (schema->enums, name);
}

guint64
lock_schema_enum_age (const LockSchema *schema, const char *name)
{
  return GPOINTER_TO_SIZE (g_hash_table_lookup (schema->enums, name));
}

char
lock_schema_volatility (const LockSchema *schema, const char *function)
{
  return (char) GPOINTER_TO_INT (g_hash_table_lookup (schema->functions, function));
}

static LockRelation *
add_relation (LockSchema *schema, char *key, LockRelationKind kind)
{
  LockRelation *relation = g_new0 (LockRelation, 1);
  relation->key = key;
  relation->kind = kind;
  relation->columns
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) column_free);
  relation->not_null_checks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  relation->constraints = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  relation->children = g_ptr_array_new_with_free_func (g_free);
  relation->indexes = g_ptr_array_new_with_free_func (g_free);
  relation->made_at = schema->age;
  g_hash_table_replace (schema->relations, g_strdup (key), relation);
  return relation;
}

static void
remove_text (GPtrArray *texts, const char *text)
{
  guint index;
  if (g_ptr_array_find_with_equal_func (texts, text, g_str_equal, &index))
    g_ptr_array_remove_index (texts, index);
}

static void
forget (LockSchema *schema, const char *key)
{
  LockRelation *relation = find (schema, key);
  LockRelation *parent = relation != NULL ? find (schema, relation->parent) : NULL;
  if (relation == NULL)
    return;
  if (parent != NULL)
    {
      remove_text (parent->children, key);
      remove_text (parent->indexes, key);
    }
  for (guint i = 0; i < relation->indexes->len; i++)
    g_hash_table_remove (schema->relations, relation->indexes->pdata[i]);
  g_hash_table_remove (schema->relations, key);
}

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
  const LockRelation *other = find (schema, key);
  /* The server would refuse it. */
  if (other != NULL && other->kind != LOCK_RELATION_INDEX)
    return;
  g_ptr_array_add (relation->indexes, g_strdup (key));
  LockRelation *index = add_relation (schema, g_strdup (key), LOCK_RELATION_INDEX);
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
copy_texts (GHashTable *to, GHashTable *from)
{
  GHashTableIter iter;
  gpointer name, value;
  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_replace (to, g_strdup (name), g_strdup (value));
}

static void
copy_numbers (GHashTable *to, GHashTable *from)
{
  GHashTableIter iter;
  gpointer name, value;
  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_replace (to, g_strdup (name), value);
}

static void
copy_columns (LockRelation *to, const LockRelation *from)
{
  GHashTableIter iter;
  gpointer name, value;
  if (from == NULL)
    return;
  g_hash_table_iter_init (&iter, from->columns);
  while (g_hash_table_iter_next (&iter, &name, &value))
    {
      LockColumn *copy = g_memdup2 (value, sizeof (LockColumn));
      copy->type.name = g_strdup (copy->type.name);
      copy->collation = g_strdup (copy->collation);
      g_hash_table_replace (to->columns, g_strdup (name), copy);
    }
}

static void
copy_relation (LockSchema *to, const LockRelation *from)
{
  LockRelation *copy = add_relation (to, g_strdup (from->key), from->kind);
  copy_columns (copy, from);
  copy_texts (copy->not_null_checks, from->not_null_checks);
  copy_texts (copy->constraints, from->constraints);
  for (guint i = 0; i < from->children->len; i++)
    g_ptr_array_add (copy->children, g_strdup (from->children->pdata[i]));
  for (guint i = 0; i < from->indexes->len; i++)
    g_ptr_array_add (copy->indexes, g_strdup (from->indexes->pdata[i]));
  copy->parent = g_strdup (from->parent);
  copy->is_unlogged = from->is_unlogged;
  copy->is_default_partition = from->is_default_partition;
  copy->made_at = from->made_at;
}

LockSchema *
lock_schema_copy (const LockSchema *schema)
{
  LockSchema *copy = lock_schema_new ();
  GHashTableIter iter;
  gpointer relation;
  g_hash_table_iter_init (&iter, schema->relations);
  while (g_hash_table_iter_next (&iter, NULL, &relation))
    copy_relation (copy, relation);
  copy_numbers (copy->domains, schema->domains);
  copy_numbers (copy->functions, schema->functions);
  copy_texts (copy->statistics, schema->statistics);
  copy_numbers (copy->enums, schema->enums);
  copy->age = schema->age;
  return copy;
}

static void
set_parent (LockSchema *schema, LockRelation *relation, const char *parent_key)
{
  LockRelation *parent = find (schema, parent_key);
  g_free (relation->parent);
  relation->parent = g_strdup (parent_key);
  copy_columns (relation, parent);
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
  if (key == NULL || (sql_tree_flag (node, "if_not_exists") && find (schema, key) != NULL))
    {
      g_free (key);
      return;
    }
  LockRelation *relation = add_relation (schema, key, kind);
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
      copy_columns (relation, find (schema, source));
      learn_constraint (schema, relation, json_object_get (element, "Constraint"), NULL);
    }
}

static void
learn_table_as (LockSchema *schema, const json_t *node)
{
  char *key = lock_schema_key (json_object_get (json_object_get (node, "into"), "rel"));
  if (key != NULL)
    add_relation (schema, key,
                  sql_tree_is (node, "objtype", "OBJECT_MATVIEW") ? LOCK_RELATION_MATVIEW
                                                                  : LOCK_RELATION_TABLE);
}

static void
learn_index (LockSchema *schema, const json_t *node)
{
  g_autofree char *table = lock_schema_key (json_object_get (node, "relation"));
  const char *name = sql_tree_text (node, "idxname");
  LockRelation *relation = find (schema, table);
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
        forget (schema, key);
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
  remove_text (relation->indexes, name);
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
  LockRelation *child = find (schema, key);
  if (child == NULL)
    return;
  if (attach)
    {
      child->is_default_partition
          = sql_tree_flag (json_object_get (partition, "bound"), "is_default");
      set_parent (schema, child, relation->key);
      return;
    }
  remove_text (relation->children, key);
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
  LockRelation *relation = find (schema, key);
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
  LockRelation *relation = find (schema, old);
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
  LockRelation *parent = find (schema, relation->parent);
  GPtrArray *siblings = parent == NULL                          ? NULL
                        : relation->kind == LOCK_RELATION_INDEX ? parent->indexes
                                                                : parent->children;
  if (siblings != NULL)
    {
      remove_text (siblings, old);
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
  LockRelation *relation = find (schema, key);
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
    add_relation (schema, key, kind);
}

static void
learn_owner (LockSchema *schema, const json_t *node)
{
  g_autofree char *key = lock_schema_key (json_object_get (node, "sequence"));
  const json_t *owner
      = json_object_get (sql_tree_option (json_object_get (node, "options"), "owned_by"), "arg");
  const json_t *names = json_object_get (json_object_get (owner, "List"), "items");
  LockRelation *sequence = find (schema, key);
  size_t count = json_array_size (names);
  if (sequence == NULL || count < 2)
    return;
  g_free (sequence->parent);
  sequence->parent = lock_schema_key_from (
      count > 2 ? sql_tree_string (json_array_get (names, count - 3)) : NULL,
      sql_tree_string (json_array_get (names, count - 2)));
}

void
lock_schema_learn (LockSchema *schema, const json_t *tree)
{
  const char *kind;
  json_t *node;
  schema->age++;
  json_object_foreach ((json_t *) tree, kind, node)
    {
      if (strcmp (kind, "CreateStmt") == 0)
        learn_table (schema, node,
                     json_object_get (node, "partspec") != NULL ? LOCK_RELATION_PARTITIONED
                                                                : LOCK_RELATION_TABLE);
      else if (strcmp (kind, "CreateForeignTableStmt") == 0)
        learn_table (schema, json_object_get (node, "base"), LOCK_RELATION_FOREIGN);
      else if (strcmp (kind, "CreateTableAsStmt") == 0)
        learn_table_as (schema, node);
      else if (strcmp (kind, "ViewStmt") == 0)
        learn_named (schema, json_object_get (node, "view"), LOCK_RELATION_VIEW);
      else if (strcmp (kind, "CreateSeqStmt") == 0)
        {
          learn_named (schema, json_object_get (node, "sequence"), LOCK_RELATION_SEQUENCE);
          learn_owner (schema, node);
        }
      else if (strcmp (kind, "AlterSeqStmt") == 0)
        learn_owner (schema, node);
      else if (strcmp (kind, "IndexStmt") == 0)
        learn_index (schema, node);
      else if (strcmp (kind, "DropStmt") == 0)
        learn_drop (schema, node);
      else if (strcmp (kind, "AlterTableStmt") == 0)
        learn_alter (schema, node);
      else if (strcmp (kind, "RenameStmt") == 0)
        learn_rename (schema, node);
      else if (strcmp (kind, "AlterObjectSchemaStmt") == 0)
        learn_set_schema (schema, node);
      else if (strcmp (kind, "CreateStatsStmt") == 0)
        learn_statistics (schema, node);
      else if (strcmp (kind, "CreateFunctionStmt") == 0)
        learn_function (schema, node);
      else if (strcmp (kind, "CreateEnumStmt") == 0)
        {
          const char *name = sql_tree_last_name (json_object_get (node, "typeName"));
          if (name != NULL)
            g_hash_table_replace (schema->enums, g_strdup (name), GSIZE_TO_POINTER (schema->age));
        }
      else if (strcmp (kind, "CreateDomainStmt") == 0)
        {
          const char *name = sql_tree_last_name (json_object_get (node, "domainname"));
          if (name != NULL)
            g_hash_table_replace (
                schema->domains, g_strdup (name),
                GINT_TO_POINTER (sql_tree_visit (node, "Constraint", is_check, NULL)));
        }
    }
}
