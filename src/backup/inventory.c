#include "backup/inventory.h"

#include <string.h>

static void
schema_free (void *data)
{
  InventorySchema *schema = data;
  g_free (schema->name);
  g_free (schema);
}

static void
session_free (void *data)
{
  InventorySession *session = data;
  g_free (session->user);
  g_free (session->application);
  g_free (session->client);
  g_free (session->state);
  g_free (session);
}

void
inventory_clear (Inventory *inventory)
{
  g_free (inventory->database);
  g_clear_pointer (&inventory->schemas, g_ptr_array_unref);
  g_clear_pointer (&inventory->sessions, g_ptr_array_unref);
  g_clear_pointer (&inventory->blockers, g_ptr_array_unref);
}

uint64_t
inventory_rows (const Inventory *inventory)
{
  uint64_t rows = 0;
  for (guint i = 0; i < inventory->schemas->len; i++)
    rows += ((const InventorySchema *) inventory->schemas->pdata[i])->rows;
  return rows;
}

uint64_t
inventory_tables (const Inventory *inventory)
{
  uint64_t tables = 0;
  for (guint i = 0; i < inventory->schemas->len; i++)
    tables += ((const InventorySchema *) inventory->schemas->pdata[i])->tables;
  return tables;
}

#define OWN_SCHEMAS " n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

/* Types that came with a table, and arrays of types, are no objects of their own. */
static const char schemas_sql[]
    = "SELECT n.nspname,\n"
      "       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c\n"
      "         WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm')),\n"
      "       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c\n"
      "         WHERE c.relnamespace = n.oid AND c.relkind IN ('v', 'S', 'f'))\n"
      "       + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid)\n"
      "       + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_type t\n"
      "           WHERE t.typnamespace = n.oid AND t.typtype IN ('e', 'd', 'c', 'r')\n"
      "             AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c\n"
      "                              WHERE c.oid = t.typrelid AND c.relkind <> 'c')),\n"
      "       (SELECT coalesce(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), 0)\n"
      "          FROM pg_catalog.pg_class c\n"
      "         WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm', 'S'))\n"
      "  FROM pg_catalog.pg_namespace n WHERE" OWN_SCHEMAS "\n"
      " ORDER BY n.nspname";

static bool
read_schemas (DbConn *conn, Inventory *inventory, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, schemas_sql, 0, NULL, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      InventorySchema *schema = g_new0 (InventorySchema, 1);
      schema->name = g_strdup (db_result_text (result, row, 0));
      schema->tables = (uint64_t) db_result_int64 (result, row, 1);
      schema->others = (uint64_t) db_result_int64 (result, row, 2);
      schema->size_bytes = (uint64_t) db_result_int64 (result, row, 3);
      g_ptr_array_add (inventory->schemas, schema);
    }
  return true;
}

static InventorySchema *
find_schema (Inventory *inventory, const char *name)
{
  for (guint i = 0; i < inventory->schemas->len; i++)
    {
      InventorySchema *schema = inventory->schemas->pdata[i];
      if (strcmp (schema->name, name) == 0)
        return schema;
    }
  return NULL;
}

/* ONLY: what a table inherits to is counted where it is. A materialized view that was never filled has
 * no rows, and refuses to be asked. */
static bool
count_rows (DbConn *conn, Inventory *inventory, GError **error)
{
  g_autoptr (DbResult) tables = NULL;
  if (!db_query (conn,
                 "SELECT n.nspname, c.relname\n"
                 "  FROM pg_catalog.pg_class c\n"
                 "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                 " WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND" OWN_SCHEMAS,
                 0, NULL, &tables, error))
    return false;
  for (int row = 0; row < db_result_rows (tables); row++)
    {
      g_autofree char *name
          = db_quote_name (db_result_text (tables, row, 0), db_result_text (tables, row, 1));
      g_autofree char *sql = g_strdup_printf ("SELECT pg_catalog.count(*) FROM ONLY %s", name);
      g_autofree char *count = NULL;
      if (!db_query_text (conn, sql, 0, NULL, &count, error))
        return prefix_error (error, "counting the rows of %s", name);
      InventorySchema *schema = find_schema (inventory, db_result_text (tables, row, 0));
      if (schema != NULL && count != NULL)
        schema->rows += g_ascii_strtoull (count, NULL, 10);
    }
  return true;
}

/* A subscription's slot is on another server, where it would keep that server's WAL for ever. */
static bool
read_blockers (DbConn *conn, Inventory *inventory, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn,
                 "SELECT 'the replication slot ' || s.slot_name\n"
                 "  FROM pg_catalog.pg_replication_slots s\n"
                 " WHERE s.database = pg_catalog.current_database()\n"
                 "UNION ALL\n"
                 "SELECT 'the prepared transaction ' || x.gid\n"
                 "  FROM pg_catalog.pg_prepared_xacts x\n"
                 " WHERE x.database = pg_catalog.current_database()\n"
                 "UNION ALL\n"
                 "SELECT 'the subscription ' || s.subname\n"
                 "  FROM pg_catalog.pg_subscription s\n"
                 "  JOIN pg_catalog.pg_database d ON d.oid = s.subdbid\n"
                 " WHERE d.datname = pg_catalog.current_database()",
                 0, NULL, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    g_ptr_array_add (inventory->blockers, g_strdup (db_result_text (result, row, 0)));
  return true;
}

bool
inventory_sessions (DbConn *conn, const char *database, GPtrArray **ret_sessions, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  const char *const params[] = { database };
  if (!db_query (conn,
                 "SELECT a.pid, a.usename, a.application_name,\n"
                 "       coalesce(a.client_addr::text, 'local'), a.state\n"
                 "  FROM pg_catalog.pg_stat_activity a\n"
                 " WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid()\n"
                 "   AND a.backend_type = 'client backend'\n"
                 " ORDER BY a.pid",
                 1, params, &result, error))
    return false;
  g_autoptr (GPtrArray) sessions = g_ptr_array_new_with_free_func (session_free);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      InventorySession *session = g_new0 (InventorySession, 1);
      session->pid = (int) db_result_int64 (result, row, 0);
      session->user = g_strdup (db_result_text (result, row, 1));
      session->application = g_strdup (db_result_text (result, row, 2));
      session->client = g_strdup (db_result_text (result, row, 3));
      session->state = g_strdup (db_result_text (result, row, 4));
      g_ptr_array_add (sessions, session);
    }
  *ret_sessions = g_steal_pointer (&sessions);
  return true;
}

/* Beside the stamp: a history of migrations is something, and so is an extension. */
static bool
find_emptiness (DbConn *conn, Inventory *inventory, GError **error)
{
  g_autofree char *others = NULL;
  if (!db_query_text (
          conn,
          "SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_extension e WHERE e.extname <> "
          "'plpgsql')\n"
          "       + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace n\n"
          "           WHERE n.nspname NOT IN ('public', 'pgkeel') AND" OWN_SCHEMAS ")\n"
          "       + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c\n"
          "            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
          "           WHERE n.nspname = 'pgkeel' AND c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f')\n"
          "             AND c.relname <> 'identity')",
          0, NULL, &others, error))
    return false;
  const InventorySchema *public = find_schema (inventory, "public");
  inventory->is_empty = g_strcmp0 (others, "0") == 0 && inventory->large_objects == 0
                        && (public == NULL || public->tables + public->others == 0);
  return true;
}

static bool
read_all (DbConn *conn, Inventory *inventory, GError **error)
{
  g_autoptr (DbResult) whole = NULL;
  if (!db_query (conn,
                 "SELECT pg_catalog.pg_database_size(pg_catalog.current_database()),\n"
                 "       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata)",
                 0, NULL, &whole, error))
    return false;
  inventory->size_bytes = (uint64_t) db_result_int64 (whole, 0, 0);
  inventory->large_objects = (uint64_t) db_result_int64 (whole, 0, 1);
  return read_schemas (conn, inventory, error) && count_rows (conn, inventory, error)
         && read_blockers (conn, inventory, error)
         && inventory_sessions (conn, inventory->database, &inventory->sessions, error)
         && find_emptiness (conn, inventory, error);
}

bool
inventory_read (DbConn *conn, Inventory *ret_inventory, GError **error)
{
  g_auto (Inventory) inventory = { .database = g_strdup (db_database (conn)),
                                   .schemas = g_ptr_array_new_with_free_func (schema_free),
                                   .blockers = g_ptr_array_new_with_free_func (g_free) };
  if (!db_exec (conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", error))
    return false;
  if (!read_all (conn, &inventory, error))
    {
      db_rollback (conn);
      return false;
    }
  if (!db_exec (conn, "COMMIT", error))
    return false;
  *ret_inventory = inventory;
  inventory = (Inventory){ 0 };
  return true;
}
