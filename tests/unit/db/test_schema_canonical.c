/* The one spelling of expressions. The pairs are what PostgreSQL 15 wrote for a source and its copy. */
#include "../testing.h"
#include "db/schema_canonical.h"

#include <string.h>

typedef struct
{
  const char *source;
  const char *copy;
} Pair;

static const Pair pairs[] = {
  { "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character "
    "varying])::text[])))",
    "CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('paid'::character "
    "varying)::text])))" },
  /* What a literal holds is not read. */
  { "((ARRAY['it''s ]::text[] late, '::character varying])::text[])",
    "(ARRAY[('it''s ]::text[] late, '::character varying)::text])" },
  { "((ARRAY[E'\\'], '::character varying, $$], $$])::text[])",
    "(ARRAY[(E'\\'], '::character varying)::text, ($$], $$)::text])" },
  { "(ARRAY[t.\"a, ]\"\"(\"])::\"Odd \"\"S\"\"\".\"t]\"[]",
    "ARRAY[(t.\"a, ]\"\"(\")::\"Odd \"\"S\"\"\".\"t]\"]" },
  /* Types of several words, with arguments, with a schema. */
  { "(ARRAY[a])::character varying(10)[]", "ARRAY[(a)::character varying(10)]" },
  { "(ARRAY[a])::timestamp(3) with time zone[]", "ARRAY[(a)::timestamp(3) with time zone]" },
  { "(ARRAY[a])::numeric(10,2)[]", "ARRAY[(a)::numeric(10,2)]" },
  { "(ARRAY[a])::types.mood[]", "ARRAY[(a)::types.mood]" },
  /* Arrays in arrays take the cast at their elements. */
  { "((ARRAY[ARRAY[n, 'b'::character varying], ARRAY['c'::character varying, NULL::character "
    "varying]])::text[] <> '{}'::text[])",
    "(ARRAY[ARRAY[(n)::text, ('b'::character varying)::text], ARRAY[('c'::character "
    "varying)::text, (NULL::character varying)::text]] <> '{}'::text[])" },
  /* A cast within a cast. */
  { "(ARRAY[f((ARRAY['a'::character varying])::text[])])::integer[]",
    "ARRAY[(f(ARRAY[('a'::character varying)::text]))::integer]" },
  { "(ARRAY[('b'::text || c), \nCASE\n    WHEN true THEN 'x'::text\nEND])::integer[]",
    "ARRAY[(('b'::text || c))::integer, (\nCASE\n    WHEN true THEN 'x'::text\nEND)::integer]" },
  { "FROM (VALUES (4), (5)) \"*VALUES*\"", "FROM ( VALUES (4), (5)) \"*VALUES*\"" },
};

static void
test_both_spellings_become_one (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *source = db_schema_canonical (pairs[i].source);
      g_autofree char *copy = db_schema_canonical (pairs[i].copy);
      assert_string_equal (source, copy);
    }
}

static void
test_the_spelling_is_the_later_one (void **state)
{
  (void) state;
  g_autofree char *text = db_schema_canonical (pairs[0].source);
  assert_string_equal (text, pairs[0].copy);
}

/* What looks like such a cast and is none, and what must not be touched at all. */
static const char *const unchanged[] = {
  "",
  "CHECK ((a > 0))",
  "ARRAY[]::text[]",
  "(ARRAY[])::text[]",
  "('{a,b}'::text[])::character varying[]",
  "(ARRAY['1'::text])::types.matrix",               /* a domain over an array */
  "(ARRAY[1, 2])[1]",                               /* a subscript */
  "lower(ARRAY['a'::character varying])::text[]",   /* the parenthesis is a call's */
  "\"Odd\"(ARRAY['a'::character varying])::text[]", /* likewise */
  "'( x  )(ARRAY[''a''::character varying])::text[]'",
  "\"( x )(ARRAY[a])::text[]\"",
  "AS $body$ SELECT ( (ARRAY['a'::varchar])::text[] ); $body$",
  "AS $$( $body$ )$$",
  "(ARRAY[1, 2)::text[]",
  "(ARRAY['never closed])::text[]",
  "(ARRAY[\"never closed])::text[]",
  "(ARRAY[$q$ never closed])::text[]",
  "(ARRAY[1",
  "(ARRAY[",
  "((((((((",
  "]]))",
  "$1 + $2",
  "E'\\",
};

static void
test_other_text_stays (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (unchanged); i++)
    {
      g_autofree char *text = db_schema_canonical (unchanged[i]);
      assert_string_equal (text, unchanged[i]);
    }
}

static void
test_canonical_text_stays (void **state)
{
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *once = db_schema_canonical (pairs[i].source);
      g_autofree char *twice = db_schema_canonical (once);
      assert_string_equal (once, twice);
    }
}

/* Different expressions stay different, however close. */
static void
test_differences_stay (void **state)
{
  (void) state;
  g_autofree char *text = db_schema_canonical ("(ARRAY['a'::character varying])::text[]");
  g_autofree char *other = db_schema_canonical ("(ARRAY['a'::character varying])::bpchar[]");
  g_autofree char *longer = db_schema_canonical ("(ARRAY['a '::character varying])::text[]");
  assert_string_not_equal (text, other);
  assert_string_not_equal (text, longer);
}

/* Nesting that no schema has must neither overflow the stack nor take forever. */
static void
test_deep_nesting (void **state)
{
  (void) state;
  GString *deep = g_string_new (NULL);
  for (int i = 0; i < 2000; i++)
    g_string_append (deep, "(ARRAY[");
  g_string_append_c (deep, '1');
  for (int i = 0; i < 2000; i++)
    g_string_append (deep, "])::text[]");
  g_autofree char *text = db_schema_canonical (deep->str);
  assert_true (g_str_has_prefix (text, "ARRAY[(ARRAY[("));
  assert_true (strlen (text) > 2000);

  g_string_assign (deep, "(ARRAY[");
  for (int i = 0; i < 2000; i++)
    g_string_append (deep, "ARRAY[");
  for (int i = 0; i < 2000; i++)
    g_string_append_c (deep, ']');
  g_string_append (deep, "])::text[]");
  g_autofree char *arrays = db_schema_canonical (deep->str);
  assert_true (strlen (arrays) > 2000);
  g_string_free (deep, TRUE);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_both_spellings_become_one),
    cmocka_unit_test (test_the_spelling_is_the_later_one),
    cmocka_unit_test (test_other_text_stays),
    cmocka_unit_test (test_canonical_text_stays),
    cmocka_unit_test (test_differences_stay),
    cmocka_unit_test (test_deep_nesting),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
