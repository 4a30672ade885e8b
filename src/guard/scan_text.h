/*
 * A text that was cut out of a file, or made from it, and where each of its bytes stands there: the
 * script of a workflow's step, the recipe of a Makefile with its variables put in.
 */
#pragma once

#include "project/node.h"

typedef struct
{
  unsigned int line, column; /* from 1; the column counts characters */
} ScanSpot;

/* A file's text, and where its lines begin. Borrows the text. */
typedef struct
{
  const char *text; /* NUL-terminated */
  size_t length;
  GArray *lines; /* of size_t: the offset of each line */
} ScanSource;

void scan_source_init (ScanSource *source, const char *text, size_t length);
void scan_source_clear (ScanSource *source);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScanSource, scan_source_clear)

/* Where byte OFFSET stands. */
ScanSpot scan_source_spot (const ScanSource *source, size_t offset);

typedef struct
{
  GString *text;
  GArray *spots; /* of ScanSpot, one for each byte */
} ScanText;

ScanText *scan_text_new (void);
void scan_text_free (ScanText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScanText, scan_text_free)

/* Adds one byte that stands at SPOT. */
void scan_text_add (ScanText *text, char byte, ScanSpot spot);

/* Adds what is written nowhere, or somewhere else: all of it is at SPOT. */
void scan_text_add_string (ScanText *text, const char *string, ScanSpot spot);

/* Where byte INDEX stands; for the end, where the last one does. */
ScanSpot scan_text_spot (const ScanText *text, size_t index);

/* LENGTH bytes of a file, of which the first stands at START. Caller frees. */
ScanText *scan_text_of (const char *bytes, size_t length, ScanSpot start);

/* A scalar of YAML (or JSON) that was parsed from SOURCE: its bytes are looked for behind the place where
 * it begins, which finds them however it is quoted, folded or indented. Caller frees. */
ScanText *scan_text_of_scalar (const Node *scalar, const ScanSource *source);
