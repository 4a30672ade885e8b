/*
 * .env files: NAME=value lines, as shells, Docker Compose and dotenv libraries write them.
 *
 *   NAME=value            # a comment needs a space before it; blanks around the value go
 *   export NAME=value
 *   NAME='as it stands'   nothing in it is special
 *   NAME="a\nb ${OTHER}"  \n \r \t \" \\ and \$; may go over several lines
 *   NAME                  (without =) sets nothing
 *
 * Only parses; values keep their ${...} for variables.h to expand.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

typedef struct
{
  char *name;
  char *text;      /* quotes and escapes undone; "$${" where an escaped ${ stood */
  bool is_literal; /* single-quoted: not expanded */
  int line;        /* of the value */
  int column;
} DotenvEntry;

void dotenv_entry_free (DotenvEntry *entry);

/* Parses TEXT, LENGTH bytes and NUL-terminated. FILE is for messages. A byte order mark and CRLF are
 * fine. *RET_ENTRIES: of DotenvEntry, in order. KEEL_ERROR_CONFIG with line and column; values never
 * appear in messages. */
bool dotenv_parse (const char *file, const char *text, size_t length, GPtrArray **ret_entries,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
