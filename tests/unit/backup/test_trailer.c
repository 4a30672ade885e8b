#include "../folder.h"
#include "backup/gzip.h"
#include "backup/trailer.h"

#define INDEX_OFFSET UINT64_C (0x0000123456789abc)
#define INDEX_SIZE UINT64_C (0x4321)
#define FILE_SIZE (INDEX_OFFSET + INDEX_SIZE + TRAILER_BYTES)

/* Written out by hand after the diagram in docs/backup-format.md. */
static const uint8_t expected[TRAILER_BYTES] = {
  0x1f, 0x8b, 0x08, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff,           /* gzip, FEXTRA */
  0x38, 0x00, 'P',  'K',  0x34, 0x00,                                   /* the subfield */
  0x01, 0x00, 0x00, 0x00,                                               /* format */
  0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00,                       /* index offset */
  0x21, 0x43, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,                       /* index size */
  0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11, /* SHA-256 */
  12,   13,   14,   15,   16,   17,   18,   19,   20,   21,   22,   23,   24,   25,   26, 27,
  28,   29,   30,   31,   0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* nothing, its CRC */
};

static void
test_bytes_are_those_of_the_document (void **state)
{
  (void) state;
  BackupTrailer trailer = { .index_offset = INDEX_OFFSET, .index_size = INDEX_SIZE };
  uint8_t bytes[TRAILER_BYTES];
  for (int i = 0; i < SHA256_BYTES; i++)
    trailer.sha256[i] = (uint8_t) i;
  backup_trailer_build (&trailer, bytes);
  assert_memory_equal (bytes, expected, TRAILER_BYTES);
}

static void
test_parse (void **state)
{
  (void) state;
  BackupTrailer trailer = { 0 };
  g_autoptr (GError) error = NULL;
  assert_true (backup_trailer_parse (expected, FILE_SIZE, &trailer, &error));
  assert_no_error (error);
  assert_true (trailer.index_offset == INDEX_OFFSET && trailer.index_size == INDEX_SIZE);
  assert_memory_equal (trailer.sha256, expected + 36, SHA256_BYTES);
}

static void
test_it_is_an_empty_gzip_member (void **state)
{
  (void) state;
  g_autofree char *text = NULL;
  size_t length = 99;
  assert_true (gzip_inflate_text (expected, sizeof expected, 0, &text, &length, NULL));
  assert_int_equal (length, 0);
}

/* But for the hash, whose bytes may be any: those the reader checks against the file. */
static void
test_every_flipped_bit_is_refused (void **state)
{
  (void) state;
  for (size_t bit = 0; bit < TRAILER_BYTES * 8; bit++)
    {
      uint8_t bytes[TRAILER_BYTES];
      BackupTrailer trailer = { .index_size = 42 };
      memcpy (bytes, expected, sizeof bytes);
      bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
      bool in_hash = bit / 8 >= 36 && bit / 8 < 68;
      bool parsed = backup_trailer_parse (bytes, FILE_SIZE, &trailer, NULL);
      if (parsed != in_hash)
        fail_msg ("bit %zu of byte %zu", bit % 8, bit / 8);
      if (in_hash)
        assert_memory_equal (trailer.sha256, bytes + 36, SHA256_BYTES);
      else
        assert_int_equal (trailer.index_size, 42);
    }
}

static void
test_the_file_must_be_as_long_as_it_says (void **state)
{
  (void) state;
  static const uint64_t sizes[]
      = { FILE_SIZE - 1, FILE_SIZE + 1, TRAILER_BYTES, TRAILER_BYTES - 1, 0,
          UINT64_MAX,    INDEX_OFFSET };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      BackupTrailer trailer;
      g_autoptr (GError) error = NULL;
      assert_false (backup_trailer_parse (expected, sizes[i], &trailer, &error));
      assert_error (error, KEEL_ERROR_CORRUPT, "the trailer contradicts the file's size");
    }
}

/* Sums that overflow must not come out right. */
static void
test_huge_numbers (void **state)
{
  (void) state;
  static const BackupTrailer lies[] = { { .index_offset = UINT64_MAX, .index_size = 101 },
                                        { .index_offset = 101, .index_size = UINT64_MAX },
                                        { .index_offset = UINT64_MAX, .index_size = UINT64_MAX } };
  for (size_t i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      uint8_t bytes[TRAILER_BYTES];
      BackupTrailer trailer;
      backup_trailer_build (&lies[i], bytes);
      assert_false (backup_trailer_parse (bytes, 100 + TRAILER_BYTES, &trailer, NULL));
    }
}

static void
test_other_formats (void **state)
{
  (void) state;
  uint8_t bytes[TRAILER_BYTES];
  BackupTrailer trailer;
  g_autoptr (GError) error = NULL;
  memcpy (bytes, expected, sizeof bytes);
  bytes[16] = 2;
  assert_false (backup_trailer_parse (bytes, FILE_SIZE, &trailer, &error));
  assert_error (error, KEEL_ERROR_FAILED, "the backup has format 2, this pgkeel knows format 1");
  assert_non_null (strstr (keel_error_hint (error), "newer pgkeel"));
  g_clear_error (&error);
  bytes[16] = 0;
  assert_false (backup_trailer_parse (bytes, FILE_SIZE, &trailer, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, "the trailer");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_bytes_are_those_of_the_document),
    cmocka_unit_test (test_parse),
    cmocka_unit_test (test_it_is_an_empty_gzip_member),
    cmocka_unit_test (test_every_flipped_bit_is_refused),
    cmocka_unit_test (test_the_file_must_be_as_long_as_it_says),
    cmocka_unit_test (test_huge_numbers),
    cmocka_unit_test (test_other_formats),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
