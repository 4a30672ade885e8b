/*
 * The one way to ask before something that cannot be taken back.
 *
 * A person at a terminal answers; without a terminal only the flag or variable that the command
 * names says yes. End of input, a signal, and anything but the expected answer are a no.
 */
#pragma once

#include "cli/command.h"

typedef enum
{
  CONFIRM_NONE,   /* nothing to ask */
  CONFIRM_YES_NO, /* y or yes; the only level that --yes answers */
  CONFIRM_NAME,   /* type the name of what is at stake */
  CONFIRM_WORD,   /* type a word such as DESTROY */
} ConfirmLevel;

/* True when it may go on. WHAT says what will happen ("replace the database “x” of production"); WORD
 * is what must be typed at CONFIRM_NAME and CONFIRM_WORD. GIVEN_BY_FLAG: the command's own flag or
 * variable has already said yes, at any level. HOW_ELSE names it for those without a terminal:
 * "set DB_RESTORE_CONFIRM=1". Errors: KEEL_ERROR_REFUSED, whose hint carries HOW_ELSE;
 * KEEL_ERROR_CANCELLED after a signal. */
bool confirm (CliContext *context, ConfirmLevel level, const char *what, const char *word,
              bool given_by_flag, const char *how_else, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether ANSWER (without its line end) says yes at LEVEL. */
bool confirm_answer_is_yes (ConfirmLevel level, const char *word, const char *answer);
