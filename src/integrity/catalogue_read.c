#include "db/schema.h"
#include "integrity/catalogue_internal.h"
#include "integrity/resource.h"

#include <stdlib.h>
#include <string.h>

/* So many sequences are read by one statement. */
#define SEQUENCES_AT_ONCE 200
/* What a row may take at least on disk: for tables that were never analysed. */
#define GUESSED_ROW_BYTES 80

/* A result read field by field, in the order in which the SQL lists them. */
typedef struct
{
  const DbResult *result;
  int row, column;
} Fields;

static const char *
next_text (Fields *fields)
{
  return db_result_text (fields->result, fields->row, fields->column++);
}

static char *
next_copy (Fields *fields)
{
  return g_strdup (next_text (fields));
}

static char *
next_copy_or_null (Fields *fields)
{
  if (!db_result_is_null (fields->result, fields->row, fields->column))
    return next_copy (fields);
  fields->column++;
  return NULL;
}

static char
next_char (Fields *fields)
{
  return next_text (fields)[0];
}

static bool
next_bool (Fields *fields)
{
  return next_char (fields) == 't';
}

static int64_t
next_int64 (Fields *fields)
{
  return g_ascii_strtoll (next_text (fields), NULL, 10);
}

static unsigned int
next_oid (Fields *fields)
{
  return (unsigned int) next_int64 (fields);
}

static double
next_double (Fields *fields)
{
  return g_ascii_strtod (next_text (fields), NULL);
}

/* Numbers with spaces between them. */
static GArray *
parse_numbers (const char *text)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (int));
  for (char *end; *text != '\0'; text = end + strspn (end, " "))
    {
      int number = (int) strtol (text, &end, 10);
      if (end == text)
        break;
      g_array_append_val (numbers, number);
    }
  return numbers;
}

static bool
query (DbConn *conn, const char *name, DbResult **ret_result, GError **error)
{
  g_autofree char *sql = db_schema_query_for (integrity_sql (name), db_server_major (conn));
  if (!db_query (conn, sql, 0, NULL, ret_result, error))
    return prefix_error (error, "reading the catalogue (%s)", name);
  return true;
}

static bool
read_database (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-database.sql", &result, error))
    return false;
  Fields fields = { result, 0, 0 };
  catalogue->server_version = db_server_version (conn);
  catalogue->database = next_copy (&fields);
  catalogue->encoding = next_copy (&fields);
  catalogue->is_in_recovery = next_bool (&fields);
  catalogue->is_superuser = next_bool (&fields);
  catalogue->system_identifier = next_copy (&fields);
  return true;
}

static bool
is_wanted (const char *const *schemas, const CatalogueTable *table)
{
  return schemas == NULL || g_strv_contains (schemas, table->schema);
}

/* What ANALYZE last saw, scaled to the size that the table has now, as the planner does. */
static double
estimate_rows (double tuples, double pages, const CatalogueTable *table, double block_size)
{
  double now = (double) table->bytes / block_size;
  if (tuples < 0 || pages <= 0)
    return (double) table->bytes / GUESSED_ROW_BYTES;
  return table->kind == 'f' || table->kind == 'p' ? tuples : tuples / pages * now;
}

static CatalogueTable *
read_table (Fields *fields)
{
  CatalogueTable *table = catalogue_table_new ();
  table->oid = next_oid (fields);
  table->schema = next_copy (fields);
  table->name = next_copy (fields);
  table->quoted = db_quote_name (table->schema, table->name);
  table->display = g_strdup_printf ("%s.%s", table->schema, table->name);
  table->kind = next_char (fields);
  table->persistence = next_char (fields);
  table->replica_identity = next_char (fields);
  table->is_partition = next_bool (fields);
  table->parent_oid = next_oid (fields);
  table->partition_condition = next_copy_or_null (fields);
  table->is_default_partition = next_bool (fields);
  table->has_children = next_bool (fields);
  table->can_select = next_bool (fields);
  table->rls_is_active = next_bool (fields);
  table->rls_is_enabled = next_bool (fields);
  table->rls_is_forced = next_bool (fields);
  table->is_populated = next_bool (fields);
  double tuples = next_double (fields);
  double pages = next_double (fields);
  table->bytes = next_int64 (fields);
  table->options = next_copy (fields);
  table->owner = next_copy (fields);
  table->is_locked = next_bool (fields);
  table->rows = estimate_rows (tuples, pages, table, next_double (fields));
  return table;
}

static bool
read_tables (DbConn *conn, const char *const *schemas, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-tables.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueTable *table = read_table (&fields);
      g_ptr_array_add (catalogue->all_tables, table);
      g_hash_table_insert (catalogue->by_oid, GUINT_TO_POINTER (table->oid), table);
      if (is_wanted (schemas, table))
        g_ptr_array_add (catalogue->tables, table);
    }
  for (guint i = 0; i < catalogue->all_tables->len; i++)
    {
      CatalogueTable *table = catalogue->all_tables->pdata[i];
      if (table->parent_oid != 0)
        table->parent = catalogue_table (catalogue, table->parent_oid);
    }
  return true;
}

static CatalogueType *
find_type (const Catalogue *catalogue, unsigned int oid)
{
  for (guint i = 0; oid != 0 && i < catalogue->types->len; i++)
    {
      CatalogueType *type = catalogue->types->pdata[i];
      if (type->oid == oid)
        return type;
    }
  return NULL;
}

static bool
read_types (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-types.sql", &result, error))
    return false;
  g_autoptr (GArray) bases = g_array_new (FALSE, FALSE, sizeof (unsigned int));
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueType *type = catalogue_type_new ();
      g_ptr_array_add (catalogue->types, type);
      type->oid = next_oid (&fields);
      type->schema = next_copy (&fields);
      type->name = next_copy (&fields);
      type->quoted = db_quote_name (type->schema, type->name);
      type->display = g_strdup_printf ("%s.%s", type->schema, type->name);
      type->kind = next_char (&fields);
      type->is_not_null = next_bool (&fields);
      unsigned int base = next_oid (&fields);
      g_array_append_val (bases, base);
      g_auto (GStrv) labels = g_strsplit (next_text (&fields), "\x01", -1);
      for (guint i = 0; type->kind == 'e' && labels[i] != NULL; i++)
        g_ptr_array_add (type->labels, g_strdup (labels[i]));
    }
  for (guint i = 0; i < bases->len; i++)
    ((CatalogueType *) catalogue->types->pdata[i])->base
        = find_type (catalogue, g_array_index (bases, unsigned int, i));
  return true;
}

static CatalogueColumn *
read_column (Fields *fields, const Catalogue *catalogue, CatalogueTable *table)
{
  CatalogueColumn *column = g_new0 (CatalogueColumn, 1);
  column->number = (int) next_int64 (fields);
  column->name = next_copy (fields);
  column->quoted = db_quote_ident (column->name);
  column->type = next_copy (fields);
  column->type_oid = next_oid (fields);
  column->base_oid = next_oid (fields);
  column->base_name = next_copy (fields);
  column->category = next_char (fields);
  column->is_not_null = next_bool (fields);
  column->is_not_null_domain = next_bool (fields);
  column->is_generated = next_bool (fields);
  column->is_virtual = next_bool (fields);
  column->is_identity = next_bool (fields);
  column->is_array = next_bool (fields);
  column->can_select = next_bool (fields);
  column->default_sql = next_copy_or_null (fields);
  column->collation = next_copy_or_null (fields);
  table->has_statistics |= next_bool (fields);
  column->distinct = next_double (fields);
  column->null_fraction = next_double (fields);
  column->correlation = next_double (fields);
  CatalogueType *type = find_type (catalogue, column->type_oid);
  column->domain = type != NULL && type->kind == 'd' ? type : NULL;
  return column;
}

static bool
read_columns (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-columns.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueTable *table = catalogue_table (catalogue, next_oid (&fields));
      if (table != NULL)
        g_ptr_array_add (table->columns, read_column (&fields, catalogue, table));
    }
  return true;
}

static bool
read_constraints (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-constraints.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueTable *table = catalogue_table (catalogue, next_oid (&fields));
      CatalogueType *type = find_type (catalogue, next_oid (&fields));
      if (table == NULL && type == NULL)
        continue;
      CatalogueConstraint *constraint = g_new0 (CatalogueConstraint, 1);
      g_ptr_array_add (table != NULL ? table->constraints : type->constraints, constraint);
      constraint->name = next_copy (&fields);
      constraint->quoted = db_quote_ident (constraint->name);
      constraint->kind = next_char (&fields);
      constraint->definition = next_copy (&fields);
      constraint->expression = next_copy_or_null (&fields);
      constraint->columns = parse_numbers (next_text (&fields));
      constraint->is_validated = next_bool (&fields);
      constraint->is_enforced = next_bool (&fields);
      constraint->is_inherited = next_bool (&fields);
      constraint->index_oid = next_oid (&fields);
    }
  return true;
}

/* The columns of TABLE with these numbers; NULL when one is not there. */
static GPtrArray *
find_columns (const CatalogueTable *table, const char *numbers)
{
  g_autoptr (GPtrArray) columns = g_ptr_array_new ();
  g_autoptr (GArray) parsed = parse_numbers (numbers);
  for (guint i = 0; i < parsed->len; i++)
    {
      CatalogueColumn *column = catalogue_column (table, g_array_index (parsed, int, i));
      if (column == NULL)
        return NULL;
      g_ptr_array_add (columns, column);
    }
  return g_steal_pointer (&columns);
}

static GPtrArray *
split_lines (const char *text, const char *separator)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) parts = g_strsplit (text, separator, -1);
  for (guint i = 0; parts[i] != NULL; i++)
    g_ptr_array_add (lines, g_strdup (parts[i]));
  return lines;
}

static void
read_key (Fields *fields, Catalogue *catalogue)
{
  unsigned int oid = next_oid (fields);
  const char *name = next_text (fields);
  CatalogueTable *child = catalogue_table (catalogue, next_oid (fields));
  CatalogueTable *parent = catalogue_table (catalogue, next_oid (fields));
  if (child == NULL || parent == NULL)
    return;
  g_autoptr (GPtrArray) child_columns = find_columns (child, next_text (fields));
  g_autoptr (GPtrArray) parent_columns = find_columns (parent, next_text (fields));
  if (child_columns == NULL || parent_columns == NULL)
    return;
  CatalogueKey *key = g_new0 (CatalogueKey, 1);
  key->oid = oid;
  key->name = g_strdup (name);
  key->quoted = db_quote_ident (name);
  key->child = child;
  key->parent = parent;
  key->child_columns = g_steal_pointer (&child_columns);
  key->parent_columns = g_steal_pointer (&parent_columns);
  key->match = next_char (fields);
  key->on_delete = next_char (fields);
  key->on_update = next_char (fields);
  key->is_validated = next_bool (fields);
  key->is_enforced = next_bool (fields);
  key->is_inherited = next_bool (fields);
  key->has_disabled_trigger = next_bool (fields);
  key->definition = next_copy (fields);
  key->operators = split_lines (next_text (fields), "\n");
  g_ptr_array_add (catalogue->keys, key);
  g_ptr_array_add (child->keys, key);
  g_ptr_array_add (parent->referrers, key);
}

static bool
read_keys (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-keys.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      read_key (&fields, catalogue);
    }
  return true;
}

/* indkey holds the key columns and then those that are only included. */
static void
split_index_columns (CatalogueIndex *index, const char *numbers, guint key_count)
{
  g_autoptr (GArray) all = parse_numbers (numbers);
  index->columns = g_array_new (FALSE, FALSE, sizeof (int));
  index->included = g_array_new (FALSE, FALSE, sizeof (int));
  for (guint i = 0; i < all->len; i++)
    g_array_append_val (i < key_count ? index->columns : index->included,
                        g_array_index (all, int, i));
}

static CatalogueIndex *
read_index (Fields *fields)
{
  CatalogueIndex *index = g_new0 (CatalogueIndex, 1);
  const char *schema = next_text (fields);
  index->name = next_copy (fields);
  index->quoted = db_quote_name (schema, index->name);
  index->method = next_copy (fields);
  index->definition = next_copy (fields);
  const char *numbers = next_text (fields);
  split_index_columns (index, numbers, (guint) next_int64 (fields));
  index->keys = split_lines (next_text (fields), "\x01");
  index->predicate = next_copy_or_null (fields);
  index->operator_classes = next_copy (fields);
  index->collations = next_copy (fields);
  index->options = next_copy (fields);
  index->is_unique = next_bool (fields);
  index->is_primary = next_bool (fields);
  index->is_exclusion = next_bool (fields);
  index->is_valid = next_bool (fields);
  index->is_ready = next_bool (fields);
  index->is_live = next_bool (fields);
  index->is_immediate = next_bool (fields);
  index->nulls_not_distinct = next_bool (fields);
  index->is_replica_identity = next_bool (fields);
  index->is_clustered = next_bool (fields);
  index->is_constraint = next_bool (fields);
  index->is_inherited = next_bool (fields);
  index->bytes = next_int64 (fields);
  index->scans = next_int64 (fields);
  index->is_partial = next_bool (fields);
  return index;
}

static bool
read_indexes (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-indexes.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      unsigned int oid = next_oid (&fields);
      CatalogueTable *table = catalogue_table (catalogue, next_oid (&fields));
      if (table == NULL)
        continue;
      CatalogueIndex *index = read_index (&fields);
      index->oid = oid;
      g_ptr_array_add (table->indexes, index);
      if (index->is_primary)
        table->primary = index;
    }
  return true;
}

static bool
read_triggers (DbConn *conn, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!query (conn, "catalogue-triggers.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueTable *table = catalogue_table (catalogue, next_oid (&fields));
      if (table == NULL)
        continue;
      CatalogueTrigger *trigger = g_new0 (CatalogueTrigger, 1);
      trigger->name = next_copy (&fields);
      trigger->enabled = next_char (&fields);
      trigger->is_internal = next_bool (&fields);
      trigger->function = next_copy (&fields);
      g_ptr_array_add (table->triggers, trigger);
    }
  return true;
}

static CatalogueSequence *
read_sequence (Fields *fields, const Catalogue *catalogue)
{
  CatalogueSequence *sequence = g_new0 (CatalogueSequence, 1);
  next_oid (fields);
  sequence->schema = next_copy (fields);
  sequence->name = next_copy (fields);
  sequence->quoted = db_quote_name (sequence->schema, sequence->name);
  sequence->display = g_strdup_printf ("%s.%s", sequence->schema, sequence->name);
  sequence->type = next_copy (fields);
  sequence->start = next_int64 (fields);
  sequence->increment = next_int64 (fields);
  sequence->minimum = next_int64 (fields);
  sequence->maximum = next_int64 (fields);
  sequence->is_cycling = next_bool (fields);
  sequence->can_read = next_bool (fields);
  sequence->table = catalogue_table (catalogue, next_oid (fields));
  int number = (int) next_int64 (fields);
  sequence->column = sequence->table != NULL ? catalogue_column (sequence->table, number) : NULL;
  sequence->is_owned = next_bool (fields);
  return sequence;
}

/* Where COUNT sequences of READABLE, from FIRST on, stand. */
static bool
read_positions (DbConn *conn, GPtrArray *readable, guint first, guint count, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  for (guint i = first; i < first + count; i++)
    {
      const CatalogueSequence *sequence = readable->pdata[i];
      g_string_append_printf (sql, "%sSELECT %u, last_value, is_called FROM %s",
                              i > first ? " UNION ALL " : "", i, sequence->quoted);
    }
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql->str, 0, NULL, &result, error))
    return prefix_error (error, "reading the positions of sequences");
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueSequence *sequence = readable->pdata[next_int64 (&fields)];
      sequence->last = next_int64 (&fields);
      sequence->is_called = next_bool (&fields);
    }
  return true;
}

static bool
read_sequences (DbConn *conn, const char *const *schemas, Catalogue *catalogue, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GPtrArray) readable = g_ptr_array_new ();
  if (!query (conn, "catalogue-sequences.sql", &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Fields fields = { result, row, 0 };
      CatalogueSequence *sequence = read_sequence (&fields, catalogue);
      g_ptr_array_add (catalogue->sequences, sequence);
      if (schemas != NULL && !g_strv_contains (schemas, sequence->schema))
        g_ptr_array_set_size (catalogue->sequences, (int) catalogue->sequences->len - 1);
      else if (sequence->can_read)
        g_ptr_array_add (readable, sequence);
    }
  for (guint i = 0; i < readable->len; i += SEQUENCES_AT_ONCE)
    if (!read_positions (conn, readable, i, MIN (SEQUENCES_AT_ONCE, readable->len - i), error))
      return false;
  return true;
}

bool
catalogue_read (DbConn *conn, const char *const *schemas, Catalogue **ret_catalogue, GError **error)
{
  g_autoptr (Catalogue) catalogue = catalogue_new ();
  if (!read_database (conn, catalogue, error) || !read_tables (conn, schemas, catalogue, error)
      || !read_types (conn, catalogue, error) || !read_columns (conn, catalogue, error)
      || !read_constraints (conn, catalogue, error) || !read_keys (conn, catalogue, error)
      || !read_indexes (conn, catalogue, error) || !read_triggers (conn, catalogue, error)
      || !read_sequences (conn, schemas, catalogue, error))
    return false;
  *ret_catalogue = g_steal_pointer (&catalogue);
  return true;
}
