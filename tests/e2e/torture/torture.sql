-- The torture database: everything a database of PostgreSQL 13 or newer can hold that a dump may
-- lose, in one script.  Newer majors add torture-14.sql, torture-15.sql and so on, in order.
--
--   psql -X -v ON_ERROR_STOP=1 -d DB -f torture-roles.sql -f torture.sql
--
-- as a superuser, in an empty UTF-8 database, with the little extension of extension/ installed
-- (torture.bash does all of this).  Every row is deterministic: no clock, no random numbers.
--
-- What `pg_dump | psql` itself does not carry over unchanged, so that a test has to compare with
-- such a copy instead of with the source, is marked FIXPOINT here and listed in README.md.

\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
SET bytea_output = 'hex';
SET extra_float_digits = 1;
SET search_path = public;

\ir parts/schemas.sql
\ir parts/types.sql
\ir parts/values.sql
\ir parts/names.sql
\ir parts/tables.sql
\ir parts/partitions.sql
\ir parts/constraints.sql
\ir parts/indexes.sql
\ir parts/sequences.sql
\ir parts/views.sql
\ir parts/code.sql
\ir parts/objects.sql
\ir parts/textsearch.sql
\ir parts/extensions.sql
\ir parts/foreign.sql
\ir parts/largeobjects.sql
\ir parts/access.sql
\ir parts/publications.sql
\ir parts/comments.sql
-- Last: from here on they see every DDL command.
\ir parts/eventtriggers.sql
