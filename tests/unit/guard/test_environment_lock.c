/* The ways to be wrong about where a command will work, one by one. Every case begins with facts that are
 * all right, spoils something, and says what is then found. */
#include "../testing.h"
#include "guard/environment_lock.h"

#include <string.h>

#define VARIABLES_MAX 4
#define MODES_MAX 4

/* Facts with room of their own, so that a case can add to them. */
typedef struct
{
  EnvLockFacts facts;
  EnvLockVariable variables[VARIABLES_MAX];
  EnvLockMode modes[MODES_MAX];
} Situation;

static const EnvLockDatabase development_database = {
  .state = ENV_LOCK_DATABASE_REACHED,
  .shown = "postgresql://localhost/shop",
  .host = "localhost:5432",
  .name = "shop",
  .cluster = "1001",
  .stamp = ENV_LOCK_STAMP_HERE,
  .stamp_project = "shop",
  .stamp_environment = "development",
  .url_says = "development",
  .is_local_host = true,
};

static const EnvLockDatabase production_database = {
  .state = ENV_LOCK_DATABASE_REACHED,
  .shown = "postgresql://app:***@prod-db/shop",
  .host = "prod-db:5432",
  .name = "shop",
  .cluster = "2002",
  .stamp = ENV_LOCK_STAMP_HERE,
  .stamp_project = "shop",
  .stamp_environment = "production",
  .url_says = "production",
};

typedef enum
{
  DEVELOPMENT,
  PRODUCTION,
} Begin;

/* -e, DATABASE_URL and LEDGER_ENV agree, somebody sits at a terminal, a proof is an hour old. */
static void
begin (Situation *s, Begin where)
{
  bool is_production = where == PRODUCTION;
  const char *name = is_production ? "production" : "development";
  const EnvLockDatabase *database = is_production ? &production_database : &development_database;
  *s = (Situation){
    .facts = { .project = "shop",
               .environment = name,
               .is_protected = is_production,
               .chosen = ENV_LOCK_CHOSEN_ASKED,
               .chosen_reason = "--env",
               .target = *database,
               .variable_count = 1,
               .mode_count = 1,
               .has_terminal = true,
               .proof = { .is_known = true,
                          .name = "shop_db_backup_20261121_090000.sql.gz",
                          .age_seconds = 3600,
                          .max_age_seconds = 86400 } },
    .variables = { { .name = "DATABASE_URL", .database = *database } },
    .modes = { { .name = "LEDGER_ENV", .value = name, .says = name, .is_lock = true } },
  };
  s->facts.variables = s->variables;
  s->facts.modes = s->modes;
}

static EnvLockVariable *
add_variable (Situation *s, const char *name, const char *source, EnvLockRole role,
              const EnvLockDatabase *database)
{
  assert_true (s->facts.variable_count < VARIABLES_MAX);
  EnvLockVariable *variable = &s->variables[s->facts.variable_count++];
  *variable
      = (EnvLockVariable){ .name = name, .source = source, .role = role, .database = *database };
  return variable;
}

static EnvLockMode *
add_mode (Situation *s, const char *name, const char *value, const char *says)
{
  assert_true (s->facts.mode_count < MODES_MAX);
  EnvLockMode *mode = &s->modes[s->facts.mode_count++];
  *mode = (EnvLockMode){ .name = name, .value = value, .says = says };
  return mode;
}

/* As if the environment's URL and DATABASE_URL both led to DATABASE. */
static EnvLockDatabase *
lead_to (Situation *s, const EnvLockDatabase *database)
{
  s->facts.target = *database;
  s->variables[0].database = *database;
  return &s->facts.target;
}

/* Nothing of its own authorises the command, and nobody has looked for a proof. */
static void
give_leave (Situation *s)
{
  s->facts.leave = "pgkeel, process 4711";
  s->facts.leave_has_target = true;
  s->facts.mode_count = 0;
  s->facts.has_terminal = false;
  s->facts.proof = (EnvLockProof){ 0 };
}

static EnvLockDatabase
other_database_of (const EnvLockDatabase *database, const char *name)
{
  EnvLockDatabase other = *database;
  other.name = name;
  other.stamp = ENV_LOCK_STAMP_NONE;
  return other;
}

static const EnvLockDatabase staging_database = {
  .state = ENV_LOCK_DATABASE_REACHED,
  .shown = "postgresql://staging-db/shop",
  .host = "staging-db:5432",
  .name = "shop",
  .cluster = "3003",
  .stamp = ENV_LOCK_STAMP_HERE,
  .stamp_project = "shop",
  .stamp_environment = "staging",
  .url_says = "staging",
};

static const EnvLockDatabase dead_database = { .state = ENV_LOCK_DATABASE_UNREACHABLE,
                                               .shown = "postgresql://gone/shop",
                                               .problem = "refused" };
static const EnvLockDatabase closed_database = { .state = ENV_LOCK_DATABASE_CLOSED,
                                                 .shown = "postgresql://there/shop",
                                                 .problem = "no password supplied" };
static const EnvLockDatabase no_url = { .state = ENV_LOCK_DATABASE_UNPARSEABLE };
static const EnvLockDatabase sqlite
    = { .state = ENV_LOCK_DATABASE_NOT_POSTGRES, .shown = "sqlite:///db.sqlite3" };
static const EnvLockDatabase incomplete = { .state = ENV_LOCK_DATABASE_INCOMPLETE };

/* X (what is wrong, where it begins, the rule that finds it, its level, refusals in all, what spoils it).
 * S is the situation. */
#define CASES(X)                                                                                   \
  /* -- what the variables say -- */                                                               \
  X ("a stale .env leads to development", PRODUCTION, "other-server", REFUSED, 2,                  \
     s->variables[0].source = ".env";                                                              \
     s->variables[0].database = development_database)                                              \
  X ("a stale .env leads to what calls itself development", PRODUCTION, "stamp-mismatch", REFUSED, \
     2, s->variables[0].source = ".env";                                                           \
     s->variables[0].database = development_database)                                              \
  X ("a forgotten export leads to production", DEVELOPMENT, "stamp-mismatch", REFUSED, 2,          \
     s->variables[0].database = production_database)                                               \
  X ("DATABASE_URL and PGHOST contradict each other", DEVELOPMENT, "contradiction", REFUSED, 2,    \
     EnvLockDatabase o = other_database_of (&development_database, "other");                       \
     add_variable (s, "PGHOST", NULL, ENV_LOCK_ROLE_MAIN, &o))                                     \
  X ("a variable is no URL", DEVELOPMENT, "unparseable-url", REFUSED, 1,                           \
     s->variables[0].database = no_url)                                                            \
  X ("a variable leads nowhere", DEVELOPMENT, "unreachable", WARNING, 0,                           \
     s->variables[0].database = dead_database)                                                     \
  X ("a variable leads nowhere, and says production", DEVELOPMENT, "unreachable", REFUSED, 1,      \
     s->variables[0].database = dead_database;                                                     \
     s->variables[0].database.url_says = "production")                                             \
  X ("somebody answers who does not let us in", DEVELOPMENT, "closed", REFUSED, 1,                 \
     s->variables[0].database = closed_database)                                                   \
  X ("development has production's URL, and no stamp", DEVELOPMENT, "shared-url", REFUSED, 1,      \
     lead_to (s, &development_database)->stamp = ENV_LOCK_STAMP_NONE;                              \
     s->variables[0].database.stamp = ENV_LOCK_STAMP_NONE; s->facts.shares_url = "production")     \
  X ("development has production's URL, and is stamped", DEVELOPMENT, "target", FINE, 0,           \
     s->facts.shares_url = "production")                                                           \
  X ("a variable leads nowhere, in production", PRODUCTION, "unreachable", REFUSED, 1,             \
     s->variables[0].database = dead_database)                                                     \
  X ("a copy of the server's files runs beside it", DEVELOPMENT, "other-server", REFUSED, 1,       \
     s->facts.target.started = "1000.5";                                                           \
     s->variables[0].database.started = "2000.5")                                                  \
  X ("only DB_NAME is set in production", PRODUCTION, "nothing-named", REFUSED, 1,                 \
     s->variables[0].database = incomplete)                                                        \
  X ("only .env names production's database", PRODUCTION, "named-by-file", WARNING, 0,             \
     s->variables[0].source = ".env")                                                              \
  X (".env cannot be read in production", PRODUCTION, "unread-file", REFUSED, 1,                   \
     s->facts.unread_file = ".env")                                                                \
  X (".env cannot be read in development", DEVELOPMENT, "unread-file", WARNING, 0,                 \
     s->facts.unread_file = ".env")                                                                \
  X ("nobody looked where a variable leads", DEVELOPMENT, "not-looked-at", REFUSED, 1,             \
     s->variables[0].database = (EnvLockDatabase){ 0 })                                            \
  X ("the same server, another database", DEVELOPMENT, "other-database", REFUSED, 1,               \
     s->variables[0].database = other_database_of (&development_database, "shop_old"))             \
  X ("the same server, another database, in production", PRODUCTION, "other-database", REFUSED, 2, \
     s->variables[0].database = other_database_of (&production_database, "shop_before_1"))         \
  X ("the same name and stamp on another server", PRODUCTION, "other-server", REFUSED, 1,          \
     s->variables[0].database.cluster = "9999")                                                    \
  X ("the servers may not be told apart", PRODUCTION, "not-comparable", REFUSED, 1,                \
     s->variables[0].database.cluster = NULL;                                                      \
     s->variables[0].database.host = "10.0.0.5:5432")                                              \
  X ("the servers may not be told apart, in development", DEVELOPMENT, "not-comparable", WARNING,  \
     0, s->variables[0].database.cluster = NULL;                                                   \
     s->variables[0].database.host = "127.0.0.1:5432")                                             \
  X ("no variable names a database in production", PRODUCTION, "nothing-named", REFUSED, 1,        \
     s->facts.variable_count = 0)                                                                  \
  X ("no variable names a database in development", DEVELOPMENT, "nothing-named", WARNING, 0,      \
     s->facts.variable_count = 0)                                                                  \
  X ("production runs on sqlite by mistake", PRODUCTION, "other-engine", REFUSED, 1,               \
     s->variables[0].database = sqlite)                                                            \
  X ("development runs on sqlite", DEVELOPMENT, "other-engine", WARNING, 0,                        \
     s->variables[0].database = sqlite)                                                            \
  X ("DB_NAME without DB_HOST in production", PRODUCTION, "incomplete", WARNING, 0,                \
     add_variable (s, "DB_NAME", NULL, ENV_LOCK_ROLE_MAIN, &incomplete))                           \
  /* -- files behind the process's environment -- */                                               \
  X ("production's URL lies in .env behind the variable", DEVELOPMENT, "file-says-production",     \
     REFUSED, 1,                                                                                   \
     add_variable (s, "DATABASE_URL", ".env", ENV_LOCK_ROLE_MAIN, &production_database)            \
         ->is_shadowed                                                                             \
     = true)                                                                                       \
  X ("staging's URL lies in .env behind the variable", DEVELOPMENT, "stale-file", WARNING, 0,      \
     add_variable (s, "DATABASE_URL", ".env", ENV_LOCK_ROLE_MAIN, &staging_database)->is_shadowed  \
     = true)                                                                                       \
  X (".env is older than .env.production", PRODUCTION, "older-file", WARNING, 0,                   \
     s->facts.stale_file = ".env";                                                                 \
     s->facts.fresh_file = ".env.production")                                                      \
  X ("others may write .env on production's server", PRODUCTION, "writable-file", REFUSED, 1,      \
     s->facts.writable_file = ".env")                                                              \
  X ("others may write .env in development", DEVELOPMENT, "writable-file", WARNING, 0,             \
     s->facts.writable_file = ".env")                                                              \
  /* -- variables beside the main one -- */                                                        \
  X ("TEST_DATABASE_URL leads to production", PRODUCTION, "shared-database", REFUSED, 1,           \
     add_variable (s, "TEST_DATABASE_URL", NULL, ENV_LOCK_ROLE_OTHER, &production_database)        \
         ->meant_for                                                                               \
     = "testing")                                                                                  \
  X ("TEST_DATABASE_URL leads to production, seen from development", DEVELOPMENT, "misnamed",      \
     REFUSED, 1,                                                                                   \
     add_variable (s, "TEST_DATABASE_URL", NULL, ENV_LOCK_ROLE_OTHER, &production_database)        \
         ->meant_for                                                                               \
     = "testing")                                                                                  \
  X ("TEST_DATABASE_URL leads to the developer's database", DEVELOPMENT, "shared-database",        \
     WARNING, 0,                                                                                   \
     add_variable (s, "TEST_DATABASE_URL", NULL, ENV_LOCK_ROLE_OTHER, &development_database)       \
         ->meant_for                                                                               \
     = "testing")                                                                                  \
  X ("TEST_DATABASE_URL leads to staging", DEVELOPMENT, "misnamed", WARNING, 0,                    \
     add_variable (s, "TEST_DATABASE_URL", NULL, ENV_LOCK_ROLE_OTHER, &staging_database)           \
         ->meant_for                                                                               \
     = "testing")                                                                                  \
  X ("STAGING_DATABASE_URL leads to staging", DEVELOPMENT, "other-environment", NOTE, 0,           \
     add_variable (s, "STAGING_DATABASE_URL", NULL, ENV_LOCK_ROLE_OTHER, &staging_database)        \
         ->meant_for                                                                               \
     = "staging")                                                                                  \
  X ("STAGING_DATABASE_URL cannot be reached from here", DEVELOPMENT, "other-environment", NOTE,   \
     0,                                                                                            \
     add_variable (s, "STAGING_DATABASE_URL", NULL, ENV_LOCK_ROLE_OTHER, &dead_database)           \
         ->meant_for                                                                               \
     = "staging")                                                                                  \
  X ("Prisma's shadow database is the real one", DEVELOPMENT, "shadow-is-real", REFUSED, 1,        \
     add_variable (s, "SHADOW_DATABASE_URL", NULL, ENV_LOCK_ROLE_SHADOW, &development_database))   \
  X ("Prisma's shadow database is production", DEVELOPMENT, "shadow-is-real", REFUSED, 1,          \
     add_variable (s, "SHADOW_DATABASE_URL", NULL, ENV_LOCK_ROLE_SHADOW, &production_database))    \
  X ("Prisma's shadow database cannot be reached", DEVELOPMENT, "shadow", NOTE, 0,                 \
     add_variable (s, "SHADOW_DATABASE_URL", NULL, ENV_LOCK_ROLE_SHADOW, &dead_database))          \
  X ("ANALYTICS_DATABASE_URL leads to production", DEVELOPMENT, "stamp-mismatch", REFUSED, 1,      \
     add_variable (s, "ANALYTICS_DATABASE_URL", NULL, ENV_LOCK_ROLE_EXTRA, &production_database))  \
  X ("ANALYTICS_DATABASE_URL has production's words and no stamp", DEVELOPMENT,                    \
     "url-says-production", REFUSED, 1,                                                            \
     EnvLockDatabase o = other_database_of (&production_database, "facts");                        \
     add_variable (s, "ANALYTICS_DATABASE_URL", NULL, ENV_LOCK_ROLE_EXTRA, &o))                    \
  X ("ANALYTICS_DATABASE_URL cannot be reached from production", PRODUCTION, "unreachable",        \
     REFUSED, 1,                                                                                   \
     add_variable (s, "ANALYTICS_DATABASE_URL", NULL, ENV_LOCK_ROLE_EXTRA, &dead_database))        \
  X ("REPLICA_DATABASE_URL of production in development", DEVELOPMENT, "stamp-mismatch", REFUSED,  \
     1,                                                                                            \
     add_variable (s, "REPLICA_DATABASE_URL", NULL, ENV_LOCK_ROLE_REPLICA, &production_database))  \
  X ("REPLICA_DATABASE_URL leads to a replica of it", PRODUCTION, "variable", FINE, 0,             \
     add_variable (s, "REPLICA_DATABASE_URL", NULL, ENV_LOCK_ROLE_REPLICA, &production_database)   \
         ->database.is_replica                                                                     \
     = true)                                                                                       \
  /* -- what the database says of itself -- */                                                     \
  X ("production behind a tunnel on localhost", DEVELOPMENT, "tunnel", REFUSED, 1,                 \
     lead_to (s, &production_database)->is_local_host = true;                                      \
     s->facts.target.url_says = "development")                                                     \
  X ("a restored dump of production in development", DEVELOPMENT, "copy", WARNING, 0,              \
     lead_to (s, &development_database)->stamp = ENV_LOCK_STAMP_COPY;                              \
     s->facts.target.stamp_environment = "production")                                             \
  X ("a restored dump of another project", DEVELOPMENT, "copy-of-other-project", REFUSED, 1,       \
     lead_to (s, &development_database)->stamp = ENV_LOCK_STAMP_COPY;                              \
     s->facts.target.stamp_project = "ledger")                                                     \
  X ("production was restored from a dump, nobody said so", PRODUCTION, "copy", REFUSED, 1,        \
     lead_to (s, &production_database)->stamp = ENV_LOCK_STAMP_COPY)                               \
  X ("another project's production", PRODUCTION, "stamp-mismatch", REFUSED, 1,                     \
     lead_to (s, &production_database)->stamp_project = "ledger")                                  \
  X ("staging's URL was written under production", PRODUCTION, "stamp-mismatch", REFUSED, 1,       \
     lead_to (s, &staging_database))                                                               \
  X ("production has no stamp", PRODUCTION, "unstamped", REFUSED, 1,                               \
     lead_to (s, &production_database)->stamp = ENV_LOCK_STAMP_NONE)                               \
  X ("development has no stamp", DEVELOPMENT, "unstamped", NOTE, 0,                                \
     lead_to (s, &development_database)->stamp = ENV_LOCK_STAMP_NONE)                              \
  X ("development's URL looks like production, no stamp", DEVELOPMENT, "url-says-production",      \
     REFUSED, 1, lead_to (s, &development_database)->stamp = ENV_LOCK_STAMP_NONE;                  \
     s->facts.target.url_says = "production")                                                      \
  X ("development's URL looks like production, the stamp knows better", DEVELOPMENT, "url-words",  \
     WARNING, 0, lead_to (s, &development_database)->is_local_host = false;                        \
     s->facts.target.url_says = "production")                                                      \
  X ("the stamp may not be read", DEVELOPMENT, "stamp-unreadable", REFUSED, 1,                     \
     lead_to (s, &development_database)->stamp = ENV_LOCK_STAMP_UNKNOWN)                           \
  X ("the environment's server is down", PRODUCTION, "unreachable", REFUSED, 2,                    \
     lead_to (s, &dead_database))                                                                  \
  X ("development's server is down", DEVELOPMENT, "unreachable", WARNING, 0,                       \
     lead_to (s, &dead_database))                                                                  \
  X ("development's server is down, and its URL says production", DEVELOPMENT, "unreachable",      \
     REFUSED, 2, lead_to (s, &dead_database)->url_says = "production";                             \
     s->variables[0].database.url_says = "production")                                             \
  X ("development's server is down, and what answers has no stamp", DEVELOPMENT, "not-comparable", \
     REFUSED, 1, s->facts.target = dead_database;                                                  \
     s->variables[0].database.stamp = ENV_LOCK_STAMP_NONE)                                         \
  X ("development's server is down, and what answers is stamped so", DEVELOPMENT, "variable",      \
     FINE, 0, s->facts.target = dead_database)                                                     \
  X ("development's server is down, and what answers is another project's", DEVELOPMENT,           \
     "stamp-mismatch", REFUSED, 2, s->facts.target = dead_database;                                \
     s->variables[0].database.stamp_project = "blog")                                              \
  X ("the environment has no URL", DEVELOPMENT, "no-url", REFUSED, 1,                              \
     s->facts.target = (EnvLockDatabase){ .state = ENV_LOCK_DATABASE_NO_URL, .problem = "none" })  \
  X ("a fallback URL was taken for production", PRODUCTION, "fallback-url", REFUSED, 1,            \
     s->facts.target_is_default = true)                                                            \
  X ("a fallback URL was taken for development", DEVELOPMENT, "fallback-url", WARNING, 0,          \
     s->facts.target_is_default = true)                                                            \
  X ("a replica takes no writes", PRODUCTION, "replica", WARNING, 0,                               \
     s->facts.target.is_replica = true)                                                            \
  X ("a pooler or a tunnel is in between", PRODUCTION, "between", WARNING, 0,                      \
     s->facts.target.port_asked = 6432;                                                            \
     s->facts.target.port_found = 5432)                                                            \
  X ("a container's port is mapped in development", DEVELOPMENT, "between", NOTE, 0,               \
     s->facts.target.port_asked = 5433;                                                            \
     s->facts.target.port_found = 5432)                                                            \
  X ("the URL names several hosts", PRODUCTION, "many-hosts", WARNING, 0,                          \
     s->facts.target.has_many_hosts = true)                                                        \
  X ("it connects as a superuser", PRODUCTION, "superuser", NOTE, 0,                               \
     s->facts.target.is_superuser = true)                                                          \
  /* -- which environment is said -- */                                                            \
  X ("LEDGER_ENV says production, development was chosen", DEVELOPMENT, "ledger-env", REFUSED, 1,  \
     s->modes[0].value = s->modes[0].says = "production")                                          \
  X ("LEDGER_ENV of .env says development, production was chosen", PRODUCTION, "ledger-env",       \
     REFUSED, 2, s->modes[0].value = s->modes[0].says = "development";                             \
     s->modes[0].source = ".env")                                                                  \
  X ("LEDGER_ENV is a word nobody knows", DEVELOPMENT, "ledger-env", REFUSED, 1,                   \
     s->modes[0].value = "live";                                                                   \
     s->modes[0].says = NULL)                                                                      \
  X ("PGKEEL_ENV and LEDGER_ENV disagree", PRODUCTION, "ledger-env", REFUSED, 1,                   \
     add_mode (s, "PGKEEL_ENV", "staging", "staging")->is_lock = true)                             \
  X ("RAILS_ENV says production in development", DEVELOPMENT, "mode", REFUSED, 1,                  \
     add_mode (s, "RAILS_ENV", "production", "production"))                                        \
  X ("NODE_ENV says production in development", DEVELOPMENT, "mode", WARNING, 0,                   \
     add_mode (s, "NODE_ENV", "production", "production")->is_lax = true)                          \
  X ("NODE_ENV says test in production", PRODUCTION, "mode", REFUSED, 1,                           \
     add_mode (s, "NODE_ENV", "test", "testing")->is_lax = true)                                   \
  X ("APP_ENV says staging in production", PRODUCTION, "mode", REFUSED, 1,                         \
     add_mode (s, "APP_ENV", "staging", "staging"))                                                \
  X ("DJANGO_SETTINGS_MODULE is production's in development", DEVELOPMENT, "mode", REFUSED, 1,     \
     add_mode (s, "DJANGO_SETTINGS_MODULE", "config.settings.production", "production"))           \
  X ("DJANGO_SETTINGS_MODULE is development's in production", PRODUCTION, "mode", REFUSED, 1,      \
     add_mode (s, "DJANGO_SETTINGS_MODULE", "config.settings.local", "development"))               \
  X ("DJANGO_SETTINGS_MODULE says nothing", PRODUCTION, "mode-unknown", NOTE, 0,                   \
     add_mode (s, "DJANGO_SETTINGS_MODULE", "shop.settings", NULL))                                \
  X ("a staging server runs in production mode", DEVELOPMENT, "mode", NOTE, 0,                     \
     lead_to (s, &staging_database);                                                               \
     s->facts.environment = s->modes[0].value = s->modes[0].says = "staging";                      \
     add_mode (s, "RAILS_ENV", "production", "production"))                                        \
  X ("production was guessed from a URL", PRODUCTION, "chosen-by-guess", WARNING, 0,               \
     s->facts.chosen = ENV_LOCK_CHOSEN_URL)                                                        \
  X ("CI runs on the default environment", DEVELOPMENT, "ci-default", WARNING, 0,                  \
     s->facts.chosen = ENV_LOCK_CHOSEN_DEFAULT;                                                    \
     s->facts.is_ci = true)                                                                        \
  /* -- who, and with whose leave -- */                                                            \
  X ("production, and nobody has authorised it", PRODUCTION, "not-authorised", REFUSED, 1,         \
     s->facts.mode_count = 0)                                                                      \
  X ("production, authorised by a line of .env", PRODUCTION, "not-authorised", REFUSED, 1,         \
     s->modes[0].source = ".env")                                                                  \
  X ("--authorise names another environment", PRODUCTION, "authorised-other", REFUSED, 1,          \
     s->facts.authorised = "staging")                                                              \
  X ("--authorise production for development", DEVELOPMENT, "authorised-other", REFUSED, 1,        \
     s->facts.authorised = "production")                                                           \
  X ("an agent without a terminal inherits LEDGER_ENV", PRODUCTION, "no-terminal", REFUSED, 1,     \
     s->facts.has_terminal = false)                                                                \
  X ("an agent without a terminal was told to", PRODUCTION, "authorised", FINE, 0,                 \
     s->facts.has_terminal = false;                                                                \
     s->facts.authorised = "production")                                                           \
  X ("CI deploys with LEDGER_ENV set", PRODUCTION, "authorised", FINE, 0,                          \
     s->facts.has_terminal = false;                                                                \
     s->facts.is_ci = true)                                                                        \
  X ("sudo has dropped who knows what", PRODUCTION, "other-user", WARNING, 0,                      \
     s->facts.sudo_user = "ada")                                                                   \
  /* -- the way back -- */                                                                         \
  X ("there is no proven backup", PRODUCTION, "no-proof", REFUSED, 1, s->facts.proof.name = NULL)  \
  X ("the proven backup is too old", PRODUCTION, "old-proof", REFUSED, 1,                          \
     s->facts.proof.age_seconds = 86401)                                                           \
  X ("the proven backup is as old as it may be", PRODUCTION, "proof", FINE, 0,                     \
     s->facts.proof.age_seconds = 86400)                                                           \
  X ("the proven backup is of the future", PRODUCTION, "proof-of-the-future", REFUSED, 1,          \
     s->facts.proof.age_seconds = -60)                                                             \
  X ("the proven backup is of another cluster", PRODUCTION, "proof-of-another", REFUSED, 1,        \
     s->facts.proof.cluster = "1001")                                                              \
  X ("the proven backup is of another database", PRODUCTION, "proof-of-another", REFUSED, 1,       \
     s->facts.proof.cluster = "2002";                                                              \
     s->facts.proof.database = "shop_old")                                                         \
  X ("the proven backup is of this database", PRODUCTION, "proof", FINE, 0,                        \
     s->facts.proof.cluster = "2002";                                                              \
     s->facts.proof.database = "shop")                                                             \
  X ("the backups cannot be looked at", PRODUCTION, "proof-unknown", REFUSED, 1,                   \
     s->facts.proof.is_known = false)                                                              \
  X ("no proof, and that is meant", PRODUCTION, "no-proof", WARNING, 0,                            \
     s->facts.proof.name = NULL;                                                                   \
     s->facts.proof.is_waived = true)                                                              \
  X ("development needs no proof", DEVELOPMENT, "proof", FINE, 0, s->facts.proof.name = NULL)      \
  /* -- below a pgkeel that has given leave -- */                                                  \
  X ("nothing was authorised, but pgkeel runs this itself", PRODUCTION, "leave", FINE, 0,          \
     give_leave (s))                                                                               \
  X ("pgkeel rehearses on a copy", PRODUCTION, "leave", FINE, 0, give_leave (s);                   \
     lead_to (s, &production_database)->stamp = ENV_LOCK_STAMP_COPY;                               \
     s->variables[0].database.stamp = ENV_LOCK_STAMP_COPY)                                         \
  X ("pgkeel rehearses on a copy, and PGHOST leads to the real one", PRODUCTION, "other-server",   \
     REFUSED, 2, give_leave (s);                                                                   \
     EnvLockDatabase copy = production_database; copy.cluster = "5555";                            \
     add_variable (s, "PGHOST", NULL, ENV_LOCK_ROLE_MAIN, &production_database);                   \
     lead_to (s, &copy))                                                                           \
  X ("leave, but --authorise names another environment", PRODUCTION, "authorised-other", REFUSED,  \
     1, give_leave (s);                                                                            \
     s->facts.authorised = "staging")                                                              \
  X ("an incident is open", DEVELOPMENT, "incident", REFUSED, 1,                                   \
     s->facts.incident = "an incident is open: 2026-11-21-1")

/* --- the cases as functions, and the table of them ------------------------------------------------ */


typedef struct
{
  const char *name;
  Begin begin;
  const char *rule;
  EnvLockLevel level;
  unsigned int refused;
} Case;

#define AS_ROW(name, begin, rule, level, refused, ...)                                             \
  { name, begin, rule, ENV_LOCK_##level, refused },
static const Case cases[] = { CASES (AS_ROW) };

#define AS_STEP(name, begin, rule, level, refused, ...)                                            \
  if (number-- == 0)                                                                               \
    {                                                                                              \
      __VA_ARGS__;                                                                                 \
      return;                                                                                      \
    }

static void
spoil (Situation *s, int number)
{
  CASES (AS_STEP)
}

static bool
has_row (const EnvLockVerdict *verdict, const char *rule, EnvLockLevel level)
{
  for (guint i = 0; i < verdict->rows->len; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      if (strcmp (row->rule, rule) == 0 && row->level == level)
        return true;
    }
  return false;
}

static void
show (const EnvLockVerdict *verdict)
{
  for (guint i = 0; i < verdict->rows->len; i++)
    {
      const EnvLockRow *row = verdict->rows->pdata[i];
      print_message ("    %s %s: %s: %s\n", env_lock_level_name (row->level), row->rule,
                     row->subject, row->text);
    }
}

static void
test_right_is_let_through (void **state)
{
  (void) state;
  for (int where = DEVELOPMENT; where <= PRODUCTION; where++)
    {
      Situation s;
      g_auto (EnvLockVerdict) verdict = { 0 };
      g_autoptr (GError) error = NULL;
      begin (&s, (Begin) where);
      env_lock_judge (&s.facts, &verdict);
      if (verdict.refused + verdict.warnings > 0)
        show (&verdict);
      assert_int_equal (verdict.refused, 0);
      assert_int_equal (verdict.warnings, 0);
      assert_true (env_lock_check (&verdict, "run", &error));
      assert_no_error (error);
    }
}

static void
test_ways_to_be_wrong (void **state)
{
  (void) state;
  assert_true (G_N_ELEMENTS (cases) >= 40);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const Case *c = &cases[i];
      Situation s;
      g_auto (EnvLockVerdict) verdict = { 0 };
      g_autoptr (GError) error = NULL;
      begin (&s, c->begin);
      spoil (&s, (int) i);
      env_lock_judge (&s.facts, &verdict);
      if (!has_row (&verdict, c->rule, c->level) || verdict.refused != c->refused)
        {
          print_message ("  %s: expected %s as %s, and %u refused\n", c->name, c->rule,
                         env_lock_level_name (c->level), c->refused);
          show (&verdict);
          fail ();
        }
      assert_int_equal (env_lock_check (&verdict, "run", &error), c->refused == 0);
      assert_int_equal (keel_error_is (error, KEEL_ERROR_REFUSED), c->refused > 0);
    }
}

/* A fact that nobody filled in must not let anything through. */
static void
test_no_facts_are_refused (void **state)
{
  (void) state;
  const EnvLockFacts nothing
      = { .project = "shop", .environment = "production", .is_protected = true };
  g_auto (EnvLockVerdict) verdict = { 0 };
  env_lock_judge (&nothing, &verdict);
  assert_true (has_row (&verdict, "not-looked-at", ENV_LOCK_REFUSED));
  assert_true (has_row (&verdict, "nothing-named", ENV_LOCK_REFUSED));
  assert_true (has_row (&verdict, "not-authorised", ENV_LOCK_REFUSED));
  assert_true (has_row (&verdict, "proof-unknown", ENV_LOCK_REFUSED));
}

/* `env check` asks whether the places agree, not whether a command may run there. */
static void
test_places_are_checked_alone (void **state)
{
  (void) state;
  Situation s;
  g_auto (EnvLockVerdict) fine = { 0 }, wrong = { 0 };
  g_autoptr (GError) error = NULL;
  begin (&s, PRODUCTION);
  s.facts.mode_count = 0;
  s.facts.variable_count = 0;
  s.facts.proof.name = NULL;
  s.facts.incident = "one is open";
  env_lock_judge (&s.facts, &fine);
  assert_int_equal (fine.refused, 4);
  assert_int_equal (fine.places_refused, 0);
  assert_true (env_lock_check_places (&fine, "they agree", &error));
  assert_no_error (error);
  s.facts.target = staging_database;
  env_lock_judge (&s.facts, &wrong);
  assert_int_equal (wrong.places_refused, 1);
  assert_false (env_lock_check_places (&wrong, "they disagree", &error));
  assert_string_equal (
      error->message, "they disagree: the environment's database: it leads to “staging” of project "
                      "“shop”, but “production” of “shop” was chosen");
  assert_null (keel_error_detail (error));
}

static void
test_every_reason_is_given (void **state)
{
  (void) state;
  Situation s;
  g_auto (EnvLockVerdict) verdict = { 0 };
  g_autoptr (GError) error = NULL;
  begin (&s, PRODUCTION);
  s.variables[0].database = development_database;
  s.facts.mode_count = 0;
  s.facts.proof.name = NULL;
  env_lock_judge (&s.facts, &verdict);
  assert_false (env_lock_check (&verdict, "this is not run", &error));
  assert_string_equal (
      error->message,
      "this is not run: DATABASE_URL: it leads to “development” of project “shop”, but "
      "“production” of “shop” was chosen");
  assert_string_equal (
      keel_error_detail (error),
      "DATABASE_URL: it leads to another server than the environment's URL: postgresql://localhost/shop\n"
      "authorisation: “production” is protected, and nobody has authorised this\n"
      "proven backup: there is none");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_right_is_let_through),  cmocka_unit_test (test_ways_to_be_wrong),
    cmocka_unit_test (test_no_facts_are_refused),  cmocka_unit_test (test_places_are_checked_alone),
    cmocka_unit_test (test_every_reason_is_given),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
