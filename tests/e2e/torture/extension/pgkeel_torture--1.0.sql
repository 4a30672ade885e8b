\echo Use "CREATE EXTENSION pgkeel_torture" to load this file. \quit
-- Members whose rows a dump carries: all of them, some of them, and a sequence's position.
CREATE TABLE @extschema@.config_all (id serial PRIMARY KEY, name text NOT NULL, value text);
CREATE TABLE @extschema@.config_some (id integer PRIMARY KEY, standard boolean NOT NULL DEFAULT false, t text);
CREATE TABLE @extschema@.config_child (id integer PRIMARY KEY, parent integer REFERENCES @extschema@.config_some);
CREATE SEQUENCE @extschema@.config_seq;
CREATE TABLE @extschema@.not_config (a integer);
CREATE FUNCTION @extschema@.member () RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE VIEW @extschema@.member_view AS SELECT 1 AS a;
CREATE TYPE @extschema@.member_type AS ENUM ('x', 'y');
INSERT INTO @extschema@.config_some VALUES (1, true, 'the extension made this row'), (2, true, 'and this');
INSERT INTO @extschema@.not_config VALUES (1);
SELECT pg_catalog.pg_extension_config_dump ('@extschema@.config_all', '');
SELECT pg_catalog.pg_extension_config_dump ('@extschema@.config_all_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump ('@extschema@.config_some', 'WHERE NOT standard');
SELECT pg_catalog.pg_extension_config_dump ('@extschema@.config_child', '');
SELECT pg_catalog.pg_extension_config_dump ('@extschema@.config_seq', '');
GRANT SELECT ON @extschema@.config_all TO PUBLIC;
