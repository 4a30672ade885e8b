-- Tablespaces.  They belong to the cluster; the directory must exist, be empty and be the server's:
--   psql ... -v tablespace_dir=/empty/directory -f torture-tablespace.sql
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = 'torture "space"') AS wanted \gset
\if :wanted
CREATE TABLESPACE "torture ""space""" OWNER torture_owner LOCATION :'tablespace_dir' WITH (random_page_cost = 1.5);
COMMENT ON TABLESPACE "torture ""space""" IS 'a tablespace';
GRANT CREATE ON TABLESPACE "torture ""space""" TO torture_reader;
\endif
CREATE SCHEMA spaced;
CREATE TABLE spaced.in_space (a integer PRIMARY KEY USING INDEX TABLESPACE "torture ""space""", t text) TABLESPACE "torture ""space""";
INSERT INTO spaced.in_space VALUES (1, 'x'), (2, NULL);
CREATE TABLE spaced.only_index (a integer);
INSERT INTO spaced.only_index VALUES (1);
CREATE INDEX only_index_a ON spaced.only_index (a) TABLESPACE "torture ""space""";
CREATE TABLE spaced.partitioned (a integer) PARTITION BY LIST (a) TABLESPACE "torture ""space""";
CREATE TABLE spaced.partition_there PARTITION OF spaced.partitioned FOR VALUES IN (1);
CREATE TABLE spaced.partition_here PARTITION OF spaced.partitioned FOR VALUES IN (2) TABLESPACE pg_default;
CREATE INDEX partitioned_a ON spaced.partitioned (a) TABLESPACE "torture ""space""";
INSERT INTO spaced.partitioned VALUES (1), (2);
CREATE MATERIALIZED VIEW spaced.m_in_space TABLESPACE "torture ""space""" AS SELECT a FROM spaced.in_space;
