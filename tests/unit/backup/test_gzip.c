#include "../folder.h"
#include "backup/gzip.h"
#include "base/process.h"

#define HEADER_BYTES 10
#define FOOTER_BYTES 8

/* Counts what it is given and, with a limit, refuses to take more. */
typedef struct
{
  uint64_t bytes;
  uint64_t limit;
} Counter;

static bool
count (const char *data, size_t length, void *user_data, GError **error)
{
  Counter *counter = user_data;
  (void) data;
  counter->bytes += length;
  if (counter->limit > 0 && counter->bytes > counter->limit)
    return keel_error (error, KEEL_ERROR_SERVER, NULL, "no more of it");
  return true;
}

static bool
inflate_to (GByteArray *member, uint64_t max_bytes, Counter *counter, GError **error)
{
  return gzip_inflate (member->data, member->len, max_bytes, count, counter, error);
}

static GByteArray *
compress (const void *data, size_t length)
{
  g_autoptr (GzipCompressor) compressor = gzip_compressor_new ();
  const uint8_t *member;
  size_t member_length;
  gzip_compress (compressor, data, length, &member, &member_length);
  GByteArray *bytes = g_byte_array_new ();
  g_byte_array_append (bytes, member, (guint) member_length);
  return bytes;
}

static void
assert_damaged (const GByteArray *member, const char *what)
{
  char *text = NULL;
  size_t length;
  g_autoptr (GError) error = NULL;
  if (gzip_inflate_text (member->data, member->len, 1 << 20, &text, &length, &error))
    fail_msg ("taken for whole: %s", what);
  assert_null (text);
  assert_error (error, KEEL_ERROR_CORRUPT, "a compressed part is damaged");
}

/* Bytes that no compressor makes smaller, the same on every run. */
static char *
make_noise (size_t length)
{
  char *data = g_malloc (length);
  uint64_t x = 88172645463325252u;
  for (size_t i = 0; i < length; i++)
    {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      data[i] = (char) (x >> 32);
    }
  return data;
}

static char *
make_text (size_t length)
{
  GString *text = g_string_sized_new (length + 64);
  for (unsigned int i = 0; text->len < length; i++)
    g_string_append_printf (text, "%u\twells fargo\t-%u.%02u\t\\N\n", i, i * 7919 % 1000, i % 100);
  g_string_truncate (text, length);
  return g_string_free (text, FALSE);
}

static void
assert_round_trip (const char *data, size_t length)
{
  g_autoptr (GByteArray) member = compress (data, length);
  g_autofree char *again = NULL;
  size_t again_length = 0;
  g_autoptr (GError) error = NULL;
  bool done = gzip_inflate_text (member->data, member->len, length, &again, &again_length, &error);
  assert_no_error (error);
  assert_true (done);
  assert_int_equal (again_length, length);
  assert_memory_equal (again, data, length);
  assert_int_equal (again[length], '\0');
}

static void
test_round_trip_of_all_sizes (void **state)
{
  (void) state;
  static const size_t sizes[] = { 0,     1,     2,      3,      100,    32767,  32768,  32769,
                                  65535, 65536, 262143, 262144, 262145, 524288, 1000000 };
  g_autofree char *text = make_text (1000000);
  g_autofree char *noise = make_noise (1000000);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      assert_round_trip (text, sizes[i]);
      assert_round_trip (noise, sizes[i]);
    }
}

static void
test_round_trip_of_40_mib (void **state)
{
  (void) state;
  size_t length = 40 * 1024 * 1024 + 17;
  g_autofree char *text = make_text (length);
  assert_round_trip (text, length);
  g_autoptr (GByteArray) member = compress (text, length);
  assert_true (member->len < length / 4);
}

static void
test_noise_grows_by_little (void **state)
{
  (void) state;
  g_autofree char *noise = make_noise (1000000);
  g_autoptr (GByteArray) member = compress (noise, 1000000);
  assert_true (member->len > 1000000 && member->len < 1001000);
}

static void
test_one_compressor_makes_many_members (void **state)
{
  (void) state;
  g_autoptr (GzipCompressor) compressor = gzip_compressor_new ();
  g_autofree char *text = make_text (300000);
  for (size_t length = 300000;; length /= 3)
    {
      const uint8_t *member;
      size_t member_length, again_length;
      g_autofree char *again = NULL;
      gzip_compress (compressor, text, length, &member, &member_length);
      assert_true (gzip_inflate_text (member, member_length, length, &again, &again_length, NULL));
      assert_int_equal (again_length, length);
      assert_memory_equal (again, text, length);
      if (length == 0)
        break;
    }
}

/* What the format promises: any gzip reads a sequence of members. */
static void
test_gzip_reads_what_we_write (void **state)
{
  g_autofree char *path = g_build_filename (*state, "f.gz", NULL);
  g_autofree char *text = make_text (500000);
  g_autoptr (GByteArray) first = compress (text, 200000);
  g_autoptr (GByteArray) empty = compress ("", 0);
  g_autoptr (GByteArray) second = compress (text + 200000, 300000);
  g_byte_array_append (first, empty->data, empty->len);
  g_byte_array_append (first, second->data, second->len);
  put_file (*state, "f.gz", first->data, first->len);
  g_auto (ProcessResult) result = { 0 };
  g_autoptr (GError) error = NULL;
  ProcessSpec spec = { .argv = (const char *const[]){ "gzip", "-dc", path, NULL } };
  bool done = process_run_ok (&spec, &result, &error);
  assert_no_error (error);
  assert_true (done);
  assert_string_equal (result.output, text);
}

static void
test_cut_at_every_length (void **state)
{
  (void) state;
  g_autofree char *text = make_text (3000);
  g_autoptr (GByteArray) whole = compress (text, 3000);
  for (guint length = 0; length < whole->len; length++)
    {
      /* Of exactly this size, so that reading beyond it is seen. */
      GByteArray cut = { g_memdup2 (whole->data, length), length };
      assert_damaged (&cut, "a cut member");
      g_free (cut.data);
    }
}

static void
test_bytes_after_its_end (void **state)
{
  (void) state;
  g_autofree char *text = make_text (3000);
  for (guint extra = 1; extra <= 40; extra++)
    {
      g_autoptr (GByteArray) zeros = compress (text, 3000);
      g_autoptr (GByteArray) more = compress (text, 3000);
      g_byte_array_set_size (zeros, zeros->len + extra);
      memset (zeros->data + zeros->len - extra, 0, extra);
      assert_damaged (zeros, "zeros after the end");
      g_byte_array_append (more, more->data, MIN (extra, more->len));
      assert_damaged (more, "a second member after the end");
    }
}

/* No flip may give another text. A few bits mean nothing: the time, the system, padding. */
static void
test_every_flipped_bit (void **state)
{
  (void) state;
  g_autofree char *text = make_text (500);
  g_autoptr (GByteArray) whole = compress (text, 500);
  guint meaningless = 0;
  for (guint bit = 0; bit < whole->len * 8; bit++)
    {
      g_autoptr (GByteArray) flipped = compress (text, 500);
      g_autofree char *again = NULL;
      size_t length;
      flipped->data[bit / 8] ^= (uint8_t) (1 << bit % 8);
      bool taken = gzip_inflate_text (flipped->data, flipped->len, 1 << 20, &again, &length, NULL);
      if (taken && (length != 500 || memcmp (again, text, 500) != 0))
        fail_msg ("bit %u gives another text", bit);
      meaningless += taken;
    }
  /* Four flags, 48 bits of time, extra flags and system, less than a byte of padding. */
  assert_true (meaningless <= 4 + 48 + 7);
}

static void
test_check_sum_and_length (void **state)
{
  (void) state;
  for (guint i = 1; i <= FOOTER_BYTES; i++)
    {
      g_autoptr (GByteArray) member = compress ("some text", 9);
      member->data[member->len - i] ^= 0x80;
      assert_damaged (member, "a wrong check sum or length");
    }
}

static void
test_a_bomb_is_stopped_in_time (void **state)
{
  (void) state;
  size_t length = 64 * 1024 * 1024;
  g_autofree char *zeros = g_malloc0 (length);
  g_autoptr (GByteArray) member = compress (zeros, length);
  assert_true (member->len < length / 200);
  Counter counter = { 0 };
  g_autoptr (GError) error = NULL;
  assert_false (inflate_to (member, 1 << 20, &counter, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "damaged");
  assert_true (counter.bytes <= 1 << 20);
  g_clear_error (&error);
  counter.bytes = 0;
  assert_false (inflate_to (member, length - 1, &counter, &error));
  g_clear_error (&error);
  counter.bytes = 0;
  assert_true (inflate_to (member, length, &counter, &error));
  assert_int_equal (counter.bytes, length);
}

static void
test_the_sinks_error_is_passed_on (void **state)
{
  (void) state;
  g_autofree char *text = make_text (2000000);
  g_autoptr (GByteArray) member = compress (text, 2000000);
  Counter counter = { .limit = 600000 };
  g_autoptr (GError) error = NULL;
  assert_false (inflate_to (member, UINT64_MAX, &counter, &error));
  assert_error (error, KEEL_ERROR_SERVER, "no more of it");
  assert_true (counter.bytes < 2000000);
}

/* BODY between a header and a footer that is right for an empty text. */
static GByteArray *
craft (const void *body, size_t length)
{
  static const uint8_t header[HEADER_BYTES] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
  static const uint8_t footer[FOOTER_BYTES] = { 0 };
  GByteArray *member = g_byte_array_new ();
  g_byte_array_append (member, header, HEADER_BYTES);
  g_byte_array_append (member, body, (guint) length);
  g_byte_array_append (member, footer, FOOTER_BYTES);
  return member;
}

static void
test_deflate_that_ends_early_or_never (void **state)
{
  (void) state;
  static const struct
  {
    const char *body;
    size_t length;
    const char *what;
  } cases[] = {
    { "\x03\x00\x03\x00", 4, "a second deflate stream" },
    { "\x03\x00\x00", 3, "a byte too many" },
    { "\x00\x00\x00\xff\xff", 5, "no last block" },
    { "\x01\x05\x00\xfa\xff"
      "ab",
      7, "a stored block longer than the member" },
    { "\x01\x05\x00\xfa\xfe"
      "abcde",
      10, "a stored block of two lengths" },
    { "\x07", 1, "a block of the reserved type" },
    { "\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, "a broken table of codes" },
    { "\x03\x02\x00", 3, "a reference before the beginning" },
    { "", 0, "no block at all" },
  };
  g_autoptr (GByteArray) good = craft ("\x03\x00", 2);
  g_autofree char *text = NULL;
  size_t length = 99;
  assert_true (gzip_inflate_text (good->data, good->len, 10, &text, &length, NULL));
  assert_int_equal (length, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) member = craft (cases[i].body, cases[i].length);
      assert_damaged (member, cases[i].what);
    }
}

static void
test_what_is_no_gzip (void **state)
{
  (void) state;
  static const char text[] = "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n";
  GByteArray plain = { (uint8_t *) text, sizeof text - 1 };
  g_autoptr (GByteArray) method = compress ("text", 4);
  g_autoptr (GByteArray) magic = compress ("text", 4);
  assert_damaged (&plain, "plain text");
  method->data[2] = 7;
  assert_damaged (method, "another method than deflate");
  magic->data[1] = 0x9d;
  assert_damaged (magic, "another magic number");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_round_trip_of_all_sizes),
    cmocka_unit_test (test_round_trip_of_40_mib),
    cmocka_unit_test (test_noise_grows_by_little),
    cmocka_unit_test (test_one_compressor_makes_many_members),
    cmocka_unit_test_setup_teardown (test_gzip_reads_what_we_write, make_test_folder,
                                     remove_test_folder),
    cmocka_unit_test (test_cut_at_every_length),
    cmocka_unit_test (test_bytes_after_its_end),
    cmocka_unit_test (test_every_flipped_bit),
    cmocka_unit_test (test_check_sum_and_length),
    cmocka_unit_test (test_a_bomb_is_stopped_in_time),
    cmocka_unit_test (test_the_sinks_error_is_passed_on),
    cmocka_unit_test (test_deflate_that_ends_early_or_never),
    cmocka_unit_test (test_what_is_no_gzip),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
