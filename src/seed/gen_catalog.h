/*
 * What the database says of a table that is to be generated: columns and their types, keys, foreign keys,
 * CHECK constraints, sequences, and where its keys have come to.
 */
#pragma once

#include "db/conn.h"
#include "seed/gen_model.h"
#include "sql/parse.h"

/* The most keys that are read of a table that is referred to and not generated itself. */
#define GEN_KEYS_MAX 10000

/* Reads the table that NAME ("users", "app.users") means. KEEL_ERROR_MISSING when there is none. Checks are
 * read through PARSER. Links lead nowhere yet. */
bool gen_catalog_read (DbConn *conn, SqlParser *parser, const char *name, GenTable **ret_table,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The keys of a table that is not generated: the first GEN_KEYS_MAX in order. What they hold is in ARENA. */
bool gen_catalog_read_keys (DbConn *conn, const GenTable *table, GenLink *link, GenArena *arena,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
