/* Rows of CSV and JSON files: values, NULL, places, faults. */
#include "../testing.h"
#include "seed/reader.h"

#include <string.h>

/* The rows as text: values in <>, NULL as ~, an end of a row as a newline. Caller frees. */
static char *
show_rows (SeedFormat format, const char *text)
{
  g_autoptr (SeedReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) shown = g_string_new (NULL);
  SeedRow row;
  bool has_row;
  bool opened = seed_reader_new ("f", format, text, strlen (text), &reader, &error);
  assert_no_error (error);
  assert_true (opened);
  for (;;)
    {
      bool read = seed_reader_next (reader, &row, &has_row, &error);
      assert_no_error (error);
      assert_true (read);
      if (!has_row)
        return g_string_free (g_steal_pointer (&shown), FALSE);
      for (guint i = 0; i < row.count; i++)
        {
          const SeedValue *value = &row.values[i];
          g_string_append_printf (shown,
                                  "%s=", (char *) seed_reader_names (reader)->pdata[value->name]);
          if (value->kind == SEED_VALUE_NULL)
            g_string_append_c (shown, '~');
          else
            g_string_append_printf (shown, "<%.*s>", (int) value->length, value->text);
        }
      g_string_append_c (shown, '\n');
    }
}

static void
assert_rows (SeedFormat format, const char *text, const char *expected)
{
  g_autofree char *shown = show_rows (format, text);
  assert_string_equal (shown, expected);
}

static void
assert_fault (SeedFormat format, const char *text, const char *message)
{
  g_autoptr (SeedReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  SeedRow row;
  bool has_row = true;
  bool good = seed_reader_new ("f", format, text, strlen (text), &reader, &error);
  while (good && has_row)
    good = seed_reader_next (reader, &row, &has_row, &error);
  assert_false (good);
  assert_true (keel_error_is (error, KEEL_ERROR_CONFIG));
  assert_string_equal (error->message, message);
}

static void
test_csv (void **state)
{
  (void) state;
  assert_rows (SEED_FORMAT_CSV, "a,b\n1,2\n3,4", "a=<1>b=<2>\na=<3>b=<4>\n");
  /* An empty field is NULL, an empty text is not; blanks are part of a field. */
  assert_rows (SEED_FORMAT_CSV, "a,b\n,\n\"\", x \n", "a=~b=~\na=<>b=< x >\n");
  /* A byte order mark, CRLF, quotes, commas and line breaks in quotes, empty lines. */
  assert_rows (SEED_FORMAT_CSV, "\xef\xbb\xbf\"a\",b\r\n\r\n\"x, \"\"y\"\"\r\nz\",\"\"\"\"\r\n",
               "a=<x, \"y\"\r\nz>b=<\">\n");
  assert_rows (SEED_FORMAT_CSV, "a,b\n1,", "a=<1>b=~\n");
  assert_rows (SEED_FORMAT_CSV, "a\n", "");
  assert_rows (SEED_FORMAT_CSV, "a\n\"\"\n\n\"\"", "a=<>\na=<>\n");
}

static void
test_csv_faults (void **state)
{
  (void) state;
  assert_fault (SEED_FORMAT_CSV, "", "f:1:1: the file is empty");
  assert_fault (SEED_FORMAT_CSV, "a,,b\n", "f:1:3: a column without a name");
  assert_fault (SEED_FORMAT_CSV, "a,b,a\n", "f:1:5: column “a” is there twice");
  /* The column is counted in characters, behind lines within quotes too. */
  assert_fault (SEED_FORMAT_CSV, "a,b\n\"x\ny\",éé\"\n",
                "f:3:6: a quote within a field that has none around it");
  assert_fault (SEED_FORMAT_CSV, "a\n\"x\n\ny", "f:2:1: the quotes that begin here are not closed");
  assert_fault (SEED_FORMAT_CSV, "a\n\"x\" \n", "f:2:4: text after the closing quotes");
  assert_fault (SEED_FORMAT_CSV, "a,b\n1\n", "f:2:1: the row has 1 of 2 fields: “b” is missing");
  assert_fault (SEED_FORMAT_CSV, "a,b\n1,2,3,4\n", "f:2:5: the row has 4 fields, and the header 2");
  assert_fault (SEED_FORMAT_CSV, "a\nx\xff\n", "f:2:2: a byte that is not UTF-8 text");
}

static void
test_json (void **state)
{
  (void) state;
  assert_rows (SEED_FORMAT_JSON, "[]", "");
  assert_rows (SEED_FORMAT_JSON, " [ {\"a\" : 1.50, \"b\":null} ,\n{\"c\":[1, {\"d\": \"]}\"}]}]\n",
               "a=<1.50>b=~\nc=<[1, {\"d\": \"]}\"}]>\n");
  /* Numbers are as they stand, whatever their size. */
  assert_rows (SEED_FORMAT_JSON, "[{\"a\": 123456789012345678901234567890.10}]",
               "a=<123456789012345678901234567890.10>\n");
  assert_rows (SEED_FORMAT_JSON, "[{\"\\u0061\\n\": \"\\\"\"}]", "a\n=<\"\\\"\">\n");
}

static void
test_json_values (void **state)
{
  (void) state;
  const SeedValue string = { .kind = SEED_VALUE_STRING, .text = "\"x\\u00e9\\\"\"", .length = 11 };
  const char *list_text = "[1, \"a,\\\"b\", null, [true], {\"c\": \"d\"}, \"\"]";
  const SeedValue list
      = { .kind = SEED_VALUE_LIST, .text = list_text, .length = strlen (list_text) };
  g_autofree char *text = seed_value_string (&string);
  g_autofree char *array = seed_value_array (&list);
  assert_string_equal (text, "xé\"");
  assert_string_equal (array,
                       "{\"1\",\"a,\\\"b\",NULL,{\"true\"},\"{\\\"c\\\": \\\"d\\\"}\",\"\"}");
}

static void
test_json_faults (void **state)
{
  (void) state;
  assert_fault (SEED_FORMAT_JSON, "{}", "f:1:1: the file must be a list of objects");
  assert_fault (SEED_FORMAT_JSON, "[{\"a\": 1}", "f:1:10: the list is not closed with ]");
  assert_fault (SEED_FORMAT_JSON, "[{\"a\": 1},\n]", "f:2:1: an object must follow the comma");
  assert_fault (SEED_FORMAT_JSON, "[{\"a\": 1}\n{}]", "f:2:1: a comma or ] must follow the object");
  assert_fault (SEED_FORMAT_JSON, "[1]",
                "f:1:2: a row must be an object: {\"column\": value, ...}");
  assert_fault (SEED_FORMAT_JSON, "[] []", "f:1:4: text after the list's end");
  assert_fault (SEED_FORMAT_JSON, "[{\"\": 1}]", "f:1:3: a column without a name");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_csv),         cmocka_unit_test (test_csv_faults),
    cmocka_unit_test (test_json),        cmocka_unit_test (test_json_values),
    cmocka_unit_test (test_json_faults),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
