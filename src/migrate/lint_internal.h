/* What the files lint_*.c share. */
#pragma once

#include "migrate/lint_rules.h"
#include "sql/classify.h"
#include "sql/split.h"

/* What is remembered from one statement of a transaction to the next. */
typedef struct
{
  GHashTable *locked;     /* keys under ACCESS EXCLUSIVE that were there before: line as a number */
  GHashTable *new_values; /* enum values added in this transaction */
  GHashTable *not_validated; /* "key.constraint" added NOT VALID in this transaction */
  unsigned int ddl_line;     /* of the first schema change of something that was there; 0: none */
  bool many_reported, backfill_reported;
} LintTransaction;

typedef struct
{
  /* All files. */
  const LintOptions *options;
  SqlParser *parser;
  LockSchema *schema;
  LintResult *result;
  int server_major;

  /* The file. */
  const LintFile *file;
  const char *text; /* of the file, without what is no SQL */
  bool is_judged;
  guint64 age;      /* of the schema when it began: what is younger is made by this file */
  bool is_wrapped;  /* its statements run in one transaction */
  bool is_explicit; /* within a BEGIN of its own */
  size_t begin;     /* where that BEGIN stands */
  bool has_lock_timeout, has_statement_timeout, has_idle_timeout;
  bool lock_timeout_reported, statement_timeout_reported;
  LintTransaction transaction;
  LockSchema *saved;  /* as it was at BEGIN, when the file rolls back */
  GPtrArray *ignores; /* of LintIgnore */

  /* The statement. */
  const SqlStatement *statement;
  const char *kind;   /* of its node: "AlterTableStmt" */
  const json_t *node; /* NULL: could not be parsed */
  const json_t *tree;
  SqlClass class;
  GPtrArray *effects; /* of LockEffect */
} Lint;

/* True while locks last until a later COMMIT. */
static inline bool
lint_in_transaction (const Lint *lint)
{
  return lint->is_wrapped || lint->is_explicit;
}

/* Whether the relation is one that rows and programs may be waiting for: not made by this file. */
bool lint_is_old (const Lint *lint, const char *key);

/* What is reported: the rule, where (a byte within the statement), about which table. */
typedef struct
{
  LintRuleNumber rule;
  long location;
  const char *key;
} LintReport;

void lint_report (Lint *lint, const LintReport *report, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Without a table or a place. */
#define lint_say(lint, number, ...)                                                                \
  lint_report ((lint), &(LintReport){ .rule = (number) }, __VA_ARGS__)

/* The statement written as the rule says, or NULL when that takes more than its text. lint_rewrite.c */
char *lint_rewrite (const Lint *lint, const LintReport *report);

/* The severity, where the size of the table is known by that; *RET_SIZE is NULL where it is not.
 * lint_sizes.c */
LintSeverity lint_weigh (const Lint *lint, const LintReport *report, const LintSize **ret_size);

/* The checks, each for the statements it knows. */
void lint_check_alter (Lint *lint); /* lint_alter.c: ALTER TABLE */
void lint_check_index (Lint *lint); /* lint_index.c: indexes, views, partitions, maintenance */
void lint_check_loss (Lint *lint);  /* lint_loss.c: what is dropped, renamed, written */
void lint_check_transaction (Lint *lint); /* lint_transaction.c */
void lint_end_file (Lint *lint);          /* lint_transaction.c: what shows only at the end */
void lint_check_style (Lint *lint);       /* lint_style.c */

/* Forgets what belongs to a transaction. */
void lint_transaction_clear (LintTransaction *transaction);

/* Comments: "-- pgkeel: ignore RULE reason". lint_ignore.c */
typedef struct
{
  const LintRule *rule; /* NULL: there is no such rule */
  char *name;           /* as it is written */
  char *reason;
  size_t offset;   /* of the comment */
  size_t from, to; /* statements that begin between these are meant */
  bool is_used;
} LintIgnore;

GPtrArray *lint_ignores_read (const char *text, size_t length, const GArray *statements);
bool lint_ignores (const Lint *lint, const LintRule *rule);
void lint_ignores_report (Lint *lint);
