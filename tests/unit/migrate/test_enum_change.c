/* Changes of enums as statements, and those in the files of every layout. */
#include "../server.h"

#include "migrate/enum_change.h"

#include <string.h>

/* --- without a server -------------------------------------------------------------------------- */

static EnumType *
make_type (const char *labels)
{
  g_auto (GStrv) words = g_strsplit (labels, " ", -1);
  EnumType *type = g_new0 (EnumType, 1);
  type->oid = g_strdup ("1");
  type->name = g_strdup ("public.mood");
  type->labels = g_ptr_array_new_with_free_func (g_free);
  for (char **word = words; *word != NULL; word++)
    g_ptr_array_add (type->labels, g_strdup (*word));
  return type;
}

static void
assert_told (const GError *error, KeelErrorKind kind, const char *message, const char *hint)
{
  assert_non_null (error);
  assert_string_equal (error->message, message);
  assert_true (keel_error_is (error, kind));
  if (hint != NULL)
    assert_string_equal (keel_error_hint (error), hint);
}

static void
test_rename (void **state)
{
  (void) state;
  g_autoptr (EnumType) type = make_type ("sad ok");
  g_autoptr (EnumChange) change = NULL;
  g_autoptr (GError) error = NULL;
  assert_true (enum_change_rename (type, "sad", "it's bad", &change, &error));
  assert_no_error (error);
  assert_string_equal (change->name, "rename_sad_of_mood");
  assert_int_equal (change->up->len, 1);
  assert_string_equal (change->up->pdata[0],
                       "ALTER TYPE public.mood RENAME VALUE 'sad' TO 'it''s bad';");
  assert_string_equal (change->down->pdata[0],
                       "ALTER TYPE public.mood RENAME VALUE 'it''s bad' TO 'sad';");
}

static void
test_values_that_cannot_be (void **state)
{
  static const struct
  {
    const char *from, *to, *message, *hint;
    KeelErrorKind kind;
  } cases[] = {
    { "glad", "x", "type public.mood has no value “glad”", "It has: sad, ok.", KEEL_ERROR_MISSING },
    { "sad", "ok", "type public.mood has a value “ok” already", NULL, KEEL_ERROR_REFUSED },
    { "sad", "", "“” cannot be a value of an enum", "It is text of 1 to 63 bytes in UTF-8.",
      KEEL_ERROR_USAGE },
    { "sad", "\xff", "“\xff” cannot be a value of an enum", NULL, KEEL_ERROR_USAGE },
    { "sad", "1234567890123456789012345678901234567890123456789012345678901234",
      "“1234567890123456789012345678901234567890123456789012345678901234” cannot be a value of an enum",
      NULL, KEEL_ERROR_USAGE },
  };
  (void) state;
  g_autoptr (EnumType) type = make_type ("sad ok");
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      EnumChange *change = NULL;
      g_autoptr (GError) error = NULL;
      assert_false (enum_change_rename (type, cases[i].from, cases[i].to, &change, &error));
      assert_null (change);
      assert_told (error, cases[i].kind, cases[i].message, cases[i].hint);
    }
}

static void
new_file_free (MigrationNewFile *file)
{
  g_free (file->path);
  g_free (file->text);
  g_free (file);
}

/* Files of "path" "text" pairs, as `migrate new` makes them. */
static GPtrArray *
make_files (const char *const *texts)
{
  GPtrArray *files = g_ptr_array_new_with_free_func ((GDestroyNotify) new_file_free);
  for (; *texts != NULL; texts += 2)
    {
      MigrationNewFile *file = g_new0 (MigrationNewFile, 1);
      file->path = g_strdup (texts[0]);
      file->text = g_strdup (texts[1]);
      g_ptr_array_add (files, file);
    }
  return files;
}

static EnumChange *
make_change (bool has_down)
{
  EnumChange *change = g_new0 (EnumChange, 1);
  change->up = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (change->up, g_strdup ("UP;"));
  g_ptr_array_add (change->up, g_strdup ("DO $$ BLOCK $$;"));
  if (has_down)
    {
      change->down = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (change->down, g_strdup ("DOWN;"));
    }
  return change;
}

/* With a way back in DOWN_FILES, "path=text" of each file; without one in UP_FILES. */
static void
assert_filled (const char *layout, const char *const *texts, bool has_down, const char *expected,
               bool has_place)
{
  g_autoptr (GPtrArray) files = make_files (texts);
  g_autoptr (EnumChange) change = make_change (has_down);
  g_autoptr (GString) text = g_string_new (NULL);
  bool placed = enum_change_fill (change, layout, files);
  for (guint i = 0; i < files->len; i++)
    {
      const MigrationNewFile *file = files->pdata[i];
      g_string_append_printf (text, "%s=%s|", file->path, file->text);
    }
  if (strcmp (text->str, expected) != 0 || placed != has_place)
    fail_msg ("%s (%d): %s", layout, placed, text->str);
}

static void
test_files_of_layouts (void **state)
{
  static const char *const pairs[] = { "m/1_x.up.sql", "", "m/1_x.down.sql", "", NULL };
  static const char *const dbmate[]
      = { "m/1_x.sql", "-- migrate:up\n\n\n-- migrate:down\n\n", NULL };
  static const char *const goose[] = { "m/1_x.sql", "-- +goose Up\n\n\n-- +goose Down\n\n", NULL };
  static const char *const flyway[] = { "m/V1__x.sql", "", "m/U1__x.sql", "", NULL };
  static const char *const sqitch[] = { "deploy/x.sql",
                                        "-- Deploy\n\nBEGIN;\n\nCOMMIT;\n",
                                        "revert/x.sql",
                                        "-- Revert\n\nBEGIN;\n\nCOMMIT;\n",
                                        "verify/x.sql",
                                        "-- Verify\n\nROLLBACK;\n",
                                        "sqitch.plan",
                                        "plan",
                                        NULL };
  static const char *const prisma[] = { "m/1_x/migration.sql", "", NULL };
  static const char *const drizzle[] = { "drizzle/0001_x.sql", "", NULL };
  static const char *const numbered[] = { "m/001_x.sql", "", NULL };
  (void) state;
  assert_filled ("pgkeel", pairs, true,
                 "m/1_x.up.sql=UP;\n\nDO $$ BLOCK $$;\n|m/1_x.down.sql=DOWN;\n|", true);
  /* The file of a way back that there is not is taken out. */
  assert_filled ("pgkeel", pairs, false, "m/1_x.up.sql=UP;\n\nDO $$ BLOCK $$;\n|", false);
  assert_filled ("dbmate", dbmate, true,
                 "m/1_x.sql=-- migrate:up\nUP;\n\nDO $$ BLOCK $$;\n\n\n-- migrate:down\nDOWN;\n\n|",
                 true);
  assert_filled ("goose", goose, true,
                 "m/1_x.sql=-- +goose Up\nUP;\n\n-- +goose StatementBegin\nDO $$ BLOCK $$;\n"
                 "-- +goose StatementEnd\n\n\n-- +goose Down\nDOWN;\n\n|",
                 true);
  assert_filled ("flyway", flyway, true,
                 "m/V1__x.sql=UP;\n\nDO $$ BLOCK $$;\n|m/U1__x.sql=DOWN;\n|", true);
  assert_filled ("sqitch", sqitch, true,
                 "deploy/x.sql=-- Deploy\n\nBEGIN;\nUP;\n\nDO $$ BLOCK $$;\n\nCOMMIT;\n|"
                 "revert/x.sql=-- Revert\n\nBEGIN;\nDOWN;\n\nCOMMIT;\n|"
                 "verify/x.sql=-- Verify\n\nROLLBACK;\n|sqitch.plan=plan|",
                 true);
  /* Their own tools know no way back; pgkeel reads one beside the file. */
  assert_filled ("prisma", prisma, true,
                 "m/1_x/migration.sql=UP;\n\nDO $$ BLOCK $$;\n|m/1_x/down.sql=DOWN;\n|", true);
  assert_filled ("drizzle", drizzle, true,
                 "drizzle/0001_x.sql=UP;\n--> statement-breakpoint\nDO $$ BLOCK $$;\n|"
                 "drizzle/0001_x.down.sql=DOWN;\n|",
                 true);
  assert_filled ("numbered", numbered, true, "m/001_x.sql=UP;\n\nDO $$ BLOCK $$;\n|", false);
}

/* --- on a server ------------------------------------------------------------------------------- */

static int
start (void **state)
{
  if (start_server (state) != 0)
    return -1;
  g_autoptr (DbConn) conn = make_database ("shop");
  run (conn, "CREATE SCHEMA \"Far\"; CREATE TYPE \"Far\".\"Mood\" AS ENUM ('sad', 'ok', 'glad');"
             "CREATE TYPE public.mood AS ENUM ('only');"
             "CREATE TABLE public.person (id int, mood \"Far\".\"Mood\" DEFAULT 'ok',"
             "                            moods \"Far\".\"Mood\"[]);"
             "INSERT INTO public.person VALUES (1, 'sad', '{ok}'), (2, 'ok', '{glad,sad}')");
  return 0;
}

static EnumType *
read_type (DbConn *conn, const char *name)
{
  g_autoptr (GError) error = NULL;
  EnumType *type = NULL;
  bool done = enum_type_read (conn, name, &type, &error);
  assert_no_error (error);
  assert_true (done);
  return type;
}

static void
test_types_are_found_as_in_sql (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("shop");
  g_autoptr (EnumType) type = read_type (conn, "\"Far\".\"Mood\"");
  assert_string_equal (type->name, "\"Far\".\"Mood\"");
  assert_int_equal (type->labels->len, 3);
  assert_string_equal (type->labels->pdata[2], "glad");
  g_autoptr (DbConn) second = connect_to ("shop");
  g_autoptr (EnumType) plain = read_type (second, "mood");
  assert_string_equal (plain->name, "public.mood");

  static const struct
  {
    const char *name, *message, *hint;
  } missing[] = {
    { "far.mood", "there is no type “far.mood”", "Did you mean \"Far\".\"Mood\"?" },
    { "nosuch", "there is no type “nosuch”",
      "Name its schema, and write it as in SQL: capitals want double quotes." },
    { "integer", "type “integer” is no enum", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (missing); i++)
    {
      g_autoptr (DbConn) another = connect_to ("shop");
      g_autoptr (GError) error = NULL;
      EnumType *none = NULL;
      assert_false (enum_type_read (another, missing[i].name, &none, &error));
      assert_told (error, KEEL_ERROR_MISSING, missing[i].message, missing[i].hint);
    }
}

static void
test_add (void **state)
{
  static const struct
  {
    const char *before, *after, *up;
  } cases[] = {
    { NULL, NULL, "ALTER TYPE \"Far\".\"Mood\" ADD VALUE 'mad';" },
    { "ok", NULL, "ALTER TYPE \"Far\".\"Mood\" ADD VALUE 'mad' BEFORE 'ok';" },
    { NULL, "ok", "ALTER TYPE \"Far\".\"Mood\" ADD VALUE 'mad' AFTER 'ok';" },
  };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (DbConn) conn = connect_to ("shop");
      g_autoptr (EnumType) type = read_type (conn, "\"Far\".\"Mood\"");
      g_autoptr (EnumChange) change = NULL;
      g_autoptr (GError) error = NULL;
      assert_true (
          enum_change_add (conn, type, "mad", cases[i].before, cases[i].after, &change, &error));
      assert_no_error (error);
      assert_int_equal (change->up->len, 1);
      assert_string_equal (change->up->pdata[0], cases[i].up);
      assert_true (change->down->len > 1);
      assert_null (change->no_way_back);
    }
}

static char *
whole (const GPtrArray *statements)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < statements->len; i++)
    g_string_append_printf (text, "%s\n", (const char *) statements->pdata[i]);
  return g_string_free (text, FALSE);
}

static void
assert_query (DbConn *conn, const char *sql, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  assert_true (db_query_text (conn, sql, 0, NULL, &text, &error));
  assert_no_error (error);
  assert_string_equal (text, expected);
}

/* Both ways are what they say when they run. */
static void
test_remove (void **state)
{
  static const char labels[]
      = "SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum"
        " WHERE enumtypid = '\"Far\".\"Mood\"'::regtype";
  static const char rows[] = "SELECT string_agg(mood || ' ' || moods::text, ', ' ORDER BY id)"
                             "  FROM public.person";
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("shop");
  g_autoptr (EnumType) type = read_type (conn, "\"Far\".\"Mood\"");
  g_autoptr (EnumChange) change = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (enum_change_remove (conn, type, "sad", NULL, &change, &error));
  assert_told (error, KEEL_ERROR_ANSWER_NO, "rows hold the value “sad” of type \"Far\".\"Mood\"",
               "Change these rows first, or say what they become: --replace-with.");
  assert_non_null (strstr (keel_error_detail (error), "table public.person, column mood: 1 row"));
  assert_non_null (strstr (keel_error_detail (error), "table public.person, column moods: 1 row"));
  g_clear_error (&error);
  assert_false (enum_change_remove (conn, type, "sad", "sad", &change, &error));
  assert_told (error, KEEL_ERROR_USAGE, "“sad” cannot replace itself", NULL);
  g_clear_error (&error);
  assert_true (enum_change_remove (conn, type, "sad", "glad", &change, &error));
  assert_no_error (error);
  assert_string_equal (change->name, "remove_sad_from_\"Mood\"");
  g_autofree char *up = whole (change->up), *down = whole (change->down);
  g_autoptr (DbConn) other = connect_to ("shop");
  run (conn, "ROLLBACK");
  run (other, up);
  assert_query (other, labels, "ok glad");
  assert_query (other, rows, "glad {ok}, ok {glad,glad}");
  run (other, down);
  assert_query (other, labels, "sad ok glad");
  assert_query (other, rows, "glad {ok}, ok {glad,glad}");
}

static void
test_the_last_value_stays (void **state)
{
  (void) state;
  g_autoptr (DbConn) conn = connect_to ("shop");
  g_autoptr (EnumType) type = read_type (conn, "public.mood");
  g_autoptr (EnumChange) change = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (enum_change_remove (conn, type, "only", NULL, &change, &error));
  assert_told (error, KEEL_ERROR_REFUSED, "“only” is the last value of type public.mood",
               "Drop the type instead.");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_rename),
    cmocka_unit_test (test_values_that_cannot_be),
    cmocka_unit_test (test_files_of_layouts),
    cmocka_unit_test (test_types_are_found_as_in_sql),
    cmocka_unit_test (test_add),
    cmocka_unit_test (test_remove),
    cmocka_unit_test (test_the_last_value_stays),
  };
  return cmocka_run_group_tests (tests, start, stop_server);
}
