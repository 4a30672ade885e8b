/*
 * What statements that were read tell of the schema: as much as predicting locks and rewrites needs.
 *
 * Fed one parsed statement after the other, as a migration history is run. It is what the files say,
 * not what a server has: whatever they do not say is not known, and callers must not take that for
 * "no".
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct
{
  char *name; /* "int4", "varchar", as the parser spells it; "x[]" for an array */
  int modifiers[2];
  int modifier_count;
} LockType;

void lock_type_clear (LockType *type);

/* From a TypeName node. */
LockType lock_type_of (const json_t *node);

typedef struct
{
  LockType type;
  char *collation; /* NULL: the type's own */
  bool is_not_null;
  bool is_generated;
} LockColumn;

typedef enum
{
  LOCK_RELATION_TABLE,
  LOCK_RELATION_PARTITIONED,
  LOCK_RELATION_FOREIGN,
  LOCK_RELATION_VIEW,
  LOCK_RELATION_MATVIEW,
  LOCK_RELATION_SEQUENCE,
  LOCK_RELATION_INDEX,
} LockRelationKind;

typedef struct
{
  char *key; /* how the model calls it: "schema.name", or "name" when it is in public */
  LockRelationKind kind;
  GHashTable *columns;         /* by name, of LockColumn */
  GHashTable *not_null_checks; /* names of columns a validated CHECK (c IS NOT NULL) is on */
  GHashTable *constraints;     /* by name: key of the table a foreign key is to, "" for others */
  GPtrArray *children;         /* keys: partitions and inheriting tables */
  GPtrArray *indexes;          /* keys */
  char *parent;                /* key; of an index or an owned sequence its table; NULL: none */
  bool is_unlogged;
  bool is_default_partition;
  guint64 made_at; /* which statement made it, counted from 1 */
} LockRelation;

typedef struct LockSchema LockSchema;

LockSchema *lock_schema_new (void);
void lock_schema_free (LockSchema *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockSchema, lock_schema_free)

/* As it is now, to come back to after a ROLLBACK. */
LockSchema *lock_schema_copy (const LockSchema *schema);

/* The key of a RangeVar node (one with "relname"); of a list of names. Caller frees; NULL without. */
char *lock_schema_key (const json_t *range);
char *lock_schema_key_of_names (const json_t *names);
char *lock_schema_key_from (const char *schema, const char *name);

/* NULL when the statements read said nothing of it. */
const LockRelation *lock_schema_find (const LockSchema *schema, const char *key);
const LockColumn *lock_schema_column (const LockSchema *schema, const char *key,
                                      const char *column);

/* The keys of all tables with a foreign key to KEY. Caller frees the array. */
GPtrArray *lock_schema_referrers (const LockSchema *schema, const char *key);

/* Whether columns use the domain of that key, as "table" keys. Caller frees the array. */
GPtrArray *lock_schema_users_of_type (const LockSchema *schema, const char *type_name);

/* The table that extended statistics are of, or NULL. */
const char *lock_schema_table_of_statistics (const LockSchema *schema, const char *key);

/* Whether a type of that name is a domain, and whether it has constraints. */
bool lock_schema_is_domain (const LockSchema *schema, const char *name, bool *ret_constrained);
bool lock_schema_is_enum (const LockSchema *schema, const char *name);

/* Which statement made the enum; 0: not known. */
guint64 lock_schema_enum_age (const LockSchema *schema, const char *name);

/* 'i', 's' or 'v' for a function that was created, '\0' for others. */
char lock_schema_volatility (const LockSchema *schema, const char *function);

/* Changes what is known by one statement that has succeeded. */
void lock_schema_learn (LockSchema *schema, const json_t *tree);

/* How many statements it has learned. */
guint64 lock_schema_age (const LockSchema *schema);
