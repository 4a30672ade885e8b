#include "migrate/blocks.h"

#include <string.h>

typedef struct
{
  bool is_up;
  size_t start, end; /* of what follows the mark's line */
  unsigned int line;
  bool no_transaction;
} Block;

typedef struct
{
  Folder *folder;
  const char *name;
  const BlockSyntax *syntax;
  char *text; /* a copy that statement marks are taken out of */
  size_t length;
  GArray *blocks; /* of Block */
  bool no_transaction, has_variables, in_statement;
  unsigned int line; /* being looked at */
} Reading;

static void
reading_clear (Reading *reading)
{
  g_free (reading->text);
  if (reading->blocks != NULL)
    g_array_unref (reading->blocks);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reading, reading_clear)

static size_t
line_end (const char *text, size_t at, size_t length)
{
  const char *end = memchr (text + at, '\n', length - at);
  return end != NULL ? (size_t) (end - text) : length;
}

/* Blanks everything from START to END but the ends of lines. */
static void
blank (char *text, size_t start, size_t end)
{
  for (size_t i = start; i < end; i++)
    if (text[i] != '\n' && text[i] != '\r')
      text[i] = ' ';
}

static bool
refuse (const Reading *reading, const char *hint, GError **error, const char *message)
{
  return layout_refuse (reading->folder, reading->name, reading->line, hint, error, "%s", message);
}

/* The end of a statement ends it also without a semicolon. */
static bool
take_statement_mark (Reading *reading, size_t start, size_t end, BlockMark mark, GError **error)
{
  bool begins = mark == BLOCK_STATEMENT_BEGIN;
  if (reading->blocks->len == 0)
    return refuse (reading, "Put it below the mark for the direction.", error,
                   "a statement begins before the first direction");
  if (begins == reading->in_statement)
    return refuse (reading, "Pair StatementBegin with StatementEnd.", error,
                   begins ? "a statement begins inside another one"
                          : "a statement ends that did not begin");
  reading->in_statement = begins;
  blank (reading->text, start, end);
  if (!begins)
    reading->text[start] = ';';
  return true;
}

static bool
open_block (Reading *reading, bool is_up, size_t start, bool no_transaction, GError **error)
{
  if (reading->in_statement)
    return refuse (reading, "Write StatementEnd before it.", error,
                   "the direction changes inside a statement");
  Block block = { is_up, start, reading->length, reading->line + 1, no_transaction };
  g_array_append_val (reading->blocks, block);
  return true;
}

static bool
check_outside (const Reading *reading, size_t start, size_t end, GError **error)
{
  const char *line = reading->text + start;
  size_t blanks = 0;
  while (blanks < end - start && g_ascii_isspace (line[blanks]))
    blanks++;
  if (reading->blocks->len > 0 || blanks == end - start || strncmp (line + blanks, "--", 2) == 0)
    return true;
  g_autofree char *hint
      = g_strdup_printf ("Put it below “%s”: what stands before the first mark runs in neither "
                         "direction.",
                         reading->syntax->up);
  return refuse (reading, hint, error, "there is SQL before the first mark");
}

static bool
take_line (Reading *reading, size_t start, size_t end, GError **error)
{
  bool no_transaction = false;
  BlockMark mark = reading->syntax->mark_of (reading->text + start, end - start, &no_transaction);
  if ((mark == BLOCK_UP || mark == BLOCK_DOWN) && reading->blocks->len > 0)
    g_array_index (reading->blocks, Block, reading->blocks->len - 1).end = start;
  switch (mark)
    {
    case BLOCK_UP:
    case BLOCK_DOWN:
      return open_block (reading, mark == BLOCK_UP, MIN (end + 1, reading->length), no_transaction,
                         error);
    case BLOCK_STATEMENT_BEGIN:
    case BLOCK_STATEMENT_END: return take_statement_mark (reading, start, end, mark, error);
    case BLOCK_NO_TRANSACTION: reading->no_transaction = true; return true;
    case BLOCK_VARIABLES: reading->has_variables = true; return true;
    default: return check_outside (reading, start, end, error);
    }
}

static bool
take_lines (Reading *reading, GError **error)
{
  for (size_t at = 0; at < reading->length;)
    {
      size_t end = line_end (reading->text, at, reading->length);
      reading->line++;
      if (!take_line (reading, at, end, error))
        return false;
      at = end + 1;
    }
  if (reading->in_statement)
    return refuse (reading, "Write StatementEnd after it.", error, "a statement does not end");
  return true;
}

static guint
count_blocks (const Reading *reading, bool is_up)
{
  guint count = 0;
  for (guint i = 0; i < reading->blocks->len; i++)
    count += g_array_index (reading->blocks, Block, i).is_up == is_up;
  return count;
}

/* From the first to the last block of a direction, the others between them blanked. */
static char *
text_in_place (const Reading *reading, bool is_up, unsigned int *ret_line)
{
  g_autoptr (GString) text = g_string_new (NULL);
  size_t first = 0;
  for (guint i = 0; i < reading->blocks->len; i++)
    {
      const Block *block = &g_array_index (reading->blocks, Block, i);
      if (block->is_up != is_up)
        continue;
      if (text->len == 0)
        {
          first = block->start;
          *ret_line = block->line;
        }
      else
        {
          size_t gap = text->len;
          g_string_append_len (text, reading->text + first + gap,
                               (gssize) (block->start - first - gap));
          blank (text->str, gap, text->len);
        }
      g_string_append_len (text, reading->text + block->start,
                           (gssize) (block->end - block->start));
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
text_reversed (const Reading *reading, unsigned int *ret_line)
{
  GString *text = g_string_new (NULL);
  for (guint i = reading->blocks->len; i-- > 0;)
    {
      const Block *block = &g_array_index (reading->blocks, Block, i);
      if (block->is_up)
        continue;
      g_string_append_len (text, reading->text + block->start,
                           (gssize) (block->end - block->start));
      if (block->end > block->start && reading->text[block->end - 1] != '\n')
        g_string_append_c (text, '\n');
    }
  *ret_line = 0;
  return g_string_free (text, FALSE);
}

static bool
is_blank (const char *text)
{
  return text[strspn (text, " \t\r\n\v\f")] == '\0';
}

static void
fill_script (const Reading *reading, bool is_up, MigrationScript *script)
{
  guint count = count_blocks (reading, is_up);
  if (count == 0)
    return;
  g_autofree char *text = !is_up && count > 1 ? text_reversed (reading, &script->line)
                                              : text_in_place (reading, is_up, &script->line);
  /* A way down that is only a mark is none. */
  if (!is_up && is_blank (text))
    return;
  script->length = strlen (text);
  script->text = g_steal_pointer (&text);
  script->path = folder_shown (reading->folder, reading->name);
  script->no_transaction = reading->no_transaction || layout_asks_for_no_transaction (script->text);
  for (guint i = 0; i < reading->blocks->len; i++)
    {
      const Block *block = &g_array_index (reading->blocks, Block, i);
      script->no_transaction |= block->is_up == is_up && block->no_transaction;
    }
}

bool
blocks_read (Folder *folder, const char *name, const BlockSyntax *syntax, Migration *migration,
             GError **error)
{
  FolderFile *file;
  if (!folder_read (folder, name, &file, error))
    return false;
  g_auto (Reading) reading = { .folder = folder, .name = name, .syntax = syntax };
  reading.text = g_strndup (file->text, file->length);
  reading.length = file->length;
  reading.blocks = g_array_new (FALSE, FALSE, sizeof (Block));
  if (!take_lines (&reading, error))
    return false;
  if (count_blocks (&reading, true) == 0)
    {
      g_autofree char *hint = g_strdup_printf ("Write “%s” before what it does.", syntax->up);
      return layout_refuse (folder, name, 0, hint, error, "there is no “%s”", syntax->up);
    }
  fill_script (&reading, true, &migration->up);
  fill_script (&reading, false, &migration->down);
  memcpy (migration->checksum, folder_checksum (file), sizeof migration->checksum);
  if (reading.has_variables)
    migration->not_sql = g_strdup ("variables of the environment are put into it");
  return true;
}

bool
blocks_are_in (const FolderFile *file, const BlockSyntax *syntax)
{
  for (size_t at = 0; at < file->length;)
    {
      size_t end = line_end (file->text, at, file->length);
      bool no_transaction;
      if (syntax->mark_of (file->text + at, end - at, &no_transaction) == BLOCK_UP)
        return true;
      at = end + 1;
    }
  return false;
}
