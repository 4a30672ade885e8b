/* Secrets in .env files and elsewhere. No value of one ever goes into a message. */
#include "guard/scan_internal.h"

#include "project/dotenv.h"

#include <string.h>

/* --- what a value is -------------------------------------------------------------------------- */

static bool
matches (const char *pattern, const char *text)
{
  return g_regex_match_simple (pattern, text, G_REGEX_CASELESS | G_REGEX_RAW, 0);
}

static bool
names_secret (const char *name)
{
  return matches (
             "(^|_)((PG)?PASSWORD|PASSWD|PASS|PWD|PASSPHRASE|SECRET|SECRETS|TOKEN|CREDENTIALS?|"
             "APIKEY|(API|ACCESS|SECRET|PRIVATE|ENCRYPTION|SIGNING|AUTH|MASTER|SERVICE|ROLE|JWT)_KEY)"
             "(_|$)",
             name)
         && !matches (
             "(_(FILE|PATH|DIR|ID|NAME|TTL|LENGTH|SIZE|ENABLED|HEADER|ALGORITHM|ALG|TIMEOUT|"
             "TYPE|METHOD|ROUNDS|MIN|MAX|POLICY|LIFETIME|MINUTES|SECONDS|HOURS|DAYS|AGE|"
             "ISSUER|AUDIENCE|PREFIX|FIELD|COOKIE)$)|(^|_)(PUBLIC|EXPIR\\w*|EXPIRES_IN)(_|$)|^PWD$",
             name);
}

static bool
is_variable (const char *value)
{
  return matches ("^(\\$|\\{\\{|<%|%\\()|\\$\\{|\\{\\{", value);
}

static ScanSecret
judge_password (const char *value)
{
  if (*value == '\0' || is_variable (value)
      || matches ("^(true|false|yes|no|on|off|null|none|disabled|optional|required)$", value)
      || matches ("^(\\.{0,2}/|[A-Za-z]:\\\\)[\\w./\\\\-]*$", value))
    return SECRET_NONE;
  if (matches ("change|example|placeholder|your|x{3}|todo|replace|insert|fill|set[-_]?me|here|"
               "redacted|generate|^<.*>$|^\\[.*\\]$|\\*{3}|\\.{3}|^dummy|must[-_]",
               value))
    return SECRET_PLACEHOLDER;
  if (matches ("insecure|not[-_]for|dev|test|local|demo|sample|dummy|fake", value)
      || (strlen (value) <= 20 && matches ("^[a-z_-]+[0-9]{0,4}[!]?$", value))
      || matches ("^[0-9]{1,8}$", value) || strlen (value) < 6)
    return SECRET_WEAK;
  return SECRET_REAL;
}

/* The password of "scheme://user:password@host"; NULL: there is none. Caller frees. */
static char *
url_password (const char *value)
{
  g_autoptr (GRegex) regex = g_regex_new ("^[a-z][a-z0-9+.-]*://[^/@:\\s]*:([^/\\s]*)@",
                                          G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  return g_regex_match (regex, value, 0, &match) ? g_match_info_fetch (match, 1) : NULL;
}

ScanSecret
scan_secret_of (const char *name, const char *value)
{
  g_autofree char *password = url_password (value);
  if (password != NULL)
    return judge_password (password);
  if (!names_secret (name) || strstr (value, "://") != NULL)
    return SECRET_NONE;
  return judge_password (value);
}

/* --- keys and tokens -------------------------------------------------------------------------- */

static const struct
{
  const char *name, *pattern;
} tokens[] = {
  { "an AWS access key", "\\bA(?:KIA|SIA)[0-9A-Z]{16}\\b" },
  { "a GitHub token", "\\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\\b" },
  { "a GitLab token", "\\bglpat-[A-Za-z0-9_-]{20,}" },
  { "a Slack token", "\\bxox[abprs]-[A-Za-z0-9-]{20,}" },
  { "a Slack webhook",
    "hooks\\.slack\\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}" },
  { "a Stripe key", "\\b[sr]k_live_[A-Za-z0-9]{20,}" },
  { "a Google API key", "\\bAIza[0-9A-Za-z_-]{35}\\b" },
  { "a SendGrid key", "\\bSG\\.[A-Za-z0-9_-]{20,}\\.[A-Za-z0-9_-]{30,}" },
  { "an npm token", "\\bnpm_[A-Za-z0-9]{36}\\b" },
  { "a DigitalOcean token", "\\bdo[opr]_v1_[a-f0-9]{64}\\b" },
  { "an age key", "\\bAGE-SECRET-KEY-1[0-9A-Z]{50,}" },
};

static void
report_matches (ScanRun *run, const ScanFile *file, const char *pattern, const char *rule,
                const char *what)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_RAW, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_regex_match_full (regex, file->text, (gssize) file->length, 0, 0, &match, NULL);
  for (; g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      int start = 0, end;
      g_match_info_fetch_pos (match, 0, &start, &end);
      ScanSpot spot = scan_source_spot (&file->source, (size_t) start);
      ScanPlace place = { file->path, spot.line, spot.column, 0 };
      scan_report (run, rule, SCAN_ERROR, &place, "%s", what);
    }
}

/* A key has at least one line of its body: texts that talk about keys have none. */
void
scan_keys_and_tokens (ScanRun *run, const ScanFile *file)
{
  report_matches (
      run, file,
      "-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\s|\\\\n|[A-Za-z-]+: [^\\n]*|[\"' |])*"
      "[A-Za-z0-9+/=]{40,}",
      "private-key", "a private key");
  for (size_t i = 0; i < G_N_ELEMENTS (tokens); i++)
    report_matches (run, file, tokens[i].pattern, "access-token", tokens[i].name);
}

/* --- .env files ------------------------------------------------------------------------------- */

typedef enum
{
  ENV_PLAIN,
  ENV_PRODUCTION,
  ENV_DEVELOPMENT,
  ENV_EXAMPLE,
} EnvKind;

static EnvKind
env_kind (const char *path)
{
  const char *slash = strrchr (path, '/'), *name = slash != NULL ? slash + 1 : path;
  if (matches ("[._-](example|sample|template|tmpl|dist|defaults?|schema)\\b", name))
    return ENV_EXAMPLE;
  if (matches ("(^|[._-])(prod|production|live|staging)\\b", name))
    return ENV_PRODUCTION;
  if (matches ("(^|[._-])(dev|development|test|testing|ci|local|e2e)\\b", name))
    return ENV_DEVELOPMENT;
  return ENV_PLAIN;
}

/* Whether it is worth a word; *RET_SEVERITY says how loud. */
static bool
judge_entry (EnvKind kind, ScanSecret secret, ScanSeverity *ret_severity)
{
  *ret_severity = secret == SECRET_REAL || kind == ENV_PRODUCTION ? SCAN_ERROR : SCAN_WARNING;
  return secret == SECRET_REAL
         || (secret == SECRET_WEAK && (kind == ENV_PLAIN || kind == ENV_PRODUCTION));
}

static void
report_entry (ScanRun *run, const ScanFile *file, const DotenvEntry *entry, bool is_committed)
{
  ScanPlace place = { file->path, (unsigned int) entry->line, (unsigned int) entry->column, 0 };
  ScanSeverity severity;
  if (!judge_entry (env_kind (file->path), scan_secret_of (entry->name, entry->text), &severity))
    return;
  scan_report (run, "env-secret", is_committed ? severity : SCAN_WARNING, &place,
               is_committed ? "“%s” is in git" : "“%s” is in a file that git does not ignore",
               entry->name);
}

/* Credentials belong into .env files that git ignores: there is nothing to say about those. */
void
scan_env_file (ScanRun *run, const ScanFile *file)
{
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) error = NULL;
  bool is_committed = scan_tree_is_tracked (run->tree, file->path);
  if (!scan_tree_is_git (run->tree) || !scan_tree_lists (run->tree, file->path))
    return;
  scan_keys_and_tokens (run, file);
  if (!dotenv_parse (file->path, file->text, file->length, &entries, &error))
    {
      ScanPlace place = { .file = file->path };
      scan_report (run, "script-unreadable", SCAN_WARNING, &place, "%s", error->message);
      return;
    }
  for (guint i = 0; i < entries->len; i++)
    report_entry (run, file, entries->pdata[i], is_committed);
}
