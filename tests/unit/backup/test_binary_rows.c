/* Rows of text as binary: known bytes of every type, what is refused, and streams in any pieces. */
#include "backup/binary_rows.h"
#include "testing.h"

#include <string.h>

/* Signature, flags, length of an extension. */
#define HEADER "5047434f50590aff0d0a000000000000000000"

static char *
hex_of (const uint8_t *data, size_t length)
{
  GString *hex = g_string_new (NULL);
  for (size_t i = 0; i < length; i++)
    g_string_append_printf (hex, "%02x", data[i]);
  return g_string_free (hex, FALSE);
}

/* The value of TEXT in hexadecimal; NULL when it is refused. The row lies at the end of its memory, so
 * that reading on is noticed. */
static char *
convert (BinaryKind kind, const char *text)
{
  size_t length = strlen (text);
  g_autofree char *row = g_malloc (length + 1);
  memcpy (row, text, length);
  row[length] = '\n';
  g_autofree uint8_t *out = g_malloc (length + BINARY_VALUE_MORE);
  uint8_t *end = out;
  const char *stop = binary_value_write (kind, row, row + length, &end);
  if (stop != row + length)
    return NULL;
  assert_true ((size_t) (end - out) <= length + BINARY_VALUE_MORE);
  return hex_of (out, (size_t) (end - out));
}

typedef struct
{
  BinaryKind kind;
  const char *text;
  const char *hex; /* NULL: refused */
} Case;

static void
assert_cases (const Case *cases, size_t count)
{
  for (size_t i = 0; i < count; i++)
    {
      g_autofree char *hex = convert (cases[i].kind, cases[i].text);
      if (g_strcmp0 (hex, cases[i].hex) != 0)
        fail_msg ("“%s” is %s, not %s", cases[i].text, hex != NULL ? hex : "refused",
                  cases[i].hex != NULL ? cases[i].hex : "refused");
      /* The same before another column. */
      g_autofree char *field = g_strconcat (cases[i].text, "\t1\n", NULL);
      uint8_t out[1024], *end = out;
      const char *stop = binary_value_write (cases[i].kind, field, strchr (field, '\n'), &end);
      assert_int_equal (stop == field + strlen (cases[i].text), cases[i].hex != NULL);
    }
}

static void
test_integers (void **state)
{
  (void) state;
  static const Case cases[] = {
    { BINARY_INT2, "0", "0000" },
    { BINARY_INT2, "-1", "ffff" },
    { BINARY_INT2, "32767", "7fff" },
    { BINARY_INT2, "-32768", "8000" },
    { BINARY_INT2, "32768", NULL },
    { BINARY_INT2, "-32769", NULL },
    { BINARY_INT4, "2147483647", "7fffffff" },
    { BINARY_INT4, "-2147483648", "80000000" },
    { BINARY_INT4, "2147483648", NULL },
    { BINARY_INT4, "-2147483649", NULL },
    { BINARY_INT8, "1", "0000000000000001" },
    { BINARY_INT8, "9223372036854775807", "7fffffffffffffff" },
    { BINARY_INT8, "-9223372036854775808", "8000000000000000" },
    { BINARY_INT8, "9223372036854775808", NULL },
    { BINARY_INT8, "-9223372036854775809", NULL },
    { BINARY_INT8, "18446744073709551617", NULL },
    { BINARY_INT8, "100000000000000000000000000000", NULL },
    { BINARY_OID, "4294967295", "ffffffff" },
    { BINARY_OID, "4294967296", NULL },
    { BINARY_OID, "-1", NULL },
    { BINARY_INT4, "", NULL },
    { BINARY_INT4, "-", NULL },
    { BINARY_INT4, "+1", NULL },
    { BINARY_INT4, " 1", NULL },
    { BINARY_INT4, "1 ", NULL },
    { BINARY_INT4, "1.0", NULL },
    { BINARY_INT4, "0x1f", NULL },
    { BINARY_INT4, "1_000", NULL },
    { BINARY_BOOL, "t", "01" },
    { BINARY_BOOL, "f", "00" },
    { BINARY_BOOL, "true", NULL },
    { BINARY_BOOL, "", NULL },
    { BINARY_BOOL, "1", NULL },
  };
  assert_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_floats (void **state)
{
  (void) state;
  static const Case cases[] = {
    { BINARY_FLOAT8, "0", "0000000000000000" },
    { BINARY_FLOAT8, "-0", "8000000000000000" },
    { BINARY_FLOAT8, "0.1", "3fb999999999999a" },
    { BINARY_FLOAT8, "-1.5", "bff8000000000000" },
    { BINARY_FLOAT8, "1e+100", "54b249ad2594c37d" },
    { BINARY_FLOAT8, "1.7976931348623157e+308", "7fefffffffffffff" },
    { BINARY_FLOAT8, "2.2250738585072014e-308", "0010000000000000" },
    { BINARY_FLOAT8, "5e-324", "0000000000000001" },
    { BINARY_FLOAT8, "NaN", "7ff8000000000000" },
    { BINARY_FLOAT8, "Infinity", "7ff0000000000000" },
    { BINARY_FLOAT8, "-Infinity", "fff0000000000000" },
    { BINARY_FLOAT4, "-0", "80000000" },
    { BINARY_FLOAT4, "0.1", "3dcccccd" },
    { BINARY_FLOAT4, "3.4028235e+38", "7f7fffff" },
    { BINARY_FLOAT4, "1e-45", "00000001" },
    /* Not what rounding to double first gives. */
    { BINARY_FLOAT4, "1.00000017881393432617187499", "3f800001" },
    { BINARY_FLOAT4, "NaN", "7fc00000" },
    { BINARY_FLOAT4, "-Infinity", "ff800000" },
    { BINARY_FLOAT8, "1e400", NULL },
    { BINARY_FLOAT8, "1e-400", NULL },
    { BINARY_FLOAT4, "1e39", NULL },
    { BINARY_FLOAT4, "1e-46", NULL },
    { BINARY_FLOAT8, "", NULL },
    { BINARY_FLOAT8, "-", NULL },
    { BINARY_FLOAT8, "e5", NULL },
    { BINARY_FLOAT8, "1,5", NULL },
    { BINARY_FLOAT8, "0x10", NULL },
    { BINARY_FLOAT8, "nan", NULL },
    { BINARY_FLOAT8, "inf", NULL },
    { BINARY_FLOAT8, " 1", NULL },
    { BINARY_FLOAT8, "1.00000000000000000000000000000000000000000000", NULL },
  };
  assert_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_dates (void **state)
{
  (void) state;
  static const Case cases[] = {
    { BINARY_DATE, "2000-01-01", "00000000" },
    { BINARY_DATE, "1999-12-31", "ffffffff" },
    { BINARY_DATE, "2000-02-29", "0000003b" },
    { BINARY_DATE, "2000-03-01", "0000003c" },
    { BINARY_DATE, "1900-02-28", "ffff718e" },
    { BINARY_DATE, "1900-03-01", "ffff718f" },
    { BINARY_DATE, "0001-01-01", "fff4dbf9" },
    { BINARY_DATE, "0001-12-31 BC", "fff4dbf8" },
    { BINARY_DATE, "4714-11-24 BC", "ffda97a7" },
    { BINARY_DATE, "10000-01-01", "002c95d4" },
    { BINARY_DATE, "5874897-12-31", "7fda970c" },
    { BINARY_DATE, "infinity", "7fffffff" },
    { BINARY_DATE, "-infinity", "80000000" },
    { BINARY_DATE, "4714-11-23 BC", NULL },
    { BINARY_DATE, "5874898-01-01", NULL },
    { BINARY_DATE, "0000-01-01", NULL },
    { BINARY_DATE, "1900-02-29", NULL },
    { BINARY_DATE, "2023-02-29", NULL },
    { BINARY_DATE, "2023-00-01", NULL },
    { BINARY_DATE, "2023-13-01", NULL },
    { BINARY_DATE, "2023-04-31", NULL },
    { BINARY_DATE, "2023-04-00", NULL },
    { BINARY_DATE, "02023-04-01", NULL },
    { BINARY_DATE, "23-04-01", NULL },
    { BINARY_DATE, "2023/04/01", NULL },
    { BINARY_DATE, "2023-4-1", NULL },
    { BINARY_DATE, "2023-04-01 AD", NULL },
    { BINARY_DATE, "2023-04-01 BC ", NULL },
    { BINARY_DATE, "2023-04-01 12:00:00", NULL },
    { BINARY_DATE, "20230401", NULL },
    { BINARY_DATE, "Infinity", NULL },
    { BINARY_DATE, "2023-04-0", NULL },
    { BINARY_DATE, "", NULL },
    { BINARY_TIME, "00:00:00", "0000000000000000" },
    { BINARY_TIME, "24:00:00", "000000141dd76000" },
    { BINARY_TIME, "23:59:59.999999", "000000141dd75fff" },
    { BINARY_TIME, "00:00:00.1", "00000000000186a0" },
    { BINARY_TIME, "24:00:00.000001", NULL },
    { BINARY_TIME, "23:60:00", NULL },
    { BINARY_TIME, "23:59:60", NULL },
    { BINARY_TIME, "1:00:00", NULL },
    { BINARY_TIME, "01:00:00.", NULL },
    { BINARY_TIME, "01:00:00.1234567", NULL },
    { BINARY_TIME, "01:00:00+00", NULL },
  };
  assert_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_timestamps (void **state)
{
  (void) state;
  static const Case cases[] = {
    { BINARY_TIMESTAMP, "2000-01-01 00:00:00", "0000000000000000" },
    { BINARY_TIMESTAMP, "1999-12-31 23:59:59.999999", "ffffffffffffffff" },
    { BINARY_TIMESTAMP, "2000-01-01 00:00:01.5", "000000000016e360" },
    { BINARY_TIMESTAMP, "4714-11-24 00:00:00 BC", "fd0f7cc1411fa000" },
    { BINARY_TIMESTAMP, "294276-12-31 23:59:59.999999", "7fffff5bb3b29fff" },
    { BINARY_TIMESTAMP, "infinity", "7fffffffffffffff" },
    { BINARY_TIMESTAMP, "-infinity", "8000000000000000" },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00+00", "0000000000000000" },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00.000001+00", "0000000000000001" },
    { BINARY_TIMESTAMPTZ, "0001-12-31 23:59:59.999999+00 BC", "ff1fe2ffc59c5fff" },
    { BINARY_TIMESTAMPTZ, "-infinity", "8000000000000000" },
    { BINARY_TIMESTAMP, "4714-11-23 23:59:59 BC", NULL },
    { BINARY_TIMESTAMP, "294277-01-01 00:00:00", NULL },
    { BINARY_TIMESTAMP, "2000-01-01", NULL },
    { BINARY_TIMESTAMP, "2000-01-01 00:00", NULL },
    { BINARY_TIMESTAMP, "2000-01-01T00:00:00", NULL },
    { BINARY_TIMESTAMP, "2000-01-01 24:00:00", NULL },
    { BINARY_TIMESTAMP, "2000-01-01 00:00:00+00", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00+01", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00-00", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00+00:30", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00+0", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00 BC+00", NULL },
    { BINARY_TIMESTAMPTZ, "2000-01-01 00:00:00 UTC", NULL },
    { BINARY_TIMESTAMPTZ, "01/01/2000 00:00:00+00", NULL },
  };
  assert_cases (cases, G_N_ELEMENTS (cases));
}

static void
test_numerics (void **state)
{
  (void) state;
  static const Case cases[] = {
    { BINARY_NUMERIC, "0", "0000000000000000" },
    { BINARY_NUMERIC, "0.00", "0000000000000002" },
    { BINARY_NUMERIC, "1", "00010000000000000001" },
    { BINARY_NUMERIC, "-1", "00010000400000000001" },
    { BINARY_NUMERIC, "9999", "0001000000000000270f" },
    { BINARY_NUMERIC, "10000", "00010001000000000001" },
    { BINARY_NUMERIC, "10001", "000200010000000000010001" },
    { BINARY_NUMERIC, "1.5", "000200000000000100011388" },
    { BINARY_NUMERIC, "1.50", "000200000000000200011388" },
    { BINARY_NUMERIC, "100000000", "00010002000000000001" },
    { BINARY_NUMERIC, "0.0001", "0001ffff000000040001" },
    { BINARY_NUMERIC, "0.00001", "0001fffe0000000503e8" },
    { BINARY_NUMERIC, "-0.5", "0001ffff400000011388" },
    { BINARY_NUMERIC, "12345.6789", "0003000100000004000109291a85" },
    { BINARY_NUMERIC, "10000.0001",
      "00030001000000040001"
      "0000"
      "0001" },
    { BINARY_NUMERIC, "NaN", "00000000c0000000" },
    { BINARY_NUMERIC, "Infinity", "00000000d0000000" },
    { BINARY_NUMERIC, "-Infinity", "00000000f0000000" },
    { BINARY_NUMERIC, "", NULL },
    { BINARY_NUMERIC, "-", NULL },
    { BINARY_NUMERIC, ".5", NULL },
    { BINARY_NUMERIC, "5.", NULL },
    { BINARY_NUMERIC, "1e5", NULL },
    { BINARY_NUMERIC, "+1", NULL },
    { BINARY_NUMERIC, "1.2.3", NULL },
    { BINARY_NUMERIC, "1,000", NULL },
    { BINARY_NUMERIC, "nan", NULL },
    { BINARY_NUMERIC, "inf", NULL },
    { BINARY_NUMERIC, "--1", NULL },
  };
  assert_cases (cases, G_N_ELEMENTS (cases));
}

/* The limits of numeric: 131072 digits before the point, 16383 behind it. */
static void
test_long_numerics (void **state)
{
  (void) state;
  g_autofree char *nines = g_strnfill (131073, '9');
  g_autofree char *too_long = convert (BINARY_NUMERIC, nines);
  assert_null (too_long);
  nines[131072] = '\0';
  g_autofree char *longest = convert (BINARY_NUMERIC, nines);
  assert_true (g_str_has_prefix (longest, "80007fff00000000270f270f"));
  assert_int_equal (strlen (longest), 2 * (8 + 2 * 32768));
  g_autofree char *zeros = g_strnfill (16381, '0');
  g_autofree char *small = g_strdup_printf ("0.%s12", zeros),
                  *less = g_strdup_printf ("%s3", small);
  g_autofree char *least = convert (BINARY_NUMERIC, small);
  assert_string_equal (least, "0001f00000003fff0078");
  g_autofree char *too_small = convert (BINARY_NUMERIC, less);
  assert_null (too_small);
}

static void
test_texts (void **state)
{
  (void) state;
  static const Case cases[] = {
    { BINARY_TEXT, "", "" },
    { BINARY_TEXT, "a b", "612062" },
    { BINARY_TEXT, "\xc3\xa9", "c3a9" },
    { BINARY_TEXT, "\\\\\\n\\t\\r\\b\\f\\v", "5c0a090d080c0b" },
    { BINARY_TEXT, "a\\\\N", "615c4e" },
    { BINARY_TEXT, "\\", NULL },
    { BINARY_TEXT, "\\.", NULL },
    { BINARY_TEXT, "\\x41", NULL },
    { BINARY_TEXT, "\\101", NULL },
    { BINARY_TEXT, "a\\N", NULL },
    { BINARY_JSONB, "{\"a\": \"\\\\\"\"}", "017b2261223a20225c22227d" },
    { BINARY_BYTEA, "\\\\x", "" },
    { BINARY_BYTEA, "\\\\x00fF", "00ff" },
    { BINARY_BYTEA, "\\\\x0", NULL },
    { BINARY_BYTEA, "\\\\x0g", NULL },
    { BINARY_BYTEA, "\\\\xx0", NULL },
    { BINARY_BYTEA, "\\x00", NULL },
    { BINARY_BYTEA, "abc", NULL },
    { BINARY_BYTEA, "", NULL },
    { BINARY_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11" },
    { BINARY_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", NULL },
    { BINARY_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111", NULL },
    { BINARY_UUID, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1}", NULL },
    { BINARY_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380ag1", NULL },
    { BINARY_UUID, "a0eebc999c0b-4ef8-bb6d-6bb9bd380a11-", NULL },
    { BINARY_NONE, "1", NULL },
  };
  assert_cases (cases, G_N_ELEMENTS (cases));
}

static bool
collect (const char *data, size_t length, void *user_data, GError **error)
{
  (void) error;
  g_byte_array_append (user_data, (const guint8 *) data, (guint) length);
  return true;
}

static bool
refuse (const char *data, size_t length, void *user_data, GError **error)
{
  (void) data, (void) length, (void) user_data;
  return keel_error (error, KEEL_ERROR_FAILED, NULL, "the sink is full");
}

static const BinaryKind three[] = { BINARY_INT4, BINARY_NUMERIC, BINARY_TEXT };

/* Writes TEXT in pieces that end at FIRST, at SECOND and at its end, each a copy of its own. Returns the
 * binary format in hexadecimal, and what was left as text. */
static char *
convert_pieces (const char *text, size_t first, size_t second, char **ret_left)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (BinaryRows) rows = binary_rows_new (three, G_N_ELEMENTS (three), collect, out);
  const size_t ends[] = { first, second, strlen (text) };
  size_t at = 0, held_length;
  for (size_t i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      size_t length = ends[i] - at, taken;
      g_autofree char *piece = g_memdup2 (text + at, length);
      assert_true (binary_rows_write (rows, piece, length, &taken, NULL));
      at += taken;
      if (taken < length)
        break;
    }
  const char *held = binary_rows_held (rows, &held_length);
  g_autofree char *beginning = g_strndup (held_length > 0 ? held : "", held_length);
  *ret_left = g_strconcat (beginning, text + at, NULL);
  assert_true (binary_rows_end (rows, NULL));
  return hex_of (out->data, out->len);
}

#define FIRST_ROW                                                                                  \
  "0003"                                                                                           \
  "00000004"                                                                                       \
  "00000001"                                                                                       \
  "0000000a"                                                                                       \
  "00010000000000000002"                                                                           \
  "00000002"                                                                                       \
  "610a"
#define SECOND_ROW                                                                                 \
  "0003"                                                                                           \
  "ffffffff"                                                                                       \
  "ffffffff"                                                                                       \
  "00000000"

/* Whatever the pieces, the same comes out. */
static void
assert_stream (const char *text, const char *expected, const char *expected_left)
{
  size_t length = strlen (text);
  for (size_t first = 0; first <= length; first++)
    for (size_t second = first; second <= length; second++)
      {
        g_autofree char *left = NULL;
        g_autofree char *hex = convert_pieces (text, first, second, &left);
        assert_string_equal (hex, expected);
        assert_string_equal (left, expected_left);
      }
}

static void
test_pieces (void **state)
{
  (void) state;
  assert_stream ("", HEADER "ffff", "");
  assert_stream ("1\t2\ta\\n\n\\N\t\\N\t\n", HEADER FIRST_ROW SECOND_ROW "ffff", "");
}

static void
test_stops_before_what_it_cannot_convert (void **state)
{
  (void) state;
  static const char *const bad[] = {
    "1\t2e5\ta\n",      "x\t2\ta\n", "1\t2\ta\\q\n",      "1\t2\n",       "1\t2\ta\tb\n",    "\n",
    "1\t2\t\\.\n",      "\\.\n",     "4294967296\t2\t\n", "1\t\\N \ta\n", "1\t2\t\\Na\\N\n", "\\",
    "1\t2\tunfinished",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *left = g_strconcat (bad[i], "\\N\t\\N\t\n", NULL);
      g_autofree char *text = g_strconcat ("1\t2\ta\\n\n", left, NULL);
      assert_stream (text, HEADER FIRST_ROW "ffff", left);
    }
}

/* A long row is streamed as text, not held. */
static void
test_long_row (void **state)
{
  (void) state;
  enum
  {
    piece = 1024 * 1024,
    pieces = 17
  };
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (BinaryRows) rows = binary_rows_new (three, G_N_ELEMENTS (three), collect, out);
  g_autofree char *letters = g_strnfill (piece, 'a');
  size_t taken, held;
  assert_true (binary_rows_write (rows, "1\t2\t", 4, &taken, NULL));
  for (int i = 0; i < 15; i++)
    {
      assert_true (binary_rows_write (rows, letters, piece, &taken, NULL));
      assert_int_equal (taken, piece);
    }
  assert_true (binary_rows_write (rows, "\n1\t2\t", 5, &taken, NULL));
  assert_int_equal (taken, 5);
  for (int i = 0; i < pieces; i++)
    {
      assert_true (binary_rows_write (rows, letters, piece, &taken, NULL));
      if (taken < piece)
        break;
      assert_true (i < 15);
    }
  assert_int_equal (taken, 0);
  binary_rows_held (rows, &held);
  assert_int_equal (held, 4 + 15 * piece);
  assert_true (binary_rows_end (rows, NULL));
  assert_int_equal (out->len, 19 + 2 + 8 + 14 + 4 + 15 * piece + 2);
  /* And one that comes in a single piece. */
  g_autoptr (BinaryRows) whole = binary_rows_new (three, G_N_ELEMENTS (three), collect, out);
  g_autofree char *long_text = g_strnfill (pieces * piece, 'a');
  memcpy (long_text, "1\t2\t", 4);
  long_text[pieces * piece - 1] = '\n';
  assert_true (binary_rows_write (whole, long_text, pieces * piece, &taken, NULL));
  assert_int_equal (taken, 0);
}

/* Many rows, more than one buffer of them. */
static void
test_many_rows (void **state)
{
  (void) state;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (BinaryRows) rows = binary_rows_new (three, G_N_ELEMENTS (three), collect, out);
  g_autoptr (GString) expected = g_string_new (HEADER);
  for (int i = 0; i < 30000; i++)
    {
      size_t taken;
      const char row[] = "1\t2\ta\\n\n";
      assert_true (binary_rows_write (rows, row, strlen (row), &taken, NULL));
      assert_int_equal (taken, strlen (row));
      g_string_append (expected, FIRST_ROW);
    }
  g_string_append (expected, "ffff");
  assert_true (binary_rows_end (rows, NULL));
  g_autofree char *hex = hex_of (out->data, out->len);
  assert_true (strcmp (hex, expected->str) == 0);
}

static void
test_sink_fails (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_autoptr (BinaryRows) rows = binary_rows_new (three, G_N_ELEMENTS (three), refuse, NULL);
  assert_false (binary_rows_end (rows, &error));
  assert_true (keel_error_is (error, KEEL_ERROR_FAILED));
  assert_string_equal (error->message, "the sink is full");
}

static void
test_what_pays (void **state)
{
  (void) state;
  const BinaryKind accounts[] = { BINARY_INT4, BINARY_INT4, BINARY_INT4, BINARY_TEXT };
  const BinaryKind event[] = { BINARY_INT8, BINARY_TEXT, BINARY_TIMESTAMPTZ, BINARY_JSONB };
  const BinaryKind array[] = { BINARY_UUID, BINARY_NONE, BINARY_UUID };
  assert_false (binary_rows_pay (accounts, G_N_ELEMENTS (accounts)));
  assert_false (binary_rows_pay (array, G_N_ELEMENTS (array)));
  assert_false (binary_rows_pay (NULL, 0));
  assert_true (binary_rows_pay (event, G_N_ELEMENTS (event)));
  assert_int_equal (binary_kind_of_type (1700), BINARY_NUMERIC);
  assert_int_equal (binary_kind_of_type (1231), BINARY_NONE); /* numeric[] */
  assert_int_equal (binary_kind_of_type (1186), BINARY_NONE); /* interval */
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_integers),
    cmocka_unit_test (test_floats),
    cmocka_unit_test (test_dates),
    cmocka_unit_test (test_timestamps),
    cmocka_unit_test (test_numerics),
    cmocka_unit_test (test_long_numerics),
    cmocka_unit_test (test_texts),
    cmocka_unit_test (test_pieces),
    cmocka_unit_test (test_stops_before_what_it_cannot_convert),
    cmocka_unit_test (test_long_row),
    cmocka_unit_test (test_many_rows),
    cmocka_unit_test (test_sink_fails),
    cmocka_unit_test (test_what_pays),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
