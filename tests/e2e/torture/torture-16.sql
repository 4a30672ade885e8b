-- What PostgreSQL 16 added to torture-15.sql.
\set ON_ERROR_STOP 1
SET client_min_messages = error; -- wal_level is of no interest here

CREATE SCHEMA pg16;
CREATE TABLE pg16.storage (a text STORAGE EXTERNAL COMPRESSION pglz, b text STORAGE DEFAULT);
INSERT INTO pg16.storage VALUES (repeat ('x', 10000), NULL);
SELECT EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collprovider = 'i') AS has_icu \gset
\if :has_icu
CREATE COLLATION pg16.with_rules (provider = icu, locale = 'en', rules = '&a < g < \\');
CREATE TABLE pg16.ruled (a text COLLATE pg16.with_rules);
CREATE INDEX ON pg16.ruled (a);
INSERT INTO pg16.ruled VALUES ('g'), ('b'), ('a');
\endif
CREATE VIEW pg16.v_json AS
  SELECT json_array (1, NULL, 'x' NULL ON NULL RETURNING jsonb) AS arr, json_object ('k': 1, 'n': NULL ABSENT ON NULL WITH UNIQUE KEYS) AS obj,
         json_objectagg (id: t) AS objagg, json_arrayagg (t ORDER BY id RETURNING text) AS arragg, bool_and (t IS JSON OBJECT) AS isj
    FROM types.texts WHERE id < 3;
CREATE VIEW pg16.v_any_value AS SELECT any_value (a) AS v, 0x1F AS hex, 0b11 AS bin, 1_000 AS big FROM (SELECT a FROM pg16.storage);
CREATE SUBSCRIPTION torture_sub_16 CONNECTION 'dbname=none' PUBLICATION a
  WITH (connect = false, slot_name = NONE, streaming = parallel, origin = none, password_required = false, run_as_owner = true);
CREATE STATISTICS ON a, b FROM pg16.storage;
