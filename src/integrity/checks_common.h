/*
 * What the files of checks have in common.
 */
#pragma once

#include "integrity/check.h"

/* The estimate of TABLE's rows, at least one: for costs. */
double check_table_rows (const CatalogueTable *table);

/* True when NAME ends in one of the NULL-terminated SUFFIXES, either as a whole or after "_". */
bool check_name_ends (const char *name, const char *const *suffixes);

bool check_is_integer (const CatalogueColumn *column); /* int2, int4, int8 */
bool check_is_numeric (const CatalogueColumn *column); /* those, numeric, float4, float8, money */
bool check_is_text (const CatalogueColumn *column);    /* text, varchar, bpchar, citext */
bool check_is_time (const CatalogueColumn *column);    /* date, timestamp, timestamptz */

/* A unique index of TABLE whose key columns are exactly COLUMN; NULL: none. PLAIN: not partial. */
const CatalogueIndex *check_unique_on (const CatalogueTable *table, const CatalogueColumn *column);

/* True when COLUMN is among the key columns of some unique index of TABLE. */
bool check_is_in_unique (const CatalogueTable *table, const CatalogueColumn *column);

/* Rows of TABLE that share KEYS (SQL, separated by commas) where CONDITION (NULL: none) holds: the
 * statement that counts the keys and the rows, and the one that returns the rows. Caller frees. */
char *check_copies_count (const CatalogueTable *table, const char *keys, const char *condition);
char *check_copies_query (const CatalogueTable *table, const char *keys, const char *condition);
