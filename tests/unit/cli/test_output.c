#include "../testing.h"
#include "cli/output.h"

#include <locale.h>
#include <string.h>

static const OutputColumn columns[]
    = { { "NAME", false }, { "ROWS", true }, { "STATE", false }, { NULL } };

static void
test_tables_are_aligned_and_plain (void **state)
{
  (void) state;
  g_autoptr (OutputTable) table = output_table_new (columns);
  output_table_row (table, "ledger", "1,666", "verified");
  output_table_row (table, "naïve café", "7", NULL);
  output_table_style (table, 2, OUTPUT_GOOD);
  g_autofree char *text = output_table_text (table, false);
  assert_string_equal (text, "NAME         ROWS  STATE\n"
                             "ledger      1,666  verified\n"
                             "naïve café      7\n");
}

static void
test_styles_show_only_with_colours (void **state)
{
  (void) state;
  g_autoptr (OutputTable) table = output_table_new (columns);
  output_table_row (table, "ledger", "1", "bad");
  output_table_style (table, 2, OUTPUT_BAD);
  g_autofree char *plain = output_table_text (table, false);
  assert_null (strchr (plain, '\033'));
  g_autofree char *coloured = output_table_text (table, true);
  assert_non_null (strstr (coloured, "\033[1;31m"));
}

static void
test_long_cells_are_never_cut (void **state)
{
  (void) state;
  g_autofree char *name = g_strnfill (500, 'n');
  g_autoptr (OutputTable) table = output_table_new (columns);
  output_table_row (table, name, "1", "x");
  g_autofree char *text = output_table_text (table, false);
  assert_non_null (strstr (text, name));
}

static void
test_cells_cannot_break_lines_or_steer_the_terminal (void **state)
{
  (void) state;
  g_autoptr (OutputTable) table = output_table_new (columns);
  output_table_row (table, "two\nlines\033[2J", "1", "x");
  g_autofree char *text = output_table_text (table, false);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  assert_int_equal (g_strv_length (lines), 3);
  assert_null (strchr (text, '\033'));
}

static void
test_pairs (void **state)
{
  (void) state;
  g_autoptr (OutputTable) pairs = output_pairs_new ();
  output_pair (pairs, "file", "%s", "a.sql.gz");
  output_pair (pairs, "size in bytes", "%d", 4096);
  g_autofree char *text = output_table_text (pairs, false);
  assert_string_equal (text, "file           a.sql.gz\n"
                             "size in bytes  4096\n");
}

static void
test_a_table_without_rows_is_empty (void **state)
{
  (void) state;
  g_autoptr (OutputTable) table = output_table_new (columns);
  g_autofree char *text = output_table_text (table, false);
  assert_string_equal (text, "");
}

static void
test_safe_text (void **state)
{
  (void) state;
  g_autofree char *kept = output_safe_text ("“naïve”\tline\nnext");
  assert_string_equal (kept, "“naïve”\tline\nnext");
  g_autofree char *cleaned = output_safe_text ("a\033b\rc\x7f"
                                               "d\xc2\x9b"
                                               "e\xff");
  assert_string_equal (cleaned, "a\xef\xbf\xbd"
                                "b\xef\xbf\xbd"
                                "c\xef\xbf\xbd"
                                "d\xef\xbf\xbd"
                                "e\xef\xbf\xbd");
}

static void
test_json_strings_take_any_bytes (void **state)
{
  (void) state;
  g_autoptr (json_t) text = output_json_string ("caf\xe9");
  assert_string_equal (json_string_value (text), "caf\xef\xbf\xbd");
  g_autoptr (json_t) nothing = output_json_string (NULL);
  assert_true (json_is_null (nothing));
}

static void
test_one_document_is_kept (void **state)
{
  (void) state;
  assert_null (output_take_json ());
  output_json (json_pack ("{s:i}", "a", 1));
  g_autoptr (json_t) taken = output_take_json ();
  assert_int_equal (json_integer_value (json_object_get (taken, "a")), 1);
  assert_null (output_take_json ());
}

static void
test_a_document_that_is_no_json_is_an_error (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  output_json (json_pack ("{s:s}", "path", "caf\xe9"));
  assert_false (output_check_json (&error));
  assert_string_equal (error->message, "the result is no JSON: a name in it is not valid UTF-8");
  assert_null (output_take_json ());
  g_clear_error (&error);
  output_json (json_pack ("{s:i}", "a", 1));
  assert_true (output_check_json (&error));
  json_decref (output_take_json ());
}

int
main (void)
{
  setlocale (LC_CTYPE, "C.UTF-8");
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_tables_are_aligned_and_plain),
    cmocka_unit_test (test_styles_show_only_with_colours),
    cmocka_unit_test (test_long_cells_are_never_cut),
    cmocka_unit_test (test_cells_cannot_break_lines_or_steer_the_terminal),
    cmocka_unit_test (test_pairs),
    cmocka_unit_test (test_a_table_without_rows_is_empty),
    cmocka_unit_test (test_safe_text),
    cmocka_unit_test (test_json_strings_take_any_bytes),
    cmocka_unit_test (test_one_document_is_kept),
    cmocka_unit_test (test_a_document_that_is_no_json_is_an_error),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
