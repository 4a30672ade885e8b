/*
 * What a statement does, as far as running it safely depends on it.
 */
#pragma once

#include "sql/parse.h"

typedef enum
{
  SQL_KIND_UNKNOWN,     /* could not be parsed */
  SQL_KIND_OTHER,       /* may run in a transaction */
  SQL_KIND_TRANSACTION, /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like */
  SQL_KIND_ALONE,       /* refuses to run in a transaction block */
  SQL_KIND_CONCURRENT_INDEX, /* CREATE INDEX CONCURRENTLY: alone, and leaves an INVALID index when it fails */
  SQL_KIND_CONCURRENT_REINDEX, /* REINDEX ... CONCURRENTLY: alone, leaves *_ccnew or *_ccold indexes */
  SQL_KIND_CONCURRENT_DROP,    /* DROP INDEX CONCURRENTLY: alone, may leave an INVALID index */
  SQL_KIND_CONCURRENT_DETACH, /* ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY */
  SQL_KIND_ENUM_VALUE, /* ALTER TYPE ... ADD VALUE: the value cannot be used before a commit */
  SQL_KIND_COPY_STDIN, /* COPY ... FROM stdin: rows follow in the text */
} SqlKind;

/* Whether it ends transactions of its own while it runs, so that a part of its work may be committed when it
 * is interrupted. */
typedef enum
{
  SQL_COMMITS_NOTHING,
  SQL_MAY_COMMIT, /* CALL, and DO with a CALL: the procedure's code is not seen */
  SQL_COMMITS,    /* DO with COMMIT or ROLLBACK */
} SqlCommits;

typedef struct
{
  SqlKind kind;
  char *tag; /* for people, e.g. "ALTER TABLE"; the first words when it could not be parsed */
  char *schema, *name; /* of the index, type or table it is about, unquoted; NULL: not named */
  char *table_schema, *table; /* of a CREATE INDEX: what it is on */
  bool if_not_exists;
  SqlCommits commits;
} SqlClass;

void sql_class_clear (SqlClass *class);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SqlClass, sql_class_clear)

/* False only when the parser cannot be started. A statement that cannot be parsed but begins with
 * the words of a concurrent or transaction statement is of that kind all the same. */
bool sql_classify (SqlParser *parser, const char *text, size_t length, SqlClass *ret_class,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for who has parsed it already; TREE may be NULL. */
void sql_classify_tree (const json_t *tree, const char *text, size_t length, SqlClass *ret_class);

/* True when the statement must run outside a transaction block. */
bool sql_kind_runs_alone (SqlKind kind);
