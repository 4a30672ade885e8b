-- What PostgreSQL 15 added to torture-14.sql.
\set ON_ERROR_STOP 1
SET client_min_messages = error; -- wal_level is of no interest here

CREATE SCHEMA pg15;
CREATE TABLE pg15.nulls_not_distinct (a integer, b text, UNIQUE NULLS NOT DISTINCT (a, b), CONSTRAINT odd UNIQUE NULLS NOT DISTINCT (b) INCLUDE (a) DEFERRABLE);
CREATE UNIQUE INDEX nnd_index ON pg15.nulls_not_distinct (a) NULLS NOT DISTINCT WHERE b IS NULL;
INSERT INTO pg15.nulls_not_distinct VALUES (1, NULL), (2, 'x');

CREATE TABLE pg15.set_null_columns (id integer PRIMARY KEY, tenant integer, parent integer, UNIQUE (tenant, id),
  FOREIGN KEY (tenant, parent) REFERENCES pg15.set_null_columns (tenant, id) ON DELETE SET NULL (parent));
INSERT INTO pg15.set_null_columns VALUES (1, 1, NULL), (2, 1, 1);

CREATE VIEW pg15.v_invoker WITH (security_invoker = true, security_barrier) AS SELECT * FROM pg15.nulls_not_distinct;
CREATE UNLOGGED SEQUENCE pg15.seq_unlogged;
SELECT nextval ('pg15.seq_unlogged') \g /dev/null
CREATE UNLOGGED TABLE pg15.unlogged_identity (id integer GENERATED ALWAYS AS IDENTITY);
ALTER SEQUENCE pg15.unlogged_identity_id_seq SET LOGGED;
INSERT INTO pg15.unlogged_identity DEFAULT VALUES;

CREATE PUBLICATION pub_filtered FOR TABLE tables.indexed (n, id, t) WHERE (id > 10 AND v2 <> 'a'), TABLE pg15.nulls_not_distinct WHERE (a > 0);
CREATE PUBLICATION pub_schemas FOR TABLES IN SCHEMA "Odd ""Names"".dot and space", types, TABLE tables.tree WITH (publish = 'insert');
CREATE SUBSCRIPTION torture_sub_15 CONNECTION 'dbname=none' PUBLICATION a WITH (connect = false, slot_name = NONE, two_phase = false, disable_on_error = true, streaming = on, binary = true);

CREATE TABLE pg15.cloned_trigger_parent (a integer) PARTITION BY LIST (a);
CREATE TABLE pg15.cloned_trigger_1 PARTITION OF pg15.cloned_trigger_parent FOR VALUES IN (1);
CREATE TABLE pg15.cloned_trigger_2 PARTITION OF pg15.cloned_trigger_parent FOR VALUES IN (2);
CREATE TRIGGER t AFTER INSERT ON pg15.cloned_trigger_parent FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('clone');
ALTER TRIGGER t ON pg15.cloned_trigger_parent RENAME TO renamed_with_clones;
ALTER TABLE pg15.cloned_trigger_parent ENABLE ALWAYS TRIGGER renamed_with_clones;
ALTER TABLE pg15.cloned_trigger_2 DISABLE TRIGGER renamed_with_clones;
