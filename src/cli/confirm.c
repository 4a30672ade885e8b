#include "cli/confirm.h"

#include "base/cancel.h"
#include "base/fs.h"
#include "cli/output.h"
#include "cli/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX_BYTES 1024

static bool
is_typed (const char *answer, const char *word)
{
  return answer != NULL && word != NULL && *word != '\0' && strcmp (answer, word) == 0;
}

bool
confirm_answer_is_yes (ConfirmLevel level, const char *word, const char *answer)
{
  g_autofree char *stripped = g_strstrip (g_strdup (answer));
  switch (level)
    {
    case CONFIRM_NONE: return true;
    case CONFIRM_YES_NO:
      return g_ascii_strcasecmp (stripped, "y") == 0 || g_ascii_strcasecmp (stripped, "yes") == 0;
    case CONFIRM_NAME:
    case CONFIRM_WORD: return is_typed (answer, word) || is_typed (stripped, word);
    case CONFIRM_NEVER: break;
    }
  return false;
}

ConfirmVerdict
confirm_decide (ConfirmLevel level, const char *word, const ConfirmMeans *means)
{
  bool is_variable_set = g_strcmp0 (means->variable, "1") == 0 || is_typed (means->variable, word);
  if (level == CONFIRM_NEVER)
    return CONFIRM_VERDICT_REFUSED;
  if (means->given != NULL && word != NULL && !is_typed (means->given, word))
    return CONFIRM_VERDICT_OTHER;
  if (level == CONFIRM_NONE)
    return CONFIRM_VERDICT_NOTHING_ASKED;
  if (is_typed (means->given, word))
    return CONFIRM_VERDICT_GIVEN;
  if (level == CONFIRM_YES_NO && means->yes)
    return CONFIRM_VERDICT_YES;
  if (level != CONFIRM_WORD && is_variable_set)
    return CONFIRM_VERDICT_VARIABLE;
  return means->has_terminal ? CONFIRM_VERDICT_ASK : CONFIRM_VERDICT_UNASKED;
}

/* Where a person would answer: standard input if it is a terminal, else the terminal itself, so
 * that a loop which feeds us a list can still be asked. -1: there is nobody. */
static int
open_terminal (Fd *ret_opened)
{
  if (!isatty (STDERR_FILENO))
    return -1;
  if (isatty (STDIN_FILENO))
    return STDIN_FILENO;
  *ret_opened = open ("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  return *ret_opened;
}

/* One line from FD, or a signal. False at the end of input, on failure and for a line too long. */
static bool
read_answer (int fd, GString *answer)
{
  while (answer->len < ANSWER_MAX_BYTES)
    {
      struct pollfd polls[2]
          = { { .fd = fd, .events = POLLIN }, { .fd = cancel_fd (), .events = POLLIN } };
      char byte;
      if (poll (polls, 2, -1) < 0 && errno != EINTR)
        return false;
      if (cancel_requested ())
        return false;
      if (polls[0].revents == 0)
        continue;
      if (read (fd, &byte, 1) != 1)
        return false;
      if (byte == '\n')
        return true;
      g_string_append_c (answer, byte);
    }
  return false;
}

static void
ask (ConfirmLevel level, const char *what, const char *word)
{
  g_autofree char *safe = output_safe_text (what);
  progress_clear ();
  if (level == CONFIRM_YES_NO)
    fprintf (stderr, "This will %s. Go on? [y/N] ", safe);
  else
    fprintf (stderr, "This will %s.\nType %s%s to go on: ", safe,
             level == CONFIRM_NAME ? "the name " : "", word);
  fflush (stderr);
}

/* --- refusing -------------------------------------------------------------------------------- */

/* WORD as a shell takes it. */
static char *
quote_word (const char *word)
{
  bool is_plain = strspn (word, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.") == strlen (word);
  return is_plain ? g_strdup (word) : g_shell_quote (word);
}

/* The variable's value, if it is one that counts. */
static const char *
variable_value (const DestructiveRow *row)
{
  const char *value = row->variable != NULL ? g_getenv (row->variable) : NULL;
  return row->is_named && g_strcmp0 (value, "1") == 0 ? NULL : value;
}

static char *
describe_ways (ConfirmLevel level, const char *word, const DestructiveRow *row)
{
  const char *variable = level != CONFIRM_WORD ? row->variable : NULL;
  g_autofree char *quoted = word != NULL ? quote_word (word) : NULL;
  const char *separator = variable != NULL ? ", " : ", or ";
  GString *text = g_string_new ("Run it on a terminal");
  if (level == CONFIRM_YES_NO)
    g_string_append_printf (text, "%sgive --yes", separator);
  else if (word != NULL)
    g_string_append_printf (text, "%sgive --confirm=%s", separator, quoted);
  if (variable != NULL)
    g_string_append_printf (text, ", or set %s=%s", variable, row->is_named ? quoted : "1");
  g_string_append_c (text, '.');
  return g_string_free (text, FALSE);
}

static bool
refuse (ConfirmVerdict verdict, ConfirmLevel level, const ConfirmRequest *request, const char *word,
        const CliContext *context, GError **error)
{
  const DestructiveRow *row = destructive_row (request->operation);
  g_autofree char *ways = describe_ways (level, word, row);
  if (verdict == CONFIRM_VERDICT_UNASKED)
    return keel_error (error, KEEL_ERROR_REFUSED, ways,
                       "there is no terminal to confirm on: this would %s", request->what);
  if (verdict == CONFIRM_VERDICT_OTHER)
    return keel_error (error, KEEL_ERROR_REFUSED,
                       "Look at which environment and which database are meant.",
                       "--confirm=%s was given, but this would %s, for which the word is %s",
                       context->confirm, request->what, word);
  return keel_error (error, KEEL_ERROR_REFUSED, "No flag and no variable changes that.",
                     "“%s” is never done in the environment “%s”", row->command,
                     context->project->environment->name);
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool
ask_person (int fd, ConfirmLevel level, const char *what, const char *word, GError **error)
{
  ask (level, what, word);
  g_autoptr (GString) answer = g_string_new (NULL);
  bool was_read = read_answer (fd, answer);
  if (!was_read)
    fputc ('\n', stderr);
  if (!cancel_check (error))
    return false;
  if (was_read && confirm_answer_is_yes (level, word, answer->str))
    return true;
  return keel_error (error, KEEL_ERROR_REFUSED, NULL, "not confirmed: nothing was changed");
}

static const char *
decided_by (ConfirmVerdict verdict, const DestructiveRow *row)
{
  switch (verdict)
    {
    case CONFIRM_VERDICT_ASK: return "terminal";
    case CONFIRM_VERDICT_NOTHING_ASKED: return "nothing asked";
    case CONFIRM_VERDICT_YES: return "--yes";
    case CONFIRM_VERDICT_GIVEN: return "--confirm";
    case CONFIRM_VERDICT_VARIABLE: return row->variable;
    case CONFIRM_VERDICT_REFUSED:
    case CONFIRM_VERDICT_OTHER:
    case CONFIRM_VERDICT_UNASKED: break;
    }
  return "nobody";
}

bool
confirm (CliContext *context, const ConfirmRequest *request, GError **error)
{
  const DestructiveRow *row = destructive_row (request->operation);
  ConfirmLevel level = destructive_level (request->operation, context->project->environment);
  const char *word = level == CONFIRM_WORD ? CONFIRM_DESTROY_WORD : request->name;
  g_auto (Fd) opened = -1;
  int fd = open_terminal (&opened);
  const ConfirmMeans means = { .has_terminal = fd >= 0,
                               .yes = context->yes,
                               .given = context->confirm,
                               .variable = variable_value (row) };
  ConfirmVerdict verdict = confirm_decide (level, word, &means);
  bool is_asked = verdict == CONFIRM_VERDICT_ASK;
  context->confirm_level = confirm_level_name (level);
  context->confirmed_by = "nobody";
  if (is_asked && !ask_person (fd, level, request->what, word, error))
    return false;
  if (verdict < CONFIRM_VERDICT_ASK)
    return refuse (verdict, level, request, word, context, error);
  context->confirmed_by = decided_by (verdict, row);
  return true;
}

json_t *
confirm_json (const CliContext *context)
{
  if (context->confirm_level == NULL)
    return json_null ();
  return json_pack ("{s:s, s:s}", "level", context->confirm_level, "by", context->confirmed_by);
}
