/* Names, schedules, and the word that was meant. */
#include "../testing.h"
#include "project/nearest.h"
#include "project/values.h"

static void
test_schedules (void **state)
{
  (void) state;
  static const char *const good[]
      = { "* * * * *",       "0 2 * * *",      "59 23 31 12 7",   "*/5 0-6,22 1 * 1-5",
          "0-59/15 * * * *", "  0\t2 * * *  ", "1,2,3 4 5,6 7 0", "00 02 * * *" };
  static const char *const bad[]
      = { "",           "* * * *",     "* * * * * *", "60 * * * *",  "* 24 * * *",  "* * 0 * *",
          "* * 32 * *", "* * * 13 *",  "* * * * 8",   "5-1 * * * *", "*/0 * * * *", "-1 * * * *",
          "1- * * * *", ", * * * *",   "1,, * * * *", "@daily",      "a * * * *",   "1/ * * * *",
          "1x * * * *", "100 * * * *", "* * * * mon", "0 2 * * * ;", "*5 * * * *" };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    if (!value_is_schedule (good[i]))
      fail_msg ("“%s” is a schedule", good[i]);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    if (value_is_schedule (bad[i]))
      fail_msg ("“%s” is no schedule", bad[i]);
}

static void
test_project_names (void **state)
{
  (void) state;
  static const struct
  {
    const char *text;
    const char *made; /* the same text: it is a name */
  } rows[] = {
    { "ledgerflow", "ledgerflow" },
    { "Ledger-Flow_2", "Ledger-Flow_2" },
    { "2ledger", "2ledger" },
    { "led ger", "led_ger" },
    { "a.b", "a_b" },
    { "_a", "a" },
    { "-x", "x" },
    { "größe", "gr____e" },
    { "…", "project" },
    { "/", "project" },
    { "", "project" },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *made = value_make_project_name (rows[i].text);
      assert_string_equal (made, rows[i].made);
      assert_true (value_is_project_name (made));
      assert_int_equal (value_is_project_name (rows[i].text),
                        g_str_equal (rows[i].text, rows[i].made));
    }
}

static void
test_the_nearest_word (void **state)
{
  (void) state;
  static const char *const words[]
      = { "project", "backup", "environments", "keep", "local", "url", "db" };
  static const struct
  {
    const char *text;
    const char *nearest;
  } rows[] = {
    { "bakup", "backup" },
    { "backups", "backup" },
    { "BACKUP", "backup" },
    { "bcakup", "backup" },
    { "enviroment", "environments" },
    { "keeep", "keep" },
    { "ur", "url" },
    { "uri", "url" },
    { "bd", "db" },
    { "colour", NULL },
    { "xy", NULL },
    { "xyz", NULL },
    { "", NULL },
    { "proj", NULL },
    { "an_extremely_long_key_that_is_past_every_ceiling_there_is", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *nearest = nearest_word (rows[i].text, words, G_N_ELEMENTS (words));
      if (g_strcmp0 (nearest, rows[i].nearest) != 0)
        fail_msg ("“%s” gives “%s”", rows[i].text, nearest);
    }
  g_autofree char *list = nearest_hint ("colour", "keys", words + 4, 3);
  assert_string_equal (list, "Known keys: local, url, db.");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_schedules),
    cmocka_unit_test (test_project_names),
    cmocka_unit_test (test_the_nearest_word),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
