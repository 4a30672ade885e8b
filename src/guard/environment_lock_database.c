/* The environment lock's judgement of databases: the environment's own, and those that variables name. */
#include "guard/environment_lock_internal.h"

#include <string.h>

static const char meant_hint[]
    = "Set the variable to the database of the chosen environment, unset it, or give "
      "--set-url.";

/* What a finding is about. */
typedef struct
{
  const EnvLockFacts *facts;
  EnvLockVerdict *verdict;
  const char *subject;
  const EnvLockDatabase *database;
  unsigned int findings; /* rows so far that are worse than a note */
} Look;

static void G_GNUC_PRINTF (5, 6) find (Look *look, EnvLockLevel level, const char *rule,
                                       const char *hint, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  look->findings += level != ENV_LOCK_FINE && level != ENV_LOCK_NOTE;
  env_lock_add (look->verdict, level, rule, look->subject, hint, "%s", text);
}

static EnvLockLevel
grave (const Look *look, EnvLockLevel is_protected, EnvLockLevel otherwise)
{
  return env_lock_grave (look->facts, is_protected, otherwise);
}

static bool
is_production (const char *environment)
{
  return g_strcmp0 (environment, "production") == 0;
}

typedef enum
{
  SAME_UNKNOWN,
  SAME_DATABASE,
  SAME_CLUSTER, /* another database of it */
  SAME_NOTHING,
} Same;

/* By what the servers say of themselves: a tunnel, an alias or another user changes the URL only. */
static Same
compare (const EnvLockDatabase *a, const EnvLockDatabase *b)
{
  if (a->state != ENV_LOCK_DATABASE_REACHED || b->state != ENV_LOCK_DATABASE_REACHED)
    return SAME_UNKNOWN;
  bool is_named_alike = g_strcmp0 (a->name, b->name) == 0;
  if (a->started != NULL && b->started != NULL && strcmp (a->started, b->started) != 0)
    return SAME_NOTHING;
  if (a->cluster != NULL && b->cluster != NULL)
    return strcmp (a->cluster, b->cluster) != 0 ? SAME_NOTHING
           : is_named_alike                     ? SAME_DATABASE
                                                : SAME_CLUSTER;
  bool is_at_one_place = a->host != NULL && g_strcmp0 (a->host, b->host) == 0;
  return is_at_one_place && is_named_alike ? SAME_DATABASE : SAME_UNKNOWN;
}

/* --- whether it can be looked at --------------------------------------------------------------- */

/* What it means that the environment's database, or the one that a program connects to first, does not answer. A
 * developer's may be down, or not made yet, and then a command does no harm to it either. */
static EnvLockLevel
unreachable (const Look *look)
{
  bool may_be_production = is_production (look->database->url_says);
  return may_be_production ? ENV_LOCK_REFUSED : grave (look, ENV_LOCK_REFUSED, ENV_LOCK_WARNING);
}

/* False when there is no database to look at. BAD: what it means that there should be one. */
static bool
look_at_state (Look *look, EnvLockLevel bad)
{
  const EnvLockDatabase *database = look->database;
  const char *problem = database->problem != NULL ? database->problem : "no reason is known";
  const char *shown = database->shown != NULL ? database->shown : "the database";
  switch (database->state)
    {
    case ENV_LOCK_DATABASE_REACHED: return true;
    case ENV_LOCK_DATABASE_UNREACHABLE:
      find (look, unreachable (look), "unreachable",
            "Start it, or correct the URL: what cannot be asked cannot be told apart.",
            "%s cannot be reached: %s", shown, problem);
      return false;
    case ENV_LOCK_DATABASE_CLOSED:
      find (look, ENV_LOCK_REFUSED, "closed",
            "Let pgkeel in as the command is let in (PGPASSWORD, ~/.pgpass, the URL).",
            "%s answers, but does not say who it is: %s", shown, problem);
      return false;
    case ENV_LOCK_DATABASE_NO_URL:
      find (look, bad, "no-url", "Give the environment its URL.", "%s", problem);
      return false;
    case ENV_LOCK_DATABASE_UNPARSEABLE:
      find (look, bad, "unparseable-url", "Write it as postgresql://user@host:5432/database.",
            "it is no URL that can be read");
      return false;
    case ENV_LOCK_DATABASE_NOT_POSTGRES:
      find (look, grave (look, ENV_LOCK_REFUSED, ENV_LOCK_WARNING), "other-engine", meant_hint,
            "%s is no PostgreSQL database", shown);
      return false;
    case ENV_LOCK_DATABASE_INCOMPLETE:
      find (look, grave (look, ENV_LOCK_WARNING, ENV_LOCK_NOTE), "incomplete", NULL,
            "where it leads depends on the defaults of who reads it");
      return false;
    default:
      find (look, ENV_LOCK_UNKNOWN, "not-looked-at", NULL, "nobody has looked where it leads");
      return false;
    }
}

/* --- what it says of itself ------------------------------------------------------------------- */

static void
look_at_genuine_stamp (Look *look)
{
  const EnvLockFacts *facts = look->facts;
  const EnvLockDatabase *database = look->database;
  bool is_mine = g_strcmp0 (database->stamp_project, facts->project) == 0;
  if (is_mine && g_strcmp0 (database->stamp_environment, facts->environment) == 0)
    return;
  bool is_disguised = database->is_local_host && is_production (database->stamp_environment);
  find (look, ENV_LOCK_REFUSED, is_disguised ? "tunnel" : "stamp-mismatch",
        is_disguised ? "Close the tunnel or the port forwarding, or choose what it leads to."
                     : meant_hint,
        "it leads to “%s” of project “%s”%s, but “%s” of “%s” was chosen",
        database->stamp_environment, database->stamp_project,
        is_disguised ? ", though its host says it is this machine" : "", facts->environment,
        facts->project);
}

static void
look_at_copied_stamp (Look *look)
{
  const EnvLockFacts *facts = look->facts;
  const EnvLockDatabase *database = look->database;
  static const char hint[]
      = "If it is meant to be this environment now, say so with “pgkeel env stamp”.";
  if (g_strcmp0 (database->stamp_project, facts->project) != 0)
    find (look, ENV_LOCK_REFUSED, "copy-of-other-project", hint,
          "it is a copy of “%s” of another project, “%s”", database->stamp_environment,
          database->stamp_project);
  else
    find (look, grave (look, ENV_LOCK_REFUSED, ENV_LOCK_WARNING), "copy", hint,
          "it is a copy: it was stamped “%s” on another cluster", database->stamp_environment);
}

static void
look_at_no_stamp (Look *look)
{
  static const char hint[] = "Say what it is with “pgkeel env stamp”.";
  const EnvLockDatabase *database = look->database;
  const char *environment = look->facts->environment;
  if (is_production (database->url_says) && !is_production (environment))
    find (look, ENV_LOCK_REFUSED, "url-says-production", hint,
          "its URL looks like production, and it has no stamp that says otherwise");
  else
    find (look, grave (look, ENV_LOCK_REFUSED, ENV_LOCK_NOTE), "unstamped", hint,
          "the database has no stamp%s",
          look->facts->is_protected ? ", so it cannot be told from another" : "");
}

static void
look_at_stamp (Look *look)
{
  switch (look->database->stamp)
    {
    case ENV_LOCK_STAMP_HERE: look_at_genuine_stamp (look); return;
    case ENV_LOCK_STAMP_COPY: look_at_copied_stamp (look); return;
    case ENV_LOCK_STAMP_NONE: look_at_no_stamp (look); return;
    default:
      find (look, ENV_LOCK_UNKNOWN, "stamp-unreadable",
            "Connect as a role that may read pgkeel.identity and call pg_control_system().",
            "its stamp may not be read, so it cannot be told from another");
    }
}

/* "prod", "staging" and so on in a URL whose database says something else of itself. */
static void
look_at_words (Look *look)
{
  const EnvLockDatabase *database = look->database;
  bool is_plain = database->url_says == NULL || database->is_local_host;
  if (!is_plain && database->stamp == ENV_LOCK_STAMP_HERE
      && strcmp (database->url_says, look->facts->environment) != 0)
    find (look, ENV_LOCK_WARNING, "url-words", NULL, "its URL has the words of “%s”",
          database->url_says);
}

static void
look_at_server (Look *look)
{
  const EnvLockDatabase *database = look->database;
  if (database->is_replica)
    find (look, ENV_LOCK_WARNING, "replica", "Connect to the primary.",
          "the server is a replica: it takes no writes, and may be behind");
  if (database->has_many_hosts)
    find (look, ENV_LOCK_WARNING, "many-hosts", NULL,
          "the URL names several hosts: the command may reach another one than this look did");
  if (database->port_asked != 0 && database->port_found != 0
      && database->port_asked != database->port_found)
    find (
        look, grave (look, ENV_LOCK_WARNING, ENV_LOCK_NOTE), "between", NULL,
        "the server listens on port %d, not %d: a pooler, a tunnel or a port mapping is in between",
        database->port_found, database->port_asked);
  if (database->is_superuser && look->facts->is_protected)
    find (look, ENV_LOCK_NOTE, "superuser", NULL, "it connects as a superuser");
}

/* --- the environment's own -------------------------------------------------------------------- */

static void
finish (Look *look, const char *rule, const char *means)
{
  const EnvLockDatabase *database = look->database;
  if (look->findings == 0)
    find (look, ENV_LOCK_FINE, rule, NULL, "%s: %s",
          database->shown != NULL ? database->shown : "the database", means);
}

static void
judge_target (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  Look look = { .facts = facts,
                .verdict = verdict,
                .subject = "the environment's database",
                .database = &facts->target };
  if (facts->target_is_default)
    find (&look, grave (&look, ENV_LOCK_REFUSED, ENV_LOCK_WARNING), "fallback-url",
          "Set the variable.",
          "a variable of its URL is not set, and the default in pgkeel.yaml was taken");
  if (!look_at_state (&look, ENV_LOCK_REFUSED))
    return;
  /* A copy for a rehearsal has the stamp of what it was copied from. */
  if (facts->leave_has_target)
    {
      find (&look, ENV_LOCK_FINE, "leave", NULL, "%s: given by %s, which runs this",
            facts->target.shown, facts->leave);
      return;
    }
  look_at_stamp (&look);
  look_at_words (&look);
  look_at_server (&look);
  finish (&look, "target", "it is what it should be");
}

/* --- what variables name ---------------------------------------------------------------------- */

/* The environment's own database does not answer, so only the stamp can say that this is it. */
static void
look_at_unmatched (Look *look)
{
  const EnvLockDatabase *database = look->database;
  bool says_so = database->stamp == ENV_LOCK_STAMP_HERE
                 && g_strcmp0 (database->stamp_project, look->facts->project) == 0
                 && g_strcmp0 (database->stamp_environment, look->facts->environment) == 0;
  if (!says_so)
    find (
        look, ENV_LOCK_REFUSED, "not-comparable",
        "Start the environment's database, or say what this one is with “pgkeel env stamp”.",
        "%s answers, but has no stamp of “%s”, and the environment's own database does not answer",
        database->shown, look->facts->environment);
}

static void
look_at_place (Look *look, Same same)
{
  switch (same)
    {
    case SAME_CLUSTER:
      find (look, ENV_LOCK_REFUSED, "other-database", meant_hint,
            "it is the same server, but another database: “%s”, not “%s”", look->database->name,
            look->facts->target.name);
      return;
    case SAME_NOTHING:
      find (look, ENV_LOCK_REFUSED, "other-server", meant_hint,
            "it leads to another server than the environment's URL: %s", look->database->shown);
      return;
    case SAME_UNKNOWN:
      if (look->facts->target.state != ENV_LOCK_DATABASE_REACHED)
        look_at_unmatched (look);
      else
        find (look, grave (look, ENV_LOCK_REFUSED, ENV_LOCK_WARNING), "not-comparable",
              "Connect as a role that may call pg_control_system().",
              "whether it is the environment's database cannot be found out");
      return;
    default: return;
    }
}

/* What the environment's own database says of itself has been said there. */
static void
judge_main (Look *look)
{
  if (!look_at_state (look, ENV_LOCK_REFUSED))
    return;
  Same same = compare (look->database, &look->facts->target);
  if (same != SAME_DATABASE)
    look_at_stamp (look);
  look_at_place (look, same);
  look_at_server (look);
  finish (look, "variable", "the environment's database");
}

/* A line of a file that something else goes before, in most programs. */
static void
judge_shadowed (Look *look)
{
  const EnvLockFacts *facts = look->facts;
  const EnvLockDatabase *database = look->database;
  bool is_of_production = database->stamp == ENV_LOCK_STAMP_HERE
                              ? is_production (database->stamp_environment)
                              : is_production (database->url_says);
  if (is_of_production && !is_production (facts->environment))
    find (
        look, ENV_LOCK_REFUSED, "file-says-production", "Take production's URL out of the file.",
        "it leads to production; the process's environment goes before it, but not in every program");
  else if (compare (database, &facts->target) == SAME_DATABASE)
    finish (look, "variable", "the environment's database");
  else
    find (look, ENV_LOCK_WARNING, "stale-file", "Bring the file up to date.",
          "it names something else than the process's environment, which goes before it");
}

static void
judge_other (Look *look, const char *meant_for)
{
  const EnvLockFacts *facts = look->facts;
  const EnvLockDatabase *database = look->database;
  bool is_same = compare (database, &facts->target) == SAME_DATABASE;
  bool is_stamped_otherwise = database->stamp == ENV_LOCK_STAMP_HERE
                              && g_strcmp0 (database->stamp_environment, meant_for) != 0;
  if (database->state != ENV_LOCK_DATABASE_REACHED)
    find (look, ENV_LOCK_NOTE, "other-environment", NULL,
          "of “%s”, which cannot be reached from here", meant_for);
  else if (is_same)
    find (look, grave (look, ENV_LOCK_REFUSED, ENV_LOCK_WARNING), "shared-database", meant_hint,
          "it is of “%s” by its name, but leads to the database of “%s”", meant_for,
          facts->environment);
  else if (is_stamped_otherwise && is_production (database->stamp_environment))
    find (look, ENV_LOCK_REFUSED, "misnamed", "Set it to the database that its name says.",
          "it is of “%s” by its name, but leads to production", meant_for);
  else if (is_stamped_otherwise)
    find (look, ENV_LOCK_WARNING, "misnamed", "Set it to the database that its name says.",
          "it is of “%s” by its name, but leads to “%s”", meant_for, database->stamp_environment);
  else
    find (look, ENV_LOCK_NOTE, "other-environment", NULL, "of “%s”", meant_for);
}

/* Prisma empties it before every comparison of schemas. */
static void
judge_shadow (Look *look)
{
  const EnvLockDatabase *database = look->database;
  if (database->state != ENV_LOCK_DATABASE_REACHED)
    find (look, ENV_LOCK_NOTE, "shadow", NULL, "a shadow database that cannot be reached");
  else if (compare (database, &look->facts->target) == SAME_DATABASE
           || database->stamp == ENV_LOCK_STAMP_HERE)
    find (look, ENV_LOCK_REFUSED, "shadow-is-real",
          "Give the shadow database a database of its own.",
          "it leads to a real database, and tools empty shadow databases");
  else
    finish (look, "shadow", "a shadow database");
}

static void
judge_extra (Look *look)
{
  const EnvLockFacts *facts = look->facts;
  const EnvLockDatabase *database = look->database;
  if (!look_at_state (look, env_lock_grave (facts, ENV_LOCK_REFUSED, ENV_LOCK_WARNING)))
    return;
  if (database->stamp == ENV_LOCK_STAMP_HERE
      && g_strcmp0 (database->stamp_environment, facts->environment) != 0)
    look_at_genuine_stamp (look);
  else if (database->stamp == ENV_LOCK_STAMP_UNKNOWN)
    look_at_stamp (look);
  else if (database->stamp == ENV_LOCK_STAMP_COPY)
    find (look, ENV_LOCK_WARNING, "copy", NULL, "it is a copy of “%s”",
          database->stamp_environment);
  else if (is_production (database->url_says) && !is_production (facts->environment)
           && database->stamp == ENV_LOCK_STAMP_NONE)
    look_at_no_stamp (look);
  finish (look, "variable", "another database of the project");
}

static void
judge_replica (Look *look)
{
  const EnvLockDatabase *target = &look->facts->target;
  if (compare (look->database, target) == SAME_DATABASE)
    finish (look, "variable", "the environment's database, for reading");
  else
    judge_extra (look);
}

static char *
subject_of (const EnvLockVariable *variable)
{
  return variable->source != NULL ? g_strdup_printf ("%s (%s)", variable->name, variable->source)
                                  : g_strdup (variable->name);
}

static void
judge_variable (const EnvLockFacts *facts, const EnvLockVariable *variable, EnvLockVerdict *verdict)
{
  g_autofree char *subject = subject_of (variable);
  Look look
      = { .facts = facts, .verdict = verdict, .subject = subject, .database = &variable->database };
  if (variable->role == ENV_LOCK_ROLE_OTHER)
    judge_other (&look, variable->meant_for);
  else if (variable->role == ENV_LOCK_ROLE_SHADOW)
    judge_shadow (&look);
  else if (variable->is_shadowed)
    judge_shadowed (&look);
  else if (variable->role == ENV_LOCK_ROLE_EXTRA)
    judge_extra (&look);
  else if (variable->role == ENV_LOCK_ROLE_REPLICA)
    judge_replica (&look);
  else
    judge_main (&look);
}

static bool
counts (const EnvLockVariable *variable)
{
  return variable->role == ENV_LOCK_ROLE_MAIN && !variable->is_shadowed;
}

/* Two that programs connect by, and that lead to two places: which one is read is anybody's guess. */
static void
judge_contradictions (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  for (size_t i = 0; i < facts->variable_count; i++)
    for (size_t j = i + 1; j < facts->variable_count; j++)
      {
        const EnvLockVariable *a = &facts->variables[i], *b = &facts->variables[j];
        if (!counts (a) || !counts (b))
          continue;
        Same same = compare (&a->database, &b->database);
        if (same != SAME_CLUSTER && same != SAME_NOTHING)
          continue;
        g_autofree char *first = subject_of (a);
        g_autofree char *second = subject_of (b);
        g_autofree char *both = g_strdup_printf ("%s, %s", first, second);
        env_lock_add (
            verdict, ENV_LOCK_REFUSED, "contradiction", both, meant_hint,
            "they lead to different databases, and which one the command reads is not known");
      }
}

void
env_lock_judge_databases (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  judge_target (facts, verdict);
  for (size_t i = 0; i < facts->variable_count; i++)
    judge_variable (facts, &facts->variables[i], verdict);
  judge_contradictions (facts, verdict);
}

/* Two environments with one URL, and nothing in the database that says which of them it is. */
static void
judge_shared_url (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  if (facts->shares_url != NULL && facts->target.stamp == ENV_LOCK_STAMP_NONE
      && facts->target.state == ENV_LOCK_DATABASE_REACHED)
    env_lock_add (verdict, ENV_LOCK_REFUSED, "shared-url", "the environment's database",
                  "Say what it is with “pgkeel env stamp”, or correct the URL in pgkeel.yaml.",
                  "pgkeel.yaml gives “%s” the same place, and no stamp says which it is",
                  facts->shares_url);
}

void
env_lock_judge_named (const EnvLockFacts *facts, EnvLockVerdict *verdict)
{
  judge_shared_url (facts, verdict);
  bool is_named = false, is_named_by_file = false;
  for (size_t i = 0; i < facts->variable_count; i++)
    {
      const EnvLockVariable *variable = &facts->variables[i];
      if (!counts (variable) || variable->database.state == ENV_LOCK_DATABASE_INCOMPLETE)
        continue;
      is_named = is_named || variable->source == NULL;
      is_named_by_file = is_named_by_file || variable->source != NULL;
    }
  if (is_named)
    return;
  if (is_named_by_file)
    env_lock_add (
        verdict, env_lock_grave (facts, ENV_LOCK_WARNING, ENV_LOCK_NOTE), "named-by-file",
        "variables", "Give --set-url, or set DATABASE_URL.",
        "only a file names the database; a command that does not read it goes by settings "
        "of its own");
  else
    env_lock_add (verdict, env_lock_grave (facts, ENV_LOCK_REFUSED, ENV_LOCK_WARNING),
                  "nothing-named", "variables",
                  "Set DATABASE_URL to the environment's database, or give --set-url.",
                  "none says which database the command works on; it goes by settings of its own");
}
