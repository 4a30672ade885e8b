/*
 * A place in a text file, for messages: which file, and where in it a value begins.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct
{
  const char *file;   /* as messages call it: "pgkeel.yaml", ".env" */
  const char *source; /* the file's text; may be NULL, then nothing can be looked for in it */
  int line;           /* from 1; 0: the place is the whole file */
  int column;         /* in characters, from 1 */
} Place;

/* "FILE:LINE:COLUMN" of the first NEEDLE at or after the place, of the place itself when it is not
 * there. Caller frees. */
char *place_of (const Place *place, const char *needle);
