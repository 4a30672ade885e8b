#include "integrity/catalogue_internal.h"

#include <string.h>

static void
column_free (CatalogueColumn *column)
{
  g_free (column->name);
  g_free (column->quoted);
  g_free (column->type);
  g_free (column->base_name);
  g_free (column->default_sql);
  g_free (column->collation);
  g_free (column);
}

static void
constraint_free (CatalogueConstraint *constraint)
{
  g_free (constraint->name);
  g_free (constraint->quoted);
  g_free (constraint->definition);
  g_free (constraint->expression);
  g_array_unref (constraint->columns);
  g_free (constraint);
}

static void
key_free (CatalogueKey *key)
{
  g_free (key->name);
  g_free (key->quoted);
  g_ptr_array_unref (key->child_columns);
  g_ptr_array_unref (key->parent_columns);
  g_ptr_array_unref (key->operators);
  g_free (key->definition);
  g_free (key);
}

static void
index_free (CatalogueIndex *index)
{
  g_free (index->name);
  g_free (index->quoted);
  g_free (index->method);
  g_free (index->definition);
  g_ptr_array_unref (index->keys);
  g_array_unref (index->columns);
  g_array_unref (index->included);
  g_free (index->predicate);
  g_free (index->operator_classes);
  g_free (index->collations);
  g_free (index->options);
  g_free (index);
}

static void
trigger_free (CatalogueTrigger *trigger)
{
  g_free (trigger->name);
  g_free (trigger->function);
  g_free (trigger);
}

static void
table_free (CatalogueTable *table)
{
  g_free (table->schema);
  g_free (table->name);
  g_free (table->quoted);
  g_free (table->display);
  g_free (table->partition_condition);
  g_free (table->options);
  g_free (table->owner);
  g_ptr_array_unref (table->columns);
  g_ptr_array_unref (table->constraints);
  g_ptr_array_unref (table->keys);
  g_ptr_array_unref (table->referrers);
  g_ptr_array_unref (table->indexes);
  g_ptr_array_unref (table->triggers);
  g_free (table);
}

static void
sequence_free (CatalogueSequence *sequence)
{
  g_free (sequence->schema);
  g_free (sequence->name);
  g_free (sequence->quoted);
  g_free (sequence->display);
  g_free (sequence->type);
  g_free (sequence);
}

static void
type_free (CatalogueType *type)
{
  g_free (type->schema);
  g_free (type->name);
  g_free (type->quoted);
  g_free (type->display);
  g_ptr_array_unref (type->constraints);
  g_ptr_array_unref (type->labels);
  g_free (type);
}

Catalogue *
catalogue_new (void)
{
  Catalogue *catalogue = g_new0 (Catalogue, 1);
  catalogue->tables = g_ptr_array_new ();
  catalogue->all_tables = g_ptr_array_new_with_free_func ((GDestroyNotify) table_free);
  catalogue->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) key_free);
  catalogue->sequences = g_ptr_array_new_with_free_func ((GDestroyNotify) sequence_free);
  catalogue->types = g_ptr_array_new_with_free_func ((GDestroyNotify) type_free);
  catalogue->by_oid = g_hash_table_new (NULL, NULL);
  return catalogue;
}

CatalogueTable *
catalogue_table_new (void)
{
  CatalogueTable *table = g_new0 (CatalogueTable, 1);
  table->columns = g_ptr_array_new_with_free_func ((GDestroyNotify) column_free);
  table->constraints = g_ptr_array_new_with_free_func ((GDestroyNotify) constraint_free);
  table->keys = g_ptr_array_new ();
  table->referrers = g_ptr_array_new ();
  table->indexes = g_ptr_array_new_with_free_func ((GDestroyNotify) index_free);
  table->triggers = g_ptr_array_new_with_free_func ((GDestroyNotify) trigger_free);
  return table;
}

CatalogueType *
catalogue_type_new (void)
{
  CatalogueType *type = g_new0 (CatalogueType, 1);
  type->constraints = g_ptr_array_new_with_free_func ((GDestroyNotify) constraint_free);
  type->labels = g_ptr_array_new_with_free_func (g_free);
  return type;
}

void
catalogue_free (Catalogue *catalogue)
{
  if (catalogue == NULL)
    return;
  g_free (catalogue->database);
  g_free (catalogue->system_identifier);
  g_free (catalogue->encoding);
  g_hash_table_unref (catalogue->by_oid);
  g_ptr_array_unref (catalogue->tables);
  g_ptr_array_unref (catalogue->keys);
  g_ptr_array_unref (catalogue->sequences);
  g_ptr_array_unref (catalogue->types);
  g_ptr_array_unref (catalogue->all_tables);
  g_free (catalogue);
}

CatalogueTable *
catalogue_table (const Catalogue *catalogue, unsigned int oid)
{
  return g_hash_table_lookup (catalogue->by_oid, GUINT_TO_POINTER (oid));
}

CatalogueTable *
catalogue_table_named (const Catalogue *catalogue, const char *schema, const char *name)
{
  for (guint i = 0; i < catalogue->all_tables->len; i++)
    {
      CatalogueTable *table = catalogue->all_tables->pdata[i];
      if (strcmp (table->name, name) == 0 && strcmp (table->schema, schema) == 0)
        return table;
    }
  return NULL;
}

CatalogueColumn *
catalogue_column (const CatalogueTable *table, int number)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      CatalogueColumn *column = table->columns->pdata[i];
      if (column->number == number)
        return column;
    }
  return NULL;
}

CatalogueColumn *
catalogue_column_named (const CatalogueTable *table, const char *name)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      CatalogueColumn *column = table->columns->pdata[i];
      if (strcmp (column->name, name) == 0)
        return column;
    }
  return NULL;
}

bool
catalogue_table_has_rows (const CatalogueTable *table)
{
  return table->kind == 'r' || table->kind == 'f';
}

const char *
catalogue_table_only (const CatalogueTable *table)
{
  return table->kind == 'p' ? "" : "ONLY ";
}

char *
catalogue_display (const CatalogueTable *table, const CatalogueColumn *column)
{
  return g_strdup_printf ("%s.%s", table->display, column->name);
}

char *
catalogue_columns_sql (const GPtrArray *columns, const char *prefix, const char *separator)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < columns->len; i++)
    {
      const CatalogueColumn *column = columns->pdata[i];
      g_string_append_printf (text, "%s%s%s", i > 0 ? separator : "", prefix, column->quoted);
    }
  return g_string_free (text, FALSE);
}
