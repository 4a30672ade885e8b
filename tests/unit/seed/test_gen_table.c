#include "../testing.h"
#include "base/digest.h"
#include "base/parallel.h"
#include "seed/gen_compile.h"
#include "seed/gen_copy.h"
#include "seed/gen_plan.h"
#include "seed/gen_random.h"

#include <string.h>

/* --- tables without a database ---------------------------------------------------------------- */

typedef struct
{
  const char *name;
  GenTypeKind kind;
  const char *type;
  int max_chars, precision, scale;
  bool is_not_null;
  const char *expression; /* NULL: guessed */
} Column;

static GenModel *
model_new (uint64_t seed)
{
  GenModel *model = g_new0 (GenModel, 1);
  model->seed = seed;
  model->period = gen_period_default;
  model->tables = g_ptr_array_new_with_free_func ((GDestroyNotify) gen_table_free);
  model->arena = gen_arena_new ();
  return model;
}

/* COLUMNS ends with a row without a name. */
static GenTable *
add_table (GenModel *model, const char *name, uint64_t rows, const Column *columns)
{
  GenTable *table = gen_table_new ("public", name);
  table->rows = rows;
  for (; columns->name != NULL; columns++)
    {
      GenColumn *column = g_new0 (GenColumn, 1);
      column->name = g_strdup (columns->name);
      column->type = g_new0 (GenType, 1);
      column->type->kind = columns->kind;
      column->type->name = g_strdup (columns->type);
      column->type->max_chars = columns->max_chars;
      column->type->precision = columns->precision;
      column->type->scale = columns->scale;
      column->is_not_null = columns->is_not_null;
      column->key_start = 1;
      column->expression = g_strdup (columns->expression);
      if (columns->kind == GEN_TYPE_ENUM)
        column->type->labels = g_strsplit ("new paid gone", " ", -1);
      g_ptr_array_add (table->columns, column);
    }
  g_ptr_array_add (model->tables, table);
  return table;
}

static void
add_key (GenTable *table, const char *names)
{
  g_auto (GStrv) list = g_strsplit (names, " ", -1);
  GenKey *key = g_new0 (GenKey, 1);
  key->name = g_strjoinv ("_", list);
  key->count = g_strv_length (list);
  key->columns = g_new0 (unsigned int, key->count);
  for (guint i = 0; i < key->count; i++)
    {
      key->columns[i] = (unsigned int) gen_table_find (table, list[i]);
      GenColumn *column = gen_table_column (table, key->columns[i]);
      column->is_key |= key->count == 1;
      column->is_key_part |= key->count > 1;
    }
  g_ptr_array_add (table->keys, key);
}

static GenLink *
add_link (GenModel *model, GenTable *table, const char *name, GenTable *parent)
{
  GenLink *link = g_new0 (GenLink, 1);
  int column = gen_table_find (table, name);
  link->name = g_strconcat (name, "_fkey", NULL);
  link->count = 1;
  link->columns = g_new0 (unsigned int, 1);
  link->columns[0] = (unsigned int) column;
  link->parent_columns = g_new0 (unsigned int, 1);
  link->parent = parent;
  link->parents = parent->rows;
  link->key = gen_key (model->seed, "public", table->name, link->name);
  gen_table_column (table, (unsigned int) column)->link = link;
  g_ptr_array_add (table->links, link);
  return link;
}

static void
plan (GenModel *model, GenTable *table)
{
  GError *error = NULL;
  bool done = gen_plan_columns (model, table, "seeds.yaml", &error);
  assert_no_error (error);
  assert_true (done);
}

static bool
take_piece (const char *bytes, size_t length, void *data, GError **error)
{
  (void) error;
  g_byte_array_append (data, (const guint8 *) bytes, (guint) length);
  return true;
}

static GByteArray *
rows_of (const GenTable *table, bool is_binary, uint64_t first, uint64_t count)
{
  GByteArray *bytes = g_byte_array_new ();
  GError *error = NULL;
  g_autoptr (GenCopy) copy = gen_copy_new (table, is_binary, take_piece, bytes);
  bool done = gen_copy_rows (copy, first, count, 1, &error) && gen_copy_end (copy, &error);
  assert_no_error (error);
  assert_true (done);
  return bytes;
}

/* The text of COLUMN in ROW. */
static char *
value_of (const GenTable *table, const char *column, uint64_t row)
{
  g_autoptr (GByteArray) line = g_byte_array_new ();
  g_autoptr (GenArena) arena = gen_arena_new ();
  gen_row_write (table, row, false, arena, line);
  g_autofree char *text = g_strndup ((const char *) line->data, line->len - 1);
  g_auto (GStrv) fields = g_strsplit (text, "\t", -1);
  return g_strdup (fields[gen_table_find (table, column)]);
}

static const Column wide_columns[] = {
  { "id", GEN_TYPE_INT8, "bigint", 0, 0, 0, true, "sequence(1)" },
  { "email", GEN_TYPE_TEXT, "text", 0, 0, 0, true, NULL },
  { "name", GEN_TYPE_TEXT, "character varying(40)", 40, 0, 0, true, NULL },
  { "phone", GEN_TYPE_TEXT, "text", 0, 0, 0, false, NULL },
  { "amount", GEN_TYPE_NUMERIC, "numeric(12,2)", 0, 12, 2, true, NULL },
  { "status", GEN_TYPE_ENUM, "status", 0, 0, 0, true, "one_of('new' 5, 'paid' 3, 'gone' 2)" },
  { "token", GEN_TYPE_UUID, "uuid", 0, 0, 0, true, NULL },
  { "rate", GEN_TYPE_FLOAT8, "double precision", 0, 0, 6, true, NULL },
  { "settings", GEN_TYPE_JSONB, "jsonb", 0, 0, 0, true, NULL },
  { "created_at", GEN_TYPE_TIMESTAMPTZ, "timestamp with time zone", 0, 0, 0, true, NULL },
  { "updated_at", GEN_TYPE_TIMESTAMPTZ, "timestamp with time zone", 0, 0, 0, true, NULL },
  { "born", GEN_TYPE_DATE, "date", 0, 0, 0, false, NULL },
  { NULL },
};

static GenTable *
wide_table (GenModel *model)
{
  GenTable *table = add_table (model, "users", 100000, wide_columns);
  add_key (table, "email");
  plan (model, table);
  return table;
}

static char *
digest_of (GByteArray *bytes)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (bytes->data, bytes->len, sum);
  return sha256_hex (sum);
}

/* The bytes of these rows are the same on every machine and in every version with the same
 * GENERATOR_VERSION: whoever changes what is generated must raise that, as databases carry it. */
static void
test_bytes_are_the_same_on_every_machine (void **state)
{
  (void) state;
  g_autoptr (GenModel) model = model_new (42);
  const GenTable *table = wide_table (model);
  g_autoptr (GByteArray) binary = rows_of (table, true, 0, 5000);
  g_autoptr (GByteArray) text = rows_of (table, false, 0, 5000);
  g_autofree char *binary_digest = digest_of (binary);
  g_autofree char *text_digest = digest_of (text);
  g_autofree char *both = g_strconcat (text_digest, " ", binary_digest, NULL);
  assert_string_equal (both, "4c5d555a8cc1c0f34b2f9c2f639fe7d816024e956ce913912d75326e3aecd60d "
                             "5c6aa374bd51aa92b181c4303fc8f530ce015e22fa0fc94f60344d2557d4dc82");
}

/* --- any row alone, in any thread ------------------------------------------------------------- */

typedef struct
{
  const GenTable *table;
  GByteArray *parts[64];
} Shared;

static bool
write_parts (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  (void) worker;
  (void) error;
  Shared *shared = data;
  for (unsigned int part = parallel_next (parallel); part < 64; part = parallel_next (parallel))
    shared->parts[part] = rows_of (shared->table, false, part * 100, 100);
  return true;
}

static void
test_threads_do_not_matter (void **state)
{
  (void) state;
  g_autoptr (GenModel) model = model_new (7);
  Shared shared = { .table = wide_table (model) };
  g_autoptr (GByteArray) whole = rows_of (shared.table, false, 0, 6400);
  for (unsigned int threads = 1; threads <= 5; threads += 2)
    {
      guint at = 0;
      assert_true (parallel_run (threads, write_parts, &shared, NULL));
      for (size_t i = 0; i < 64; i++)
        {
          assert_true (at + shared.parts[i]->len <= whole->len);
          assert_memory_equal (whole->data + at, shared.parts[i]->data, shared.parts[i]->len);
          at += shared.parts[i]->len;
          g_byte_array_unref (shared.parts[i]);
        }
      assert_int_equal (at, whole->len);
    }
}

static void
test_other_seeds_give_other_rows (void **state)
{
  (void) state;
  g_autoptr (GenModel) first = model_new (1), second = model_new (2);
  g_autofree char *a = value_of (wide_table (first), "token", 3);
  g_autofree char *b = value_of (wide_table (second), "token", 3);
  assert_string_not_equal (a, b);
  g_autofree char *first_digest = gen_table_digest (first, first->tables->pdata[0]);
  g_autofree char *second_digest = gen_table_digest (second, second->tables->pdata[0]);
  assert_string_not_equal (first_digest, second_digest);
}

/* --- unique columns --------------------------------------------------------------------------- */

/* All rows of NAMES differ. */
static void
check_unique (const GenTable *table, const char *names)
{
  g_auto (GStrv) list = g_strsplit (names, " ", -1);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GByteArray) bytes = rows_of (table, false, 0, table->rows);
  g_autofree char *text = g_strndup ((const char *) bytes->data, bytes->len - 1);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, "\t", -1);
      g_autoptr (GString) key = g_string_new (NULL);
      for (char **name = list; *name != NULL; name++)
        g_string_append_printf (key, "%s\t", fields[gen_table_find (table, *name)]);
      assert_true (g_hash_table_add (seen, g_strdup (key->str)));
    }
  assert_int_equal (g_hash_table_size (seen), table->rows);
}

static void
check_column (const Column *column, uint64_t rows)
{
  g_autoptr (GenModel) model = model_new (3);
  const Column columns[] = { *column, { NULL } };
  GenTable *table = add_table (model, "t", rows, columns);
  add_key (table, column->name);
  plan (model, table);
  check_unique (table, column->name);
}

/* To the last value there is. */
static void
test_unique_columns_fill_their_whole_domain (void **state)
{
  (void) state;
  static const struct
  {
    Column column;
    uint64_t rows;
  } cases[] = {
    { { "code", GEN_TYPE_TEXT, "character varying(2)", 2, 0, 0, true, NULL }, 1296 },
    { { "code", GEN_TYPE_TEXT, "character varying(1)", 1, 0, 0, true, NULL }, 36 },
    { { "n", GEN_TYPE_INT4, "integer", 0, 0, 0, true, "between(5, 1004)" }, 1000 },
    { { "n", GEN_TYPE_NUMERIC, "numeric(3,1)", 0, 3, 1, true, "between(-9.9, 9.9)" }, 199 },
    { { "d", GEN_TYPE_DATE, "date", 0, 0, 0, true, "between(2024-01-01, 2024-12-31)" }, 366 },
    { { "s", GEN_TYPE_ENUM, "status", 0, 0, 0, true, NULL }, 3 },
    { { "b", GEN_TYPE_BOOL, "boolean", 0, 0, 0, true, NULL }, 2 },
    { { "h", GEN_TYPE_TEXT, "text", 0, 0, 0, true, "hex(3)" }, 4096 },
    { { "bits", GEN_TYPE_BIT, "bit(10)", 10, 0, 0, true, NULL }, 1024 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    check_column (&cases[i].column, cases[i].rows);
}

static void
test_all_kinds_of_texts_can_be_unique (void **state)
{
  (void) state;
  static const char *const kinds[] = { "email()",     "name()",       "first_name()",
                                       "phone()",     "city()",       "street()",
                                       "company()",   "slug()",       "title()",
                                       "sentence()",  "url()",        "host()",
                                       "file()",      "code()",       "hash()",
                                       "word()",      "currency()",   "postcode()",
                                       "user_name()", "words(3, 30)", "concat(word(), digits(2))" };
  static const int limits[] = { 0, 60, 24, 16, 12, 8, 4 };
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (size_t j = 0; j < G_N_ELEMENTS (limits); j++)
      {
        bool has_own_length = strchr (kinds[i], ',') != NULL;
        if (has_own_length && limits[j] > 0)
          continue;
        const Column column = { "x", GEN_TYPE_TEXT, "text", limits[j], 0, 0, true, kinds[i] };
        check_column (&column, 3000);
      }
}

static void
test_uuids_addresses_and_bytes_can_be_unique (void **state)
{
  (void) state;
  static const Column columns[]
      = { { "u", GEN_TYPE_UUID, "uuid", 0, 0, 0, true, NULL },
          { "a", GEN_TYPE_INET, "inet", 0, 0, 0, true, NULL },
          { "m", GEN_TYPE_MACADDR, "macaddr", 0, 0, 0, true, NULL },
          { "b", GEN_TYPE_BYTEA, "bytea", 0, 0, 0, true, NULL },
          { "t", GEN_TYPE_TIMESTAMP, "timestamp", 0, 0, 0, true, NULL },
          { "f", GEN_TYPE_FLOAT8, "double precision", 0, 0, 6, true, NULL },
          { "n", GEN_TYPE_NUMERIC, "numeric(6,2)", 0, 6, 2, true, NULL } };
  for (size_t i = 0; i < G_N_ELEMENTS (columns); i++)
    check_column (&columns[i], 20000);
}

static void
test_pairs_fill_the_product (void **state)
{
  (void) state;
  static const Column columns[]
      = { { "day", GEN_TYPE_DATE, "date", 0, 0, 0, true, "between(2024-01-01, 2024-01-31)" },
          { "slot", GEN_TYPE_INT4, "integer", 0, 0, 0, true, "between(1, 24)" },
          { "half", GEN_TYPE_BOOL, "boolean", 0, 0, 0, true, NULL },
          { NULL } };
  g_autoptr (GenModel) model = model_new (3);
  GenTable *table = add_table (model, "slots", 31 * 24 * 2, columns);
  add_key (table, "day slot half");
  plan (model, table);
  check_unique (table, "day slot half");
}

static void
test_too_small_domains_are_refused (void **state)
{
  (void) state;
  static const struct
  {
    Column column;
    uint64_t rows;
    const char *message;
  } cases[] = {
    { { "code", GEN_TYPE_TEXT, "character varying(2)", 2, 0, 0, true, NULL },
      5000,
      "users.code unique: 1,296 values of character varying(2), 5,000 rows asked" },
    { { "n", GEN_TYPE_INT4, "integer", 0, 0, 0, true, "between(1, 10)" },
      11,
      "users.n unique: 10 values of integer, 11 rows asked" },
    { { "d", GEN_TYPE_DATE, "date", 0, 0, 0, true, "'2024-01-01'" },
      2,
      "users.d unique: 1 values of date, 2 rows asked" },
    { { "a", GEN_TYPE_INT4, "integer", 0, 0, 0, true, "one_of(1, 2, between(3, 9))" },
      2,
      "users.a unique: nothing guarantees that its values differ" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GenModel) model = model_new (1);
      g_autoptr (GError) error = NULL;
      const Column columns[] = { cases[i].column, { NULL } };
      GenTable *table = add_table (model, "users", cases[i].rows, columns);
      add_key (table, cases[i].column.name);
      assert_false (gen_plan_columns (model, table, "seeds.yaml", &error));
      assert_string_equal (error->message, cases[i].message);
    }
}

/* --- foreign keys ----------------------------------------------------------------------------- */

static const Column parent_columns[]
    = { { "code", GEN_TYPE_TEXT, "text", 0, 0, 0, true, "letters(6)" }, { NULL } };
static const Column child_columns[]
    = { { "parent", GEN_TYPE_TEXT, "text", 0, 0, 0, true, NULL },
        { "role", GEN_TYPE_INT4, "integer", 0, 0, 0, true, "between(1, 5)" },
        { NULL } };

static GenTable *
add_parent (GenModel *model)
{
  GenTable *parent = add_table (model, "parents", 1000, parent_columns);
  add_key (parent, "code");
  plan (model, parent);
  return parent;
}

/* Every value is one that a row of the parent has. */
static void
check_references (const GenTable *child, const GenTable *parent)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (uint64_t row = 0; row < parent->rows; row++)
    assert_true (g_hash_table_add (keys, value_of (parent, "code", row)));
  for (uint64_t row = 0; row < child->rows; row++)
    {
      g_autofree char *key = value_of (child, "parent", row);
      assert_true (g_hash_table_contains (keys, key));
    }
}

static void
test_references_are_computed (void **state)
{
  (void) state;
  static const GenLinkMode modes[] = { GEN_LINK_UNIFORM, GEN_LINK_ZIPF };
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autoptr (GenModel) model = model_new (11);
      GenTable *parent = add_parent (model);
      GenTable *child = add_table (model, "children", 5000, child_columns);
      GenLink *link = add_link (model, child, "parent", parent);
      link->mode = modes[i];
      if (link->mode == GEN_LINK_ZIPF)
        {
          link->zipf = gen_zipf_new (GEN_PERMUTE_MAX, link->parents, 1000);
          gen_permute_init (&link->permute, link->parents, 5);
        }
      plan (model, child);
      check_references (child, parent);
    }
}

static void
test_children_differ_within_their_parent (void **state)
{
  (void) state;
  g_autoptr (GenModel) model = model_new (11);
  GenTable *parent = add_parent (model);
  GenTable *child = add_table (model, "children", 0, child_columns);
  GenLink *link = add_link (model, child, "parent", parent);
  link->mode = GEN_LINK_CHILDREN;
  child->has_children = true;
  child->children_link = link;
  gen_children_init (&child->children, GEN_CHILDREN_RANGE, parent->rows, 0, 5, 0, 4);
  child->rows = child->children.rows;
  add_key (child, "parent role");
  plan (model, child);
  check_unique (child, "parent role");
  check_references (child, parent);
}

static void
test_pairs_of_a_reference_and_a_number (void **state)
{
  (void) state;
  g_autoptr (GenModel) model = model_new (11);
  GenTable *parent = add_parent (model);
  GenTable *child = add_table (model, "children", 5000, child_columns);
  add_link (model, child, "parent", parent);
  add_key (child, "parent role");
  plan (model, child);
  check_unique (child, "parent role");
}

static void
test_one_to_one (void **state)
{
  (void) state;
  g_autoptr (GenModel) model = model_new (11);
  GenTable *parent = add_parent (model);
  GenTable *child = add_table (model, "children", 1000, child_columns);
  add_link (model, child, "parent", parent);
  add_key (child, "parent");
  plan (model, child);
  check_unique (child, "parent");
  check_references (child, parent);
}

/* --- expressions ------------------------------------------------------------------------------ */

static char *
evaluate (GenTypeKind kind, const char *expression, uint64_t row)
{
  g_autoptr (GenModel) model = model_new (5);
  const Column columns[]
      = { { "a", GEN_TYPE_INT4, "integer", 0, 0, 0, true, "between(10, 20)" },
          { "x", kind, "this", 0, 0, kind == GEN_TYPE_NUMERIC ? 2 : 0, true, expression },
          { NULL } };
  GenTable *table = add_table (model, "t", 100, columns);
  plan (model, table);
  return value_of (table, "x", row);
}

static void
test_expressions (void **state)
{
  (void) state;
  static const struct
  {
    GenTypeKind kind;
    const char *expression;
    const char *value; /* of row 2 */
  } cases[] = {
    { GEN_TYPE_TEXT, "'it''s'", "it's" },
    { GEN_TYPE_INT4, "-7", "-7" },
    { GEN_TYPE_NUMERIC, "1.5", "1.50" },
    { GEN_TYPE_NUMERIC, "between(-0.05, -0.05)", "-0.05" },
    { GEN_TYPE_INT4, "sequence(10, 5)", "20" },
    { GEN_TYPE_NUMERIC, "sequence(1, 0.25)", "1.50" },
    { GEN_TYPE_DATE, "sequence(2024-02-28)", "2024-03-01" },
    { GEN_TYPE_TIMESTAMPTZ, "sequence('2024-01-01', '90 minutes')", "2024-01-01 03:00:00+00" },
    { GEN_TYPE_TEXT, "concat('order-', row())", "order-3" },
    { GEN_TYPE_TEXT, "null()", "\\N" },
    { GEN_TYPE_TEXT, "null(100, email())", "\\N" },
    { GEN_TYPE_TEXT, "one_of('a' 0, 'b' 1)", "b" },
    { GEN_TYPE_BOOL, "chance(100)", "t" },
    { GEN_TYPE_BOOL, "false", "f" },
    { GEN_TYPE_TEXT, "'tab\there'", "tab\\there" },
    { GEN_TYPE_TEXT, "'back\\slash'", "back\\\\slash" },
    { GEN_TYPE_JSON,
      "object('a', 1, 'b', 'x\"y', 'c', true, 'd', 2024-01-02, 'e', 1.5, 'f', null())",
      "{\"a\": 1, \"b\": \"x\\\\\"y\", \"c\": true, \"d\": \"2024-01-02\", \"e\": 1.5, \"f\": null}" },
    { GEN_TYPE_JSON, "array(object('n', 7), 2, 2)", "[{\"n\": 7}, {\"n\": 7}]" },
    { GEN_TYPE_INTERVAL, "'1 day 2 hours'", "1 days 02:00:00" },
    { GEN_TYPE_BYTEA, "'\\x00ff'", "\\\\x00ff" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *value = evaluate (cases[i].kind, cases[i].expression, 2);
      assert_string_equal (value, cases[i].value);
    }
}

static void
test_columns_that_follow_others (void **state)
{
  (void) state;
  for (uint64_t row = 0; row < 100; row++)
    {
      g_autofree char *after = evaluate (GEN_TYPE_INT4, "after(a, 1, 5)", row);
      g_autofree char *source = evaluate (GEN_TYPE_INT4, "same(a)", row);
      int difference = atoi (after) - atoi (source);
      assert_in_range (difference, 1, 5);
    }
}

static void
test_wrong_expressions_are_explained (void **state)
{
  (void) state;
  static const struct
  {
    GenTypeKind kind;
    const char *expression, *message;
  } cases[] = {
    { GEN_TYPE_INT4, "email()", "t.x: email() makes text, and this is of type this" },
    { GEN_TYPE_TEXT, "emial()", "t.x: there is no function “emial”" },
    { GEN_TYPE_INT4, "between(1)",
      "t.x: between() is called with 1 arguments: between(low, high)" },
    { GEN_TYPE_INT4, "between(2, 1)", "t.x: between(): the second bound is below the first" },
    { GEN_TYPE_INT2, "between(1, 40000)", "t.x: “40000” is no value of type this" },
    { GEN_TYPE_INT4, "between(1, 2",
      "t.x: the expression “between(1, 2” is not understood at character 13: a comma "
      "or “)” must follow" },
    { GEN_TYPE_TEXT, "'open",
      "t.x: the expression “'open” is not understood at character 6: a quote is not closed" },
    { GEN_TYPE_TEXT, "",
      "t.x: the expression “” is not understood at character 1: a function, a number or a 'text' "
      "must stand here" },
    { GEN_TYPE_INT4, "after(b, 1, 2)",
      "t.x: after() refers to the column “b”, which t does not have" },
    { GEN_TYPE_INT4, "after(x, 1, 2)", "t.x: it refers to itself in a circle" },
    { GEN_TYPE_DATE, "2023-02-30", "t.x: “2023-02-30” is no value of type this" },
    { GEN_TYPE_INT4, "parent()", "t.x: parent() is for columns of a foreign key" },
    { GEN_TYPE_TEXT, "one_of('a' 0)", "t.x: one_of(): all weights are 0" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GenModel) model = model_new (5);
      g_autoptr (GError) error = NULL;
      const Column columns[]
          = { { "x", cases[i].kind, "this", 0, 0, 0, true, cases[i].expression }, { NULL } };
      GenTable *table = add_table (model, "t", 100, columns);
      assert_false (gen_plan_columns (model, table, "seeds.yaml", &error));
      assert_string_equal (error->message, cases[i].message);
    }
}

int
main (void)
{
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_bytes_are_the_same_on_every_machine),
    cmocka_unit_test (test_threads_do_not_matter),
    cmocka_unit_test (test_other_seeds_give_other_rows),
    cmocka_unit_test (test_unique_columns_fill_their_whole_domain),
    cmocka_unit_test (test_all_kinds_of_texts_can_be_unique),
    cmocka_unit_test (test_uuids_addresses_and_bytes_can_be_unique),
    cmocka_unit_test (test_pairs_fill_the_product),
    cmocka_unit_test (test_too_small_domains_are_refused),
    cmocka_unit_test (test_references_are_computed),
    cmocka_unit_test (test_children_differ_within_their_parent),
    cmocka_unit_test (test_pairs_of_a_reference_and_a_number),
    cmocka_unit_test (test_one_to_one),
    cmocka_unit_test (test_expressions),
    cmocka_unit_test (test_columns_that_follow_others),
    cmocka_unit_test (test_wrong_expressions_are_explained),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
