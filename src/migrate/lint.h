/*
 * Reads migrations for what hurts when they run: locks, rewrites, lost data, broken transactions.
 *
 * Works without a database: what a table is, it knows from the files before. A statement it cannot
 * parse, and a file that is no SQL yet, is reported as unknown, never passed over. It judges what is written; what functions and
 * blocks of code execute it does not see, and says so.
 */
#pragma once

#include "db/conn.h"
#include "migrate/lock_model.h"
#include "sql/parse.h"

typedef enum
{
  LINT_NOTE,    /* style, advice */
  LINT_WARNING, /* hurts on a busy or large table, or who reads the old schema */
  LINT_ERROR,   /* fails, loses data, or locks a table for as long as it is large */
} LintSeverity;

const char *lint_severity_name (LintSeverity severity);
bool lint_severity_parse (const char *name, LintSeverity *ret_severity);

typedef struct
{
  const char *id; /* "index-not-concurrent" */
  LintSeverity severity;
  const char *title;                   /* what is wrong, in general */
  const char *why;                     /* why it hurts */
  const char *rewrite;                 /* what to write instead */
  const char *squawk, *strong, *atlas; /* what others call it; NULL: they have no such rule */
} LintRule;

/* All rules, in the order of docs/lint.md; *RET_COUNT of them. */
const LintRule *lint_rules (size_t *ret_count);
const LintRule *lint_rule_find (const char *id);

/* A file to read. */
typedef struct
{
  const char *path; /* as it is shown */
  const char *text;
  size_t length;
  unsigned int line;   /* of the file, on which text begins */
  bool no_transaction; /* its statements run one by one */
  const char *not_sql; /* why it cannot be read, which is reported as unknown; NULL: it can */
} LintFile;

typedef struct
{
  const LintRule *rule;
  LintSeverity severity; /* the rule's, or less where the table is small */
  char *path;
  unsigned int line, column;         /* from 1; the column counts characters */
  unsigned int end_line, end_column; /* behind the statement */
  size_t offset, length;             /* of the statement in its file's text */
  char *statement;                   /* its first words */
  char *message;                     /* what is wrong with this one */
  char *key;                         /* of the table it is about; NULL: none */
  LockMode lock;
  char *rewrite;                   /* this statement written as it should be; NULL: see the rule */
  int64_t table_bytes, table_rows; /* -1: not known */
} LintFinding;

/* What a statement does to tables, for all of them when that was asked for. */
typedef struct
{
  const char *path;
  unsigned int line;
  char *statement;
  bool is_known;      /* false: it could not be parsed */
  GPtrArray *effects; /* of LockEffect */
} LintLocks;

/* How large a relation is, its indexes and partitions included; rows are an estimate. */
typedef struct
{
  int64_t bytes, rows;
} LintSize;

/* Asks a database: LintSize by the relation's key. The caller unrefs. */
bool lint_sizes_read (DbConn *conn, GHashTable **ret_sizes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  int server_major;   /* 13..18; 0: the newest */
  LintSeverity level; /* what is below is left out */
  bool with_locks;    /* fill LintResult.locks */
  GHashTable *sizes;  /* of lint_sizes_read; NULL: every table may be large */
} LintOptions;

typedef struct
{
  GPtrArray *findings; /* of LintFinding, in the order of the files */
  GPtrArray *locks;    /* of LintLocks */
  guint64 statement_count;
  guint unknown_count; /* statements and files that could not be read */
  guint ignored_count; /* findings that a comment ignores */
} LintResult;

void lint_result_free (LintResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LintResult, lint_result_free)

/* Reads the files in the order they are run; those of which JUDGED is false (may be NULL: all are
 * judged) only tell of the schema. False only when the parser cannot be started. Caller frees. */
bool lint_run (const LintOptions *options, const LintFile *files, size_t count, const bool *judged,
               LintResult **ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* True when a finding is a warning or worse, or something could not be parsed. */
bool lint_result_is_bad (const LintResult *result);

/* The result in SARIF 2.1.0. VERSION: of pgkeel. The caller owns it. */
json_t *lint_sarif (const LintResult *result, const char *version);

/* Writes TEXT again with what can be changed by rule and with certainty: *RET_TEXT, or NULL when
 * there is nothing to. *RET_NOTES (of char *) says what was changed and what was not, and why.
 * MARKER is the line that takes a file of its layout out of the transaction. */
bool lint_fix (const LintFile *file, const LintResult *result, const char *marker, char **ret_text,
               GPtrArray **ret_notes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
