#include "../testing.h"
#include "base/error.h"

#include <errno.h>

static void
test_exit_codes_of_all_kinds (void **state)
{
  (void) state;
  static const struct
  {
    KeelErrorKind kind;
    int exit_code;
    const char *name;
  } kinds[] = {
    { KEEL_ERROR_ANSWER_NO, 1, "answer-no" }, { KEEL_ERROR_CORRUPT, 1, "corrupt" },
    { KEEL_ERROR_USAGE, 2, "usage" },         { KEEL_ERROR_CONFIG, 2, "configuration" },
    { KEEL_ERROR_REFUSED, 3, "refused" },     { KEEL_ERROR_UNREACHABLE, 4, "unreachable" },
    { KEEL_ERROR_FAILED, 5, "failed" },       { KEEL_ERROR_DISK_FULL, 5, "disk-full" },
    { KEEL_ERROR_SERVER, 5, "server" },       { KEEL_ERROR_MISSING, 5, "missing" },
    { KEEL_ERROR_CANCELLED, 5, "cancelled" }, { KEEL_ERROR_LOCKED, 6, "locked" },
  };
  assert_int_equal (G_N_ELEMENTS (kinds), KEEL_ERROR_LOCKED + 1);
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GError) error = NULL;
      assert_false (keel_error (&error, kinds[i].kind, NULL, "number %d", (int) i));
      assert_true (keel_error_is (error, kinds[i].kind));
      assert_int_equal (keel_error_exit_code (error), kinds[i].exit_code);
      assert_string_equal (keel_error_kind_name (error), kinds[i].name);
    }
  assert_int_equal (keel_error_exit_code (NULL), 0);
}

static void
test_other_domains_are_failures (void **state)
{
  (void) state;
  g_autoptr (GError) error = g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_IO, "bad disk");
  assert_int_equal (keel_error_exit_code (error), 5);
  assert_string_equal (keel_error_kind_name (error), "failed");
  assert_false (keel_error_is (error, (KeelErrorKind) G_FILE_ERROR_IO));
  assert_null (keel_error_hint (error));
  assert_null (keel_error_detail (error));
  assert_null (keel_error_sqlstate (error));
  keel_error_suggest (&error, "Nothing to hang it on.");
  assert_null (keel_error_hint (error));
}

static void
test_all_parts_survive_copies_and_prefixes (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  assert_false (keel_error_full (&error, KEEL_ERROR_SERVER, "23505", "Key (id)=(1).", "Look.",
                                 "duplicate %s", "key"));
  assert_false (prefix_error (&error, "loading “%s”", "t"));
  g_autoptr (GError) copy = g_error_copy (error);
  g_clear_error (&error);
  assert_string_equal (copy->message, "loading “t”: duplicate key");
  assert_string_equal (keel_error_sqlstate (copy), "23505");
  assert_string_equal (keel_error_detail (copy), "Key (id)=(1).");
  assert_string_equal (keel_error_hint (copy), "Look.");
  keel_error_suggest (&copy, "Look elsewhere.");
  assert_string_equal (keel_error_hint (copy), "Look.");
}

static void
test_suggest_fills_a_missing_hint (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  assert_false (keel_error (&error, KEEL_ERROR_FAILED, NULL, "no"));
  assert_null (keel_error_hint (error));
  keel_error_suggest (&error, "Try again.");
  assert_string_equal (keel_error_hint (error), "Try again.");
}

static void
test_nobody_has_to_listen (void **state)
{
  (void) state;
  GError *none = NULL;
  assert_false (keel_error (NULL, KEEL_ERROR_FAILED, "Hint.", "no"));
  assert_false (keel_error_errno (NULL, ENOENT, "no"));
  assert_false (prefix_error (NULL, "no"));
  assert_false (prefix_error (&none, "no"));
  assert_null (none);
  keel_error_suggest (NULL, "no");
  keel_error_suggest (&none, "no");
}

static void
test_errno_values (void **state)
{
  (void) state;
  static const struct
  {
    int value;
    KeelErrorKind kind;
    bool has_hint;
  } cases[] = { { ENOSPC, KEEL_ERROR_DISK_FULL, true }, { EDQUOT, KEEL_ERROR_DISK_FULL, true },
                { EACCES, KEEL_ERROR_FAILED, true },    { EPERM, KEEL_ERROR_FAILED, true },
                { ENOENT, KEEL_ERROR_MISSING, false },  { EIO, KEEL_ERROR_FAILED, false } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      assert_false (keel_error_errno (&error, cases[i].value, "cannot write “%s”", "x"));
      assert_true (keel_error_is (error, cases[i].kind));
      assert_int_equal (keel_error_hint (error) != NULL, cases[i].has_hint);
      g_autofree char *expected
          = g_strdup_printf ("cannot write “x”: %s", g_strerror (cases[i].value));
      assert_string_equal (error->message, expected);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_exit_codes_of_all_kinds),
    cmocka_unit_test (test_other_domains_are_failures),
    cmocka_unit_test (test_all_parts_survive_copies_and_prefixes),
    cmocka_unit_test (test_suggest_fills_a_missing_hint),
    cmocka_unit_test (test_nobody_has_to_listen),
    cmocka_unit_test (test_errno_values),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
