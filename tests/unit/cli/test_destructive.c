/* Every operation in every environment, with every way to say yes. */
#include "../testing.h"
#include "cli/confirm.h"

#include <string.h>

#define NEVER CONFIRM_NEVER
#define NONE CONFIRM_NONE
#define YES_NO CONFIRM_YES_NO
#define NAME CONFIRM_NAME
#define WORD CONFIRM_WORD

/* Written by hand from what the issue and docs ask for, not taken from the table. */
static const struct
{
  DestructiveOperation operation;
  ConfirmLevel levels[ENVIRONMENT_KIND_COUNT];
} expected[] = {
  { DESTRUCTIVE_RESTORE_REPLACE, { NAME, NAME, NAME, NAME, NAME } },
  { DESTRUCTIVE_RESTORE_OWN, { YES_NO, YES_NO, YES_NO, YES_NO, YES_NO } },
  { DESTRUCTIVE_RESTORE_BESIDE, { NONE, NONE, NONE, YES_NO, YES_NO } },
  { DESTRUCTIVE_NUKE, { WORD, WORD, NEVER, NEVER, NEVER } },
  { DESTRUCTIVE_SEED_CLEAN, { YES_NO, YES_NO, NAME, NAME, NEVER } },
  { DESTRUCTIVE_MIGRATE_UP, { YES_NO, YES_NO, YES_NO, YES_NO, YES_NO } },
  { DESTRUCTIVE_MIGRATE_UNREHEARSED, { NONE, NONE, NONE, NAME, NAME } },
  { DESTRUCTIVE_MIGRATE_DOWN, { YES_NO, YES_NO, YES_NO, NAME, NAME } },
  { DESTRUCTIVE_MIGRATE_DOWN_LOSING, { NAME, NAME, NAME, NAME, NAME } },
  { DESTRUCTIVE_MIGRATE_REHEARSE, { NONE, NONE, NONE, YES_NO, YES_NO } },
  { DESTRUCTIVE_MIGRATE_ADOPT, { YES_NO, YES_NO, YES_NO, YES_NO, YES_NO } },
  { DESTRUCTIVE_MIGRATE_BASELINE, { YES_NO, YES_NO, YES_NO, YES_NO, YES_NO } },
  { DESTRUCTIVE_INTEGRITY_FIX, { YES_NO, YES_NO, YES_NO, NAME, NAME } },
  { DESTRUCTIVE_INTEGRITY_UNDO, { YES_NO, YES_NO, YES_NO, NAME, NAME } },
  { DESTRUCTIVE_BACKUP_PRUNE, { NONE, NONE, NONE, YES_NO, YES_NO } },
  { DESTRUCTIVE_ENV_STAMP, { YES_NO, YES_NO, YES_NO, NAME, NAME } },
  { DESTRUCTIVE_ENV_STAMP_REPLACE, { NAME, NAME, NAME, NAME, NAME } },
  { DESTRUCTIVE_INCIDENT_CLOSE, { NONE, NONE, NONE, NONE, NONE } },
  { DESTRUCTIVE_GUARD_RELEASE, { NAME, NAME, NAME, NAME, NAME } },
  { DESTRUCTIVE_GUARD_RELEASE_UNPROVEN, { NAME, NAME, NAME, NAME, NAME } },
  { DESTRUCTIVE_GUARD_DOCKER, { NAME, NAME, NAME, NAME, NAME } },
};

/* Names as they are written in pgkeel.yaml, and the column that each is in. */
static const struct
{
  const char *name;
  bool is_protected;
  EnvironmentKind kind;
} environments[] = {
  { "development", false, ENVIRONMENT_DEVELOPMENT },
  { "testing", false, ENVIRONMENT_TESTING },
  { "staging", false, ENVIRONMENT_STAGING },
  { "demo", false, ENVIRONMENT_STAGING },
  { "ci", false, ENVIRONMENT_STAGING },
  { "developments", false, ENVIRONMENT_STAGING },
  { "production", true, ENVIRONMENT_PRODUCTION },
  { "production", false, ENVIRONMENT_PRODUCTION },
  { "prod", false, ENVIRONMENT_PRODUCTION },
  { "dev", false, ENVIRONMENT_DEVELOPMENT },
  { "test", false, ENVIRONMENT_TESTING },
  { "development", true, ENVIRONMENT_PROTECTED },
  { "testing", true, ENVIRONMENT_PROTECTED },
  { "staging", true, ENVIRONMENT_PROTECTED },
  { "demo", true, ENVIRONMENT_PROTECTED },
};

static ProjectEnvironment
environment_at (size_t i)
{
  return (ProjectEnvironment){ .name = (char *) environments[i].name,
                               .is_protected = environments[i].is_protected };
}

static void
test_every_operation_in_every_environment (void **state)
{
  (void) state;
  assert_int_equal (G_N_ELEMENTS (expected), DESTRUCTIVE_COUNT);
  for (size_t i = 0; i < G_N_ELEMENTS (expected); i++)
    for (size_t j = 0; j < G_N_ELEMENTS (environments); j++)
      {
        const ProjectEnvironment environment = environment_at (j);
        ConfirmLevel wanted = expected[i].levels[environments[j].kind];
        ConfirmLevel level = destructive_level (expected[i].operation, &environment);
        if (level != wanted)
          fail_msg ("%s (%s) in %s: %s, not %s", destructive_row (expected[i].operation)->command,
                    destructive_row (expected[i].operation)->what, environment.name,
                    confirm_level_name (level), confirm_level_name (wanted));
      }
}

/* NEVER counts as the strictest. */
static int
strictness (ConfirmLevel level)
{
  return level == CONFIRM_NEVER ? 100 : (int) level;
}

static void
test_nothing_is_laxer_where_more_is_at_stake (void **state)
{
  (void) state;
  for (int i = 0; i < DESTRUCTIVE_COUNT; i++)
    {
      const DestructiveRow *row = destructive_row ((DestructiveOperation) i);
      for (int kind = 1; kind < ENVIRONMENT_KIND_COUNT; kind++)
        if (strictness (row->levels[kind]) < strictness (row->levels[kind - 1]))
          fail_msg ("%s is laxer in %s", row->command,
                    environment_kind_name ((EnvironmentKind) kind));
    }
}

#define ASK CONFIRM_VERDICT_ASK
#define UNASKED CONFIRM_VERDICT_UNASKED
#define OTHER CONFIRM_VERDICT_OTHER
#define REFUSED CONFIRM_VERDICT_REFUSED
#define FREE CONFIRM_VERDICT_NOTHING_ASKED
#define YES CONFIRM_VERDICT_YES
#define GIVEN CONFIRM_VERDICT_GIVEN
#define VARIABLE CONFIRM_VERDICT_VARIABLE

/* What is said, and what it comes to at each level, with a terminal and without. RIGHT stands for the
 * word that is wanted. */
static const struct
{
  bool yes;
  const char *given, *variable;
  ConfirmVerdict none, yes_no[2], name[2], word[2]; /* [0]: without a terminal */
} means[] = {
  { false, NULL, NULL, FREE, { UNASKED, ASK }, { UNASKED, ASK }, { UNASKED, ASK } },
  { true, NULL, NULL, FREE, { YES, YES }, { UNASKED, ASK }, { UNASKED, ASK } },
  { false, "RIGHT", NULL, FREE, { GIVEN, GIVEN }, { GIVEN, GIVEN }, { GIVEN, GIVEN } },
  { false, "right", NULL, OTHER, { OTHER, OTHER }, { OTHER, OTHER }, { OTHER, OTHER } },
  { false, "RIGHT ", NULL, OTHER, { OTHER, OTHER }, { OTHER, OTHER }, { OTHER, OTHER } },
  { false, "", NULL, OTHER, { OTHER, OTHER }, { OTHER, OTHER }, { OTHER, OTHER } },
  { true, "yes", NULL, OTHER, { OTHER, OTHER }, { OTHER, OTHER }, { OTHER, OTHER } },
  { true, "wrong", "1", OTHER, { OTHER, OTHER }, { OTHER, OTHER }, { OTHER, OTHER } },
  { false, NULL, "1", FREE, { VARIABLE, VARIABLE }, { VARIABLE, VARIABLE }, { UNASKED, ASK } },
  { false, NULL, "RIGHT", FREE, { VARIABLE, VARIABLE }, { VARIABLE, VARIABLE }, { UNASKED, ASK } },
  { false, NULL, "yes", FREE, { UNASKED, ASK }, { UNASKED, ASK }, { UNASKED, ASK } },
  { false, NULL, "0", FREE, { UNASKED, ASK }, { UNASKED, ASK }, { UNASKED, ASK } },
  { false, NULL, "", FREE, { UNASKED, ASK }, { UNASKED, ASK }, { UNASKED, ASK } },
  { true, NULL, "true", FREE, { YES, YES }, { UNASKED, ASK }, { UNASKED, ASK } },
  { true, "RIGHT", "1", FREE, { GIVEN, GIVEN }, { GIVEN, GIVEN }, { GIVEN, GIVEN } },
};

static void
check_verdict (size_t i, ConfirmLevel level, const char *word, bool has_terminal,
               ConfirmVerdict wanted)
{
  const char *given = means[i].given, *variable = means[i].variable;
  const ConfirmMeans said = { .has_terminal = has_terminal,
                              .yes = means[i].yes,
                              .given = g_strcmp0 (given, "RIGHT") == 0 ? word : given,
                              .variable = g_strcmp0 (variable, "RIGHT") == 0 ? word : variable };
  ConfirmVerdict verdict = confirm_decide (level, word, &said);
  if (verdict != wanted)
    fail_msg ("case %zu at the level %s, %s terminal: %d, not %d", i, confirm_level_name (level),
              has_terminal ? "with a" : "without a", verdict, wanted);
}

static void
test_every_way_to_say_yes_at_every_level (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (means); i++)
    for (int terminal = 0; terminal < 2; terminal++)
      {
        check_verdict (i, CONFIRM_NEVER, "shop", terminal, REFUSED);
        check_verdict (i, CONFIRM_NEVER, "DESTROY", terminal, REFUSED);
        check_verdict (i, CONFIRM_NONE, "shop", terminal, means[i].none);
        check_verdict (i, CONFIRM_YES_NO, "shop", terminal, means[i].yes_no[terminal]);
        check_verdict (i, CONFIRM_NAME, "shop", terminal, means[i].name[terminal]);
        check_verdict (i, CONFIRM_WORD, "DESTROY", terminal, means[i].word[terminal]);
      }
}

static void
test_a_question_without_a_word_is_not_answered_by_one (void **state)
{
  (void) state;
  const ConfirmMeans given = { .given = "" }, named = { .given = "shop", .variable = "" };
  assert_int_equal (confirm_decide (CONFIRM_YES_NO, NULL, &named), UNASKED);
  assert_int_equal (confirm_decide (CONFIRM_NAME, NULL, &named), UNASKED);
  assert_int_equal (confirm_decide (CONFIRM_NAME, "", &given), OTHER);
}

static void
test_what_must_be_allowed (void **state)
{
  (void) state;
  for (int i = 0; i < DESTRUCTIVE_COUNT; i++)
    for (size_t j = 0; j < G_N_ELEMENTS (environments); j++)
      {
        const ProjectEnvironment environment = environment_at (j);
        const DestructiveRow *row = destructive_row ((DestructiveOperation) i);
        bool is_needed = row->allow != NULL && environments[j].kind >= ENVIRONMENT_PROTECTED;
        static const char *const values[] = { NULL, "", "0", "yes", "1" };
        for (size_t k = 0; k < G_N_ELEMENTS (values); k++)
          {
            g_autoptr (GError) error = NULL;
            g_unsetenv ("DB_RESTORE_ALLOW_PRODUCTION");
            g_unsetenv ("DB_MIGRATE_ALLOW_PRODUCTION");
            if (row->allow != NULL && values[k] != NULL)
              g_setenv (row->allow, values[k], TRUE);
            bool passes
                = destructive_check_allowed ((DestructiveOperation) i, &environment, &error);
            assert_int_equal (passes, !is_needed || g_strcmp0 (values[k], "1") == 0);
            assert_true (passes || keel_error_is (error, KEEL_ERROR_REFUSED));
          }
      }
}

static void
test_help_shows_the_rows_of_a_command (void **state)
{
  (void) state;
  assert_null (destructive_help ("backup create"));
  assert_null (destructive_help ("migrate"));
  assert_null (destructive_help (""));
  g_autofree char *text = destructive_help ("restore");
  assert_non_null (strstr (text, "dev     test    staging protected production\n"));
  assert_non_null (strstr (text, "  replace a database               name    name    name"));
  assert_non_null (strstr (text, "DB_RESTORE_CONFIRM=1"));
  assert_non_null (strstr (text, "DB_RESTORE_ALLOW_PRODUCTION=1"));
  for (int i = 0; i < DESTRUCTIVE_COUNT; i++)
    {
      const DestructiveRow *row = destructive_row ((DestructiveOperation) i);
      g_autofree char *help = destructive_help (row->command);
      g_auto (GStrv) lines = g_strsplit (help, "\n", -1);
      assert_non_null (strstr (help, row->what));
      assert_true (strlen (row->what) <= DESTRUCTIVE_WHAT_COLUMNS);
      /* The last line is broken by who prints it. */
      for (size_t j = 0; lines[j] != NULL && *lines[j] != '\0'; j++)
        assert_true (strlen (lines[j]) <= 80);
    }
}

static void
test_the_document_has_the_table (void **state)
{
  (void) state;
  g_autofree char *path
      = g_build_filename (g_getenv ("PGKEEL_SOURCE_ROOT"), "docs", "confirmation.md", NULL);
  g_autofree char *document = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *table = destructive_markdown ();
  assert_true (g_file_get_contents (path, &document, NULL, &error));
  if (strstr (document, table) == NULL)
    fail_msg ("docs/confirmation.md does not have this table:\n%s", table);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_every_operation_in_every_environment),
    cmocka_unit_test (test_nothing_is_laxer_where_more_is_at_stake),
    cmocka_unit_test (test_every_way_to_say_yes_at_every_level),
    cmocka_unit_test (test_a_question_without_a_word_is_not_answered_by_one),
    cmocka_unit_test (test_what_must_be_allowed),
    cmocka_unit_test (test_help_shows_the_rows_of_a_command),
    cmocka_unit_test (test_the_document_has_the_table),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
