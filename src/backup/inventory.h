/*
 * What a database holds, for somebody who is about to remove it: counted, not estimated.
 */
#pragma once

#include "base/error.h"
#include "db/conn.h"

#include <stdint.h>

typedef struct
{
  char *name;
  uint64_t tables; /* and materialized views; partitions each for itself */
  uint64_t others; /* views, sequences, foreign tables, functions, types */
  uint64_t rows;
  uint64_t size_bytes;
} InventorySchema;

typedef struct
{
  int pid;
  char *user, *application, *client, *state; /* CLIENT: "local" for a Unix socket */
} InventorySession;

typedef struct
{
  char *database;
  uint64_t size_bytes;
  uint64_t large_objects;
  GPtrArray *schemas;  /* of InventorySchema, by name; the system's are left out */
  GPtrArray *sessions; /* of InventorySession: clients but this one */
  GPtrArray
      *blockers; /* of text: what a DROP DATABASE stops at, or would leave on another server */
  bool is_empty; /* nothing is in it but what an empty database has, and pgkeel's stamp */
} Inventory;

void inventory_clear (Inventory *inventory);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Inventory, inventory_clear)

/* Reads it in one snapshot. Every table is counted, which takes as long as reading it. */
bool inventory_read (DbConn *conn, Inventory *ret_inventory, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The clients in DATABASE but CONN's own session; *RET_SESSIONS: of InventorySession. */
bool inventory_sessions (DbConn *conn, const char *database, GPtrArray **ret_sessions,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

uint64_t inventory_rows (const Inventory *inventory);
uint64_t inventory_tables (const Inventory *inventory);
