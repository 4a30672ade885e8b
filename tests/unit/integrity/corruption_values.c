#include "corruption.h"

const Corruption corruption_values[] = {
  { "range-inverted",
    "CREATE TABLE a (id int PRIMARY KEY, start_date date, end_date date, min_age int, max_age int);"
    "INSERT INTO a VALUES (1, '2024-01-01', '2024-01-01', 3, 9), (2, NULL, '2024-01-01', 1, NULL)",
    "INSERT INTO a VALUES (3, '2024-02-01', '2024-01-31', 1, 2)", "t.a.start_date", 1,
    "start_date is greater than end_date; the first is at ctid (0,3), id 3", 0 },
  { "range-inverted", "CREATE TABLE a (min_age int, max_age int); INSERT INTO a VALUES (1, 2)",
    "INSERT INTO a VALUES (3, 2)", "t.a.min_age", 1, NULL, 0 },
  { "date-in-future",
    "CREATE TABLE a (created_at timestamptz, due_at timestamptz); INSERT INTO a VALUES (now(),"
    " now() + interval '9 years')",
    "INSERT INTO a VALUES (now() + interval '2 days', NULL)", "t.a.created_at", 1, NULL, 0 },
  { "date-out-of-era",
    "CREATE TABLE a (day date); INSERT INTO a VALUES ('1850-05-05'), ('9999-12-31'), ('infinity')",
    "INSERT INTO a VALUES ('0202-05-05'), ('20225-05-05'), ('0044-03-15 BC')", "t.a.day", 3, NULL,
    0 },
  { "date-at-epoch",
    "CREATE TABLE a (paid timestamp, born date); INSERT INTO a VALUES ('2020-01-01', NULL);"
    "CREATE TABLE b (birth_date date); INSERT INTO b VALUES ('1970-01-01')",
    "INSERT INTO a VALUES ('1970-01-01 00:00')", "t.a.paid", 1, NULL, 0 },
  { "date-infinite",
    "CREATE TABLE a (seen timestamptz, valid_until timestamptz, end_date date); INSERT INTO a VALUES"
    " (now(), 'infinity', 'infinity')",
    "INSERT INTO a VALUES ('-infinity')", "t.a.seen", 1, NULL, 0 },
  { "updated-before-created",
    "CREATE TABLE a (created_at timestamptz, updated_at timestamptz); INSERT INTO a VALUES (now(),"
    " now()), (now(), NULL)",
    "INSERT INTO a VALUES (now(), now() - interval '1 s')", "t.a.updated_at", 1, NULL, 0 },
  { "number-negative",
    "CREATE TABLE a (quantity int, balance int, unit_price numeric); INSERT INTO a VALUES (0, -5, 1);"
    "CREATE TABLE b (price int CHECK (price > -10)); INSERT INTO b VALUES (-5)",
    "INSERT INTO a VALUES (-1, 1, 1)", "t.a.quantity", 1, NULL, 0 },
  { "number-not-finite", "CREATE TABLE a (x numeric, y real); INSERT INTO a VALUES (1.5, 2.5)",
    "INSERT INTO a VALUES ('NaN', 1)", "t.a.x", 1, NULL, 0 },
  { "number-not-finite", "CREATE TABLE a (x numeric, y real); INSERT INTO a VALUES (1.5, 2.5)",
    "INSERT INTO a VALUES (1, '-Infinity')", "t.a.y", 1, NULL, 0 },
  { "money-in-float", "CREATE TABLE a (total_amount numeric, ratio real)",
    "ALTER TABLE a ALTER total_amount TYPE float8", "t.a.total_amount", -1, "double precision", 0 },
  { "text-control-character",
    "CREATE TABLE a (x text, y varchar(9)); INSERT INTO a VALUES (E'tab\\tnew\\nline', 'é')",
    "INSERT INTO a VALUES (E'bell\\x07', '')", "t.a.x", 1, NULL, 0 },
  { "text-mojibake",
    "CREATE TABLE a (x text); INSERT INTO a VALUES ('Søren Åse Ünal Ça va — “so”'), ('ÃO LUÍS')",
    "INSERT INTO a VALUES (convert_from(convert_to('Søren', 'UTF8'), 'LATIN1'))", "t.a.x", 1, NULL,
    0 },
  { "email-malformed",
    "CREATE TABLE a (email text, contact_email text); INSERT INTO a VALUES ('ada@example.org', ''),"
    " (NULL, 'o''neil+x@sub.example.org')",
    "INSERT INTO a VALUES ('ada@', 'b@example.org'), ('a b@example.org', NULL)", "t.a.email", 2,
    NULL, 0 },
  { "key-with-blanks",
    "CREATE TABLE a (name text UNIQUE, note text); INSERT INTO a VALUES ('ada l', ' x ')",
    "INSERT INTO a VALUES ('bob ', '')", "t.a.name", 1, NULL, 0 },
  { "label-variants",
    "CREATE TABLE a (status text); INSERT INTO a SELECT (ARRAY['active', 'gone'])[1 + g % 2] FROM"
    " generate_series(1, 20) g",
    "INSERT INTO a VALUES ('Active'), ('gone ')", "t.a.status", 2, NULL, 0 },
  { "enum-label-unused",
    "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE a (m mood); INSERT INTO a SELECT"
    " (ARRAY['sad', 'ok'])[1 + g % 2]::mood FROM generate_series(1, 3000) g; ANALYZE a",
    "UPDATE a SET m = 'ok'", "t.mood", -1, "no row uses “sad”", 0 },
  { "json-invalid",
    "CREATE TABLE a (payload text); INSERT INTO a VALUES ('{\"a\": [1]}'), ('[]'), (NULL), (''),"
    " (' 5 '), ('true')",
    "INSERT INTO a VALUES ('{\"a\": 1'), ('nothing')", "t.a.payload", 2, NULL, 0 },
  { NULL, NULL, NULL, NULL, 0, NULL, 0 },
};
