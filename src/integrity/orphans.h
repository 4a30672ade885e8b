/*
 * Rows whose reference leads nowhere: how they are counted, and the query that returns them. For keys
 * that are declared and for those that are only inferred.
 */
#pragma once

#include "integrity/check.h"

/* "public.orders.user_id", or "public.orders.(a, b)". Caller frees. */
char *orphans_object (const CatalogueKey *key);

/* The condition that a row of the child, called c, is an orphan under KEY: all columns there, and no
 * parent. Caller frees. */
char *orphans_condition (const CatalogueKey *key);

/* SELECT of all orphans under KEY, with ctid. Caller frees. */
char *orphans_query (const CatalogueKey *key);

/* Counts the orphans under each of KEYS (of CatalogueKey), all of one child table, reading it as
 * seldom as can be. COUNTS has an element for each key: -1 where it could not be counted, having been
 * declared unknown for CHECK. *RET_ROWS: rows of the child. */
bool orphans_count (CheckContext *context, const Check *check, const GPtrArray *keys,
                    int64_t *counts, int64_t *ret_rows, GError **error) G_GNUC_WARN_UNUSED_RESULT;
