#include "guard/environment_lock_internal.h"

#include <string.h>

const char *
env_lock_level_name (EnvLockLevel level)
{
  static const char *const names[] = { "unknown", "fine", "note", "warning", "refused" };
  return names[level];
}

static void
row_free (EnvLockRow *row)
{
  g_free (row->subject);
  g_free (row->text);
  g_free (row);
}

void
env_lock_verdict_clear (EnvLockVerdict *verdict)
{
  g_clear_pointer (&verdict->rows, g_ptr_array_unref);
}

void
env_lock_add (EnvLockVerdict *verdict, EnvLockLevel level, const char *rule, const char *subject,
              const char *hint, const char *format, ...)
{
  EnvLockRow *row = g_new0 (EnvLockRow, 1);
  va_list args;
  va_start (args, format);
  row->text = g_strdup_vprintf (format, args);
  va_end (args);
  row->level = level == ENV_LOCK_UNKNOWN ? ENV_LOCK_REFUSED : level;
  row->rule = rule;
  row->subject = g_strdup (subject);
  row->hint = hint;
  verdict->refused += row->level == ENV_LOCK_REFUSED;
  verdict->warnings += row->level == ENV_LOCK_WARNING;
  g_ptr_array_add (verdict->rows, row);
}

EnvLockLevel
env_lock_grave (const EnvLockFacts *facts, EnvLockLevel is_protected, EnvLockLevel otherwise)
{
  return facts->is_protected ? is_protected : otherwise;
}

static bool
is_trial (const char *environment)
{
  return g_strcmp0 (environment, "development") == 0 || g_strcmp0 (environment, "testing") == 0;
}

static bool
is_production (const char *environment)
{
  return g_strcmp0 (environment, "production") == 0;
}

/* --- what says which environment this is -------------------------------------------------------- */

static void
judge_choice (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  static const char subject[] = "environment";
  switch (facts->chosen)
    {
    case ENV_LOCK_CHOSEN_DEFAULT:
      env_lock_add (verdict, facts->is_ci ? ENV_LOCK_WARNING : ENV_LOCK_NOTE,
                    facts->is_ci ? "ci-default" : "chosen-by-default", subject,
                    "Say which one with -e or LEDGER_ENV.", "“%s” is the default%s",
                    facts->environment, facts->is_ci ? ", and CI is set: nobody chose it" : "");
      return;
    case ENV_LOCK_CHOSEN_URL:
      env_lock_add (verdict, env_lock_grave (facts, ENV_LOCK_WARNING, ENV_LOCK_NOTE),
                    "chosen-by-guess", subject, "Say which one with -e or LEDGER_ENV.",
                    "“%s” was guessed from %s", facts->environment, facts->chosen_reason);
      return;
    case ENV_LOCK_CHOSEN_FILE:
      env_lock_add (verdict, ENV_LOCK_NOTE, "chosen-by-file", subject, NULL, "“%s” by %s",
                    facts->environment, facts->chosen_reason);
      return;
    default:
      env_lock_add (verdict, ENV_LOCK_FINE, "chosen", subject, NULL, "“%s” by %s%s",
                    facts->environment, facts->chosen_reason,
                    facts->is_protected ? ", protected" : "");
    }
}

static void
judge_lock_variable (const EnvLockFacts *facts, const EnvLockMode *mode, const char *subject,
                     EnvLockVerdict *verdict)
{
  if (g_strcmp0 (mode->says, facts->environment) != 0)
    env_lock_add (verdict, ENV_LOCK_REFUSED, "ledger-env", subject,
                  "Choose the environment that it says, or set it to the one that is meant.",
                  "says “%s”, but “%s” was chosen", mode->value, facts->environment);
  else
    env_lock_add (verdict, ENV_LOCK_FINE, "ledger-env", subject, NULL, "agrees: “%s”", mode->value);
}

static void
judge_mode (const EnvLockFacts *facts, const EnvLockMode *mode, const char *subject,
            EnvLockVerdict *verdict)
{
  static const char hint[] = "Frameworks choose their settings by it: set it to what is meant.";
  bool agrees = g_strcmp0 (mode->says, facts->environment) == 0;
  if (mode->says == NULL)
    env_lock_add (verdict, ENV_LOCK_NOTE, "mode-unknown", subject, NULL,
                  "“%s” says nothing that pgkeel knows", mode->value);
  else if (!agrees && facts->is_protected
           && (is_trial (mode->says)
               || (is_production (facts->environment) && !is_production (mode->says))))
    env_lock_add (verdict, ENV_LOCK_REFUSED, "mode", subject, hint,
                  "says “%s”, but “%s” was chosen, which is protected", mode->value,
                  facts->environment);
  else if (!agrees && is_production (mode->says) && is_trial (facts->environment))
    env_lock_add (verdict, mode->is_lax ? ENV_LOCK_WARNING : ENV_LOCK_REFUSED, "mode", subject,
                  hint, "says “%s”, but “%s” was chosen", mode->value, facts->environment);
  else
    env_lock_add (verdict, agrees ? ENV_LOCK_FINE : ENV_LOCK_NOTE, "mode", subject, NULL,
                  "says “%s”", mode->value);
}

static void
judge_modes (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  for (size_t i = 0; i < facts->mode_count; i++)
    {
      const EnvLockMode *mode = &facts->modes[i];
      g_autofree char *subject = mode->source != NULL
                                     ? g_strdup_printf ("%s (%s)", mode->name, mode->source)
                                     : g_strdup (mode->name);
      if (mode->is_lock)
        judge_lock_variable (facts, mode, subject, verdict);
      else
        judge_mode (facts, mode, subject, verdict);
    }
}

/* --- who, and with whose leave -------------------------------------------------------------------- */

/* Files do not count: what was copied to this machine with the code authorises nobody. */
static bool
is_set_on_purpose (const EnvLockFacts *facts)
{
  for (size_t i = 0; i < facts->mode_count; i++)
    if (facts->modes[i].is_lock && facts->modes[i].source == NULL
        && g_strcmp0 (facts->modes[i].says, facts->environment) == 0)
      return true;
  return false;
}

static void
judge_authorisation (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  static const char subject[] = "authorisation";
  static const char hint[]
      = "Give --authorise with the environment's name, or set LEDGER_ENV to it in the "
        "process's environment (a line of .env does not count).";
  bool by_variable = is_set_on_purpose (facts);
  if (facts->authorised != NULL && strcmp (facts->authorised, facts->environment) != 0)
    env_lock_add (verdict, ENV_LOCK_REFUSED, "authorised-other", subject, hint,
                  "--authorise says “%s”, but “%s” was chosen", facts->authorised,
                  facts->environment);
  else if (!facts->is_protected)
    env_lock_add (verdict, ENV_LOCK_FINE, "unprotected", subject, NULL,
                  "“%s” is not protected: none is needed", facts->environment);
  else if (facts->leave != NULL)
    env_lock_add (verdict, ENV_LOCK_FINE, "leave", subject, NULL, "given by %s, which runs this",
                  facts->leave);
  else if (facts->authorised != NULL)
    env_lock_add (verdict, ENV_LOCK_FINE, "authorised", subject, NULL, "--authorise says “%s”",
                  facts->authorised);
  else if (by_variable && !facts->has_terminal && !facts->is_ci)
    env_lock_add (verdict, ENV_LOCK_REFUSED, "no-terminal", subject,
                  "Give --authorise with the environment's name.",
                  "there is no terminal and no CI: a variable that was inherited authorises no "
                  "script, agent or cron job for “%s”",
                  facts->environment);
  else if (by_variable)
    env_lock_add (verdict, ENV_LOCK_FINE, "authorised", subject, NULL,
                  "the process's environment says “%s”", facts->environment);
  else
    env_lock_add (verdict, ENV_LOCK_REFUSED, "not-authorised", subject, hint,
                  "“%s” is protected, and nobody has authorised this", facts->environment);
}

static void
judge_circumstances (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  if (facts->sudo_user != NULL)
    env_lock_add (verdict, env_lock_grave (facts, ENV_LOCK_WARNING, ENV_LOCK_NOTE), "other-user",
                  "user", "sudo drops variables: look at which ones are left.",
                  "“%s” has become another user", facts->sudo_user);
  if (facts->writable_file != NULL)
    env_lock_add (verdict, env_lock_grave (facts, ENV_LOCK_REFUSED, ENV_LOCK_WARNING),
                  "writable-file", facts->writable_file, "Take the right away: chmod go-w.",
                  "others may write it, and so say where this leads");
  if (facts->unread_file != NULL)
    env_lock_add (verdict, env_lock_grave (facts, ENV_LOCK_REFUSED, ENV_LOCK_WARNING),
                  "unread-file", facts->unread_file, "Correct it, or take it away.",
                  "it cannot be read here, so what it says to the command is not known");
  if (facts->stale_file != NULL)
    env_lock_add (verdict, ENV_LOCK_WARNING, "older-file", facts->stale_file,
                  "Bring the two into line, or remove the one that is not needed.",
                  "it names another database than %s, and is older", facts->fresh_file);
}

/* --- the way back --------------------------------------------------------------------------------- */

/* A backup that was made while the URL led elsewhere is no way back for this database. */
static bool
is_of_target (const EnvLockFacts *facts)
{
  const EnvLockProof *proof = &facts->proof;
  const EnvLockDatabase *target = &facts->target;
  bool is_other_cluster = proof->cluster != NULL && target->cluster != NULL
                          && strcmp (proof->cluster, target->cluster) != 0;
  bool is_other_database = proof->database != NULL && target->name != NULL
                           && strcmp (proof->database, target->name) != 0;
  return !is_other_cluster && !is_other_database;
}

static void
note_proof (const EnvLockFacts *facts, EnvLockVerdict *verdict, const char *subject)
{
  const EnvLockProof *proof = &facts->proof;
  if (facts->leave != NULL)
    env_lock_add (verdict, ENV_LOCK_FINE, "leave", subject, NULL, "looked for by %s", facts->leave);
  else if (proof->name != NULL)
    env_lock_add (verdict, ENV_LOCK_FINE, "proof", subject, NULL,
                  "none is needed for “%s”; the last is %s, %" G_GINT64_FORMAT " minutes old",
                  facts->environment, proof->name, proof->age_seconds / 60);
  else
    env_lock_add (verdict, ENV_LOCK_FINE, "proof", subject, NULL, "none is needed for “%s”",
                  facts->environment);
}

static void
judge_proof (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  static const char subject[] = "proven backup";
  static const char hint[]
      = "Make one with “pgkeel backup create --prove”, or give --no-proof if that is meant.";
  const EnvLockProof *proof = &facts->proof;
  EnvLockLevel bad = proof->is_waived ? ENV_LOCK_WARNING : ENV_LOCK_REFUSED;
  const char *waived = proof->is_waived ? "; --no-proof goes on" : "";
  if (facts->leave != NULL || !facts->is_protected)
    note_proof (facts, verdict, subject);
  else if (!proof->is_known)
    env_lock_add (verdict, bad, "proof-unknown", subject, hint, "cannot be looked for: %s%s",
                  proof->problem != NULL ? proof->problem : "nobody looked", waived);
  else if (proof->name == NULL)
    env_lock_add (verdict, bad, "no-proof", subject, hint, "there is none%s", waived);
  else if (!is_of_target (facts))
    env_lock_add (verdict, bad, "proof-of-another", subject, hint,
                  "%s is of another database than the environment's%s", proof->name, waived);
  else if (proof->age_seconds < 0)
    env_lock_add (verdict, bad, "proof-of-the-future", subject, "Set the clock.",
                  "%s is of the future: the clock is wrong%s", proof->name, waived);
  else if (proof->age_seconds > proof->max_age_seconds)
    env_lock_add (verdict, bad, "old-proof", subject, hint,
                  "%s is %" G_GINT64_FORMAT
                  " minutes old, guard.proof_max_age allows %" G_GINT64_FORMAT "%s",
                  proof->name, proof->age_seconds / 60, proof->max_age_seconds / 60, waived);
  else
    env_lock_add (verdict, ENV_LOCK_FINE, "proof", subject, NULL,
                  "%s, %" G_GINT64_FORMAT " minutes old", proof->name, proof->age_seconds / 60);
}

static void
judge_incident (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  if (facts->incident != NULL)
    env_lock_add (verdict, ENV_LOCK_REFUSED, "incident", "incidents",
                  "Look at it with “pgkeel incident list”, then close it.", "%s", facts->incident);
  else
    env_lock_add (verdict, ENV_LOCK_FINE, "incident", "incidents", NULL, "none is open");
}

void
env_lock_judge (const EnvLockFacts *facts, EnvLockVerdict *ret_verdict)
{
  EnvLockVerdict verdict = { .rows = g_ptr_array_new_with_free_func ((GDestroyNotify) row_free) };
  judge_choice (facts, &verdict);
  judge_modes (facts, &verdict);
  env_lock_judge_databases (facts, &verdict);
  judge_circumstances (facts, &verdict);
  verdict.place_rows = verdict.rows->len;
  verdict.places_refused = verdict.refused;
  env_lock_judge_named (facts, &verdict);
  judge_authorisation (facts, &verdict);
  judge_proof (facts, &verdict);
  judge_incident (facts, &verdict);
  *ret_verdict = verdict;
}

static bool
check_rows (const EnvLockVerdict *verdict, guint count, const char *action, GError **error)
{
  g_autoptr (GString) others = g_string_new (NULL);
  const EnvLockRow *first = NULL;
  for (guint i = 0; i < count; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      if (row->level != ENV_LOCK_REFUSED)
        continue;
      if (first == NULL)
        first = row;
      else
        g_string_append_printf (others, "%s%s: %s", others->len > 0 ? "\n" : "", row->subject,
                                row->text);
    }
  return first == NULL
         || keel_error_full (error, KEEL_ERROR_REFUSED, NULL, others->len > 0 ? others->str : NULL,
                             first->hint, "%s: %s: %s", action, first->subject, first->text);
}

bool
env_lock_check (const EnvLockVerdict *verdict, const char *action, GError **error)
{
  return check_rows (verdict, verdict->rows->len, action, error);
}

bool
env_lock_check_places (const EnvLockVerdict *verdict, const char *action, GError **error)
{
  return check_rows (verdict, verdict->place_rows, action, error);
}
