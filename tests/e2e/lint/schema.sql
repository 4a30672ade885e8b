-- What the statements of statements.sql find. Everything lies in public, or in s.
CREATE SCHEMA s;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE TYPE pair AS (one int, two text);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN label AS text;
CREATE DOMAIN amount AS int;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION steady() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION changing() RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION quiet() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';

CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE, note text);
CREATE TABLE child (
  id bigint PRIMARY KEY,
  parent_id int REFERENCES parent,
  other_id int,
  size amount,
  v int
);
ALTER TABLE child ADD CONSTRAINT child_other FOREIGN KEY (other_id) REFERENCES parent NOT VALID;
CREATE TABLE t (
  id bigint PRIMARY KEY,
  a int,
  b text,
  c varchar(10),
  d numeric(10, 2),
  e timestamptz(3),
  f timestamp(3),
  g boolean,
  h jsonb,
  k int NOT NULL,
  m char(5),
  n varbit(8),
  u uuid,
  ip cidr,
  i interval(3),
  arr int[],
  l label,
  md mood,
  o oid,
  w varchar,
  z numeric,
  j json,
  tm time(3),
  day date,
  CONSTRAINT t_a_positive CHECK (a > 0)
);
ALTER TABLE t ADD CONSTRAINT t_b_filled CHECK (b IS NOT NULL);
ALTER TABLE t ADD CONSTRAINT t_c_filled CHECK (c IS NOT NULL) NOT VALID;
CREATE INDEX t_a ON t (a);
CREATE UNIQUE INDEX t_k ON t (k);
CREATE TRIGGER t_stamp BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE RULE t_rule AS ON DELETE TO t WHERE old.id < 0 DO INSTEAD NOTHING;
CREATE POLICY t_policy ON t USING (true);
CREATE STATISTICS t_stats ON a, k FROM t;
CREATE TABLE s.t (id int PRIMARY KEY, v text, parent_id int);
CREATE UNLOGGED TABLE fleeting (id int, v text);
CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, v text);
CREATE TABLE computed (a int, b int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE typed OF pair;
CREATE TABLE plain (one int, two text);
CREATE TABLE lone (id int NOT NULL, v int, r int4range);
CREATE UNIQUE INDEX lone_id ON lone (id);

CREATE TABLE base (id int, v text);
CREATE TABLE derived (extra int) INHERITS (base);
CREATE TABLE stranger (id int, v text);

CREATE TABLE p (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE p_rest PARTITION OF p DEFAULT;
CREATE TABLE p_new (id int NOT NULL, at date NOT NULL);
CREATE TABLE q (id int NOT NULL, at date NOT NULL, v text) PARTITION BY RANGE (at);
CREATE TABLE q1 PARTITION OF q FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE q2 PARTITION OF q FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE q_new (id int NOT NULL, at date NOT NULL, v text);
CREATE INDEX q_at ON ONLY q (at);
CREATE INDEX q1_at ON q1 (at);

CREATE TABLE shown (id int, a int);
CREATE VIEW v AS SELECT id, a FROM shown;
CREATE MATERIALIZED VIEW mv AS SELECT id, a FROM shown;
CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE SEQUENCE sq;
CREATE SEQUENCE owned_sq OWNED BY plain.one;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE ft (id int) SERVER nowhere;
CREATE PUBLICATION pub FOR TABLE s.t;

INSERT INTO parent VALUES (1, 'x', 'y');
INSERT INTO child VALUES (1, 1, 1, 1, 1);
INSERT INTO t (id, a, b, c, d, e, f, g, h, k, m, n, u, ip, i, arr, l, md, o, w, z, j, tm, day)
  VALUES (1, 1, '1', '1', 1, now(), '2025-01-01', true, '{}', 1, 'x', '1',
          '00000000-0000-0000-0000-000000000000', '10.0.0.0/8', '1 s', '{1}', 'x', 'ok', 1, '1', 1,
          '{}', '12:00', '2025-01-01');
INSERT INTO s.t VALUES (1, 'x', 1);
INSERT INTO lone VALUES (1, 1, '[1,2)');
INSERT INTO base VALUES (1, 'x');
INSERT INTO p VALUES (1, '2025-01-05');
INSERT INTO q VALUES (1, '2025-01-05', 'x');
INSERT INTO p_new VALUES (1, '2025-02-05');
INSERT INTO q_new VALUES (1, '2025-03-05', 'x');
