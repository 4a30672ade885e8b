-- What every session of pgkeel sets, so that text output is exact and the same everywhere.
-- The text of a SQL_ASCII database may be no UTF-8, and the server would refuse to send it as such.
SELECT pg_catalog.set_config('client_encoding', CASE pg_catalog.current_setting('server_encoding')
                                                WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false);
SET standard_conforming_strings = on;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET xmloption = 'content';
SET timezone = 'UTC';
SET lc_monetary = 'C';
SET array_nulls = on;
SET transform_null_equals = off;
SET quote_all_identifiers = off;
SET check_function_bodies = off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_min_messages = 'warning';
SET synchronize_seqscans = off;
SET row_security = off;
SET jit = off;
SET search_path = pg_catalog;
