-- Rows that PostgreSQL itself puts elsewhere in every copy: enum values are hashed by their OID,
-- and a copy's enum has others.  pg_dump loads such partitions through their root.  Compare the
-- root's rows (count and digest); the partitions' own differ, also between two runs of pg_dump | psql.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE SCHEMA unstable;
CREATE TYPE unstable.colour AS ENUM ('red', 'green', 'blue', 'yellow', 'black', 'white', 'grey', 'pink');
CREATE TABLE unstable.by_enum (id integer, colour unstable.colour) PARTITION BY HASH (colour);
CREATE TABLE unstable.by_enum_0 PARTITION OF unstable.by_enum FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE unstable.by_enum_1 PARTITION OF unstable.by_enum FOR VALUES WITH (MODULUS 3, REMAINDER 1) PARTITION BY HASH (colour);
CREATE TABLE unstable.by_enum_1_0 PARTITION OF unstable.by_enum_1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE unstable.by_enum_1_1 PARTITION OF unstable.by_enum_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE unstable.by_enum_2 PARTITION OF unstable.by_enum FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO unstable.by_enum
  SELECT i, (enum_range (NULL::unstable.colour))[1 + i % 8] FROM generate_series (1, 400) AS i;
