/*
 * The one way to ask before something that cannot be taken back. How strictly is said by the table in
 * destructive.h.
 *
 * A person at a terminal answers, once; without a terminal only what the message names says yes: --yes
 * to a yes/no question, --confirm=WORD or the operation's variable to what has to be typed. End of
 * input, a signal, and anything but the expected answer are a no. A --confirm that names something
 * else is refused at every level: it was meant for another target.
 */
#pragma once

#include "cli/command.h"
#include "cli/destructive.h"

typedef struct
{
  DestructiveOperation operation;
  const char *what; /* what will happen: "replace the database “x” of production" */
  const char *name; /* what is at stake, typed at CONFIRM_NAME: a database, a volume; may be NULL
                       where the table has no such level */
} ConfirmRequest;

/* True when it may go on in the context's environment. How that was decided is in confirm_json
 * afterwards. Errors: KEEL_ERROR_REFUSED, whose hint says how else it can be confirmed;
 * KEEL_ERROR_CANCELLED after a signal. */
bool confirm (CliContext *context, const ConfirmRequest *request, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The last decision, for the audit log: {"level": "name", "by": "terminal"}; null when nothing was to
 * be decided yet. BY is "terminal", "--yes", "--confirm", a variable's name, "nothing asked" or, where
 * it was refused, "nobody". The caller owns it. */
json_t *confirm_json (const CliContext *context);

/* --- the decision, apart from asking ---------------------------------------------------------- */

typedef struct
{
  bool has_terminal;
  bool yes;             /* --yes */
  const char *given;    /* --confirm; NULL */
  const char *variable; /* the value of the row's variable; NULL */
} ConfirmMeans;

typedef enum
{
  CONFIRM_VERDICT_REFUSED = 0, /* CONFIRM_NEVER */
  CONFIRM_VERDICT_OTHER,       /* --confirm names something else */
  CONFIRM_VERDICT_UNASKED,     /* nobody there to ask */
  CONFIRM_VERDICT_ASK,
  CONFIRM_VERDICT_NOTHING_ASKED, /* goes on, as do the following */
  CONFIRM_VERDICT_YES,
  CONFIRM_VERDICT_GIVEN,
  CONFIRM_VERDICT_VARIABLE,
} ConfirmVerdict;

/* WORD: what must be typed at LEVEL, or the name at lower ones; may be NULL. */
ConfirmVerdict confirm_decide (ConfirmLevel level, const char *word, const ConfirmMeans *means);

/* Whether ANSWER says yes at LEVEL. Blanks around it are no part of it. */
bool confirm_answer_is_yes (ConfirmLevel level, const char *word, const char *answer);
