/*
 * What commands print: the result on standard output, as tables and lists for people or as one JSON
 * object for programs.
 *
 * Only src/cli prints. Colours appear on a terminal only, and never when NO_COLOR is set. Whether all
 * of it could be written is checked once, at the end of cli_main. Not safe to call from two threads.
 */
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

typedef enum
{
  OUTPUT_PLAIN,
  OUTPUT_BOLD,
  OUTPUT_DIM,
  OUTPUT_GOOD, /* green */
  OUTPUT_WARN, /* yellow */
  OUTPUT_BAD,  /* red */
} OutputStyle;

/* Whether standard output is a terminal. */
bool output_is_terminal (void);

/* Whether FD is a terminal and wants colours: NO_COLOR is not set, TERM is not "dumb". */
bool output_wants_colour (int fd);

/* The sequence that begins STYLE, "" for OUTPUT_PLAIN. Only for FDs that want colours. */
const char *output_style_sequence (OutputStyle style);

/* TEXT between the sequences of STYLE when standard output wants colours, else a copy. Caller
 * frees. */
char *output_paint (OutputStyle style, const char *text);

/* TEXT with the control characters (but newline and tab) and the invalid UTF-8 replaced: names and
 * messages from outside must not steer the terminal. Caller frees. */
char *output_safe_text (const char *text);

/* One line of the result; the line's end is added. Not under --json. */
void output_line (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* TEXT as it is. Not under --json. */
void output_text (const char *text);

/* The result under --json: an object, whose reference is taken over. It is printed when the command
 * ends, together with its error if there is one, so that there is always exactly one object. A
 * command calls it at most once. NULL is what json_pack makes of a text that is not UTF-8: the command
 * then fails when it ends. */
void output_json (json_t *object);

/* False, with the error set, when output_json was given NULL. For cli_main. */
bool output_check_json (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A JSON string of TEXT, which need not be valid UTF-8; null for NULL. The caller owns it. */
json_t *output_json_string (const char *text);

/* The object given to output_json, handed over; NULL when there was none. For cli_main. */
json_t *output_take_json (void);

/* Tables: headings and aligned columns, no borders. Cells are copied. */
typedef struct OutputTable OutputTable;

typedef struct
{
  const char *heading;
  bool is_number; /* aligned to the right */
} OutputColumn;

/* COLUMNS ends with a row without a heading. */
OutputTable *output_table_new (const OutputColumn *columns);

/* Two columns without headings: a name and what it is. */
OutputTable *output_pairs_new (void);

void output_table_free (OutputTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OutputTable, output_table_free)

/* Adds a row: output_table_row (table, "a", "b"). One cell per column; NULL is an empty one. */
#define output_table_row(table, ...)                                                               \
  output_table_add ((table), sizeof ((const char *[]){ __VA_ARGS__ }) / sizeof (const char *),     \
                    (const char *const[]){ __VA_ARGS__ })
void output_table_add (OutputTable *table, size_t count, const char *const *cells);

/* Adds "name  value" to a table made by output_pairs_new. */
void output_pair (OutputTable *table, const char *name, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Shows cell COLUMN of the row added last in STYLE. */
void output_table_style (OutputTable *table, size_t column, OutputStyle style);

/* The table as text that ends with a newline, or "" without rows; caller frees. */
char *output_table_text (OutputTable *table, bool with_colours);

/* Prints it. */
void output_table_print (OutputTable *table);
