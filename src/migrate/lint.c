#include "migrate/lint.h"

#include "base/text.h"
#include "migrate/lint_internal.h"
#include "sql/token.h"
#include "sql/tree.h"

#include <string.h>

#define NEWEST_MAJOR 18
#define STATEMENT_WORDS 6

static void
finding_free (LintFinding *finding)
{
  g_free (finding->path);
  g_free (finding->statement);
  g_free (finding->message);
  g_free (finding->key);
  g_free (finding->rewrite);
  g_free (finding);
}

static void
locks_free (LintLocks *locks)
{
  g_free (locks->statement);
  g_ptr_array_unref (locks->effects);
  g_free (locks);
}

void
lint_result_free (LintResult *result)
{
  if (result == NULL)
    return;
  g_ptr_array_unref (result->findings);
  g_ptr_array_unref (result->locks);
  g_free (result);
}

bool
lint_result_is_bad (const LintResult *result)
{
  for (guint i = 0; i < result->findings->len; i++)
    if (((const LintFinding *) result->findings->pdata[i])->severity >= LINT_WARNING)
      return true;
  return result->unknown_count > 0;
}

bool
lint_is_old (const Lint *lint, const char *key)
{
  const LockRelation *relation = lock_schema_find (lint->schema, key);
  return relation == NULL || relation->made_at <= lint->age;
}

/* Where byte AT is in the file: the line, and the column in characters. */
static void
place_of (const Lint *lint, size_t at, unsigned int *ret_line, unsigned int *ret_column)
{
  unsigned int line = MAX (lint->file->line, 1);
  size_t start = 0;
  at = MIN (at, lint->file->length);
  for (const char *end; (end = memchr (lint->text + start, '\n', at - start)) != NULL; line++)
    start = (size_t) (end - lint->text) + 1;
  *ret_line = line;
  *ret_column = 1;
  for (size_t i = start; i < at; i++)
    *ret_column += ((unsigned char) lint->text[i] & 0xc0) != 0x80;
}

void
lint_report (Lint *lint, const LintReport *report, const char *format, ...)
{
  const LintRule *rule = lint_rule (report->rule);
  const LockEffect *effect = lint->effects != NULL && report->key != NULL
                                 ? lock_model_find (lint->effects, report->key)
                                 : NULL;
  size_t start = lint->statement != NULL ? lint->statement->start : 0;
  size_t length = lint->statement != NULL ? lint->statement->length : 0;
  va_list args;
  const LintSize *size;
  LintSeverity severity = lint_weigh (lint, report, &size);
  if (!lint->is_judged)
    return;
  if (lint_ignores (lint, rule))
    {
      lint->result->ignored_count++;
      return;
    }
  if (severity < lint->options->level)
    return;
  LintFinding *finding = g_new0 (LintFinding, 1);
  finding->rule = rule;
  finding->severity = severity;
  finding->table_bytes = size != NULL ? size->bytes : -1;
  finding->table_rows = size != NULL ? size->rows : -1;
  finding->path = g_strdup (lint->file->path);
  finding->offset = start;
  finding->length = length;
  place_of (lint, start + (size_t) MAX (report->location, 0), &finding->line, &finding->column);
  place_of (lint, start + length, &finding->end_line, &finding->end_column);
  finding->statement = sql_first_words (lint->text + start, length, STATEMENT_WORDS);
  va_start (args, format);
  finding->message = g_strdup_vprintf (format, args);
  va_end (args);
  finding->key = g_strdup (report->key);
  finding->lock = effect != NULL ? effect->mode : LOCK_NONE;
  finding->rewrite = lint_rewrite (lint, report);
  g_ptr_array_add (lint->result->findings, finding);
}

/* Blanks what is no SQL but keeps every byte's place: rows of COPY FROM STDIN and commands of psql. */
static void
blank (char *text, size_t from, size_t to)
{
  for (size_t i = from; i < to; i++)
    if (text[i] != '\n')
      text[i] = ' ';
}

static size_t
blank_line (char *text, size_t length, size_t at)
{
  const char *end = memchr (text + at, '\n', length - at);
  size_t stop = end != NULL ? (size_t) (end - text) : length;
  blank (text, at, stop);
  return stop;
}

static size_t
blank_rows (char *text, size_t length, size_t at)
{
  const char *end = memmem (text + at, length - at, "\n\\.", 3);
  size_t stop = end != NULL ? (size_t) (end - text) + 3 : length;
  blank (text, at, stop);
  return stop;
}

static void
blank_what_is_no_sql (char *text, size_t length)
{
  bool is_first = true, is_copy = false, after_from = false, is_stdin = false;
  size_t at = 0;
  SqlToken token;
  while (sql_token_next_word (text, length, &at, &token))
    {
      bool is_line_start = token.start == 0 || text[token.start - 1] == '\n';
      if (text[token.start] == '\\' && (is_first || is_line_start))
        {
          at = blank_line (text, length, token.start);
          continue;
        }
      if (is_first)
        is_copy = sql_token_is (text, &token, "copy");
      is_stdin |= after_from && sql_token_is (text, &token, "stdin");
      after_from = sql_token_is (text, &token, "from");
      is_first = token.kind == SQL_TOKEN_SEMICOLON;
      if (is_first && is_copy && is_stdin)
        at = blank_rows (text, length, at);
      if (is_first)
        is_copy = is_stdin = after_from = false;
    }
}

static void
report_unknown (Lint *lint, const char *message, size_t position)
{
  LintReport report = { .rule = RULE_UNKNOWN, .location = (long) position };
  /* What is ignored with a reason is known to somebody. */
  if (lint->is_judged && !lint_ignores (lint, lint_rule (RULE_UNKNOWN)))
    lint->result->unknown_count++;
  lint_report (lint, &report, "unknown: %s", message);
}

static void
add_locks (Lint *lint)
{
  LintLocks *locks = g_new0 (LintLocks, 1);
  unsigned int column;
  locks->path = lint->file->path;
  place_of (lint, lint->statement->start, &locks->line, &column);
  locks->statement = sql_first_words (lint->text + lint->statement->start, lint->statement->length,
                                      STATEMENT_WORDS);
  locks->is_known = lint->tree != NULL;
  locks->effects = g_ptr_array_ref (lint->effects);
  g_ptr_array_add (lint->result->locks, locks);
}

static void
check_statement (Lint *lint)
{
  lint->effects = lock_model_predict (lint->schema, lint->tree, lint->server_major);
  if (lint->is_judged && lint->options->with_locks)
    add_locks (lint);
  if (lint->is_judged)
    {
      lint_check_transaction (lint);
      if (lint->node != NULL)
        {
          lint_check_alter (lint);
          lint_check_index (lint);
          lint_check_loss (lint);
          lint_check_style (lint);
        }
    }
  lock_schema_learn (lint->schema, lint->tree);
  g_clear_pointer (&lint->effects, g_ptr_array_unref);
}

static bool
read_statement (Lint *lint, const SqlStatement *statement, GError **error)
{
  const char *text = lint->text + statement->start;
  g_autofree char *message = NULL;
  json_t *parsed = NULL;
  size_t position = 0;
  if (!sql_parse (lint->parser, text, statement->length, &parsed, &message, &position, error))
    return false;
  g_autoptr (json_t) tree = parsed;
  void *first = json_object_iter (tree);
  lint->statement = statement;
  lint->tree = tree;
  lint->kind = first != NULL ? json_object_iter_key (first) : "";
  lint->node = first != NULL ? json_object_iter_value (first) : NULL;
  sql_classify_tree (tree, text, statement->length, &lint->class);
  lint->result->statement_count += lint->is_judged;
  if (tree == NULL)
    report_unknown (lint, message, position);
  check_statement (lint);
  sql_class_clear (&lint->class);
  lint->statement = NULL;
  lint->tree = lint->node = NULL;
  return true;
}

static bool
rolls_back (const char *text)
{
  g_autofree char *lower = g_ascii_strdown (text, -1);
  return strstr (lower, "rollback") != NULL;
}

static bool
begins_itself (const char *text, const SqlStatement *statement)
{
  static const char *const begin[] = { "begin", NULL };
  static const char *const start[] = { "start", "transaction", NULL };
  return sql_begins_with (text + statement->start, statement->length, begin)
         || sql_begins_with (text + statement->start, statement->length, start);
}

/* A transaction around the whole file, unless it says otherwise, has its own, or holds what refuses
 * one. */
static bool
is_wrapped (const LintFile *file, const char *text, const GArray *statements)
{
  static const char *const alone[][5] = {
    { "create", "index", "concurrently" },
    { "create", "unique", "index", "concurrently" },
    { "drop", "index", "concurrently" },
    { "vacuum" },
    { "alter", "system" },
    { "create", "database" },
    { "drop", "database" },
  };
  if (file->no_transaction)
    return false;
  for (guint i = 0; i < statements->len; i++)
    if (begins_itself (text, &g_array_index (statements, SqlStatement, i)))
      return false;
  /* Where it is the only one pgkeel takes it out of the transaction by itself. */
  if (statements->len != 1)
    return true;
  const SqlStatement *only = &g_array_index (statements, SqlStatement, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (alone); i++)
    if (sql_begins_with (text + only->start, only->length, alone[i]))
      return false;
  return true;
}

static bool
read_statements (Lint *lint, const GArray *statements, GError **error)
{
  for (guint i = 0; i < statements->len; i++)
    if (!read_statement (lint, &g_array_index (statements, SqlStatement, i), error))
      return false;
  lint_end_file (lint);
  lint_ignores_report (lint);
  return true;
}

static bool
read_file (Lint *lint, const LintFile *file, bool is_judged, GError **error)
{
  g_autofree char *text = g_malloc (file->length + 1);
  memcpy (text, file->text, file->length);
  text[file->length] = '\0';
  blank_what_is_no_sql (text, file->length);
  g_autoptr (GArray) statements = sql_split (text, file->length);
  if (file->not_sql != NULL)
    g_array_set_size (statements, 0);
  g_autoptr (GPtrArray) ignores = lint_ignores_read (text, file->length, statements);
  lint->file = file;
  lint->text = text;
  lint->is_judged = is_judged;
  lint->age = lock_schema_age (lint->schema);
  lint->is_wrapped = is_wrapped (file, text, statements);
  lint->is_explicit = false;
  lint->has_lock_timeout = lint->has_statement_timeout = lint->has_idle_timeout = false;
  lint->lock_timeout_reported = lint->statement_timeout_reported = false;
  lint->ignores = ignores;
  lint->saved = rolls_back (text) ? lock_schema_copy (lint->schema) : NULL;
  lint_transaction_clear (&lint->transaction);
  if (file->not_sql != NULL)
    report_unknown (lint, file->not_sql, 0);
  bool ok = read_statements (lint, statements, error);
  g_clear_pointer (&lint->saved, lock_schema_free);
  lint->ignores = NULL;
  return ok;
}

static gint
compare_findings (gconstpointer a, gconstpointer b)
{
  const LintFinding *first = *(LintFinding *const *) a, *second = *(LintFinding *const *) b;
  if (strcmp (first->path, second->path) != 0)
    return 0;
  return first->line != second->line
             ? (first->line > second->line) - (first->line < second->line)
             : (first->column > second->column) - (first->column < second->column);
}

/* Within each file by place; the files stay in their order. */
static void
sort_findings (GPtrArray *findings)
{
  for (guint start = 0; start < findings->len;)
    {
      const char *path = ((LintFinding *) findings->pdata[start])->path;
      guint end = start;
      while (end < findings->len
             && strcmp (((LintFinding *) findings->pdata[end])->path, path) == 0)
        end++;
      g_qsort_with_data (findings->pdata + start, (gint) (end - start), sizeof (gpointer),
                         (GCompareDataFunc) (void (*) (void)) compare_findings, NULL);
      start = end;
    }
}

bool
lint_run (const LintOptions *options, const LintFile *files, size_t count, const bool *judged,
          LintResult **ret_result, GError **error)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  g_autoptr (LintResult) result = g_new0 (LintResult, 1);
  Lint lint
      = { .options = options, .parser = parser, .schema = lock_schema_new (), .result = result };
  result->findings = g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  result->locks = g_ptr_array_new_with_free_func ((GDestroyNotify) locks_free);
  lint.server_major = options->server_major > 0 ? options->server_major : NEWEST_MAJOR;
  bool ok = true;
  for (size_t i = 0; i < count && ok; i++)
    ok = read_file (&lint, &files[i], judged == NULL || judged[i], error);
  lint_transaction_clear (&lint.transaction);
  lock_schema_free (lint.schema);
  if (!ok)
    return false;
  sort_findings (result->findings);
  *ret_result = g_steal_pointer (&result);
  return true;
}
