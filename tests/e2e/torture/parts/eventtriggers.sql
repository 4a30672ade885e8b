-- Event triggers.  One logs: whoever makes tables in a copy after this was restored will be seen.
CREATE TABLE code.ddl_log (id serial, tag text, object text);
CREATE FUNCTION code.log_ddl () RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO code.ddl_log (tag, object) SELECT command_tag, object_identity FROM pg_catalog.pg_event_trigger_ddl_commands () WHERE object_type = 'table' AND schema_name <> 'pg_temp';
END $$;
CREATE FUNCTION code.any_event () RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE FUNCTION code.never_event () RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a disabled event trigger fired'; END $$;
CREATE EVENT TRIGGER "log ""odd"" ddl" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION code.log_ddl ();
CREATE EVENT TRIGGER on_drop ON sql_drop EXECUTE FUNCTION code.any_event ();
CREATE EVENT TRIGGER on_rewrite ON table_rewrite EXECUTE FUNCTION code.any_event ();
CREATE EVENT TRIGGER disabled_event ON ddl_command_start EXECUTE FUNCTION code.never_event ();
ALTER EVENT TRIGGER disabled_event DISABLE;
CREATE EVENT TRIGGER replica_event ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP VIEW') EXECUTE FUNCTION code.any_event ();
ALTER EVENT TRIGGER replica_event ENABLE REPLICA;
CREATE EVENT TRIGGER always_event ON ddl_command_end EXECUTE FUNCTION code.any_event ();
ALTER EVENT TRIGGER always_event ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER on_drop IS 'an event trigger';
ALTER EVENT TRIGGER on_rewrite OWNER TO postgres;
CREATE TABLE code.seen_by_event_trigger (a integer);
