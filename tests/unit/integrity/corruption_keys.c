#include "corruption.h"

/* How to get rows past what guards them: only the catalogue knows that it is there. */
#define WITHOUT_UNIQUE(index, sql)                                                                 \
  "UPDATE pg_index SET indisunique = false WHERE indexrelid = '" index "'::regclass;" sql          \
  ";UPDATE pg_index SET indisunique = true WHERE indexrelid = '" index "'::regclass"
#define WITHOUT_CHECKS(table, sql)                                                                 \
  "CREATE TEMP TABLE kept AS SELECT relchecks FROM pg_class WHERE oid = '" table "'::regclass;"    \
  "UPDATE pg_class SET relchecks = 0 WHERE oid = '" table "'::regclass;" sql                       \
  ";UPDATE pg_class SET relchecks = (SELECT relchecks FROM kept) WHERE oid = '" table              \
  "'::regclass; DROP TABLE kept"
#define WITHOUT_NOT_NULL(table, column, sql)                                                       \
  "UPDATE pg_attribute SET attnotnull = false WHERE attrelid = '" table                            \
  "'::regclass AND attname = '" column "';" sql                                                    \
  ";UPDATE pg_attribute SET attnotnull = true WHERE attrelid = '" table                            \
  "'::regclass AND attname = '" column "'"
#define NUMBERED                                                                                   \
  "CREATE TABLE a (id int PRIMARY KEY, x int, note text);"                                         \
  "INSERT INTO a SELECT g, g, 'n' || g FROM generate_series(1, 200) g;"

const Corruption corruption_keys[] = {
  /* Uniqueness. */
  { "unique-violated", NUMBERED,
    WITHOUT_UNIQUE ("a_pkey", "INSERT INTO a VALUES (7, 0, 'again'), (7, 1, 'again')"),
    "t.a (a_pkey)", 3, "3 rows share 1 key", 0 },
  { "unique-violated",
    "CREATE TABLE a (x int, y text, UNIQUE (x, y)); INSERT INTO a VALUES (1, 'a'), (1, NULL),"
    " (1, NULL), (NULL, NULL), (NULL, NULL)",
    WITHOUT_UNIQUE ("a_x_y_key", "INSERT INTO a VALUES (1, 'a')"), "t.a (a_x_y_key)", 2, NULL, 0 },
  { "unique-violated",
    "CREATE TABLE a (x int, gone bool); CREATE UNIQUE INDEX live ON a (x) WHERE NOT gone;"
    "INSERT INTO a VALUES (1, true), (1, true), (1, false)",
    WITHOUT_UNIQUE ("live", "INSERT INTO a VALUES (1, false)"), "t.a (live)", 2, NULL, 0 },
  { "unique-violated",
    "CREATE TABLE a (x text); CREATE UNIQUE INDEX low ON a (lower(x));"
    "INSERT INTO a VALUES ('A'), ('b')",
    WITHOUT_UNIQUE ("low", "INSERT INTO a VALUES ('B')"), "t.a (low)", 2, NULL, 0 },
  { "unique-violated",
    "CREATE TABLE a (x int UNIQUE NULLS NOT DISTINCT); INSERT INTO a VALUES (1), (NULL)",
    WITHOUT_UNIQUE ("a_x_key", "INSERT INTO a VALUES (NULL)"), "t.a (a_x_key)", 2, NULL, 15 },
  { "unique-missing",
    "CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users SELECT g, 'u' || g ||"
    " '@example.org' FROM generate_series(1, 300) g;"
    "CREATE TABLE orders (id int PRIMARY KEY, email text); INSERT INTO orders SELECT g, 'u' || g %"
    " 10 || '@example.org' FROM generate_series(1, 300) g",
    "UPDATE users SET email = 'u8@example.org' WHERE id = 9", "t.users.email", 2, NULL, 0 },
  { "unique-case-or-space",
    "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE); INSERT INTO users SELECT g, 'u' ||"
    " g || '@example.org' FROM generate_series(1, 30) g",
    "INSERT INTO users VALUES (77, 'U8@example.org '), (78, 'U9@example.org')", "t.users.email", 4,
    NULL, 0 },
  { "exclusion-violated",
    "CREATE TABLE b (during int4range, EXCLUDE USING gist (during WITH &&));"
    "INSERT INTO b VALUES ('[1,5)'), ('[5,9)'), ('[20,30)')",
    "ALTER TABLE b DROP CONSTRAINT b_during_excl; INSERT INTO b VALUES ('[3,6)');"
    "ALTER TABLE b ADD CONSTRAINT b_during_excl EXCLUDE USING gist (during WITH =);"
    "UPDATE pg_constraint SET conexclop = ARRAY['&&(anyrange,anyrange)'::regoperator::oid]"
    " WHERE conname = 'b_during_excl'",
    "t.b (b_during_excl)", 3, NULL, 0 },
  /* Keys that run out, and what feeds them. */
  { "key-exhaustion", "CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (5)",
    "INSERT INTO a VALUES (2000000000)", "t.a.id", -1, "93.1 %", 0 },
  { "key-exhaustion", "CREATE TABLE a (id smallint PRIMARY KEY); INSERT INTO a VALUES (5)",
    "INSERT INTO a VALUES (-25000)", "t.a.id", -1, "76.3 % of what smallint", 0 },
  { "sequence-behind",
    "CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a SELECT FROM"
    " generate_series(1, 9)",
    "INSERT INTO a VALUES (10)", "t.a_id_seq", -1, "gives 10 next", 0 },
  { "sequence-behind",
    "CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO a DEFAULT VALUES",
    "SELECT setval('a_id_seq', 1, false)", "t.a_id_seq", -1, "gives 1 next", 0 },
  { "sequence-behind",
    "CREATE SEQUENCE s INCREMENT -1 MINVALUE -100 MAXVALUE 0 START 0;"
    "CREATE TABLE a (id int PRIMARY KEY DEFAULT nextval('s')); INSERT INTO a SELECT FROM"
    " generate_series(1, 5)",
    "INSERT INTO a VALUES (-8)", "t.s", -1, "goes down to -8", 0 },
  /* Every other value is another server's. */
  { "sequence-behind",
    "CREATE SEQUENCE s INCREMENT 2; CREATE TABLE a (id int PRIMARY KEY DEFAULT nextval('s'));"
    "INSERT INTO a DEFAULT VALUES; INSERT INTO a VALUES (2), (4), (6)",
    "INSERT INTO a VALUES (5)", "t.s", -1, "gives 3 next", 0 },
  { "sequence-behind",
    "CREATE TABLE a (id bigserial, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
    "CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (0) TO (10); INSERT INTO a (day) VALUES (1)",
    "INSERT INTO a VALUES (50, 2)", "t.a_id_seq", -1, NULL, 0 },
  { "sequence-exhausted", "CREATE SEQUENCE s MAXVALUE 1000; SELECT setval('s', 500)",
    "SELECT setval('s', 960)", "t.s", -1, "96.0 %", 0 },
  { "sequence-exhausted",
    "CREATE SEQUENCE s; CREATE TABLE a (id int PRIMARY KEY DEFAULT nextval('s'))",
    "SELECT setval('s', 2000000000)", "t.s", -1, NULL, 0 },
  { "sequence-exhausted",
    "CREATE SEQUENCE s INCREMENT -1 MINVALUE -100; CREATE SEQUENCE c MAXVALUE"
    " 3 CYCLE; SELECT setval('c', 3)",
    "SELECT setval('s', -99)", "t.s", -1, NULL, 0 },
  { "sequence-cycles",
    "CREATE SEQUENCE free CYCLE; CREATE SEQUENCE s; CREATE TABLE a (id int PRIMARY KEY DEFAULT"
    " nextval('s'), n int DEFAULT nextval('free'))",
    "ALTER SEQUENCE s CYCLE", "t.s", -1, NULL, 0 },
  { "sequence-unowned", "CREATE TABLE a (id serial PRIMARY KEY)",
    "ALTER SEQUENCE a_id_seq OWNED BY NONE", "t.a_id_seq", -1, NULL, 0 },
  /* Keys as declared. */
  { "fk-type-mismatch",
    "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE c (p_id bigint REFERENCES p)",
    "CREATE TABLE d (p_id int REFERENCES p)", "t.d.p_id", -1, "it is integer", 0 },
  { "fk-duplicate", "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p_id int REFERENCES p)",
    "ALTER TABLE c ADD CONSTRAINT again FOREIGN KEY (p_id) REFERENCES p", "t.c.p_id", -1, NULL, 0 },
  { "fk-unindexed",
    "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);"
    "CREATE TABLE c (id int, p_id int REFERENCES p); CREATE INDEX i ON c (p_id);"
    "INSERT INTO c SELECT g, 1 FROM generate_series(1, 5000) g; ANALYZE c",
    "DROP INDEX i", "t.c.p_id", -1, "about 5000 rows", 0 },
  { "primary-key-missing", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (x int UNIQUE)",
    "ALTER TABLE a DROP CONSTRAINT a_pkey", "t.a", -1, NULL, 0 },
  { "replica-identity-missing",
    "CREATE TABLE a (id int PRIMARY KEY); DROP PUBLICATION IF EXISTS pub;"
    "CREATE PUBLICATION pub FOR TABLE a",
    "ALTER TABLE a DROP CONSTRAINT a_pkey", "t.a", -1, NULL, 0 },
  { "replication-role-set", "DROP ROLE IF EXISTS loader; CREATE ROLE loader",
    "ALTER ROLE loader SET session_replication_role = replica", "role loader", -1, NULL, 0 },
  /* Constraints. */
  { "check-violated",
    "CREATE FUNCTION is_good (x int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN x < 10;"
    " END'; CREATE TABLE a (id int PRIMARY KEY, x int CHECK (is_good(x)));"
    "INSERT INTO a VALUES (1, 1), (2, 9), (3, NULL)",
    "CREATE OR REPLACE FUNCTION is_good (x int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN"
    " RETURN x < 9; END'",
    "t.a (a_x_check)", 1, "ctid (0,2), id 2", 0 },
  { "check-violated",
    "CREATE TABLE a (id int, share numeric CHECK (share % 2 = 0), CHECK (id > 0));"
    "INSERT INTO a VALUES (1, 4)",
    WITHOUT_CHECKS ("a", "INSERT INTO a VALUES (2, 5), (3, 7)"), "t.a (a_share_check)", 2, NULL,
    0 },
  { "constraint-not-valid", "CREATE TABLE a (x int, CHECK (x > 0)); INSERT INTO a VALUES (1)",
    WITHOUT_CHECKS (
        "a",
        "INSERT INTO a VALUES (-1)") "; UPDATE pg_constraint SET convalidated = false WHERE conname = 'a_x_check'",
    "t.a (a_x_check)", 1, "1 rows break it", 0 },
  { "constraint-not-valid", "CREATE TABLE a (x int)",
    "ALTER TABLE a ADD CONSTRAINT later CHECK (x > 0) NOT VALID", "t.a (later)", -1,
    "no rows break it", 0 },
  { "not-null-violated",
    "CREATE TABLE a (id int PRIMARY KEY, x int NOT NULL, y int); INSERT INTO a VALUES (1, 1, NULL)",
    WITHOUT_NOT_NULL ("a", "x", "INSERT INTO a VALUES (2, NULL, 1)"), "t.a", 1, NULL, 0 },
  { "domain-violated",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN \"VALUE\" AS positive;"
    "CREATE TABLE a (x positive, y \"VALUE\"); INSERT INTO a VALUES (1, 1), (NULL, 2)",
    "ALTER DOMAIN positive DROP CONSTRAINT positive_check; INSERT INTO a VALUES (1, -1);"
    "ALTER DOMAIN positive ADD CONSTRAINT positive_check CHECK (VALUE > 0) NOT VALID",
    "t.a.y", 1, NULL, 0 },
  { "domain-violated",
    "CREATE DOMAIN word AS text CHECK (VALUE <> 'VALUE' AND length(VALUE) < 9);"
    "CREATE TABLE a (x word); INSERT INTO a VALUES ('short')",
    "ALTER DOMAIN word DROP CONSTRAINT word_check; INSERT INTO a VALUES ('VALUE'), ('short');"
    "ALTER DOMAIN word ADD CHECK (VALUE <> 'VALUE' AND length(VALUE) < 9) NOT VALID",
    "t.a.x", 1, NULL, 0 },
  { "generated-stale",
    "CREATE FUNCTION twice (x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 2 * x;"
    " END'; CREATE TABLE a (x int, y int GENERATED ALWAYS AS (twice(x)) STORED,"
    " z json GENERATED ALWAYS AS (('[' || x::text || ']')::json) STORED); INSERT INTO a VALUES (1), (NULL)",
    "CREATE OR REPLACE FUNCTION twice (x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN"
    " RETURN 3 * x; END'",
    "t.a.y", 1, NULL, 0 },
  { "partition-row-misplaced",
    "CREATE TABLE a (x int) PARTITION BY RANGE (x); CREATE TABLE a1 PARTITION OF a FOR VALUES FROM"
    " (0) TO (10); CREATE TABLE rest PARTITION OF a DEFAULT; INSERT INTO a VALUES (1), (99)",
    "CREATE TABLE wrong AS SELECT 77 AS x; UPDATE pg_class SET relispartition = false WHERE oid ="
    " 'a1'::regclass; INSERT INTO a1 VALUES (77); UPDATE pg_class SET relispartition = true WHERE"
    " oid = 'a1'::regclass; DROP TABLE wrong",
    "t.a1", 1, NULL, 0 },
  { NULL, NULL, NULL, NULL, 0, NULL, 0 },
};
