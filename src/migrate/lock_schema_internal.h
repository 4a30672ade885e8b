/* What lock_schema.c, which keeps what is known, and lock_learn.c, which reads statements, share. */
#pragma once

#include "migrate/lock_schema.h"

struct LockSchema
{
  GHashTable *relations;  /* by key, of LockRelation */
  GHashTable *domains;    /* name: whether it has constraints */
  GHashTable *enums;      /* name: which statement made it */
  GHashTable *functions;  /* name: volatility */
  GHashTable *statistics; /* key: that of their table */
  guint64 age;
};

/* NULL for a NULL key too. */
LockRelation *lock_relation_find (const LockSchema *schema, const char *key);

/* A new relation; KEY is taken over. One that has the key already is forgotten. */
LockRelation *lock_relation_add (LockSchema *schema, char *key, LockRelationKind kind);

/* Forgets a relation and its indexes; its parent forgets it. */
void lock_relation_forget (LockSchema *schema, const char *key);

/* Gives TO the columns of FROM, which may be NULL. */
void lock_copy_columns (LockRelation *to, const LockRelation *from);

/* Takes one text out of a list. */
void lock_remove_text (GPtrArray *texts, const char *text);
