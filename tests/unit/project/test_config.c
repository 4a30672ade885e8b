/* pgkeel.yaml: what is refused, with which words, on which line and in which column; and that the JSON
 * Schema for editors knows the same keys. */
#include "fixture.h"
#include "project/config.h"

#include "base/text.h"

#include <jansson.h>
#include <string.h>

static const struct
{
  const char *yaml;
  const char *message;
  const char *hint; /* NULL: none */
} bad[] = {
  { "bakup:\n  dir: x\n", "pgkeel.yaml:1:1: unknown key “bakup”", "Did you mean “backup”?" },
  { "project: a\nbackup:\n  dir: x\n  keep: {db: 48h, ful: 7d}\n",
    "pgkeel.yaml:4:19: unknown key “ful”", "Did you mean “full”?" },
  { "backup:\n  colour: red\n", "pgkeel.yaml:2:3: unknown key “colour”",
    "Known keys here: dir, min_size, schedule, keep, count." },
  { "environments:\n  staging: {url: x, protcted: true}\n",
    "pgkeel.yaml:2:21: unknown key “protcted”", "Did you mean “protected”?" },
  { "environments:\n  staging:\n    url: x\n    password: geheim\n",
    "pgkeel.yaml:4:5: unknown key “password”",
    "Known keys here: local, url, protected, database, postgres." },
  { "project: [a, b]\n", "pgkeel.yaml:1:10: “project” must be a text, not a list",
    "Put quotes around a text that begins with { or [." },
  { "project: {a: b}\n", "pgkeel.yaml:1:10: “project” must be a text, not a mapping",
    "Put quotes around a text that begins with { or [." },
  { "backup: backups\n", "pgkeel.yaml:1:9: “backup” must be a mapping, not a text",
    "Write its keys below it, indented, one a line." },
  { "backup:\n  count: ledger_transaction\n",
    "pgkeel.yaml:2:10: “count” must be a list, not a text", "Write it as [one, two]." },
  { "backup:\n  count: [a, [b]]\n", "pgkeel.yaml:2:14: the value must be a text, not a list",
    "Put quotes around a text that begins with { or [." },
  { "backup:\n  count: [a, '']\n", "pgkeel.yaml:2:14: the value is empty",
    "Write a value, or remove the key." },
  { "backup:\n  count:\n    - a.b.c\n", "pgkeel.yaml:3:7: “a.b.c” is not the name of a table",
    "Write it as name or schema.name." },
  { "backup:\n  keep: 48h\n", "pgkeel.yaml:2:9: “keep” must be a mapping, not a text",
    "Write its keys below it, indented, one a line." },
  { "backup:\n  keep: {db: 48}\n", "pgkeel.yaml:2:14: “db” must be a duration, not “48”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "backup:\n  keep: {db: 0h}\n", "pgkeel.yaml:2:14: “db” must be a duration, not “0h”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "backup:\n  keep: {db: 99999999999999999d}\n",
    "pgkeel.yaml:2:14: “db” must be a duration, not “99999999999999999d”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "backup:\n  min_size: tiny\n", "pgkeel.yaml:2:13: “min_size” must be a size, not “tiny”",
    "Write a number and B, KB, MB or GB, as in 10KB." },
  { "backup:\n  min_size: -1\n", "pgkeel.yaml:2:13: “min_size” must be a size, not “-1”",
    "Write a number and B, KB, MB or GB, as in 10KB." },
  { "backup:\n  schedule: {db: \"every hour\"}\n",
    "pgkeel.yaml:2:18: “db” must be a schedule, not “every hour”",
    "Write five fields: minute, hour, day, month, weekday, as in \"0 2 * * *\"." },
  { "backup:\n  schedule: {db: \"0 24 * * *\"}\n",
    "pgkeel.yaml:2:18: “db” must be a schedule, not “0 24 * * *”",
    "Write five fields: minute, hour, day, month, weekday, as in \"0 2 * * *\"." },
  { "backup:\n  schedule: {db: \"*/0 * * * *\"}\n",
    "pgkeel.yaml:2:18: “db” must be a schedule, not “*/0 * * * *”",
    "Write five fields: minute, hour, day, month, weekday, as in \"0 2 * * *\"." },
  { "migrations:\n  lock_timeout: soon\n",
    "pgkeel.yaml:2:17: “lock_timeout” must be a duration of at most 7d, not “soon”",
    "Write a number and ms, s, m or h, as in 2s or 500ms." },
  { "migrations:\n  lock_timeout: 0s\n",
    "pgkeel.yaml:2:17: “lock_timeout” must be a duration of at most 7d, not “0s”",
    "Write a number and ms, s, m or h, as in 2s or 500ms." },
  { "migrations:\n  statement_timeout: 1.5ms\n",
    "pgkeel.yaml:2:22: “statement_timeout” must be a duration of at most 7d, not “1.5ms”",
    "Write a number and ms, s, m or h, as in 2s or 500ms." },
  { "migrations:\n  rehearsal_max_age: old\n",
    "pgkeel.yaml:2:22: “rehearsal_max_age” must be a duration, not “old”",
    "Write a number and m, h, d or w, as in 24h; 0 for any age." },
  { "migrations:\n  statement_timeout: 8d\n",
    "pgkeel.yaml:2:22: “statement_timeout” must be a duration of at most 7d, not “8d”",
    "Write a number and ms, s, m or h, as in 2s or 500ms." },
  { "migrations:\n  ignore: [a.b.c]\n",
    "pgkeel.yaml:2:12: “a.b.c” is not a pattern for schemas or tables",
    "Write it as schema or schema.table; * and ? stand for any characters and for one." },
  { "migrations:\n  command: {run: x}\n", "pgkeel.yaml:2:13: unknown key “run”",
    "Known keys here: status, up, down." },
  { "migrations:\n  layout: \"${NOBODY_SETS_THIS:-}\"\n", "pgkeel.yaml:2:11: “layout” is empty",
    "Write a value, or remove the key." },
  { "integrity:\n  checks: \"${NOBODY_SETS_THIS:-}\"\n", "pgkeel.yaml:2:11: “checks” is empty",
    "Write a folder, or remove the key." },
  { "integrity:\n  backup_max_age: yesterday\n",
    "pgkeel.yaml:2:19: “backup_max_age” must be a duration, not “yesterday”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "integrity:\n  backup_max_age: 0h\n",
    "pgkeel.yaml:2:19: “backup_max_age” must be a duration, not “0h”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "integrity:\n  statement_timeout: soon\n",
    "pgkeel.yaml:2:22: “statement_timeout” must be a duration of at most 7d, not “soon”",
    "Write a number and ms, s, m or h, as in 2s or 500ms." },
  { "guard:\n  label: =true\n", "pgkeel.yaml:2:10: “label” must be a label, not “=true”",
    "Write name=value, as in com.example.protect=true; without a value any counts." },
  { "guard:\n  proof_max_age: 0h\n",
    "pgkeel.yaml:2:18: “proof_max_age” must be a duration, not “0h”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "incident:\n  webhook: ftp://example.org\n",
    "pgkeel.yaml:2:12: “webhook” is no URL of a web server", "Write it with http:// or https://." },
  { "seeds:\n  dir: \"${NOBODY_SETS_THIS:-}\"\n", "pgkeel.yaml:2:8: “dir” is empty",
    "Write a folder, or remove the key." },
  { "integrity:\n  ignore: fk-orphans\n", "pgkeel.yaml:2:11: “ignore” must be a list, not a text",
    "Write it as [one, two]." },
  { "integrity:\n  ignore: [index-unused, \"*:*\"]\n",
    "pgkeel.yaml:2:26: “*:*” is not a pattern for findings",
    "Write it as check, check:object or *:object; * and ? stand for any characters and for one." },
  { "integrity:\n  ignore: [\"fk-orphans:\"]\n",
    "pgkeel.yaml:2:12: “fk-orphans:” is not a pattern for findings", NULL },
  { "integrity:\n  ignore: [\":public.a\"]\n",
    "pgkeel.yaml:2:12: “:public.a” is not a pattern for findings", NULL },
  { "integrity:\n  ignore: [FK_orphans]\n",
    "pgkeel.yaml:2:12: “FK_orphans” is not a pattern for findings", NULL },
  { "integrity:\n  aggregates: {parent: a}\n",
    "pgkeel.yaml:2:15: “aggregates” must be a list, not a mapping", NULL },
  { "integrity:\n  aggregates: [a]\n", "pgkeel.yaml:2:16: the value must be a mapping, not a text",
    NULL },
  { "integrity:\n  aggregates:\n    - {parent: a, colum: n}\n",
    "pgkeel.yaml:3:19: unknown key “colum”", "Did you mean “column”?" },
  { "integrity:\n  aggregates:\n    - parent: a\n      column: n\n      child: b\n",
    "pgkeel.yaml:3:7: the aggregate has no “expression”",
    "parent, column, child and expression must be there." },
  { "integrity:\n  aggregates:\n    - {parent: a.b.c, column: n, child: b, expression: x}\n",
    "pgkeel.yaml:3:16: “parent” must be a table, not “a.b.c”",
    "Write it as schema.table; without a schema it is in public." },
  { "integrity:\n  aggregates:\n    - {parent: a, column: n, child: b., expression: x}\n",
    "pgkeel.yaml:3:37: “child” must be a table, not “b.”", NULL },
  { "integrity:\n  aggregates:\n    - {parent: a, column: n, child: b, expression: 7, child_key: ''}\n",
    "pgkeel.yaml:3:66: “child_key” is empty", NULL },
  { "integrity:\n  aggregates:\n    - {parent: a, column: n, child: b, expression: x}\n"
    "    - {parent: public.a, column: n, child: c, expression: y}\n",
    "pgkeel.yaml:4:7: “public.a.n” is declared on line 3, too", "Remove one of the two." },
  { "integrity:\n  cheks: x\n", "pgkeel.yaml:2:3: unknown key “cheks”", "Did you mean “checks”?" },
  { "backup:\n  dir:\n", "pgkeel.yaml:2:7: “dir” has no value",
    "Write a value after the colon, or remove the key." },
  { "backup:\n  dir: ''\n", "pgkeel.yaml:2:8: “dir” is empty",
    "Write a value, or remove the key." },
  { "project: 'led ger'\n",
    "pgkeel.yaml:1:10: “project” must be a name that can stand in file names, not “led ger”",
    "Use letters, digits, “-” and “_”, at most 63, beginning with a letter or a digit." },
  { "project: ../x\n",
    "pgkeel.yaml:1:10: “project” must be a name that can stand in file names, not “../x”",
    "Use letters, digits, “-” and “_”, at most 63, beginning with a letter or a digit." },
  { "environments:\n  development: {local: maybe}\n",
    "pgkeel.yaml:2:24: “local” must be true or false, not “maybe”",
    "Write true or false, without quotes." },
  { "environments:\n  development: {local: \"true\"}\n",
    "pgkeel.yaml:2:24: “local” must be true or false, not the text “true”",
    "Write true or false, without quotes." },
  { "environments:\n  development: {local: yes}\n",
    "pgkeel.yaml:2:24: “local” must be true or false, not “yes”",
    "Write true or false, without quotes." },
  { "environments:\n  development: {local: [true]}\n",
    "pgkeel.yaml:2:24: “local” must be true or false, not a list",
    "Write true or false, without quotes." },
  { "environments:\n  development: {local: true, postgres: 12}\n",
    "pgkeel.yaml:2:40: “postgres” must be a major version from 13 to 18, not “12”",
    "Write it as 17, or leave it out for the newest that is installed." },
  { "environments:\n  development: {local: true, postgres: 1x}\n",
    "pgkeel.yaml:2:40: “postgres” must be a whole number, not “1x”",
    "Write digits only, without quotes." },
  { "environments:\n  development: {local: true, postgres: '15'}\n",
    "pgkeel.yaml:2:40: “postgres” must be a whole number, not the text “15”",
    "Write digits only, without quotes." },
  { "environments:\n  development: {local: true, url: x}\n",
    "pgkeel.yaml:2:35: “development” is local, so it has no “url”", "Remove one of the two." },
  { "environments:\n  development: {local: false}\n",
    "pgkeel.yaml:2:3: “development” needs “url” or “local: true”",
    "Write local: true, or the URL of its database." },
  { "environments:\n  development:\n", "pgkeel.yaml:2:15: “development” has no value",
    "Write a value after the colon, or remove the key." },
  { "environments:\n  development: {}\n",
    "pgkeel.yaml:2:3: “development” needs “url” or “local: true”",
    "Write local: true, or the URL of its database." },
  { "environments:\n  staging: {url: x, database: y}\n",
    "pgkeel.yaml:2:31: “database” is only for a local environment", "Name the database in “url”." },
  { "environments:\n  staging: {url: x, postgres: 15}\n",
    "pgkeel.yaml:2:31: “postgres” is only for a local environment",
    "The server of “url” has the version it has." },
  { "environments:\n  'pro duction': {url: x}\n",
    "pgkeel.yaml:2:3: “pro duction” cannot be the name of an environment",
    "Use small letters, digits, “-” and “_”, beginning with a letter." },
  { "environments:\n  ../../x: {url: x}\n",
    "pgkeel.yaml:2:3: “../../x” cannot be the name of an environment",
    "Use small letters, digits, “-” and “_”, beginning with a letter." },
  { "environments:\n  dev: {local: true}\n  Development: {local: true}\n",
    "pgkeel.yaml:3:3: “Development” is the same environment as “dev” on line 2",
    "Remove one of the two." },
  { "environments: production\n", "pgkeel.yaml:1:15: “environments” must be a mapping, not a text",
    "Write its keys below it, indented, one a line." },
  { "environments:\n  - production\n",
    "pgkeel.yaml:2:3: “environments” must be a mapping, not a list",
    "Write its keys below it, indented, one a line." },
  { "project: a\nproject: b\n", "pgkeel.yaml:2:1: “project” is there twice (first on line 1)",
    "Remove one of the two." },
  { "just text\n", "pgkeel.yaml:1:1: the value must be a mapping, not a text",
    "Write its keys below it, indented, one a line." },
  { "project: a\n---\nproject: b\n", "pgkeel.yaml:2:1: a second document (---) is not allowed",
    "Keep everything in one document." },
  { "project: &a b\nbackup: {dir: *a}\n",
    "pgkeel.yaml:1:10: anchors and aliases (& and *) are not allowed",
    "Write the value out where it is used." },
  { "project: *a\n", "pgkeel.yaml:1:10: anchors and aliases (& and *) are not allowed",
    "Write the value out where it is used." },
  { "project: !!str b\n", "pgkeel.yaml:1:10: tags (!) are not allowed",
    "Leave the tag out; quote a text that begins with !." },
  { "project: \"never closed\n",
    "pgkeel.yaml:2:1: not valid YAML: found unexpected end of stream while scanning a quoted scalar",
    "Check the indentation, quotes and brackets there." },
  { "project: a\n backup: b\n",
    "pgkeel.yaml:2:8: not valid YAML: mapping values are not allowed in this context",
    "Check the indentation, quotes and brackets there." },
  { "project:\ta\n\tb: c\n",
    "pgkeel.yaml:2:1: not valid YAML: found a tab character that violates indentation while scanning a plain scalar",
    "Check the indentation, quotes and brackets there." },
  { "backup: {dir: x\n",
    "pgkeel.yaml:2:1: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping",
    "Check the indentation, quotes and brackets there." },
  { "backup: [[[[[[[[[[[x]]]]]]]]]]]\n", "pgkeel.yaml:1:16: nested too deeply",
    "A project file has at most 8 levels." },
  { "<<: {project: a}\n", "pgkeel.yaml:1:1: unknown key “<<”",
    "Known keys here: project, backup, migrations, seeds, integrity, guard, incident, audit, environments." },
  { "? [a]\n: b\n", "pgkeel.yaml:1:3: a key must be a plain word", "Write it as key: value." },
  { "project: ${MISSING_NAME}\n", "pgkeel.yaml:1:10: the variable MISSING_NAME is not set",
    "Set MISSING_NAME in the environment or in .env, or write ${MISSING_NAME:-default}." },
  { "project: a\nbackup:\n  dir: \"x/${MISSING_NAME}/y\"\n",
    "pgkeel.yaml:3:11: the variable MISSING_NAME is not set",
    "Set MISSING_NAME in the environment or in .env, or write ${MISSING_NAME:-default}." },
  { "backup:\n  dir: x${MISSING_NAME\n", "pgkeel.yaml:2:9: ${ is never closed",
    "Write ${NAME} or ${NAME:-default}; $${ stands for ${ itself." },
  { "backup:\n  dir: x${}\n", "pgkeel.yaml:2:9: ${ does not begin a reference to a variable here",
    "Write ${NAME} or ${NAME:-default}; $${ stands for ${ itself." },
  { "backup:\n  dir: ${A:-${MISSING_NAME}}\n",
    "pgkeel.yaml:2:13: the variable MISSING_NAME is not set",
    "Set MISSING_NAME in the environment or in .env, or write ${MISSING_NAME:-default}." },
  { "backup:\n  keep: {db: \"${A:-7}\"}\n", "pgkeel.yaml:2:14: “db” must be a duration, not “7”",
    "Write a number and m, h, d or w, as in 48h or 7d." },
  { "project: a\n\"\\0\": x\n", "pgkeel.yaml:2:1: a key must be a plain word",
    "Write it as key: value." },
  { "project: \"a\\0b\"\n", "pgkeel.yaml:1:10: a NUL character is not allowed",
    "Remove the \\0 from the text." },
  { "postgresql://ada:geheim@db/x: y\n", "pgkeel.yaml:1:1: unknown key “postgresql://ada:***@db/x”",
    "Known keys here: project, backup, migrations, seeds, integrity, guard, incident, audit, environments." },
  { "a: %x\n",
    "pgkeel.yaml:1:4: not valid YAML: found character that cannot start any token while scanning for the next token",
    "Check the indentation, quotes and brackets there." },
  { "@: b\n",
    "pgkeel.yaml:1:1: not valid YAML: found character that cannot start any token while scanning for the next token",
    "Check the indentation, quotes and brackets there." },
};

static void
test_bad_files_are_refused_at_their_place (void **state)
{
  const char *folder = *state;
  g_unsetenv ("MISSING_NAME");
  g_unsetenv ("A");
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      write_file (folder, "pgkeel.yaml", bad[i].yaml);
      assert_refused (folder, NULL, bad[i].message, bad[i].hint);
    }
}

static void
test_a_bad_url_is_refused_when_it_is_asked_for (void **state)
{
  static const struct
  {
    const char *yaml;
    const char *message;
  } urls[] = {
    { "environments:\n  development: {url: \"${MISSING_NAME}\"}\n",
      "pgkeel.yaml:2:23: the variable MISSING_NAME is not set" },
    { "environments:\n  development: {url: \"${MISSING_NAME:-}\"}\n",
      "pgkeel.yaml:2:22: the URL is empty" },
    { "environments:\n  dev:\n    url: http://ada:geheim@db/x\n",
      "pgkeel.yaml:3:10: “http://ada:***@db/x” is not a PostgreSQL URL" },
  };
  const char *folder = *state;
  for (size_t i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      write_file (folder, "pgkeel.yaml", urls[i].yaml);
      g_autoptr (Project) project = open_project (folder, NULL);
      const char *url = "untouched";
      g_autoptr (GError) error = NULL;
      assert_false (project_url (project, &url, &error));
      assert_string_equal (error->message, urls[i].message);
      assert_string_equal (url, "untouched");
      assert_non_null (keel_error_hint (error));
      assert_null (project->environment->url);
    }
}

static void
test_bytes_that_are_not_utf8_are_refused_at_their_place (void **state)
{
  write_file (*state, "pgkeel.yaml", "project: a\nbackup:\n  dir: “\xff”\n");
  assert_refused (*state, NULL, "pgkeel.yaml:3:9: a byte that is not UTF-8 text",
                  "Save the file as UTF-8.");
}

static void
test_a_huge_file_is_refused (void **state)
{
  g_autofree char *text = g_strnfill (CONFIG_MAX_BYTES + 1, '#');
  write_file (*state, "pgkeel.yaml", text);
  g_autofree char *message = g_strdup_printf (
      "“%s/pgkeel.yaml” is larger than the 262144 bytes expected at most", (const char *) *state);
  assert_refused (*state, NULL, message, NULL);
}

static void
test_too_many_values_are_refused (void **state)
{
  g_autoptr (GString) text = g_string_new ("backup:\n  count: [a");
  for (int i = 0; i < 6000; i++)
    g_string_append (text, ", a");
  g_string_append (text, "]\n");
  write_file (*state, "pgkeel.yaml", text->str);
  assert_refused (*state, NULL, "pgkeel.yaml:2:15002: there are too many values", NULL);
}

static void
test_byte_order_mark_and_windows_line_ends_are_fine (void **state)
{
  write_file (*state, "pgkeel.yaml", "\xef\xbb\xbfproject: ledger\r\nbackup:\r\n  bad: x\r\n");
  assert_refused (*state, NULL, "pgkeel.yaml:3:3: unknown key “bad”", NULL);
  write_file (*state, "pgkeel.yaml", "\xef\xbb\xbfproject: ledger\r\nbackup:\r\n  dir: x\r\n");
  g_autoptr (Project) project = open_project (*state, NULL);
  assert_string_equal (project->name, "ledger");
}

/* Both ways: a key that one side lacks fails. */
static void
assert_same_keys (const cyaml_schema_field_t *fields, const json_t *object)
{
  const json_t *properties = json_object_get (object, "properties");
  size_t count = 0;
  assert_true (json_is_false (json_object_get (object, "additionalProperties")));
  for (; fields->key != NULL; fields++, count++)
    {
      const json_t *property = json_object_get (properties, fields->key);
      if (property == NULL)
        fail_msg ("“%s” is missing in docs/pgkeel.schema.json", fields->key);
      if (fields->value.type == CYAML_MAPPING && fields->value.mapping.fields[0].key != NULL)
        assert_same_keys (fields->value.mapping.fields, property);
    }
  assert_int_equal (count, json_object_size (properties));
}

static void
test_the_json_schema_knows_the_same_keys (void **state)
{
  (void) state;
  json_error_t problem;
  g_autoptr (json_t) schema = json_loads (project_json_schema (), 0, &problem);
  if (schema == NULL)
    fail_msg ("docs/pgkeel.schema.json:%d: %s", problem.line, problem.text);
  assert_same_keys (config_fields, schema);
  const json_t *properties = json_object_get (schema, "properties");
  const json_t *environments = json_object_get (properties, "environments");
  const json_t *integrity
      = json_object_get (json_object_get (properties, "integrity"), "properties");
  assert_same_keys (config_aggregate_fields,
                    json_object_get (json_object_get (integrity, "aggregates"), "items"));
  assert_same_keys (config_environment_fields,
                    json_object_get (environments, "additionalProperties"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_bad_files_are_refused_at_their_place),
    cmocka_unit_test (test_a_bad_url_is_refused_when_it_is_asked_for),
    cmocka_unit_test (test_bytes_that_are_not_utf8_are_refused_at_their_place),
    cmocka_unit_test (test_a_huge_file_is_refused),
    cmocka_unit_test (test_too_many_values_are_refused),
    cmocka_unit_test (test_byte_order_mark_and_windows_line_ends_are_fine),
    cmocka_unit_test (test_the_json_schema_knows_the_same_keys),
  };
  return cmocka_run_group_tests (tests, make_folder, remove_folder);
}
