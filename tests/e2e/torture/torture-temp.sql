-- Temporary objects of a session that stays: no dump may contain them or trip over them.  Feed it
-- to a psql that is kept open while the dump is made; it says "held" when they are there.
\set ON_ERROR_STOP 1
CREATE TEMPORARY TABLE temporary_table (id serial PRIMARY KEY, t text);
INSERT INTO temporary_table (t) VALUES ('not in a dump');
CREATE TEMPORARY VIEW temporary_view AS SELECT * FROM temporary_table;
CREATE TEMPORARY SEQUENCE temporary_sequence;
CREATE TEMPORARY TABLE temporary_child (x integer) INHERITS (tables.parent_b);
INSERT INTO temporary_child VALUES ('not in a dump', 1, 1);
CREATE FUNCTION pg_temp.temporary_function () RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TYPE pg_temp.temporary_type AS (a integer);
CREATE DOMAIN pg_temp.temporary_domain AS integer CHECK (VALUE > 0);
CREATE TABLE pg_temp.victim (a integer);
INSERT INTO pg_temp.victim VALUES (13);
\echo held
