/*
 * The text of a migration as what is to be run: its statements, in order, and how each wants to be run.
 *
 * Knows COPY data, and psql's meta-commands well enough to refuse them. Marks are comment lines:
 *
 *   -- pgkeel: no-transaction      (anywhere) each statement of the file is committed by itself
 *   -- pgkeel: batch [pause 100ms] (before a statement) run it, and commit, until it changes no row
 */
#pragma once

#include "base/error.h"
#include "migrate/migration.h"
#include "sql/classify.h"

typedef enum
{
  SCRIPT_PLAIN,
  SCRIPT_BEGIN,    /* opens a transaction of the file's own */
  SCRIPT_COMMIT,   /* closes it */
  SCRIPT_ROLLBACK, /* takes it back */
} ScriptControl;

typedef struct
{
  size_t start, length;           /* of the statement in the text, without its semicolon */
  unsigned int line;              /* of the file, from 1 */
  size_t data_start, data_length; /* of a COPY: its rows; data_start 0: none */
  SqlClass class;
  ScriptControl control;
  bool is_batch;
  int64_t pause_ms;  /* of a batch: between two rounds */
  bool runs_alone;   /* outside of a transaction block */
  bool sets_session; /* SET and its like: a session that goes on later has to do it again */
  char digest[33];   /* of all words of the text up to the end of this statement, hexadecimal */
} ScriptStatement;

typedef struct
{
  const MigrationScript *source; /* borrowed */
  GPtrArray *statements;         /* of ScriptStatement */
} MigrateScript;

/* Reads SOURCE, whose text is not NULL. Errors: KEEL_ERROR_FAILED with file and line for a
 * meta-command of psql, for COPY data without its end, and for a mark that is not understood. */
bool migrate_script_read (const MigrationScript *source, SqlParser *parser,
                          MigrateScript **ret_script, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void migrate_script_free (MigrateScript *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigrateScript, migrate_script_free)

static inline ScriptStatement *
migrate_script_at (const MigrateScript *script, guint index)
{
  return script->statements->pdata[index];
}

/* The statement's text; caller frees. */
char *migrate_script_statement_text (const MigrateScript *script, guint index);

/* The line of the file on which the character POSITION (from 1; 0: its first) of the statement is. */
unsigned int migrate_script_line_at (const MigrateScript *script, guint index, size_t position);

/* What is run as one: a transaction, or a statement outside of any. */
typedef enum
{
  UNIT_TRANSACTION,
  UNIT_ALONE,
  UNIT_BATCH,
} UnitKind;

typedef struct
{
  UnitKind kind;
  guint first, count;
  bool is_block;       /* the file's own BEGIN ... COMMIT */
  bool is_rolled_back; /* ... ROLLBACK */
} ScriptUnit;

/* The unit that begins with statement FIRST. With SPLIT_ENUMS a transaction ends behind a statement
 * that adds a value to an enum: until that is committed the value cannot be used. */
ScriptUnit migrate_script_unit_at (const MigrateScript *script, guint first, bool split_enums);
