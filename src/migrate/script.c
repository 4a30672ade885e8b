#include "migrate/script.h"

#include "base/digest.h"
#include "base/text.h"
#include "sql/split.h"
#include "sql/token.h"

#include <string.h>

#define MARK "pgkeel:"

typedef struct
{
  const MigrationScript *source;
  SqlParser *parser;
  GPtrArray *statements;
  size_t at;
  size_t line_at; /* up to where lines were counted */
  unsigned int line;
  char digest[33];
} Reader;

static void
statement_free (ScriptStatement *statement)
{
  sql_class_clear (&statement->class);
  g_free (statement);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScriptStatement, statement_free)

void
migrate_script_free (MigrateScript *script)
{
  if (script == NULL)
    return;
  g_ptr_array_unref (script->statements);
  g_free (script);
}

static unsigned int
line_of (Reader *reader, size_t at)
{
  const char *text = reader->source->text;
  for (; reader->line_at < at; reader->line_at++)
    reader->line += text[reader->line_at] == '\n';
  return reader->line;
}

/* The end of the line that holds AT, before its newline. */
static size_t
end_of_line (const MigrationScript *source, size_t at)
{
  const char *newline = memchr (source->text + at, '\n', source->length - at);
  return newline != NULL ? (size_t) (newline - source->text) : source->length;
}

static bool
begins_with_word (const char *text, size_t length, const char *word)
{
  const char *const words[] = { word, NULL };
  return sql_begins_with (text, length, words);
}

/* pg_dump guards its output with these two since 2025; they do nothing to the SQL between them. */
static bool
is_harmless_meta (const char *line)
{
  return g_str_has_prefix (line, "\\restrict ") || g_str_has_prefix (line, "\\unrestrict ");
}

static bool
skip_meta (Reader *reader, size_t start, GError **error)
{
  const MigrationScript *source = reader->source;
  size_t end = end_of_line (source, start);
  g_autofree char *line = g_strndup (source->text + start, end - start);
  g_strchomp (line);
  reader->at = end;
  if (is_harmless_meta (line))
    return true;
  return keel_error (
      error, KEEL_ERROR_FAILED,
      "Write what it does in SQL; files that others include become migrations of their own.",
      "%s:%u: “%s” is a command of psql, not SQL", source->path, line_of (reader, start), line);
}

/* The rows of a COPY begin on the next line and end before a line "\.". */
static bool
take_copy_data (Reader *reader, ScriptStatement *statement, GError **error)
{
  const MigrationScript *source = reader->source;
  size_t at = MIN (end_of_line (source, reader->at) + 1, source->length);
  statement->data_start = at;
  while (at < source->length)
    {
      size_t end = end_of_line (source, at);
      size_t length = end - at - (end > at && source->text[end - 1] == '\r');
      if (length == 2 && memcmp (source->text + at, "\\.", 2) == 0)
        {
          statement->data_length = at - statement->data_start;
          reader->at = MIN (end + 1, source->length);
          return true;
        }
      at = end + 1;
    }
  return keel_error (error, KEEL_ERROR_FAILED, "End the rows with a line that holds only “\\.”.",
                     "%s:%u: the rows of this COPY have no end", source->path, statement->line);
}

/* PostgreSQL's "pause": a number with ms or s. */
static bool
parse_pause (const char *text, int64_t *ret_ms)
{
  char *end;
  int64_t number = g_ascii_strtoll (text, &end, 10);
  if (end == text || number < 0 || number > 3600000)
    return false;
  if (strcmp (end, "ms") == 0)
    *ret_ms = number;
  else if (strcmp (end, "s") == 0)
    *ret_ms = number * 1000;
  else
    return false;
  return true;
}

/* "batch", "batch pause 100ms"; marks of others (ignore, no-transaction) are not ours to judge. */
static bool
read_mark (const char *mark, ScriptStatement *statement, bool *ret_ok)
{
  g_auto (GStrv) words = g_strsplit_set (mark, " \t\r", -1);
  g_autoptr (GPtrArray) real = g_ptr_array_new ();
  for (guint i = 0; words[i] != NULL; i++)
    if (*words[i] != '\0')
      g_ptr_array_add (real, words[i]);
  if (real->len == 0 || strcmp (real->pdata[0], "batch") != 0)
    return false;
  statement->is_batch = true;
  *ret_ok = real->len == 1
            || (real->len == 3 && strcmp (real->pdata[1], "pause") == 0
                && parse_pause (real->pdata[2], &statement->pause_ms));
  return true;
}

/* Looks through the comments between FROM and the statement. */
static bool
read_marks (Reader *reader, size_t from, ScriptStatement *statement, GError **error)
{
  const char *text = reader->source->text;
  SqlToken token;
  for (size_t at = from;
       at < statement->start && sql_token_next (text, statement->start, &at, &token);)
    {
      g_autofree char *comment = g_strndup (text + token.start, token.length);
      const char *words = comment + 2;
      bool ok = true;
      if (token.kind != SQL_TOKEN_COMMENT || !g_str_has_prefix (comment, "--"))
        continue;
      words += strspn (words, " \t");
      if (g_str_has_prefix (words, MARK) && read_mark (words + strlen (MARK), statement, &ok)
          && !ok)
        return keel_error (error, KEEL_ERROR_FAILED,
                           "Write “-- pgkeel: batch” or “-- pgkeel: batch pause 100ms”.",
                           "%s:%u: the mark “%s” is not understood", reader->source->path,
                           statement->line, comment);
    }
  return true;
}

/* Words count, comments, white space and the case of words do not: as in sql_fingerprint. */
static void
extend_digest (Reader *reader, ScriptStatement *statement)
{
  const char *text = reader->source->text;
  size_t end = statement->start + statement->length;
  g_autoptr (Sha256) hash = sha256_new ();
  uint8_t sum[SHA256_BYTES];
  SqlToken token;
  sha256_update (hash, reader->digest, strlen (reader->digest));
  for (size_t at = statement->start; at < end && sql_token_next_word (text, end, &at, &token);)
    {
      bool is_word = token.kind == SQL_TOKEN_WORD;
      g_autofree char *word = is_word ? g_ascii_strdown (text + token.start, (gssize) token.length)
                                      : g_strndup (text + token.start, token.length);
      sha256_update (hash, word, token.length + 1);
    }
  sha256_update (hash, text + statement->data_start, statement->data_length);
  sha256_finish (hash, sum);
  g_autofree char *hex = sha256_hex (sum);
  memcpy (reader->digest, hex, 32);
  memcpy (statement->digest, reader->digest, sizeof statement->digest);
}

static ScriptControl
control_of (const char *text, size_t length)
{
  static const char *const to[] = { "rollback", "to", NULL };
  static const char *const prepared[][3] = { { "commit", "prepared" }, { "rollback", "prepared" } };
  if (begins_with_word (text, length, "begin") || begins_with_word (text, length, "start"))
    return SCRIPT_BEGIN;
  if (sql_begins_with (text, length, prepared[0]) || sql_begins_with (text, length, prepared[1])
      || sql_begins_with (text, length, to))
    return SCRIPT_PLAIN;
  if (begins_with_word (text, length, "commit") || begins_with_word (text, length, "end"))
    return SCRIPT_COMMIT;
  if (begins_with_word (text, length, "rollback") || begins_with_word (text, length, "abort"))
    {
      /* ROLLBACK [WORK | TRANSACTION] TO [SAVEPOINT] name */
      static const char *const work[] = { "rollback", "work", "to", NULL };
      static const char *const transaction[] = { "rollback", "transaction", "to", NULL };
      return sql_begins_with (text, length, work) || sql_begins_with (text, length, transaction)
                 ? SCRIPT_PLAIN
                 : SCRIPT_ROLLBACK;
    }
  return SCRIPT_PLAIN;
}

/* What lasts as long as the session: SET x, RESET x, SELECT set_config (...). */
static bool
sets_session (const char *text, size_t length)
{
  static const char *const local[] = { "set", "local", NULL };
  static const char *const transaction[] = { "set", "transaction", NULL };
  static const char *const constraints[] = { "set", "constraints", NULL };
  static const char *const qualified[] = { "select", "pg_catalog", NULL };
  static const char *const plain[] = { "select", "set_config", NULL };
  if (begins_with_word (text, length, "set"))
    return !sql_begins_with (text, length, local) && !sql_begins_with (text, length, transaction)
           && !sql_begins_with (text, length, constraints);
  return begins_with_word (text, length, "reset") || sql_begins_with (text, length, plain)
         || (sql_begins_with (text, length, qualified)
             && g_strstr_len (text, (gssize) length, ".set_config") != NULL);
}

static bool
add_statement (Reader *reader, const SqlStatement *found, GError **error)
{
  g_autoptr (ScriptStatement) statement = g_new0 (ScriptStatement, 1);
  const char *text = reader->source->text + found->start;
  statement->start = found->start;
  statement->length = found->length;
  statement->line = line_of (reader, found->start);
  if (!sql_classify (reader->parser, text, found->length, &statement->class, error)
      || !read_marks (reader, found->offset, statement, error))
    return false;
  statement->control = control_of (text, found->length);
  statement->runs_alone = sql_kind_runs_alone (statement->class.kind);
  statement->sets_session = sets_session (text, found->length);
  if (statement->class.kind == SQL_KIND_COPY_STDIN && !take_copy_data (reader, statement, error))
    return false;
  extend_digest (reader, statement);
  g_ptr_array_add (reader->statements, g_steal_pointer (&statement));
  return true;
}

static bool
read_all (Reader *reader, GError **error)
{
  const MigrationScript *source = reader->source;
  SqlStatement found;
  while (sql_split_next (source->text, source->length, &reader->at, &found))
    {
      bool is_meta = source->text[found.start] == '\\';
      if (!(is_meta ? skip_meta (reader, found.start, error)
                    : add_statement (reader, &found, error)))
        return false;
    }
  return true;
}

bool
migrate_script_read (const MigrationScript *source, SqlParser *parser, MigrateScript **ret_script,
                     GError **error)
{
  g_autoptr (MigrateScript) script = g_new0 (MigrateScript, 1);
  script->source = source;
  script->statements = g_ptr_array_new_with_free_func ((GDestroyNotify) statement_free);
  Reader reader = {
    .source = source, .parser = parser, .statements = script->statements, .line = source->line
  };
  if (!read_all (&reader, error))
    return false;
  *ret_script = g_steal_pointer (&script);
  return true;
}

char *
migrate_script_statement_text (const MigrateScript *script, guint index)
{
  const ScriptStatement *statement = migrate_script_at (script, index);
  return g_strndup (script->source->text + statement->start, statement->length);
}

unsigned int
migrate_script_line_at (const MigrateScript *script, guint index, size_t position)
{
  const ScriptStatement *statement = migrate_script_at (script, index);
  const char *text = script->source->text + statement->start;
  unsigned int line = statement->line;
  for (size_t byte = 0, characters = 0; byte < statement->length; byte++)
    {
      characters += (text[byte] & 0xc0) != 0x80;
      if (characters >= position)
        break;
      line += text[byte] == '\n';
    }
  return line;
}

/* From a BEGIN to what closes it. */
static ScriptUnit
block_at (const MigrateScript *script, guint first, guint begin)
{
  ScriptUnit unit = { .kind = UNIT_TRANSACTION, .first = first, .is_block = true };
  guint end = begin + 1;
  while (end < script->statements->len
         && (migrate_script_at (script, end)->control == SCRIPT_PLAIN
             || migrate_script_at (script, end)->control == SCRIPT_BEGIN))
    end++;
  unit.count = MIN (end + 1, script->statements->len) - first;
  unit.is_rolled_back = end < script->statements->len
                        && migrate_script_at (script, end)->control == SCRIPT_ROLLBACK;
  return unit;
}

ScriptUnit
migrate_script_unit_at (const MigrateScript *script, guint first, bool split_enums)
{
  ScriptUnit unit = { .kind = UNIT_TRANSACTION, .first = first };
  bool only_settings = true;
  for (guint i = first; i < script->statements->len; i++)
    {
      const ScriptStatement *statement = migrate_script_at (script, i);
      bool is_alone = statement->is_batch || statement->runs_alone;
      if (is_alone && i == first)
        unit.kind = statement->is_batch ? UNIT_BATCH : UNIT_ALONE;
      if (statement->control == SCRIPT_BEGIN && (i == first || only_settings))
        return block_at (script, first, i);
      if ((is_alone || statement->control == SCRIPT_BEGIN) && i > first)
        return unit;
      unit.count++;
      unit.is_rolled_back = statement->control == SCRIPT_ROLLBACK;
      only_settings &= statement->sets_session;
      if (is_alone || statement->control != SCRIPT_PLAIN || script->source->no_transaction
          || (split_enums && statement->class.kind == SQL_KIND_ENUM_VALUE))
        return unit;
    }
  return unit;
}
