#include "../folder.h"
#include "backup/index.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "00112233445566778899aabbccddeeff"

/* Written by hand after docs/backup-format.md. The parts cover 0 to 1000. */
#define INDEX_OFFSET 1000
static const char *const good_lines[] = {
  "-- pgkeel's index of this file, for machines",
  "-- {\"pgkeel_index\":1,\"created\":1745287200,\"project\":\"shop\",\"environment\":\"production\","
  "\"type\":\"db\",\"pgkeel_version\":\"0.1.0\",\"database\":\"shop\",\"server_version\":150004,"
  "\"system_identifier\":\"7710465302438138888\",\"encoding\":\"UTF8\",\"lsn\":\"0/1BF6BC0\","
  "\"schema_fingerprint\":\"abc\",\"source\":{\"roles\":[]}}",
  "-- {\"part\":\"header\",\"member\":[0,100,200,0,\"" HASH "\"]}",
  "-- {\"part\":\"keys\",\"member\":[700,300,400,0,\"" HASH "\"]}",
  "-- {\"table\":{\"schema\":\"public\",\"name\":\"a\",\"columns\":[\"x\",\"y\"],\"extension\":false,"
  "\"rows\":5,\"digest\":\"" DIGEST "\",\"bytes\":142,\"statement_bytes\":25,"
  "\"members\":[[100,200,100,3,\"" HASH "\"],[300,300,100,2,\"" HASH "\"]]}}",
  "-- {\"table\":{\"schema\":\"public\",\"name\":\"b\",\"columns\":[],\"extension\":true,"
  "\"condition\":\"WHERE id > 10\",\"rows\":7,\"digest\":\"" DIGEST "\",\"bytes\":76,"
  "\"statement_bytes\":20,\"members\":[[600,100,100,7,\"" HASH "\"]]}}",
  "-- {\"sequence\":[\"public\",\"s\",-5,true]}",
  "-- {\"object\":[\"table\",\"public.a\",\"a table\"]}",
  "-- {\"large_objects\":{\"count\":2,\"chunks\":3,\"digest\":\"" DIGEST "\"}}",
  "-- {\"end\":{\"tables\":2,\"sequences\":1,\"rows\":12}}",
};

static bool
parse (const char *text, size_t length, BackupIndex **ret_index, GError **error)
{
  /* Of exactly this size, so that reading beyond it is seen. */
  g_autofree char *copy = g_memdup2 (text, length);
  return backup_index_parse (copy, length, INDEX_OFFSET, ret_index, error);
}

static char *
join_good (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (good_lines); i++)
    g_string_append_printf (text, "%s\n", good_lines[i]);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_refused (const char *text, size_t length, KeelErrorKind kind, const char *message)
{
  BackupIndex *index = NULL;
  g_autoptr (GError) error = NULL;
  if (parse (text, length, &index, &error))
    fail_msg ("taken for an index:\n%.*s", (int) length, text);
  assert_null (index);
  assert_error (error, kind, message);
}

static void
test_the_documents_form_is_read (void **state)
{
  (void) state;
  g_autofree char *text = join_good ();
  g_autoptr (BackupIndex) index = NULL;
  g_autoptr (GError) error = NULL;
  bool done = parse (text, strlen (text), &index, &error);
  assert_no_error (error);
  assert_true (done);
  assert_int_equal (index->created, 1745287200);
  assert_string_equal (index->type, "db");
  assert_int_equal (index->server_version, 150004);
  assert_string_equal (index->lsn, "0/1BF6BC0");
  assert_string_equal (index->fingerprint, "abc");
  assert_int_equal (index->members->len, 2);
  assert_int_equal (g_array_index (index->members, BackupMember, 1).kind, MEMBER_KEYS);
  assert_int_equal (g_array_index (index->members, BackupMember, 1).offset, 700);
  assert_int_equal (backup_index_rows (index), 12);
  assert_int_equal (backup_index_raw_bytes (index), 218);
  const BackupTable *table = index->tables->pdata[0];
  assert_string_equal (table->columns[1], "y");
  assert_null (table->columns[2]);
  assert_false (table->is_extension_member);
  assert_int_equal (table->statement_bytes, 25);
  const BackupMember *member = &g_array_index (table->members, BackupMember, 1);
  assert_true (member->offset == 300 && member->size_bytes == 300 && member->raw_bytes == 100);
  assert_true (member->row_count == 2 && member->kind == MEMBER_DATA);
  assert_int_equal (member->sha256[1], 0x23);
  const BackupTable *other = index->tables->pdata[1];
  assert_true (other->is_extension_member);
  assert_string_equal (other->condition, "WHERE id > 10");
  const BackupSequence *sequence = index->sequences->pdata[0];
  assert_int_equal (sequence->last_value, -5);
  assert_true (sequence->is_called);
  const BackupObject *object = index->objects->pdata[0];
  assert_string_equal (object->kind, "table");
  assert_string_equal (object->name, "public.a");
  assert_string_equal (object->definition, "a table");
  assert_int_equal (index->large_object_count, 2);
  assert_int_equal (index->large_object_digest.rows, 3);
}

static void
test_what_is_read_is_written_again (void **state)
{
  (void) state;
  g_autofree char *text = join_good ();
  g_autoptr (BackupIndex) index = NULL;
  size_t length;
  assert_true (parse (text, strlen (text), &index, NULL));
  g_autofree char *again = backup_index_format (index, &length);
  assert_string_equal (again, text);
  assert_int_equal (length, strlen (text));
}

/* Each names one thing to change in the good text, and what the message must then say. */
static const struct
{
  const char *from, *to, *message;
} mistakes[] = {
  /* The parts: gaps, overlaps, ends. */
  { "[700,300,400,0", "[701,299,400,0", "its parts do not cover the file" },
  { "[700,300,400,0", "[699,301,400,0", "its parts do not cover the file" },
  { "[700,300,400,0", "[700,299,400,0", "its parts do not cover the file" },
  { "[700,300,400,0", "[700,301,400,0", "its parts do not cover the file" },
  { "[300,300,100,2", "[300,0,100,2", "its parts do not cover the file" },
  { "[300,300,100,2", "[100,200,100,2", "its parts do not cover the file" },
  { "[700,300,400,0", "[700,9223372036854775807,400,0", "its parts do not cover the file" },
  { "[0,100,200,0", "[1,99,200,0", "its parts do not cover the file" },
  /* Numbers that contradict each other. */
  { "\"rows\":5", "\"rows\":6", "form" },
  { "100,7,", "100,6,", "form" },
  { "\"bytes\":142", "\"bytes\":143", "form" },
  { "\"statement_bytes\":20", "\"statement_bytes\":97", "form" },
  { "\"statement_bytes\":20", "\"statement_bytes\":9000000000", "form" },
  { "\"rows\":12", "\"rows\":13", "form" },
  { "\"tables\":2", "\"tables\":3", "form" },
  { "\"sequences\":1", "\"sequences\":0", "form" },
  /* Types and ranges. */
  { "[0,100,200,0", "[-0,100,200,-1", "form" },
  { "[0,100,200,0", "[0,-100,200,0", "form" },
  { "[0,100,200,0", "[0,100.0,200,0", "form" },
  { "[0,100,200,0", "[0,\"100\",200,0", "form" },
  { "[0,100,200,0", "[0,100,200", "form" },
  { "[0,100,200,0", "[0,0,100,200,0", "form" },
  { "[0,100,200,0", "[0,99999999999999999999,200,0", "not JSON" },
  { "0,\"" HASH "\"]}\n-- {\"part\":\"keys\"", "0,\"0123\"]}\n-- {\"part\":\"keys\"", "form" },
  { "0,\"0123", "0,\"012G", "form" },
  { "0,\"0123456789a", "0,\"0123456789A", "form" },
  { "\"digest\":\"0011", "\"digest\":\"011", "form" },
  { "\"columns\":[]", "\"columns\":{}", "form" },
  { "\"columns\":[]", "\"columns\":[1]", "form" },
  { "\"columns\":[],", "", "form" },
  { "\"extension\":true", "\"extension\":1", "form" },
  { "\"condition\":\"WHERE id > 10\"", "\"condition\":5", "form" },
  { "\"members\":[[600", "\"member\":[[600", "form" },
  { "\"name\":\"b\"", "\"name\":null", "form" },
  { "\"schema\":\"public\",\"name\":\"b\"", "\"name\":\"b\"", "form" },
  { "-5,true]", "-5,1]", "form" },
  { "-5,true]", "5.5,true]", "form" },
  { "-5,true]", "-5]", "form" },
  { "-5,true]", "-5,true,1]", "form" },
  { "\"public.a\",", "", "form" },
  { "\"public.a\"", "7", "form" },
  { "\"count\":2", "\"count\":4", "form" },
  { "\"count\":2", "\"count\":-2", "form" },
  { "\"chunks\":3,", "", "form" },
  /* Lines. */
  { "\"part\":\"keys\"", "\"part\":\"data\"", "form" },
  { "\"part\":\"keys\"", "\"part\":\"key\"", "form" },
  { "\"part\":\"keys\"", "\"part\":7", "form" },
  { "{\"sequence\":", "{\"series\":", "form" },
  { "-- {\"sequence\"", "--{\"sequence\"", "not JSON" },
  { "-- {\"sequence\"", "SELECT 1; {\"sequence\"", "not JSON" },
  { "-5,true]}", "-5,true]", "not JSON" },
  { "-5,true]}", "-5,true]} x", "not JSON" },
  { "\"s\"", "\"s\\u0000\"", "not JSON" },
  { "\"s\"", "\"\xff\"", "not JSON" },
  { "\n-- {\"sequence\"", "\n\n-- {\"sequence\"", "not JSON" },
  { "{\"end\":{\"tables\"", "{\"end\":{\"tables\":2,\"tables\"", "not JSON" },
  { "\"rows\":5", "\"rows\":5,\"rows\":5", "not JSON" },
  { "\"name\":\"b\"", "\"name\":\"a\"", "form" },
  { "-- {\"sequence\":[\"public\",\"s\",-5,true]}\n",
    "-- {\"sequence\":[\"public\",\"s\",-5,true]}\n-- {\"sequence\":[\"public\",\"s\",6,true]}\n",
    "form" },
  { "-- {\"end\"",
    "-- {\"large_objects\":{\"count\":0,\"chunks\":0,\"digest\":\"" DIGEST "\"}}\n-- {\"end\"",
    "form" },
  { "-- {\"large_objects\":{\"count\":2,\"chunks\":3,\"digest\":\"" DIGEST "\"}}\n", "", "form" },
  { "\"rows\":12}}\n", "\"rows\":12}}\n-- \n", "does not end where it should" },
  { "\"rows\":12}}\n", "\"rows\":12}}", "does not end where it should" },
  { "-- {\"end\":{\"tables\":2,\"sequences\":1,\"rows\":12}}\n", "", "cut short" },
  /* The first line. */
  { "\"pgkeel_index\":1", "\"pgkeel_index\":0", "first line" },
  { "\"pgkeel_index\":1", "\"pgkeel_index\":\"1\"", "first line" },
  { "\"type\":\"db\",", "", "first line" },
  { "\"type\":\"db\"", "\"type\":\"full\"", "first line" },
  { "\"database\":\"shop\",", "", "first line" },
  { "\"environment\":\"production\",", "", "first line" },
  { "\"lsn\":\"0/1BF6BC0\"", "\"lsn\":7", "first line" },
  { "\"encoding\":\"UTF8\",", "", "first line" },
  { "\"server_version\":150004", "\"server_version\":\"15\"", "first line" },
  { "\"created\":1745287200", "\"created\":\"2025\"", "first line" },
  { "\"source\":{\"roles\":[]}", "\"source\":[]", "first line" },
};

static void
test_every_mistake_is_refused (void **state)
{
  (void) state;
  g_autofree char *text = join_good ();
  for (size_t i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      const char *at = strstr (text, mistakes[i].from);
      if (at == NULL)
        fail_msg ("the good text has no: %s", mistakes[i].from);
      g_autoptr (GString) bad = g_string_new_len (text, at - text);
      g_string_append (bad, mistakes[i].to);
      g_string_append (bad, at + strlen (mistakes[i].from));
      assert_refused (bad->str, bad->len, KEEL_ERROR_CORRUPT, mistakes[i].message);
    }
}

static void
test_every_cut_is_refused (void **state)
{
  (void) state;
  g_autofree char *text = join_good ();
  for (size_t length = 0; length < strlen (text); length++)
    assert_refused (text, length, KEEL_ERROR_CORRUPT, "the index of the backup is wrong");
}

static void
test_other_offsets_of_the_index_are_refused (void **state)
{
  (void) state;
  static const uint64_t offsets[] = { 0, 1, INDEX_OFFSET - 1, INDEX_OFFSET + 1, UINT64_MAX };
  g_autofree char *text = join_good ();
  for (size_t i = 0; i < G_N_ELEMENTS (offsets); i++)
    {
      BackupIndex *index = NULL;
      assert_false (backup_index_parse (text, strlen (text), offsets[i], &index, NULL));
    }
}

static void
test_a_newer_format_says_so (void **state)
{
  (void) state;
  g_autofree char *text = join_good ();
  char *at = strstr (text, "index\":1");
  BackupIndex *index = NULL;
  g_autoptr (GError) error = NULL;
  at[7] = '2';
  assert_false (parse (text, strlen (text), &index, &error));
  assert_error (error, KEEL_ERROR_FAILED, "the index has format 2, this pgkeel knows format 1");
  assert_string_equal (keel_error_hint (error), "Use the newer pgkeel that wrote it.");
}

/* Keys that are not known may be added without a new format. */
static void
test_unknown_keys_are_passed_over (void **state)
{
  (void) state;
  g_autofree char *good = join_good ();
  g_auto (GStrv) header = g_strsplit (good, "\"type\":\"db\"", 2);
  g_autofree char *more = g_strjoinv ("\"compression\":\"gzip\",\"type\":\"db\"", header);
  g_auto (GStrv) table = g_strsplit (more, "\"rows\":5", 2);
  g_autofree char *text = g_strjoinv ("\"owner\":{\"of\":\"it\"},\"rows\":5", table);
  g_autoptr (BackupIndex) index = NULL;
  g_autoptr (GError) error = NULL;
  bool done = parse (text, strlen (text), &index, &error);
  assert_no_error (error);
  assert_true (done);
}

static void
add_member (GArray *members, BackupMemberKind kind, uint64_t *offset, uint64_t raw, uint64_t rows)
{
  BackupMember member = { .kind = kind,
                          .offset = *offset,
                          .size_bytes = 1 + *offset % 1000,
                          .raw_bytes = raw,
                          .row_count = rows };
  for (int i = 0; i < SHA256_BYTES; i++)
    member.sha256[i] = (uint8_t) (*offset * 31 + (uint64_t) i);
  *offset += member.size_bytes;
  g_array_append_val (members, member);
}

static BackupIndex *
make_index (uint64_t *offset)
{
  BackupIndex *index = backup_index_new ();
  index->created = 1745287200;
  index->project = g_strdup ("shop");
  index->environment = g_strdup ("production");
  index->type = g_strdup ("db");
  index->pgkeel_version = g_strdup ("0.1.0");
  index->database = g_strdup ("a \"b\"\n\\c");
  index->server_version = 170006;
  index->system_identifier = g_strdup ("7710465302438138888");
  index->encoding = g_strdup ("UTF8");
  index->lsn = g_strdup ("FFFFFFFF/FFFFFFFF");
  index->source = json_object ();
  *offset = 0;
  add_member (index->members, MEMBER_HEADER, offset, 10, 0);
  return index;
}

static BackupTable *
add_table (BackupIndex *index, const char *schema, const char *name, guint parts, uint64_t *offset)
{
  BackupTable *table = backup_table_new (schema, name);
  g_ptr_array_add (index->tables, table);
  table->statement_bytes = parts > 0 ? 30 : 0;
  table->digest = (RowDigest){ .high = UINT64_MAX - parts, .low = parts };
  for (guint i = 0; i < parts; i++)
    {
      add_member (table->members, MEMBER_DATA, offset, 34 + 100 + i, 10 + i);
      table->raw_bytes += 100 + i;
      table->digest.rows += 10 + i;
    }
  return table;
}

static BackupIndex *
go_round (const BackupIndex *index, uint64_t offset)
{
  size_t length;
  g_autofree char *text = backup_index_format (index, &length);
  BackupIndex *again = NULL;
  g_autoptr (GError) error = NULL;
  bool done = backup_index_parse (text, length, offset, &again, &error);
  assert_no_error (error);
  assert_true (done);
  return again;
}

static const char *const odd_names[]
    = { "\"quoted\"",
        "a.b",
        "Upper Case",
        "new\nline",
        "tab\tand\\slash",
        "-- comment",
        "\xc3\xa9t\xc3\xa9",
        "\xf0\x9f\x98\x80",
        "",
        "'; DROP TABLE x; --",
        "\x7f\x01",
        "sixty-three-bytes-long-name-which-is-the-most-that-postgres-ta" };

static void
test_odd_names_survive (void **state)
{
  (void) state;
  uint64_t offset;
  g_autoptr (BackupIndex) index = make_index (&offset);
  for (size_t i = 0; i < G_N_ELEMENTS (odd_names); i++)
    {
      BackupTable *table = add_table (index, odd_names[i],
                                      odd_names[G_N_ELEMENTS (odd_names) - 1 - i], 1, &offset);
      g_strfreev (table->columns);
      table->columns = g_strdupv ((char **) (const char *const[]){ odd_names[i], "b", NULL });
      g_ptr_array_add (
          index->sequences,
          backup_sequence_new (odd_names[i], "s", i % 2 ? INT64_MIN : INT64_MAX, i % 2));
    }
  size_t length;
  g_autofree char *text = backup_index_format (index, &length);
  for (size_t i = 0; i < length; i++)
    assert_true (text[i] == '\n' || (text[i] >= ' ' && text[i] <= 0x7f));
  g_autoptr (BackupIndex) again = go_round (index, offset);
  assert_string_equal (again->database, index->database);
  assert_null (again->fingerprint);
  for (size_t i = 0; i < G_N_ELEMENTS (odd_names); i++)
    {
      const BackupTable *table = again->tables->pdata[i];
      const BackupSequence *sequence = again->sequences->pdata[i];
      assert_string_equal (table->schema, odd_names[i]);
      assert_string_equal (table->name, odd_names[G_N_ELEMENTS (odd_names) - 1 - i]);
      assert_string_equal (table->columns[0], odd_names[i]);
      assert_string_equal (sequence->schema, odd_names[i]);
      assert_true (sequence->last_value == (i % 2 ? INT64_MIN : INT64_MAX));
    }
}

/* Text in another encoding (an SQL_ASCII database) must not end the program. */
static void
test_names_that_are_not_utf8 (void **state)
{
  (void) state;
  uint64_t offset;
  g_autoptr (BackupIndex) index = make_index (&offset);
  BackupTable *table = add_table (index, "public", "t", 1, &offset);
  table->condition = g_strdup ("WHERE name <> 'caf\xe9'");
  g_autoptr (BackupIndex) again = go_round (index, offset);
  assert_string_equal (((const BackupTable *) again->tables->pdata[0])->condition,
                       "WHERE name <> 'caf\\xe9'");
}

static void
test_many_tables_and_parts (void **state)
{
  (void) state;
  uint64_t offset;
  g_autoptr (BackupIndex) index = make_index (&offset);
  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *name = g_strdup_printf ("table_%u", i);
      add_table (index, i % 2 ? "public" : "other", name, i % 7, &offset);
    }
  add_table (index, "public", "huge", 20000, &offset);
  g_autoptr (BackupIndex) again = go_round (index, offset);
  assert_int_equal (again->tables->len, 3001);
  assert_int_equal (backup_index_rows (again), backup_index_rows (index));
  assert_int_equal (backup_index_raw_bytes (again), backup_index_raw_bytes (index));
  const BackupTable *huge = again->tables->pdata[3000];
  const BackupTable *before = index->tables->pdata[3000];
  assert_true (row_digest_equal (&huge->digest, &before->digest));
  assert_int_equal (huge->members->len, 20000);
  assert_memory_equal (huge->members->data, before->members->data, 20000 * sizeof (BackupMember));
}

static void
assert_found (const BackupIndex *index, const char *name, const char *schema,
              const char *table_name)
{
  g_autoptr (GError) error = NULL;
  const BackupTable *table = backup_index_find_table (index, name, &error);
  assert_no_error (error);
  assert_string_equal (table->schema, schema);
  assert_string_equal (table->name, table_name);
}

static void
test_finding_a_table (void **state)
{
  (void) state;
  uint64_t offset;
  g_autoptr (BackupIndex) index = make_index (&offset);
  g_autoptr (GError) error = NULL;
  add_table (index, "public", "one", 0, &offset);
  add_table (index, "other", "one", 0, &offset);
  add_table (index, "public", "dotted.name", 0, &offset);
  add_table (index, "a.b", "c", 0, &offset);
  assert_found (index, "public.one", "public", "one");
  assert_found (index, "other.one", "other", "one");
  assert_found (index, "dotted.name", "public", "dotted.name");
  assert_found (index, "public.dotted.name", "public", "dotted.name");
  assert_found (index, "a.b.c", "a.b", "c");
  assert_null (backup_index_find_table (index, "one", &error));
  assert_error (error, KEEL_ERROR_USAGE, "the backup holds more than one table “one”");
  assert_string_equal (keel_error_hint (error), "Name it with its schema: schema.table.");
  g_clear_error (&error);
  assert_null (backup_index_find_table (index, "ONE", &error));
  assert_error (error, KEEL_ERROR_USAGE, "the backup holds no table “ONE”");
}

static void
test_the_kinds_have_the_documents_names (void **state)
{
  (void) state;
  static const char *const names[] = { "header",    "pre-data", "data",         "large-objects",
                                       "sequences", "keys",     "foreign-keys", "post-data" };
  assert_int_equal (G_N_ELEMENTS (names), MEMBER_KIND_COUNT);
  for (int kind = 0; kind < MEMBER_KIND_COUNT; kind++)
    assert_string_equal (backup_member_kind_name ((BackupMemberKind) kind), names[kind]);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_the_documents_form_is_read),
    cmocka_unit_test (test_what_is_read_is_written_again),
    cmocka_unit_test (test_every_mistake_is_refused),
    cmocka_unit_test (test_every_cut_is_refused),
    cmocka_unit_test (test_other_offsets_of_the_index_are_refused),
    cmocka_unit_test (test_a_newer_format_says_so),
    cmocka_unit_test (test_unknown_keys_are_passed_over),
    cmocka_unit_test (test_odd_names_survive),
    cmocka_unit_test (test_names_that_are_not_utf8),
    cmocka_unit_test (test_many_tables_and_parts),
    cmocka_unit_test (test_finding_a_table),
    cmocka_unit_test (test_the_kinds_have_the_documents_names),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
