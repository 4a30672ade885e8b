/* Secrets are hidden wherever they stand, and what is none is left as it is. */
#include "base/text.h"
#include "fixture.h"
#include "project/audit.h"
#include "project/incident.h"
#include "project/secrets.h"

#include <string.h>

#define FILE_SECRET "Tr0ub4dor-of-the-file"
#define URL_SECRET "horse%40staple"

static Project *
project_with_secrets (const char *folder)
{
  write_file (folder, "pgkeel.yaml",
              "project: shop\n"
              "environments:\n"
              "  testing: {url: \"postgresql://ada:" URL_SECRET "@localhost/shop\"}\n");
  write_file (folder, ".env", "BILLING_TOKEN=" FILE_SECRET "\nGREETING=good-morning\n");
  return open_project (folder, "testing");
}

static void
test_texts (void **state)
{
  static const struct
  {
    const char *text, *hidden;
  } cases[] = {
    { "nothing to hide", "nothing to hide" },
    { "docker volume rm pgdata --force", "docker volume rm pgdata --force" },
    { "primary key, tokens and passwords are words",
      "primary key, tokens and passwords are words" },
    { "at postgres://u@h/d", "at postgres://u@h/d" },
    { "at postgres://u:pw@h/d", "at postgres://u:***@h/d" },
    { "redis://:pw@h:6379/0 and https://a:b@c/", "redis://:***@h:6379/0 and https://a:***@c/" },
    { "password=hunter2 host=h", "password=*** host=h" },
    { "PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql" },
    { "{\"api_key\": \"abc def\", \"b\": 1}", "{\"api_key\": ***, \"b\": 1}" },
    { "login --password hunter2 -u ada", "login --password *** -u ada" },
    { "psql: " FILE_SECRET " was refused", "psql: *** was refused" },
    { "tried " URL_SECRET ", then horse@staple", "tried ***, then ***" },
    { "good-morning", "good-morning" },
    { "in /srv/shop/backups, before in /srv/old", "in /srv/shop/backups, before in /srv/old" },
  };
  /* The shell's folders are no passwords. */
  g_setenv ("PWD", "/srv/shop", TRUE);
  g_setenv ("OLDPWD", "/srv/old", TRUE);
  g_autoptr (Project) project = project_with_secrets (*state);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *hidden = secrets_hide (project, cases[i].text);
      assert_string_equal (hidden, cases[i].hidden);
    }
}

static void
test_json (void **state)
{
  g_autoptr (Project) project = project_with_secrets (*state);
  g_autoptr (json_t) value = json_loads (
      "{\"argv\": [\"mysql\", \"--password\", \"xyz\", \"db\"], \"count\": 3,"
      " \"db_password\": \"x\", \"nested\": {\"list\": [\"" FILE_SECRET "\", [\"pwd=x\"]]}}",
      0, NULL);
  g_autoptr (json_t) expected
      = json_loads ("{\"argv\": [\"mysql\", \"--password\", \"***\", \"db\"], \"count\": 3,"
                    " \"db_password\": \"***\", \"nested\": {\"list\": [\"***\", [\"pwd=***\"]]}}",
                    0, NULL);
  assert_non_null (value);
  assert_non_null (expected);
  secrets_hide_json (project, value);
  assert_true (json_equal (value, expected));
}

/* --- in every spelling ----------------------------------------------------------------------- */

/* Nobody has told the project of these. Their words are in nothing else that is written. */
static const char *const strangers[] = {
  "Zq7xKpwW",
  "Zq7xKp-wWv9_mN4k",
  "Zq7xKp'wWv9'mN4k",
  "Zq7xKp\"wWv9 mN4k",
  "Zq7xKp\\wWv9 mN4k",
  "Zq7xKp wWv9, mN4k; rT2s",
  "Zq7xKp@wWv9:mN4k/rT2s?",
  "Zq7xKp&wWv9=mN4k#rT2s",
  "Zq7xKp)wWv9}mN4k]rT2s%",
};
static const char *const words[] = { "Zq7xKp", "wWv9", "mN4k", "rT2s" };

typedef enum
{
  AS_IS,       /* only of what needs no quotes */
  WITHOUT_GAP, /* raw up to the next blank */
  URL,         /* percent-encoded */
  CONNINFO,    /* '...' with \ before ' and \ */
  ESCAPED,     /* \ before ' \ and blanks */
  SQL,         /* '...' with ' doubled */
  JSON,        /* "..." */
  JSON_INSIDE, /* \"...\": a JSON text in a JSON text */
  WHOLE,       /* raw, blanks and all: a word of a command */
} Spelling;

static char *
escape (const char *secret, const char *quote, const char *what)
{
  GString *text = g_string_new (quote);
  for (const char *c = secret; *c != '\0'; c++)
    {
      if (strchr (what, *c) != NULL)
        g_string_append_c (text, '\\');
      g_string_append_c (text, *c);
    }
  g_string_append (text, quote);
  return g_string_free (text, FALSE);
}

static char *
spell_json (const char *secret, bool is_inside)
{
  g_autoptr (json_t) value = json_string (secret);
  char *once = json_dumps (value, JSON_ENCODE_ANY);
  if (!is_inside)
    return once;
  g_autofree char *owned = once;
  g_autoptr (json_t) again = json_string (owned);
  g_autofree char *twice = json_dumps (again, JSON_ENCODE_ANY);
  return g_strndup (twice + 1, strlen (twice) - 2);
}

/* NULL: SECRET cannot be spelled so. Caller frees. */
static char *
spell (const char *secret, Spelling spelling)
{
  GString *doubled;
  switch (spelling)
    {
    case AS_IS:
      return strspn (secret, "ZqKpWvmNwxkrTs0123456789-_") == strlen (secret) ? g_strdup (secret)
                                                                              : NULL;
    case WITHOUT_GAP: return strpbrk (secret, " \"") == NULL ? g_strdup (secret) : NULL;
    case URL: return g_uri_escape_string (secret, NULL, FALSE);
    case CONNINFO: return escape (secret, "'", "'\\");
    case ESCAPED: return escape (secret, "", "'\\ \"");
    case JSON: return spell_json (secret, false);
    case JSON_INSIDE: return spell_json (secret, true);
    case WHOLE: return g_strdup (secret);
    case SQL: break;
    }
  if (strchr (secret, '\\') != NULL)
    return NULL;
  doubled = g_string_new (secret);
  g_string_replace (doubled, "'", "''", 0);
  g_string_prepend_c (doubled, '\'');
  g_string_append_c (doubled, '\'');
  return g_string_free (doubled, FALSE);
}

/* "%s" is where the secret stands. */
static const struct
{
  const char *text;
  Spelling spelling;
} places[] = {
  { "postgresql://ada:%s@db:5432/shop?sslmode=require", URL },
  { "cannot reach postgres://ada:%s@db/shop, will try again", WITHOUT_GAP },
  { "amqps://ada:%s@queue", URL },
  { "postgresql://db/shop?user=ada&password=%s&sslmode=require", URL },
  { "postgresql://db/shop?sslpassword=%s", URL },
  { "host=db password=%s dbname=shop", AS_IS },
  { "host=db password=%s dbname=shop", CONNINFO },
  { "host=db password = %s dbname=shop", CONNINFO },
  { "host=db password=%s dbname=shop", ESCAPED },
  { "PGPASSWORD=%s psql -c 'SELECT 1'", ESCAPED },
  { "PGPASSWORD=%s psql -c 'SELECT 1'", WITHOUT_GAP },
  { "export DB_PASSWORD=%s", CONNINFO },
  { "DJANGO_SECRET_KEY=%s manage.py", AS_IS },
  { "ENCRYPTION_KEY=%s", AS_IS },
  { "AWS_SECRET_ACCESS_KEY: %s", JSON },
  { "STRIPE_API_KEY: %s", AS_IS },
  { "DB_PASSWORD_2=%s", AS_IS },
  { "dbPassword=%s", AS_IS },
  { "$passphrase = %s;", CONNINFO },
  { "'password' => %s,", CONNINFO },
  { "{\"password\": %s, \"user\": \"ada\"}", JSON },
  { "{\"githubToken\":%s}", JSON },
  { "body: {\\\"password\\\": %s, \\\"user\\\": 1}", JSON_INSIDE },
  { "mysql --password %s shop", CONNINFO },
  { "mysql --password=%s shop", CONNINFO },
  { "mysql --password=%s shop", WITHOUT_GAP },
  { "deploy -token %s", AS_IS },
  { "login --client-secret %s", AS_IS },
  { "docker run -e POSTGRES_PASSWORD=%s postgres", ESCAPED },
  { "ALTER ROLE ada PASSWORD %s", SQL },
  { "CREATE USER ada ENCRYPTED PASSWORD %s VALID UNTIL 'x'", SQL },
  { "Authorization: Bearer %s", AS_IS },
  { "Authorization: Basic %s", AS_IS },
  { "X-Api-Key: %s", AS_IS },
  { "-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----", AS_IS },
};

/* As words of a command: "%s" in one of them. */
static const char *const commands[][5] = {
  { "docker", "run", "-e", "POSTGRES_PASSWORD=%s", "postgres" },
  { "mysql", "--password", "%s", "shop", NULL },
  { "mysql", "--password=%s", "shop", NULL, NULL },
  { "env", "SECRET_KEY=%s", "manage.py", NULL, NULL },
  { "vault", "-token", "%s", NULL, NULL },
};

static char *
fill (const char *text, const char *spelled)
{
  GString *filled = g_string_new (text);
  g_string_replace (filled, "%s", spelled, 0);
  return g_string_free (filled, FALSE);
}

static void
assert_nothing_of_it (const char *path, const char *given)
{
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (strstr (text, words[i]) != NULL)
      fail_msg ("“%s” of “%s” is in %s: %s", words[i], given, path, strstr (text, words[i]));
}

/* Through everything that writes: the audit log's details, an incident's subject, summary, evidence and notes. */
static void
write_everywhere (const Project *project, const char *given, json_t *details)
{
  const IncidentSpec spec = { INCIDENT_MANUAL, given, given, details };
  g_autofree char *id = NULL;
  g_autofree char *log = project_state_path (project, "audit.jsonl");
  g_autofree char *head = project_state_path (project, "audit.head");
  g_autofree char *index = project_state_path (project, "incidents/index.json");
  assert_true (audit_write (project, "test", "note", details, NULL));
  assert_true (incident_open (project, &spec, &id, NULL, NULL));
  assert_true (incident_note (project, id, "note", given, details, NULL));
  g_autofree char *path = incident_path (project, id);
  assert_nothing_of_it (log, given);
  assert_nothing_of_it (path, given);
  assert_nothing_of_it (index, given);
  assert_true (incident_close (project, id, given, NULL));
  assert_nothing_of_it (log, given);
  assert_nothing_of_it (path, given);
  /* So that what is read again and again stays short. */
  assert_int_equal (g_unlink (path), 0);
  assert_int_equal (g_unlink (log), 0);
  assert_int_equal (g_unlink (head), 0);
}

static void
test_no_spelling_is_written_down (void **state)
{
  g_autoptr (Project) project = project_with_secrets (*state);
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    for (size_t j = 0; j < G_N_ELEMENTS (strangers); j++)
      {
        g_autofree char *spelled = spell (strangers[j], places[i].spelling);
        if (spelled == NULL)
          continue;
        g_autofree char *given = fill (places[i].text, spelled);
        g_autofree char *hidden = secrets_hide (project, given);
        for (size_t k = 0; k < G_N_ELEMENTS (words); k++)
          if (strstr (hidden, words[k]) != NULL)
            fail_msg ("“%s” became “%s”", given, hidden);
        /* One of them all the way; the others go the same way. */
        if (j != i % 2)
          continue;
        g_autoptr (json_t) details = json_pack ("{s:s, s:{s:[s]}, s:s}", "command", given, "nested",
                                                "list", given, "db_password", strangers[j]);
        write_everywhere (project, given, details);
      }
}

static void
test_no_word_of_a_command_is_written_down (void **state)
{
  g_autoptr (Project) project = project_with_secrets (*state);
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    for (size_t j = 0; j < G_N_ELEMENTS (strangers); j++)
      {
        g_autoptr (json_t) details = json_pack ("{s:[]}", "argv");
        for (size_t k = 0; k < G_N_ELEMENTS (commands[i]) && commands[i][k] != NULL; k++)
          {
            g_autofree char *word = fill (commands[i][k], strangers[j]);
            json_array_append_new (json_object_get (details, "argv"), json_string (word));
          }
        secrets_hide_json (project, details);
        g_autofree char *hidden = json_dumps (details, JSON_COMPACT);
        for (size_t k = 0; k < G_N_ELEMENTS (words); k++)
          if (strstr (hidden, words[k]) != NULL)
            fail_msg ("%zu, %zu: %s", i, j, hidden);
      }
}

/* What the project knows is hidden wherever it stands, and however a URL writes it. */
static void
test_known_ones_are_hidden_without_a_word_beside (void **state)
{
  write_file (*state, ".env.testing", "BILLING_SECRET='Zq7xKp wWv9/mN4k'\nPIN_TOKEN=rT2s\n");
  g_autoptr (Project) project = project_with_secrets (*state);
  static const char *const texts[]
      = { "Zq7xKp wWv9/mN4k", "x=Zq7xKp wWv9/mN4k;", "GET /a?b=Zq7xKp%20wWv9%2FmN4k HTTP/1.1" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (json_t) details = json_pack ("{s:s}", "text", texts[i]);
      write_everywhere (project, texts[i], details);
    }
}

/* What is none stays: evidence that is nothing but stars is none. */
static void
test_what_is_no_secret_stays (void **state)
{
  static const char *const texts[] = {
    "DELETE /v1.41/volumes/pgdata?force=1",
    "docker run -v pgdata:/var/lib/postgresql/data --name db postgres:17",
    "http://localhost:2375/volumes/x@y",
    "http://registry:5000/shop/db@sha256:0123",
    "foreign_key=orders_customer_fkey",
    "duplicate key value violates unique constraint \"orders_pkey\"",
    "password authentication failed for user \"ada\"",
    "table public.orders fell from 2,000 to 10 rows",
    "bypass=true host=db port=5432 dbname=shop user=ada",
    "/srv/shop/backups/production/shop_db_backup_20261121_100000.sql.gz",
  };
  g_autoptr (Project) project = project_with_secrets (*state);
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *hidden = secrets_hide (project, texts[i]);
      assert_string_equal (hidden, texts[i]);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_texts, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_json, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_no_spelling_is_written_down, make_folder, remove_folder),
    cmocka_unit_test_setup_teardown (test_no_word_of_a_command_is_written_down, make_folder,
                                     remove_folder),
    cmocka_unit_test_setup_teardown (test_known_ones_are_hidden_without_a_word_beside, make_folder,
                                     remove_folder),
    cmocka_unit_test_setup_teardown (test_what_is_no_secret_stays, make_folder, remove_folder),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
