-- What PostgreSQL 14 added to torture.sql.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET TimeZone = 'UTC';

CREATE SCHEMA pg14;
CREATE TABLE pg14.numerics (id integer PRIMARY KEY, n numeric, a numeric[]);
INSERT INTO pg14.numerics VALUES (1, 'Infinity', '{-Infinity,NaN,Infinity}'), (2, '-Infinity', NULL);

CREATE TYPE pg14.floats AS RANGE (subtype = float8, multirange_type_name = pg14."Odd ""multi""");
CREATE TABLE pg14.multiranges (
  id integer PRIMARY KEY, i4 int4multirange, i8 int8multirange, n nummultirange, ts tsmultirange, tz tstzmultirange, d datemultirange,
  own pg14."Odd ""multi""", auto types.textmultirange, arr int4multirange[]);
INSERT INTO pg14.multiranges VALUES
  (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
  (2, '{[1,3),[5,9]}', '{(,)}', '{[1.0,1.10),(2,NaN]}', '{[-infinity,infinity]}', '{["2000-01-01 00:00+00",)}', '{[2000-01-01,2000-02-01),(,1999-01-01)}', '{[1.5,Infinity),[NaN,NaN]}', '{["a,b","c"],["d""q","e\\\\f"]}'::types.textmultirange, '{"{[1,2),[5,6)}",NULL,"{}"}'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE INDEX multiranges_gist ON pg14.multiranges USING gist (i4, ts);

-- Bodies that are stored parsed; one of them depends on a primary key through its GROUP BY.
CREATE FUNCTION pg14.atomic (n integer DEFAULT 1) RETURNS SETOF integer LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT id + n FROM tables.tree WHERE name::varchar IN ('root', 'child; \', '--');
  SELECT 2;
END;
CREATE FUNCTION pg14.atomic_return (a text) RETURNS text LANGUAGE sql IMMUTABLE RETURN lower (a) || '\';
CREATE PROCEDURE pg14.atomic_procedure (a integer, OUT b integer) LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO tables.rule_log VALUES ('x', a);
  DELETE FROM tables.rule_log WHERE id = a RETURNING id;
END;
CREATE FUNCTION pg14.atomic_functional () RETURNS TABLE (id integer, name text, n bigint) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT t.id, t.name, count (*) FROM tables.tree AS t LEFT JOIN tables.tree AS c ON c.parent = t.id GROUP BY t.id;
END;
CREATE VIEW pg14.v_atomic AS SELECT * FROM pg14.atomic_functional () WITH ORDINALITY;
CREATE VIEW pg14.v_search AS
  WITH RECURSIVE r (id, depth) AS (SELECT id, 0 FROM tables.tree WHERE parent IS NULL UNION ALL SELECT t.id, depth + 1 FROM tables.tree AS t JOIN r ON t.parent = r.id)
  SEARCH DEPTH FIRST BY id SET ordering CYCLE id SET is_cycle USING path
  SELECT id, depth, is_cycle FROM r ORDER BY ordering;
CREATE VIEW pg14.v_join_alias AS SELECT j.id, a FROM (tables.refers_to_partitioned AS x (id, a, b) JOIN tables.empty AS y (id, c) USING (id) AS j);

CREATE TABLE pg14.compressed (a text COMPRESSION pglz, b text, c text COMPRESSION default);
INSERT INTO pg14.compressed VALUES (repeat ('compress me ', 10000), NULL, '');
CREATE STATISTICS pg14.stats_expression ON (lower (t)), (n * 2), id FROM tables.indexed;
CREATE STATISTICS pg14.stats_one_expression ON (t::varchar IN ('a', 'b')) FROM tables.indexed;

CREATE INDEX brin_multi ON tables.indexed USING brin (id int4_minmax_multi_ops (values_per_range = 16), n numeric_bloom_ops (n_distinct_per_range = 50, false_positive_rate = 0.05));
CREATE TABLE pg14.subscripted (id integer PRIMARY KEY, j jsonb DEFAULT '{"a": 1}', CHECK ((j['a'])::text <> '2'));
INSERT INTO pg14.subscripted VALUES (1, DEFAULT);
CREATE TABLE pg14.detached_parent (a integer) PARTITION BY RANGE (a);
CREATE TABLE pg14.detached_part PARTITION OF pg14.detached_parent FOR VALUES FROM (0) TO (10);
ALTER TABLE pg14.detached_parent DETACH PARTITION pg14.detached_part CONCURRENTLY;
INSERT INTO pg14.detached_part VALUES (5);
GRANT SELECT ON pg14.numerics TO torture_reader GRANTED BY CURRENT_USER;
