#include "db/schema.h"

#include "base/digest.h"
#include "db/internal.h"
#include "db/resource.h"
#include "db/schema_canonical.h"

#include <stdlib.h>
#include <string.h>

/* What a definition's text depends on. Constants in expressions are written by these settings. */
static const char settings[] = "SET LOCAL search_path = '';"
                               "SET LOCAL quote_all_identifiers = off;"
                               "SET LOCAL standard_conforming_strings = on;"
                               "SET LOCAL datestyle = 'ISO, YMD';"
                               "SET LOCAL intervalstyle = 'postgres';"
                               "SET LOCAL timezone = 'UTC';"
                               "SET LOCAL extra_float_digits = 3;"
                               "SET LOCAL bytea_output = 'hex';"
                               "SET LOCAL xmloption = 'content';"
                               "SET LOCAL lc_monetary = 'C';"
                               /* Compiling these queries takes longer than running them. */
                               "SET LOCAL jit = off;";

static const char *const queries[] = {
  "schema-relations.sql",
  "schema-types.sql",
  "schema-database.sql",
  "schema-grants.sql",
};

static void
schema_object_free (gpointer data)
{
  DbSchemaObject *object = data;
  g_free (object->kind);
  g_free (object->name);
  g_free (object->definition);
  g_free (object);
}

static void
schema_change_free (gpointer data)
{
  DbSchemaChange *change = data;
  g_free (change->kind);
  g_free (change->name);
  g_free (change->before);
  g_free (change->after);
  g_free (change);
}

/* Whether LINE, up to its end, is for MAJOR: without "-- [A,B)" at its end it is for all. */
static bool
line_is_for (const char *line, size_t length, int major)
{
  g_autofree char *text = g_strndup (line, length);
  const char *mark = g_strrstr (text, "-- [");
  if (mark == NULL || !g_str_has_suffix (text, ")"))
    return true;
  char *comma = NULL;
  long from = strtol (mark + 4, &comma, 10);
  g_assert (*comma == ',');
  long before = strtol (comma + 1, NULL, 10);
  return major >= from && (before == 0 || major < before);
}

char *
db_schema_query_for (const char *query, int major)
{
  GString *out = g_string_sized_new (strlen (query));
  for (const char *line = query; *line != '\0';)
    {
      size_t length = strcspn (line, "\n");
      size_t whole = length + (line[length] == '\n');
      if (line_is_for (line, length, major))
        g_string_append_len (out, line, (gssize) whole);
      line += whole;
    }
  return g_string_free (out, FALSE);
}

static int
compare_objects (gconstpointer a, gconstpointer b)
{
  const DbSchemaObject *left = *(DbSchemaObject *const *) a;
  const DbSchemaObject *right = *(DbSchemaObject *const *) b;
  int order = strcmp (left->kind, right->kind);
  if (order == 0)
    order = strcmp (left->name, right->name);
  if (order == 0)
    order = strcmp (left->definition, right->definition);
  return order;
}

/* Free text is not an expression: its spaces are its own. */
static bool
is_free_text (const char *kind)
{
  return strcmp (kind, "comment") == 0 || strcmp (kind, "security label") == 0;
}

static bool
read_query (DbConn *conn, const char *name, GPtrArray *objects, GError **error)
{
  g_autofree char *sql = db_schema_query_for (db_sql (name), db_server_major (conn));
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 0, NULL, &result, error))
    return prefix_error (error, "reading the schema (%s)", name);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      DbSchemaObject *object = g_new0 (DbSchemaObject, 1);
      object->kind = g_strdup (db_result_text (result, row, 0));
      object->name = g_strdup (db_result_text (result, row, 1));
      const char *definition = db_result_text (result, row, 2);
      object->definition
          = is_free_text (object->kind) ? g_strdup (definition) : db_schema_canonical (definition);
      g_ptr_array_add (objects, object);
    }
  return true;
}

/* Like pg_dump, subscriptions only for those who may read their connection texts. */
static bool
read_subscriptions (DbConn *conn, GPtrArray *objects, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn,
                 "SELECT pg_catalog.has_column_privilege ('pg_catalog.pg_subscription', "
                 "'subconninfo', 'SELECT')",
                 0, NULL, &result, error))
    return false;
  return !db_result_bool (result, 0, 0)
         || read_query (conn, "schema-subscriptions.sql", objects, error);
}

static bool
read_all (DbConn *conn, GPtrArray *objects, GError **error)
{
  if (!db_exec (conn, settings, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (queries); i++)
    if (!read_query (conn, queries[i], objects, error))
      return false;
  return read_subscriptions (conn, objects, error);
}

bool
db_schema_read (DbConn *conn, GPtrArray **ret_objects, GError **error)
{
  /* In the caller's transaction a savepoint takes the settings back. */
  bool nested = PQtransactionStatus (conn->pg) == PQTRANS_INTRANS;
  const char *begin
      = nested ? "SAVEPOINT pgkeel_schema" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  const char *end = nested ? "ROLLBACK TO SAVEPOINT pgkeel_schema; RELEASE SAVEPOINT pgkeel_schema"
                           : "ROLLBACK";
  g_autoptr (GPtrArray) objects = g_ptr_array_new_with_free_func (schema_object_free);

  if (!db_exec (conn, begin, error))
    return false;
  bool good = read_all (conn, objects, error);
  /* After a failure the first error is the one to tell. */
  if (!db_exec (conn, end, good ? error : NULL))
    return false;
  if (!good)
    return false;
  g_ptr_array_sort (objects, compare_objects);
  *ret_objects = g_steal_pointer (&objects);
  return true;
}

static void
hash_text (Sha256 *hash, const char *text)
{
  uint64_t length = GUINT64_TO_BE (strlen (text));
  sha256_update (hash, &length, sizeof length);
  sha256_update (hash, text, strlen (text));
}

/* A copy of OBJECTS that shares them, sorted. */
static GPtrArray *
sorted (const GPtrArray *objects)
{
  GPtrArray *copy = g_ptr_array_sized_new (objects->len);
  for (guint i = 0; i < objects->len; i++)
    g_ptr_array_add (copy, objects->pdata[i]);
  g_ptr_array_sort (copy, compare_objects);
  return copy;
}

char *
db_schema_fingerprint (const GPtrArray *objects)
{
  static const char magic[] = "pgkeel schema 1\n";
  g_autoptr (Sha256) hash = sha256_new ();
  g_autoptr (GPtrArray) list = sorted (objects);
  uint8_t sum[SHA256_BYTES];

  sha256_update (hash, magic, sizeof magic - 1);
  for (guint i = 0; i < list->len; i++)
    {
      const DbSchemaObject *object = list->pdata[i];
      if (strcmp (object->kind, "extension version") == 0)
        continue;
      hash_text (hash, object->kind);
      hash_text (hash, object->name);
      hash_text (hash, object->definition);
    }
  sha256_finish (hash, sum);
  g_autofree char *hex = sha256_hex (sum);
  return g_strconcat ("sha256:", hex, NULL);
}

static void
add_change (GPtrArray *changes, const DbSchemaObject *before, const DbSchemaObject *after)
{
  const DbSchemaObject *either = before != NULL ? before : after;
  DbSchemaChange *change = g_new0 (DbSchemaChange, 1);
  change->change = before == NULL  ? DB_SCHEMA_ADDED
                   : after == NULL ? DB_SCHEMA_REMOVED
                                   : DB_SCHEMA_CHANGED;
  change->kind = g_strdup (either->kind);
  change->name = g_strdup (either->name);
  change->before = before == NULL ? NULL : g_strdup (before->definition);
  change->after = after == NULL ? NULL : g_strdup (after->definition);
  g_ptr_array_add (changes, change);
}

/* By kind and name; an object that is missing comes after all others. */
static int
compare_names (const DbSchemaObject *a, const DbSchemaObject *b)
{
  if (a == NULL || b == NULL)
    return (a == NULL) - (b == NULL);
  int order = strcmp (a->kind, b->kind);
  return order != 0 ? order : strcmp (a->name, b->name);
}

GPtrArray *
db_schema_diff (const GPtrArray *before, const GPtrArray *after)
{
  g_autoptr (GPtrArray) old = sorted (before);
  g_autoptr (GPtrArray) new = sorted (after);
  GPtrArray *changes = g_ptr_array_new_with_free_func (schema_change_free);

  for (guint i = 0, j = 0; i < old->len || j < new->len;)
    {
      const DbSchemaObject *left = i < old->len ? old->pdata[i] : NULL;
      const DbSchemaObject *right = j < new->len ? new->pdata[j] : NULL;
      int order = compare_names (left, right);
      if (order < 0)
        add_change (changes, left, NULL);
      else if (order > 0)
        add_change (changes, NULL, right);
      else if (strcmp (left->definition, right->definition) != 0)
        add_change (changes, left, right);
      i += order <= 0;
      j += order >= 0;
    }
  return changes;
}
