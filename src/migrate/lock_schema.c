#include "migrate/lock_schema_internal.h"
#include "sql/tree.h"

#include <string.h>

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

LockRelation *
lock_relation_find (const LockSchema *schema, const char *key)
{
  return key != NULL ? g_hash_table_lookup (schema->relations, key) : NULL;
}

const LockRelation *
lock_schema_find (const LockSchema *schema, const char *key)
{
  return lock_relation_find (schema, key);
}

const LockColumn *
lock_schema_column (const LockSchema *schema, const char *key, const char *column)
{
  const LockRelation *relation = lock_relation_find (schema, key);
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

LockRelation *
lock_relation_add (LockSchema *schema, char *key, LockRelationKind kind)
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

void
lock_remove_text (GPtrArray *texts, const char *text)
{
  guint index;
  if (g_ptr_array_find_with_equal_func (texts, text, g_str_equal, &index))
    g_ptr_array_remove_index (texts, index);
}

void
lock_relation_forget (LockSchema *schema, const char *key)
{
  LockRelation *relation = lock_relation_find (schema, key);
  LockRelation *parent = relation != NULL ? lock_relation_find (schema, relation->parent) : NULL;
  if (relation == NULL)
    return;
  if (parent != NULL)
    {
      lock_remove_text (parent->children, key);
      lock_remove_text (parent->indexes, key);
    }
  for (guint i = 0; i < relation->indexes->len; i++)
    g_hash_table_remove (schema->relations, relation->indexes->pdata[i]);
  g_hash_table_remove (schema->relations, key);
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

void
lock_copy_columns (LockRelation *to, const LockRelation *from)
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
  LockRelation *copy = lock_relation_add (to, g_strdup (from->key), from->kind);
  lock_copy_columns (copy, from);
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
