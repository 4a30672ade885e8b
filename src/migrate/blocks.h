/*
 * Files that hold both directions, told apart by marks in comment lines.
 */
#pragma once

#include "migrate/layouts.h"

typedef enum
{
  BLOCK_NONE, /* an ordinary line */
  BLOCK_UP,
  BLOCK_DOWN,
  BLOCK_STATEMENT_BEGIN,
  BLOCK_STATEMENT_END,
  BLOCK_NO_TRANSACTION, /* for the whole file */
  BLOCK_VARIABLES,      /* variables of the environment are put in */
} BlockMark;

typedef struct
{
  const char *up, *down; /* how the marks are written, for messages */
  /* What the line of LENGTH bytes says; NO_TRANSACTION is set when this block asks for none. */
  BlockMark (*mark_of) (const char *line, size_t length, bool *no_transaction);
} BlockSyntax;

/* Reads FILE into both scripts of MIGRATION. Each keeps the lines of the file: what belongs to the
 * other direction is blank. Several ways up run in the order of the file; several ways down in the
 * reverse one, and have no lines then (line 0). A file without a way up, or with SQL before the first
 * mark, is an error. */
bool blocks_read (Folder *folder, const char *file, const BlockSyntax *syntax, Migration *migration,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether any line of TEXT is a mark for a way up. */
bool blocks_are_in (const FolderFile *file, const BlockSyntax *syntax);
