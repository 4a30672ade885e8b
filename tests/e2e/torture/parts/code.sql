-- Functions, procedures, aggregates, triggers.
CREATE FUNCTION code.everything (INOUT a integer, b text DEFAULT E'de''f\\ault', OUT c numeric, VARIADIC d integer[] DEFAULT '{1,2}')
  RETURNS SETOF record LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER LEAKPROOF PARALLEL SAFE COST 12.5 ROWS 7
  SET search_path = code, "Odd ""Names"".dot and space", pg_temp SET work_mem = '8MB' SET DateStyle FROM CURRENT
  AS $body$
BEGIN
  c := 1; RETURN NEXT;
END
$body$;
CREATE FUNCTION code.returns_table (n integer) RETURNS TABLE ("odd col" text, "select" integer) LANGUAGE sql AS 'SELECT ''a'', n';
CREATE FUNCTION code.poly (a anyelement, b anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT a';
CREATE FUNCTION code."odd ""function"".name" ("odd ""arg""" types."Odd, Composite", types.mood = 'ok') RETURNS types."Odd, Composite"[] LANGUAGE sql AS 'SELECT ARRAY[$1]';
CREATE FUNCTION code.quoting () RETURNS text LANGUAGE plpgsql AS $outer$
BEGIN
  RETURN $inner$ it's "quoted" \ $_$ $$ $body$ $inner$ || E'\'' || 'semi;colon';
END $outer$;
CREATE PROCEDURE code.proc (a integer, INOUT b text DEFAULT NULL) LANGUAGE plpgsql SECURITY DEFINER SET client_min_messages = 'warning' AS $$ BEGIN COMMIT; END $$;
CREATE PROCEDURE code.proc () LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION code.windowed () RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_row_number';

-- A body made of what a dump is made of.  Bodies are not checked on restore, nor here.
SET check_function_bodies = off;
CREATE FUNCTION code.looks_like_a_dump () RETURNS void LANGUAGE plpgsql AS $body$
--
-- PostgreSQL database dump
--

\restrict 0123456789abcdef
\connect postgres
SET statement_timeout = 0;
--
-- Name: victim; Type: TABLE; Schema: public; Owner: nobody
--

DROP TABLE public.victim;
COPY public.victim (a) FROM stdin;
1
2
\.

--
-- Data for Name: victim; Type: TABLE DATA; Schema: public; Owner: nobody
--

COPY public.victim (a) FROM stdin;
\.
-- {"pgkeel":{"format":1}}
SELECT pg_catalog.setval('public.nothing', 1, true);
--
-- PostgreSQL database dump complete
--
\unrestrict 0123456789abcdef
$body$;
CREATE FUNCTION code.carriage_returns () RETURNS text LANGUAGE sql AS E'SELECT\r\n  1::text;\r\n\t-- tab\r';
CREATE FUNCTION code.refers_to_nothing () RETURNS integer LANGUAGE sql AS 'SELECT x FROM no_such_table';
RESET check_function_bodies;

-- Used by constraints, indexes, defaults and generated columns: it has to be there before them.
CREATE FUNCTION code.a_zz_is_even (n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n % 2 = 0';
CREATE FUNCTION code.normalise (t text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = '' AS $$ BEGIN RETURN lower (btrim (t)); END $$;
CREATE SEQUENCE code.label_seq;
CREATE FUNCTION code.next_label () RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT 'label-' || nextval ('code.label_seq') $$;
CREATE TABLE code.uses_functions (
  n integer CHECK (code.a_zz_is_even (n)),
  t text,
  label text DEFAULT code.next_label (),
  norm text GENERATED ALWAYS AS (code.normalise (t)) STORED);
CREATE UNIQUE INDEX uses_functions_norm ON code.uses_functions (code.normalise (t));
INSERT INTO code.uses_functions (n, t) VALUES (2, '  ABC '), (4, NULL);
-- A function that needs the table it is used by.
CREATE TABLE code.needs_itself (a integer);
CREATE FUNCTION code.of_row (code.needs_itself) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.a + 1';
CREATE INDEX needs_itself_of_row ON code.needs_itself (code.of_row (needs_itself));
INSERT INTO code.needs_itself VALUES (1), (NULL);

-- Aggregates.
CREATE FUNCTION code.acc (numeric, integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE code.plain (integer) (SFUNC = code.acc, STYPE = numeric, INITCOND = '0');
CREATE AGGREGATE code.full_agg (float8) (
  SFUNC = float8_accum, STYPE = float8[], SSPACE = 100, FINALFUNC = float8_avg, FINALFUNC_MODIFY = read_only, COMBINEFUNC = float8_combine,
  INITCOND = '{0,0,0}', MSFUNC = float8pl, MINVFUNC = float8mi, MSTYPE = float8, MSSPACE = 8, MINITCOND = '0', PARALLEL = SAFE);
CREATE AGGREGATE code.ordered (VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE AGGREGATE code.perc (float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE code.serial_agg (int8) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = numeric_poly_avg, COMBINEFUNC = int8_avg_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize);
CREATE AGGREGATE code.smallest (integer) (SFUNC = int4smaller, STYPE = integer, SORTOP = <);
CREATE FUNCTION code.variadic_acc (text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT concat ($1, array_length ($2, 1))';
CREATE AGGREGATE code.variadic_agg (VARIADIC text[]) (SFUNC = code.variadic_acc, STYPE = text);
CREATE AGGREGATE code.star (*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
COMMENT ON AGGREGATE code.plain (integer) IS 'an aggregate';
ALTER AGGREGATE code.plain (integer) OWNER TO torture_owner;

-- Triggers.
CREATE TABLE code.triggered (id integer PRIMARY KEY, t text, n integer);
CREATE TABLE code.trigger_log (what text, id integer);
INSERT INTO code.triggered VALUES (1, 'before the triggers', 1), (2, NULL, -5);
CREATE FUNCTION code.log_trigger () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO code.trigger_log VALUES (TG_NAME || ' ' || TG_OP || ' ' || TG_ARGV[0], CASE TG_LEVEL WHEN 'ROW' THEN CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END END);
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER before_all BEFORE INSERT OR UPDATE OR DELETE ON code.triggered FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('arg ''quoted'' \ ; $$', 'two', '');
CREATE TRIGGER with_when AFTER UPDATE OF t, n ON code.triggered FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.t::varchar IN ('a', 'b')) EXECUTE FUNCTION code.log_trigger ('when');
CREATE TRIGGER with_tables AFTER UPDATE ON code.triggered REFERENCING OLD TABLE AS before NEW TABLE AS "after ""odd""" FOR EACH STATEMENT EXECUTE FUNCTION code.log_trigger ('tables');
CREATE TRIGGER "odd ""trigger"".name" AFTER TRUNCATE ON code.triggered EXECUTE FUNCTION code.log_trigger ('truncate');
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE ON code.triggered FROM tables.tree DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.n < 0) EXECUTE FUNCTION code.log_trigger ('deferred');
CREATE TRIGGER disabled BEFORE INSERT ON code.triggered FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('disabled');
ALTER TABLE code.triggered DISABLE TRIGGER disabled;
CREATE TRIGGER replica BEFORE INSERT ON code.triggered FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('replica');
ALTER TABLE code.triggered ENABLE REPLICA TRIGGER replica;
CREATE TRIGGER always BEFORE INSERT ON code.triggered FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('always');
ALTER TABLE code.triggered ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER native_trigger BEFORE UPDATE ON code.triggered FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger ();
COMMENT ON TRIGGER before_all ON code.triggered IS 'would log a row for each row that is loaded';
CREATE TABLE code.view_target (id integer, t text);
CREATE VIEW code.v_triggered AS SELECT * FROM code.view_target;
CREATE TRIGGER instead INSTEAD OF INSERT OR DELETE ON code.v_triggered FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('instead');
-- On a partitioned table, with a clone that is in another state than its parent.
CREATE TRIGGER on_partitioned AFTER INSERT ON tables.by_range FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('partitioned');
ALTER TABLE tables.by_range_2023 DISABLE TRIGGER on_partitioned;
CREATE TRIGGER on_partition BEFORE DELETE ON tables.by_range_2024 FOR EACH ROW EXECUTE FUNCTION code.log_trigger ('partition');
-- A foreign key whose own triggers are disabled is not dumped as such; a user's are.
ALTER TABLE code.trigger_log DISABLE TRIGGER USER;
