-- Schemas: owners, names, and a public schema that is not as initdb made it.
CREATE SCHEMA types;
CREATE SCHEMA tables;
CREATE SCHEMA code;
CREATE SCHEMA ext;
CREATE SCHEMA access AUTHORIZATION torture_owner;
CREATE SCHEMA empty_schema AUTHORIZATION "Torture ""Quoted"" Role";
CREATE SCHEMA "Odd ""Names"".dot and space";
CREATE SCHEMA "select";

COMMENT ON SCHEMA public IS E'public, but not as initdb made it\n-- second line';
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT ALL ON SCHEMA public TO torture_owner;
