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

bool
confirm_answer_is_yes (ConfirmLevel level, const char *word, const char *answer)
{
  switch (level)
    {
    case CONFIRM_NONE: return true;
    case CONFIRM_YES_NO:
      return g_ascii_strcasecmp (answer, "y") == 0 || g_ascii_strcasecmp (answer, "yes") == 0;
    case CONFIRM_NAME:
    case CONFIRM_WORD: return word != NULL && *word != '\0' && strcmp (answer, word) == 0;
    }
  return false;
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

static bool
refuse_unasked (ConfirmLevel level, const char *what, const char *how_else, GError **error)
{
  g_autofree char *hint = g_strdup_printf (
      "Run it on a terminal%s%s%s.", level == CONFIRM_YES_NO ? ", give --yes" : "",
      how_else != NULL ? ", or " : "", how_else != NULL ? how_else : "");
  return keel_error (error, KEEL_ERROR_REFUSED, hint,
                     "there is no terminal to confirm on: this would %s", what);
}

bool
confirm (CliContext *context, ConfirmLevel level, const char *what, const char *word,
         bool given_by_flag, const char *how_else, GError **error)
{
  if (level == CONFIRM_NONE || given_by_flag || (level == CONFIRM_YES_NO && context->yes))
    return true;

  g_auto (Fd) opened = -1;
  int fd = open_terminal (&opened);
  if (fd < 0)
    return refuse_unasked (level, what, how_else, error);

  ask (level, what, word);
  g_autoptr (GString) answer = g_string_new (NULL);
  bool was_read = read_answer (fd, answer);
  if (!was_read)
    fputc ('\n', stderr);
  if (!cancel_check (error))
    return false;
  g_strstrip (answer->str);
  if (was_read && confirm_answer_is_yes (level, word, answer->str))
    return true;
  return keel_error (error, KEEL_ERROR_REFUSED, NULL, "not confirmed: nothing was changed");
}
