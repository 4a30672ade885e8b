#include "../testing.h"
#include "base/size.h"
#include "base/text.h"

static void
test_sizes (void **state)
{
  (void) state;
  static const struct
  {
    const char *text;
    uint64_t bytes;
  } good[] = { { "10KB", 10240 },
               { "4096", 4096 },
               { "1.5 mb", 1572864 },
               { "0", 0 },
               { "2 TB", 2199023255552 } };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    {
      uint64_t bytes;
      assert_true (size_parse (good[i].text, &bytes));
      assert_int_equal (bytes, good[i].bytes);
    }
  static const char *const bad[] = { "", "KB", "-1", "1 XB", "0x10", "1e30", "nan", " 5" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      uint64_t bytes = 77;
      assert_false (size_parse (bad[i], &bytes));
      assert_int_equal (bytes, 77);
    }
}

static void
test_durations (void **state)
{
  (void) state;
  int64_t seconds = 0;
  assert_true (duration_parse ("48h", &seconds));
  assert_int_equal (seconds, 172800);
  assert_true (duration_parse ("7d", &seconds));
  assert_int_equal (seconds, 604800);
  assert_false (duration_parse ("7", &seconds));
  assert_false (duration_parse ("7 days", &seconds));
  assert_int_equal (seconds, 604800);
}

static void
test_passwords_are_masked (void **state)
{
  (void) state;
  static const struct
  {
    const char *url;
    const char *masked;
  } urls[] = {
    { "postgresql://ada:s3cr/et@db:5432/x", "postgresql://ada:***@db:5432/x" },
    { "postgres://ada:p%40ss@db/x?sslmode=require", "postgres://ada:***@db/x?sslmode=require" },
    { "postgresql://db/x?user=a&password=geheim&x=y", "postgresql://db/x?user=a&password=***&x=y" },
    { "host=db password='it''s' user=a", NULL },
    { "host=db password = secret user=a", "host=db password = *** user=a" },
    { "postgresql://db/x", "postgresql://db/x" },
    { "postgresql://db:5432/x?user=a@b", "postgresql://db:5432/x?user=a@b" },
    { "postgresql://ada:p@ss?#w@db/x", "postgresql://ada:***@db/x" },
    { "postgresql://ada:12/3@db/x", "postgresql://ada:***@db/x" },
    { "postgresql://[::1]:5432/x", "postgresql://[::1]:5432/x" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_autofree char *masked = text_mask_url (urls[i].url);
      if (urls[i].masked != NULL)
        assert_string_equal (masked, urls[i].masked);
      else
        assert_null (strstr (masked, "it"));
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_sizes),
    cmocka_unit_test (test_durations),
    cmocka_unit_test (test_passwords_are_masked),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
