-- What every session of pgkeel sets, so that text output is exact and the same everywhere.
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET xmloption = 'content';
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_min_messages = 'warning';
SET synchronize_seqscans = off;
SET row_security = off;
SET search_path = pg_catalog;
