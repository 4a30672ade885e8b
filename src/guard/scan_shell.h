/*
 * Shell text as commands of words, as sh and bash would cut it: quotes, comments, continued lines,
 * here documents, substitutions, functions, loops and cases.
 *
 * Runs and expands nothing. A variable stays in its word as it is written ($NAME, ${NAME}); what
 * simple assignments of the text say about it is kept, for who wants to look. The commands of
 * substitutions are in the list, before the command they are in. Whatever cannot be read is named,
 * and what stands before it is still returned.
 */
#pragma once

#include "guard/scan_text.h"

#include <stdbool.h>

typedef struct
{
  char *text; /* quotes undone */
  ScanSpot spot;
  bool is_quoted; /* a part of it was */
} ShellWord;

typedef struct
{
  GPtrArray *words; /* of ShellWord; redirections and assignments in front are not among them */
  GPtrArray *assignments; /* of ShellWord: NAME=value in front */
  char *input;            /* here document or here string; NULL: none */
  ScanSpot input_spot;
  bool is_piped; /* its output goes into the next command */
} ShellCommand;

typedef struct
{
  GPtrArray *commands;   /* of ShellCommand, in the order of the text */
  GHashTable *variables; /* NAME -> value of the assignment that stands last; for arrays, words
                            joined by blanks */
  char *problem;         /* what could not be read; NULL: all was */
  ScanSpot problem_spot;
} ShellScript;

/* Never fails. Caller frees. */
ShellScript *shell_parse (const ScanText *text);
void shell_script_free (ShellScript *script);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ShellScript, shell_script_free)

ShellWord *shell_word_new (const char *text, ScanSpot spot);
void shell_word_free (ShellWord *word);
