#include "corruption.h"

#define PAIR                                                                                       \
  "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(1, 50);"    \
  "CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent);"                      \
  "INSERT INTO child SELECT g, g % 50 + 1 FROM generate_series(1, 1000) g;"
#define REPLICA "SET session_replication_role = replica;"

const Corruption corruption_referential[] = {
  { "fk-orphans", PAIR, REPLICA "DELETE FROM parent WHERE id = 7", "t.child.parent_id", 20,
    "20 of 1,000 rows", 0 },
  { "fk-orphans", PAIR, REPLICA "UPDATE child SET parent_id = -3 WHERE id = 5", "t.child.parent_id",
    1, NULL, 0 },
  { "fk-orphans", PAIR, REPLICA "TRUNCATE parent CASCADE; INSERT INTO child VALUES (1, 1)",
    "t.child.parent_id", 1, NULL, 0 },
  { "fk-orphans", PAIR,
    "ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey; UPDATE child SET parent_id = 99"
    " WHERE id < 4; ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent NOT VALID",
    "t.child.parent_id", 3, "NOT VALID", 0 },
  /* A parent's column that is not unique after all must not multiply the orphans of another key. */
  { "fk-orphans",
    "CREATE TABLE a (id text PRIMARY KEY); CREATE TABLE b (id text PRIMARY KEY);"
    "INSERT INTO a SELECT 'a' || g FROM generate_series(1, 9) g; INSERT INTO b SELECT * FROM a;"
    "CREATE TABLE c (id int, a_id text REFERENCES a, b_id text REFERENCES b);"
    "INSERT INTO c SELECT g, 'a' || g, 'a' || g FROM generate_series(1, 9) g",
    REPLICA "UPDATE pg_index SET indisready = false, indislive = true, indisunique = false"
            " WHERE indexrelid = 'a_pkey'::regclass;"
            "INSERT INTO a VALUES ('a1'), ('a1'), ('a2'); DELETE FROM b WHERE id = 'a1'",
    "t.c.b_id", 1, "1 of 9 rows", 0 },
  { "fk-orphans",
    "CREATE TABLE p (a int, b text, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 'x'), (2, 'y');"
    "CREATE TABLE c (a int, b text, FOREIGN KEY (a, b) REFERENCES p);"
    "INSERT INTO c VALUES (1, 'x'), (NULL, 'nobody'), (2, 'y')",
    REPLICA "UPDATE c SET b = 'z' WHERE a = 2", "t.c.(a, b)", 1, NULL, 0 },
  { "fk-orphans",
    "CREATE TABLE p (id bigint PRIMARY KEY); INSERT INTO p VALUES (1), (9000000000000000000);"
    "CREATE TABLE c (p_id bigint REFERENCES p); INSERT INTO c SELECT id FROM p",
    REPLICA "INSERT INTO c VALUES (5)", "t.c.p_id", 1, NULL, 0 },
  { "fk-orphans",
    "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2);"
    "CREATE TABLE c (id int, p_id int REFERENCES p) PARTITION BY RANGE (id);"
    "CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE c2 PARTITION OF c FOR VALUES FROM (10) TO (20);"
    "INSERT INTO c VALUES (1, 1), (11, 2)",
    REPLICA "INSERT INTO c VALUES (12, 77)", "t.c.p_id", 1, NULL, 0 },
  { "fk-orphans",
    "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);"
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);"
    "INSERT INTO p VALUES (1), (11); CREATE TABLE c (p_id int REFERENCES p);"
    "INSERT INTO c VALUES (1), (11)",
    REPLICA "DELETE FROM p WHERE id = 11", "t.c.p_id", 1, NULL, 0 },
  { "fk-orphans",
    "CREATE TABLE p (id uuid PRIMARY KEY); INSERT INTO p SELECT md5(g::text)::uuid FROM"
    " generate_series(1, 30) g; CREATE TABLE c (p_id uuid REFERENCES p);"
    "INSERT INTO c SELECT id FROM p",
    REPLICA "DELETE FROM p WHERE id = md5('3')::uuid", "t.c.p_id", 1, NULL, 0 },
  { "fk-orphans",
    "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
    "CREATE TABLE p (name text COLLATE nocase PRIMARY KEY); INSERT INTO p VALUES ('Ada'), ('Bob');"
    "CREATE TABLE c (name text REFERENCES p); INSERT INTO c VALUES ('ADA'), ('bob')",
    REPLICA "DELETE FROM p WHERE name = 'Bob'", "t.c.name", 1, NULL, 0 },
  { "fk-not-valid", PAIR,
    "ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey;"
    "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent NOT VALID",
    "t.child.parent_id", -1, "no rows break it", 0 },
  { "fk-trigger-disabled", PAIR, "ALTER TABLE child DISABLE TRIGGER ALL", "t.child.parent_id", -1,
    NULL, 0 },
  { "fk-trigger-disabled", PAIR, "ALTER TABLE parent DISABLE TRIGGER ALL", "t.child.parent_id", -1,
    NULL, 0 },
  { "fk-match-full-null",
    "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1);"
    "CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES p MATCH FULL);"
    "INSERT INTO c VALUES (1, 1), (NULL, NULL)",
    REPLICA "INSERT INTO c VALUES (1, NULL)", "t.c.(a, b)", 1, NULL, 0 },
  { "fk-match-simple-null",
    "CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1);"
    "CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES p);"
    "INSERT INTO c VALUES (1, 1), (NULL, NULL)",
    "INSERT INTO c VALUES (9, NULL), (NULL, 9)", "t.c.(a, b)", 2, NULL, 0 },
  { NULL, NULL, NULL, NULL, 0, NULL, 0 },
};
