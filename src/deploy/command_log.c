#include "deploy/command_log.h"

#include "base/fs.h"
#include "deploy/measurement.h"
#include "sql/token.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STATEMENTS_MAX 1000
#define DURATION_MAX_MS 1e9
#define TEXT_MAX_BYTES ((int64_t) 256 * 1024 * 1024)
/* What only reads is told when it took as long; a COMMIT much sooner. */
#define READING_SHOWN_US (10 * 1000)
#define COMMIT_SHOWN_US 1000

void
command_statement_free (CommandStatement *statement)
{
  g_free (statement->text);
  g_free (statement);
}

void
command_log_init (CommandLog *log)
{
  *log = (CommandLog){ .statements
                       = g_ptr_array_new_with_free_func ((GDestroyNotify) command_statement_free) };
}

void
command_log_clear (CommandLog *log)
{
  g_clear_pointer (&log->statements, g_ptr_array_unref);
  db_failure_clear (&log->failure);
  g_clear_pointer (&log->failed_text, g_free);
}

bool
command_log_enable (DbConn *conn, const char *database, GError **error)
{
  static const char *const settings[]
      = { "log_min_duration_statement = 0", "log_min_duration_sample = -1",
          "log_parameter_max_length = 0",   "log_parameter_max_length_on_error = 0",
          "log_error_verbosity = verbose",  "log_min_error_statement = error" };
  g_autofree char *quoted = db_quote_ident (database);
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autofree char *sql = g_strdup_printf ("ALTER DATABASE %s SET %s", quoted, settings[i]);
      if (!db_exec (conn, sql, error))
        return false;
    }
  return true;
}

int64_t
command_log_length (const char *path)
{
  struct stat info;
  return stat (path, &info) == 0 ? (int64_t) info.st_size : 0;
}

/* --- statements ------------------------------------------------------------------------------- */

typedef struct
{
  CommandLog *log;
  GHashTable *waiting; /* session -> microseconds of what came before its next execute */
} Parser;

/* What tools ask of the catalogue, and what is around statements, in their hundreds. */
static bool
is_worth_telling (const char *text, int64_t elapsed_us)
{
  static const char *const reading[]
      = { "select",  "show",       "begin",   "start",    "set",    "reset", "savepoint",
          "release", "deallocate", "discard", "rollback", "commit", "end" };
  size_t at = 0, length = strlen (text);
  SqlToken token;
  if (!sql_token_next_word (text, length, &at, &token))
    return false;
  if (sql_token_is (text, &token, "commit") || sql_token_is (text, &token, "end"))
    return elapsed_us >= COMMIT_SHOWN_US;
  for (size_t i = 0; i < G_N_ELEMENTS (reading); i++)
    if (sql_token_is (text, &token, reading[i]))
      return elapsed_us >= READING_SHOWN_US;
  return true;
}

static void
add_statement (CommandLog *log, const char *text, int64_t elapsed_us, bool failed)
{
  log->count++;
  if (!failed && !is_worth_telling (text, elapsed_us))
    return;
  if (log->statements->len >= STATEMENTS_MAX)
    {
      log->left_out++;
      return;
    }
  CommandStatement *statement = g_new0 (CommandStatement, 1);
  statement->text = measurement_show_text (text);
  statement->elapsed_us = elapsed_us;
  statement->failed = failed;
  g_ptr_array_add (log->statements, statement);
}

/* "1.234 ms  statement: TEXT", "0.5 ms  bind <unnamed>: TEXT", "2 ms  execute name: TEXT". */
static void
take_duration (Parser *parser, const char *session, const char *text)
{
  char *end;
  double ms = g_ascii_strtod (text, &end);
  const char *sql = strstr (end, ": ");
  if (!g_str_has_prefix (end, " ms  ") || sql == NULL || !(ms >= 0 && ms < DURATION_MAX_MS))
    return;
  int64_t us = (int64_t) (ms * 1000);
  const char *what = end + strlen (" ms  ");
  int64_t before = GPOINTER_TO_SIZE (g_hash_table_lookup (parser->waiting, session));
  bool is_whole = g_str_has_prefix (what, "statement: ") || g_str_has_prefix (what, "execute ");
  g_hash_table_insert (parser->waiting, g_strdup (session),
                       GSIZE_TO_POINTER (is_whole ? 0 : (size_t) (before + us)));
  if (is_whole)
    add_statement (parser->log, sql + 2, before + us, false);
}

static void
set_text (char **text, const char *value)
{
  g_free (*text);
  *text = g_strdup (value);
}

/* "42P01: relation “x” does not exist" */
static void
take_error (CommandLog *log, const char *text)
{
  const char *message = strstr (text, ": ");
  if (message == NULL)
    return;
  db_failure_clear (&log->failure);
  g_clear_pointer (&log->failed_text, g_free);
  log->failure.sqlstate = g_strndup (text, (gsize) (message - text));
  log->failure.message = g_strdup (message + 2);
}

static void
take_record (Parser *parser, const char *session, const char *kind, const char *text)
{
  CommandLog *log = parser->log;
  const char *duration = strstr (text, "duration: ");
  bool has_error = log->failure.sqlstate != NULL;
  if (strcmp (kind, "LOG") == 0 && duration != NULL
      && duration - text <= (ptrdiff_t) strlen ("00000: "))
    take_duration (parser, session, duration + strlen ("duration: "));
  else if (strcmp (kind, "ERROR") == 0 || strcmp (kind, "FATAL") == 0)
    take_error (log, text);
  else if (strcmp (kind, "DETAIL") == 0 && has_error && log->failed_text == NULL)
    set_text (&log->failure.detail, text);
  else if (strcmp (kind, "HINT") == 0 && has_error && log->failed_text == NULL)
    set_text (&log->failure.hint, text);
  else if (strcmp (kind, "STATEMENT") == 0 && has_error && log->failed_text == NULL)
    {
      log->failed_text = measurement_show_text (text);
      add_statement (log, text, 0, true);
    }
}

/* --- records ---------------------------------------------------------------------------------- */

/* “2026-01-02 03:04:05.678 UTC [123] LOG:  text”: *RET_TEXT is where the text begins, NULL when the line is
 * no beginning of a record. */
static void
read_head (const char *line, char **ret_session, char **ret_kind, const char **ret_text)
{
  const char *open = strstr (line, " [");
  const char *close = open != NULL ? strstr (open, "] ") : NULL;
  const char *colon = close != NULL ? strstr (close, ":  ") : NULL;
  *ret_text = NULL;
  if (!g_ascii_isdigit (line[0]) || colon == NULL || open - line > 40)
    return;
  *ret_session = g_strndup (open + 2, (gsize) (close - open - 2));
  *ret_kind = g_strndup (close + 2, (gsize) (colon - close - 2));
  *ret_text = colon + 3;
}

/* A record's further lines begin with a tab. */
void
command_log_parse (const char *text, size_t length, CommandLog *log)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) length);
  g_auto (GStrv) lines = g_strsplit (valid, "\n", -1);
  Parser parser
      = { .log = log, .waiting = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  for (guint i = 0; lines[i] != NULL;)
    {
      g_autofree char *session = NULL, *kind = NULL;
      const char *begin;
      read_head (lines[i++], &session, &kind, &begin);
      g_autoptr (GString) record = g_string_new (begin);
      for (; lines[i] != NULL && lines[i][0] == '\t'; i++)
        g_string_append_printf (record, "\n%s", lines[i] + 1);
      if (begin != NULL)
        take_record (&parser, session, kind, record->str);
    }
  g_hash_table_unref (parser.waiting);
}

bool
command_log_read (const char *path, int64_t from, CommandLog *log, GError **error)
{
  int64_t length = MIN (command_log_length (path) - from, TEXT_MAX_BYTES);
  if (length <= 0)
    return true;
  g_auto (Fd) fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open “%s”", path);
  g_autofree char *text = g_malloc ((gsize) length);
  if (!fs_pread_all (fd, text, (size_t) length, (uint64_t) from, path, error))
    return false;
  command_log_parse (text, (size_t) length, log);
  return true;
}
