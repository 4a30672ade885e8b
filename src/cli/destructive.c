#include "cli/destructive.h"

#include "project/environment.h"

#include <string.h>

/* development, testing, staging and others, protected, production */
#define LEVELS(development, testing, staging, guarded, production)                                 \
  {                                                                                                \
    CONFIRM_##development, CONFIRM_##testing, CONFIRM_##staging, CONFIRM_##guarded,                \
        CONFIRM_##production                                                                       \
  }

#define RESTORE_VARIABLES                                                                          \
  .variable = "DB_RESTORE_CONFIRM", .allow = "DB_RESTORE_ALLOW_PRODUCTION", .against = "restores"
#define DOWN_VARIABLES                                                                             \
  .variable = "DB_MIGRATE_CONFIRM", .allow = "DB_MIGRATE_ALLOW_PRODUCTION",                        \
  .against = "undoing migrations"

static const DestructiveRow rows[DESTRUCTIVE_COUNT] = {
  [DESTRUCTIVE_RESTORE_REPLACE] = { .command = "restore",
                                    .what = "replace a database",
                                    .levels = LEVELS (NAME, NAME, NAME, NAME, NAME),
                                    RESTORE_VARIABLES },
  [DESTRUCTIVE_RESTORE_OWN] = { .command = "restore",
                                .what = "make the environment's database",
                                .levels = LEVELS (YES_NO, YES_NO, YES_NO, YES_NO, YES_NO),
                                RESTORE_VARIABLES },
  [DESTRUCTIVE_RESTORE_BESIDE] = { .command = "restore",
                                   .what = "make another database or a table",
                                   .levels = LEVELS (NONE, NONE, NONE, YES_NO, YES_NO),
                                   RESTORE_VARIABLES },
  [DESTRUCTIVE_NUKE] = { .command = "nuke",
                         .what = "remove the database",
                         .levels = LEVELS (WORD, WORD, NEVER, NEVER, NEVER) },
  [DESTRUCTIVE_SEED_CLEAN] = { .command = "seed",
                               .what = "empty tables (--clean)",
                               .levels = LEVELS (YES_NO, YES_NO, NAME, NAME, NEVER) },
  [DESTRUCTIVE_MIGRATE_UP] = { .command = "migrate up",
                               .what = "apply migrations",
                               .levels = LEVELS (YES_NO, YES_NO, YES_NO, YES_NO, YES_NO) },
  [DESTRUCTIVE_MIGRATE_UNREHEARSED] = { .command = "migrate up",
                                        .what = "that are not rehearsed",
                                        .levels = LEVELS (NONE, NONE, NONE, NAME, NAME),
                                        .variable = "DB_MIGRATE_CONFIRM" },
  [DESTRUCTIVE_MIGRATE_DOWN] = { .command = "migrate down",
                                 .what = "undo migrations",
                                 .levels = LEVELS (YES_NO, YES_NO, YES_NO, NAME, NAME),
                                 DOWN_VARIABLES },
  [DESTRUCTIVE_MIGRATE_DOWN_LOSING] = { .command = "migrate down",
                                        .what = "that lose data, or may",
                                        .levels = LEVELS (NAME, NAME, NAME, NAME, NAME),
                                        DOWN_VARIABLES },
  [DESTRUCTIVE_MIGRATE_REHEARSE] = { .command = "migrate rehearse",
                                     .what = "run the project's commands",
                                     .levels = LEVELS (NONE, NONE, NONE, YES_NO, YES_NO) },
  [DESTRUCTIVE_MIGRATE_ADOPT] = { .command = "migrate adopt",
                                  .what = "take over a history",
                                  .levels = LEVELS (YES_NO, YES_NO, YES_NO, YES_NO, YES_NO) },
  [DESTRUCTIVE_MIGRATE_BASELINE] = { .command = "migrate baseline",
                                     .what = "declare what is there",
                                     .levels = LEVELS (YES_NO, YES_NO, YES_NO, YES_NO, YES_NO) },
  [DESTRUCTIVE_INTEGRITY_FIX] = { .command = "integrity fix",
                                  .what = "change rows",
                                  .levels = LEVELS (YES_NO, YES_NO, YES_NO, NAME, NAME),
                                  .variable = "DB_FIX_CONFIRM" },
  [DESTRUCTIVE_INTEGRITY_UNDO] = { .command = "integrity undo",
                                   .what = "bring rows back",
                                   .levels = LEVELS (YES_NO, YES_NO, YES_NO, NAME, NAME),
                                   .variable = "DB_FIX_CONFIRM" },
  [DESTRUCTIVE_BACKUP_PRUNE] = { .command = "backup prune",
                                 .what = "remove backups past backup.keep",
                                 .levels = LEVELS (NONE, NONE, NONE, YES_NO, YES_NO) },
  [DESTRUCTIVE_ENV_STAMP] = { .command = "env stamp",
                              .what = "stamp a database without one",
                              .levels = LEVELS (YES_NO, YES_NO, YES_NO, NAME, NAME) },
  [DESTRUCTIVE_ENV_STAMP_REPLACE] = { .command = "env stamp",
                                      .what = "replace a stamp",
                                      .levels = LEVELS (NAME, NAME, NAME, NAME, NAME) },
  /* The written reason is the confirmation. */
  [DESTRUCTIVE_INCIDENT_CLOSE] = { .command = "incident close",
                                   .what = "let destructive commands go on",
                                   .levels = LEVELS (NONE, NONE, NONE, NONE, NONE) },
  [DESTRUCTIVE_GUARD_RELEASE] = { .command = "guard release",
                                  .what = "let a volume be deleted",
                                  .levels = LEVELS (NAME, NAME, NAME, NAME, NAME),
                                  .variable = "GUARD_RELEASE_CONFIRM",
                                  .is_named = true },
  /* The name and two words more. */
  [DESTRUCTIVE_GUARD_RELEASE_UNPROVEN] = { .command = "guard release",
                                           .what = "without a proven backup",
                                           .levels = LEVELS (NAME, NAME, NAME, NAME, NAME),
                                           .variable = "GUARD_RELEASE_CONFIRM",
                                           .is_named = true },
  /* What is production is said by compose files and contexts as well as by the environment. */
  [DESTRUCTIVE_GUARD_DOCKER] = { .command = "guard docker",
                                 .what = "change what is production",
                                 .levels = LEVELS (NAME, NAME, NAME, NAME, NAME) },
};

const char *
confirm_level_name (ConfirmLevel level)
{
  switch (level)
    {
    case CONFIRM_NONE: return "none";
    case CONFIRM_YES_NO: return "yes/no";
    case CONFIRM_NAME: return "name";
    case CONFIRM_WORD: return CONFIRM_DESTROY_WORD;
    case CONFIRM_NEVER: break;
    }
  return "never";
}

const char *
environment_kind_name (EnvironmentKind kind)
{
  switch (kind)
    {
    case ENVIRONMENT_DEVELOPMENT: return "development";
    case ENVIRONMENT_TESTING: return "testing";
    case ENVIRONMENT_STAGING: return "staging";
    case ENVIRONMENT_PROTECTED: return "protected";
    case ENVIRONMENT_PRODUCTION: break;
    }
  return "production";
}

EnvironmentKind
environment_kind (const ProjectEnvironment *environment)
{
  g_autofree char *name = environment_canonical (environment->name);
  if (strcmp (name, "production") == 0)
    return ENVIRONMENT_PRODUCTION;
  if (environment->is_protected)
    return ENVIRONMENT_PROTECTED;
  if (strcmp (name, "development") == 0)
    return ENVIRONMENT_DEVELOPMENT;
  return strcmp (name, "testing") == 0 ? ENVIRONMENT_TESTING : ENVIRONMENT_STAGING;
}

const DestructiveRow *
destructive_row (DestructiveOperation operation)
{
  g_assert ((size_t) operation < G_N_ELEMENTS (rows));
  return &rows[operation];
}

ConfirmLevel
destructive_level (DestructiveOperation operation, const ProjectEnvironment *environment)
{
  return destructive_row (operation)->levels[environment_kind (environment)];
}

bool
destructive_check_allowed (DestructiveOperation operation, const ProjectEnvironment *environment,
                           GError **error)
{
  const DestructiveRow *row = destructive_row (operation);
  if (row->allow == NULL || environment_kind (environment) < ENVIRONMENT_PROTECTED
      || g_strcmp0 (g_getenv (row->allow), "1") == 0)
    return true;
  g_autofree char *hint = g_strdup_printf ("If that is really meant, set %s=1.", row->allow);
  return keel_error (error, KEEL_ERROR_REFUSED, hint,
                     "the environment “%s” is protected against %s", environment->name,
                     row->against);
}

/* --- showing --------------------------------------------------------------------------------- */

static void
append_means (GString *out, const DestructiveRow *row)
{
  g_string_append (out, "\nWithout a terminal --yes answers yes/no, and --confirm=WORD ");
  if (row->variable != NULL)
    g_string_append_printf (out, "or %s=%s ", row->variable, row->is_named ? "WORD" : "1");
  g_string_append (out, "what has to be typed.");
  if (row->allow != NULL)
    g_string_append_printf (out, " Protected environments and production want %s=1 as well.",
                            row->allow);
}

/* The columns are named as `-e` takes them, so that a row fits a terminal. */
static void
append_heads (GString *out)
{
  g_string_append_printf (out, "  %-*s %-7s %-7s %-7s %-9s %s\n", DESTRUCTIVE_WHAT_COLUMNS, "",
                          "dev", "test", "staging", "protected", "production");
}

static void
append_row (GString *out, const DestructiveRow *row)
{
  static const int widths[ENVIRONMENT_KIND_COUNT] = { 7, 7, 7, 9, 0 };
  g_string_append_printf (out, "  %-*s", DESTRUCTIVE_WHAT_COLUMNS, row->what);
  for (int kind = 0; kind < ENVIRONMENT_KIND_COUNT; kind++)
    g_string_append_printf (out, " %-*s", widths[kind], confirm_level_name (row->levels[kind]));
  g_string_append_c (out, '\n');
}

char *
destructive_help (const char *command)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const DestructiveRow *spoken = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const DestructiveRow *row = &rows[i];
      if (strcmp (row->command, command) != 0)
        continue;
      if (spoken == NULL)
        append_heads (out);
      if (spoken == NULL || spoken->variable == NULL)
        spoken = row;
      append_row (out, row);
    }
  if (spoken == NULL)
    return NULL;
  append_means (out, spoken);
  return g_strdup (out->str);
}

char *
destructive_markdown (void)
{
  GString *out
      = g_string_new ("| command | to | development | testing | staging, others | protected "
                      "| production | variable | and, where protected |\n"
                      "|---|---|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const DestructiveRow *row = &rows[i];
      g_string_append_printf (out, "| `%s` | %s |", row->command, row->what);
      for (int kind = 0; kind < ENVIRONMENT_KIND_COUNT; kind++)
        g_string_append_printf (out, " %s |", confirm_level_name (row->levels[kind]));
      g_string_append_printf (out, " %s |", row->variable != NULL ? row->variable : "");
      g_string_append_printf (out, " %s |\n", row->allow != NULL ? row->allow : "");
    }
  return g_string_free (out, FALSE);
}
