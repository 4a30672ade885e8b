/* Two readings of a schema: what differs, told object by object. */
#include "../testing.h"
#include "migrate/drift.h"
#include "migrate/drift_place.h"

/* A reading: kind, name, definition, one after the other, NULL at the end. */
typedef const char *const Reading[];

static GPtrArray *
make_reading (const char *const *texts)
{
  GPtrArray *objects = g_ptr_array_new_with_free_func (g_free);
  for (; texts != NULL && *texts != NULL; texts += 3)
    {
      DbSchemaObject *object = g_new (DbSchemaObject, 1);
      *object = (DbSchemaObject){ (char *) texts[0], (char *) texts[1], (char *) texts[2] };
      g_ptr_array_add (objects, object);
    }
  return objects;
}

/* "change kind name\n-expected line\n+found line\n" of each. */
static char *
tell (const char *const *expected, const char *const *found, const DriftSpec *spec)
{
  g_autoptr (GPtrArray) left = make_reading (expected);
  g_autoptr (GPtrArray) right = make_reading (found);
  g_autoptr (GPtrArray) items = drift_compare (left, right, spec);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < items->len; i++)
    {
      const DriftItem *item = items->pdata[i];
      g_string_append_printf (text, "%s %s %s\n", drift_change_name (item->change), item->kind,
                              item->name);
      g_auto (GStrv) old = g_strsplit (item->expected != NULL ? item->expected : "", "\n", -1);
      g_auto (GStrv) new = g_strsplit (item->found != NULL ? item->found : "", "\n", -1);
      for (guint j = 0; old[j] != NULL; j++)
        g_string_append_printf (text, "-%s\n", old[j]);
      for (guint j = 0; new[j] != NULL; j++)
        g_string_append_printf (text, "+%s\n", new[j]);
    }
  return g_string_free (text, FALSE);
}

static void
assert_drift (const char *const *expected, const char *const *found, const char *const *ignore,
              const char *text)
{
  const DriftSpec spec = { .ignore = ignore };
  g_autofree char *told = tell (expected, found, &spec);
  assert_string_equal (told, text);
}

static Reading table = { "table",
                         "public.t",
                         "owner app\naccess method heap",
                         "column",
                         "public.t.b",
                         "position 2\ntype text\ndefault 'x\ny'::text",
                         "column",
                         "public.t.a",
                         "position 1\ntype integer\nnot null",
                         "constraint",
                         "public.t.t_pkey",
                         "PRIMARY KEY (a)",
                         "index",
                         "public.t_pkey",
                         "CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a)\nprimary key",
                         "index",
                         "public.i",
                         "CREATE INDEX i ON public.t USING btree (b)",
                         "grants",
                         "relation public.t",
                         "PUBLIC select by app",
                         "row level security",
                         "public.t",
                         "enabled",
                         NULL };

static void
test_equal (void **state)
{
  (void) state;
  assert_drift (table, table, NULL, "");
}

/* Columns are in their order, a line each; line ends in literals stay. Parts go with the whole. */
static void
test_whole_table (void **state)
{
  (void) state;
  assert_drift (table, NULL, NULL,
                "missing table public.t\n"
                "-owner app\n"
                "-access method heap\n"
                "-row level security\n"
                "-column a integer not null\n"
                "-column b text default 'x\n"
                "-y'::text\n"
                "-constraint t_pkey PRIMARY KEY (a)\n"
                "-grants relation public.t PUBLIC select by app\n"
                "-index public.i CREATE INDEX i ON public.t USING btree (b)\n");
  g_autofree char *unexpected = tell (NULL, table, &(DriftSpec){ 0 });
  assert_true (g_str_has_prefix (unexpected, "unexpected table public.t\n+owner app\n"));
}

static void
test_parts (void **state)
{
  (void) state;
  Reading changed = { "table",
                      "public.t",
                      "owner app\naccess method heap",
                      "column",
                      "public.t.b",
                      "position 1\ntype text\ndefault 'x\ny'::text",
                      "column",
                      "public.t.a",
                      "position 2\ntype integer\nnot null",
                      "index",
                      "public.i",
                      "CREATE INDEX i ON public.t USING btree (a)",
                      "grants",
                      "relation public.t",
                      "PUBLIC select by app",
                      "row level security",
                      "public.t",
                      "enabled",
                      NULL };
  /* The order of columns is drift; a constraint's index goes with it. */
  assert_drift (table, changed, NULL,
                "different table public.t\n"
                "-owner app\n-access method heap\n-row level security\n"
                "-column a integer not null\n-column b text default 'x\n-y'::text\n"
                "+owner app\n+access method heap\n+row level security\n"
                "+column b text default 'x\n+y'::text\n+column a integer not null\n"
                "missing constraint public.t.t_pkey\n"
                "-PRIMARY KEY (a)\n"
                "different index public.i\n"
                "-CREATE INDEX i ON public.t USING btree (b)\n"
                "+CREATE INDEX i ON public.t USING btree (a)\n");
}

/* 'a b' and 'a, line end, b' are two literals; outside of them a line end is a space. */
static void
test_line_ends (void **state)
{
  (void) state;
  Reading spaced
      = { "table", "s.t", "owner a", "column", "s.t.c", "type text\ndefault 'x y'", NULL };
  Reading broken
      = { "table", "s.t", "owner a", "column", "s.t.c", "type text\ndefault 'x\ny'", NULL };
  assert_drift (spaced, spaced, NULL, "");
  assert_drift (spaced, broken, NULL,
                "different table s.t\n-owner a\n-column c text default 'x y'\n"
                "+owner a\n+column c text default 'x\n+y'\n");
}

static void
test_views (void **state)
{
  (void) state;
  Reading view = { "view",   "s.v",   "owner a\nas\n SELECT 1 AS c;",
                   "column", "s.v.c", "position 1\ntype integer",
                   NULL };
  assert_drift (view, NULL, NULL,
                "missing view s.v\n-owner a\n-column c integer\n-as\n- SELECT 1 AS c;\n");
}

/* A function takes its grants and comments along; a schema does not. */
static void
test_whole_function (void **state)
{
  (void) state;
  Reading reading = { "function",
                      "s.f(integer)",
                      "owner a\nCREATE ...",
                      "grants",
                      "function s.f(integer)",
                      "a execute by a",
                      "comment",
                      "function s.f(integer)",
                      "what it does",
                      "schema",
                      "s",
                      "owner a",
                      "grants",
                      "schema s",
                      "b usage by a",
                      NULL };
  assert_drift (NULL, reading, NULL,
                "unexpected schema s\n+owner a\n"
                "unexpected function s.f(integer)\n+owner a\n+CREATE ...\n"
                "+comment function s.f(integer) what it does\n"
                "+grants function s.f(integer) a execute by a\n"
                "unexpected grants schema s\n+b usage by a\n");
}

/* What others keep in the database is not ours to judge, nor is what comes with it. */
static void
test_left_out (void **state)
{
  (void) state;
  Reading others = { "schema",
                     "pgkeel",
                     "owner a",
                     "table",
                     "pgkeel.migration",
                     "owner a",
                     "column",
                     "pgkeel.migration.id",
                     "position 1\ntype bigint",
                     "index",
                     "pgkeel.i",
                     "CREATE INDEX i ON pgkeel.migration USING btree (id)",
                     "table",
                     "public.goose_db_version",
                     "owner a",
                     "sequence",
                     "public.goose_db_version_id_seq",
                     "owner a\nidentity of public.goose_db_version.id",
                     "constraint",
                     "public.goose_db_version.x",
                     "PRIMARY KEY (id)",
                     "index",
                     "public.x",
                     "CREATE UNIQUE INDEX x ON public.goose_db_version USING btree (id)",
                     "comment",
                     "column public.goose_db_version.id",
                     "a word",
                     "extension version",
                     "citext",
                     "1.6",
                     NULL };
  assert_drift (NULL, others, NULL, "");
  assert_drift (others, NULL, NULL, "");
}

#define TOOL_SCHEMA                                                                                \
  "schema", "drizzle", "owner a", "grants", "schema drizzle", "a USAGE by a", "comment",           \
      "schema drizzle", "a word", "table", "drizzle.__drizzle_migrations", "owner a", "sequence",  \
      "drizzle.__drizzle_migrations_id_seq", "owner a\nowned by drizzle.__drizzle_migrations.id"

/* A schema comes and goes with the tool's table, unless somebody uses it too. */
static void
test_schemas_of_tools (void **state)
{
  (void) state;
  Reading tool = { TOOL_SCHEMA, NULL };
  Reading shared = { TOOL_SCHEMA, "function", "drizzle.f()", "CREATE ...", NULL };
  Reading schema = { "schema", "drizzle", "owner a", NULL };
  assert_drift (NULL, tool, NULL, "");
  assert_drift (schema, tool, NULL,
                "unexpected comment schema drizzle\n+a word\n"
                "unexpected grants schema drizzle\n+a USAGE by a\n");
  assert_drift (schema, NULL, NULL, "missing schema drizzle\n-owner a\n");
  assert_drift (NULL, schema, NULL, "unexpected schema drizzle\n+owner a\n");
  assert_drift (NULL, shared, NULL,
                "unexpected schema drizzle\n+owner a\n"
                "unexpected function drizzle.f()\n+CREATE ...\n"
                "unexpected comment schema drizzle\n+a word\n"
                "unexpected grants schema drizzle\n+a USAGE by a\n");
}

static void
test_patterns (void **state)
{
  (void) state;
  Reading reading = { "schema",
                      "audit",
                      "owner a",
                      "table",
                      "audit.log",
                      "owner a",
                      "table",
                      "public.\"Odd.Name\"",
                      "owner a",
                      "trigger",
                      "public.\"Odd.Name\".tr",
                      "CREATE TRIGGER tr ...",
                      "policy",
                      "public.events_2024.p",
                      "for all",
                      "function",
                      "public.events_f(a integer)",
                      "owner a",
                      "grants",
                      "relation public.events_2024",
                      "PUBLIC select by a",
                      "grants",
                      "schema audit",
                      "PUBLIC usage by a",
                      "default privileges",
                      "for a in schema audit on tables",
                      "b select",
                      "comment",
                      "trigger tr on public.\"Odd.Name\"",
                      "words",
                      "extension",
                      "pg_stat_statements",
                      "schema public",
                      "publication",
                      "debezium",
                      "owner a",
                      NULL };
  const char *const all[]
      = { "audit", "public.Odd.Name", "public.events_*", "*.pg_stat_*", "debezium", NULL };
  const char *const none[] = { "audi", "public.Odd", "public.events_?_?", "debez", "x.*", NULL };
  const DriftSpec ignoring = { .ignore = all }, keeping = { .ignore = none };
  g_autoptr (GPtrArray) objects = make_reading (reading);
  for (guint i = 0; i < objects->len; i++)
    {
      const DbSchemaObject *object = objects->pdata[i];
      if (!drift_is_ignored (object, &ignoring) || drift_is_ignored (object, &keeping))
        fail_msg ("%s %s", object->kind, object->name);
    }
  assert_drift (NULL, reading, all, "");
}

static void
test_places (void **state)
{
  (void) state;
  static const struct
  {
    DbSchemaObject object;
    const char *owner, *schema, *relation;
  } cases[] = {
    { { (char *) "column", (char *) "s.\"a.\"\"b\".c", (char *) "" },
      "s.\"a.\"\"b\"",
      "s",
      "a.\"b" },
    { { (char *) "index", (char *) "s.i",
        (char *) "CREATE INDEX \"x ON y\" ON ONLY s.\"T t\" USING btree (a)" },
      "s.\"T t\"",
      "s",
      "T t" },
    { { (char *) "index", (char *) "s.i", (char *) "CREATE INDEX i ON s.t USING gin (a)" },
      "s.t",
      "s",
      "t" },
    { { (char *) "sequence", (char *) "s.q", (char *) "owner a\nowned by s.t.id" },
      "s.t",
      "s",
      "t" },
    { { (char *) "sequence", (char *) "s.q", (char *) "owner a" }, NULL, "s", "q" },
    { { (char *) "statistics", (char *) "s.x", (char *) "owner a\non s.t\nkinds d" },
      "s.t",
      "s",
      "t" },
    { { (char *) "operator", (char *) "s.##(integer, integer)", (char *) "" }, NULL, "s", "##" },
    { { (char *) "operator family", (char *) "s.f using btree", (char *) "" }, NULL, "s", "f" },
    { { (char *) "event trigger", (char *) "\"My trigger\"", (char *) "" },
      NULL,
      "My trigger",
      NULL },
    { { (char *) "comment", (char *) "policy p on s.t", (char *) "" }, "s.t", "s", "t" },
    { { (char *) "comment", (char *) "schema \"S s\"", (char *) "" }, NULL, "S s", NULL },
    { { (char *) "security label", (char *) "selinux relation s.t", (char *) "" },
      "s.t",
      "s",
      "t" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (DriftPlace) place = { 0 };
      drift_place_find (&cases[i].object, &place);
      if (g_strcmp0 (place.owner, cases[i].owner) != 0
          || g_strcmp0 (place.schema, cases[i].schema) != 0
          || g_strcmp0 (place.relation, cases[i].relation) != 0)
        fail_msg ("%s %s: owner %s schema %s relation %s", cases[i].object.kind,
                  cases[i].object.name, place.owner, place.schema, place.relation);
    }
}

/* Replayed by bob what alice owns: only what is not about owners counts. */
static void
test_without_owners (void **state)
{
  (void) state;
  Reading alice = { "table",
                    "s.t",
                    "owner alice\naccess method heap",
                    "grants",
                    "relation s.t",
                    "alice select by alice\ncarol select by alice",
                    "schema",
                    "s",
                    "owner alice",
                    NULL };
  Reading bob = { "table",
                  "s.t",
                  "owner bob\naccess method heap",
                  "grants",
                  "relation s.t",
                  "bob select by bob\ncarol select by bob",
                  "schema",
                  "s",
                  "owner bob",
                  NULL };
  Reading other = { "table",
                    "s.t",
                    "owner bob\naccess method heap",
                    "grants",
                    "relation s.t",
                    "bob select by bob\ncarol update by bob",
                    "schema",
                    "s",
                    "owner bob",
                    NULL };
  const DriftSpec spec = { .without_owners = true };
  g_autofree char *same = tell (alice, bob, &spec);
  g_autofree char *differs = tell (alice, other, &spec);
  assert_string_equal (same, "");
  assert_string_equal (differs, "different grants relation s.t\n-carol select\n+carol update\n");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_equal),
    cmocka_unit_test (test_whole_table),
    cmocka_unit_test (test_parts),
    cmocka_unit_test (test_line_ends),
    cmocka_unit_test (test_views),
    cmocka_unit_test (test_left_out),
    cmocka_unit_test (test_schemas_of_tools),
    cmocka_unit_test (test_patterns),
    cmocka_unit_test (test_places),
    cmocka_unit_test (test_without_owners),
    cmocka_unit_test (test_whole_function),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
