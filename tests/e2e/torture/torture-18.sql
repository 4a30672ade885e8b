-- What PostgreSQL 18 added to torture-17.sql.
\set ON_ERROR_STOP 1
SET client_min_messages = error; -- wal_level is of no interest here

CREATE SCHEMA pg18;
CREATE TABLE pg18.virtual (a integer, v integer GENERATED ALWAYS AS (a * 2) VIRTUAL, s integer GENERATED ALWAYS AS (a * 3) STORED, "V ""2""" text GENERATED ALWAYS AS ('x\' || a));
INSERT INTO pg18.virtual (a) VALUES (1), (NULL);
CREATE TABLE pg18.all_virtual (v integer GENERATED ALWAYS AS (1 + 1));
INSERT INTO pg18.all_virtual DEFAULT VALUES;

CREATE TABLE pg18.not_nulls (a integer CONSTRAINT "odd ""not null""" NOT NULL, b integer NOT NULL NO INHERIT, c integer);
INSERT INTO pg18.not_nulls VALUES (1, 1, NULL);
ALTER TABLE pg18.not_nulls ADD CONSTRAINT c_some_day NOT NULL c NOT VALID;
CREATE TABLE pg18.not_nulls_child (d integer) INHERITS (pg18.not_nulls);
CREATE TABLE pg18.not_nulls_partitioned (a integer CONSTRAINT named NOT NULL, b integer) PARTITION BY LIST (b);
CREATE TABLE pg18.not_nulls_partition PARTITION OF pg18.not_nulls_partitioned FOR VALUES IN (1);
INSERT INTO pg18.not_nulls_partitioned VALUES (1, 1);

CREATE TABLE pg18.temporal (id integer, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
INSERT INTO pg18.temporal VALUES (1, '[2000-01-01,2001-01-01)'), (1, '[2001-01-01,)');
CREATE TABLE pg18.temporal_reference (id integer, parent integer, valid daterange, FOREIGN KEY (parent, PERIOD valid) REFERENCES pg18.temporal (id, PERIOD valid));
INSERT INTO pg18.temporal_reference VALUES (1, 1, '[2000-06-01,2002-01-01)');

CREATE TABLE pg18.not_enforced (a integer CHECK (a > 0) NOT ENFORCED, t integer, FOREIGN KEY (t) REFERENCES tables.tree NOT ENFORCED);
INSERT INTO pg18.not_enforced VALUES (-1, 4711);
CREATE PUBLICATION pub_generated FOR TABLE pg18.virtual WITH (publish_generated_columns = stored);
CREATE VIEW pg18.v_old_new AS SELECT casefold ('X') AS folded, array_sort (ARRAY[2, 1]) AS sorted;
CREATE STATISTICS pg18.on_virtual ON a, (s + 1) FROM pg18.virtual;
