-- Foreign data: wrappers, servers, user mappings with a secret, tables, a foreign partition.
CREATE EXTENSION file_fdw WITH SCHEMA ext;
CREATE EXTENSION postgres_fdw WITH SCHEMA ext;
CREATE FOREIGN DATA WRAPPER torture_fdw OPTIONS (debug 'true', "odd option" 'it''s a \ value');
CREATE FOREIGN DATA WRAPPER torture_fdw_handled HANDLER ext.file_fdw_handler VALIDATOR ext.file_fdw_validator;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER "odd ""server""" TYPE 'some type' VERSION '1.0' FOREIGN DATA WRAPPER torture_fdw OPTIONS (a 'b', "c d" 'e''f');
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere.invalid', dbname 'none', fetch_size '50');
CREATE USER MAPPING FOR torture_reader SERVER elsewhere OPTIONS (user 'someone', password 'torture-secret-7f3a');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'anyone', password 'torture-secret-9c1b');
CREATE USER MAPPING FOR "Torture ""Quoted"" Role" SERVER "odd ""server""";
CREATE FOREIGN TABLE tables.foreign_file (a integer OPTIONS (force_null 'true'), "b c" text OPTIONS (force_not_null 'true') NOT NULL DEFAULT 'x', CHECK (a > 0))
  SERVER files OPTIONS (filename '/dev/null', format 'csv', delimiter E'\t', "null" '\N');
CREATE FOREIGN TABLE tables.foreign_elsewhere (a integer OPTIONS (column_name 'A'), g integer GENERATED ALWAYS AS (a + 1) STORED)
  SERVER elsewhere OPTIONS (schema_name 'public', table_name 'odd "name"');
CREATE FOREIGN TABLE tables.foreign_partition (note text, id integer NOT NULL, day date NOT NULL, amount numeric(12, 2)) SERVER files OPTIONS (filename '/dev/null');
CREATE TABLE tables.partly_foreign (id integer, t text) PARTITION BY LIST (id);
CREATE TABLE tables.partly_local PARTITION OF tables.partly_foreign FOR VALUES IN (1);
CREATE FOREIGN TABLE tables.partly_remote PARTITION OF tables.partly_foreign FOR VALUES IN (2) SERVER files OPTIONS (filename '/dev/null');
INSERT INTO tables.partly_foreign VALUES (1, 'local');
CREATE FOREIGN TABLE tables.foreign_child (more text) INHERITS (tables.parent_b) SERVER files OPTIONS (filename '/dev/null');
CREATE VIEW tables.v_foreign AS SELECT * FROM tables.foreign_elsewhere;
COMMENT ON FOREIGN TABLE tables.foreign_file IS 'a foreign table';
COMMENT ON SERVER "odd ""server""" IS 'a server';
COMMENT ON FOREIGN DATA WRAPPER torture_fdw IS 'a wrapper';
GRANT USAGE ON FOREIGN SERVER elsewhere TO torture_reader WITH GRANT OPTION;
GRANT USAGE ON FOREIGN DATA WRAPPER torture_fdw TO torture_owner;
ALTER SERVER "odd ""server""" OWNER TO torture_owner;
