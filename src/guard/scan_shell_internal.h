/* What the files of scan_shell.h share. Nobody else includes this. */
#pragma once

#include "guard/scan_shell.h"

#define SHELL_MAX_DEPTH 40

/* Where the reading is. */
typedef struct
{
  const ScanText *source;
  const char *text;
  size_t at, end;
  int depth;
  ShellScript *script;
  GArray *here; /* of here documents: announced, and not read yet */
} ShellReader;

/* The byte AHEAD of the reader; NUL at the end. */
static inline char
shell_peek (const ShellReader *reader, size_t ahead)
{
  return reader->at + ahead < reader->end ? reader->text[reader->at + ahead] : '\0';
}

static inline bool
shell_at_end (const ShellReader *reader)
{
  return reader->at >= reader->end;
}

/* Notes what cannot be read at byte INDEX. Only the first is told: what follows is its consequence. */
void shell_complain (ShellReader *reader, size_t index, const char *problem);

void shell_skip_blanks (ShellReader *reader);
void shell_skip_comment (ShellReader *reader);

/* Behind "((". No commands in it worth reading. */
void shell_skip_arithmetic (ShellReader *reader);

/* The word at the reader, quotes undone; caller frees. A NUL in the text ends none. */
char *shell_read_word (ShellReader *reader, bool *ret_is_quoted);

bool shell_ends_word (char byte);

/* Behind an opening bracket: reads up to the closing one as commands of their own. */
void shell_read_nested (ShellReader *reader, char closing);

/* Commands up to CLOSING, which is left for the caller; NUL: up to the end. In scan_shell.c. */
void shell_read_list (ShellReader *reader, char closing);
