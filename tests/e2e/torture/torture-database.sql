-- Properties of the database itself and of roles in it: nothing that pg_dump writes unless asked
-- with --create, all of it lost or kept by who makes the database.  Several settings are traps for
-- a dump that trusts its session's defaults.
\set ON_ERROR_STOP 1
COMMENT ON DATABASE :"DBNAME" IS E'the torture database''s\ncomment \\';
ALTER DATABASE :"DBNAME" SET DateStyle = 'SQL, DMY';
ALTER DATABASE :"DBNAME" SET IntervalStyle = 'sql_standard';
ALTER DATABASE :"DBNAME" SET TimeZone = 'Pacific/Chatham';
ALTER DATABASE :"DBNAME" SET extra_float_digits = -15;
ALTER DATABASE :"DBNAME" SET bytea_output = 'escape';
ALTER DATABASE :"DBNAME" SET xmloption = 'document';
ALTER DATABASE :"DBNAME" SET standard_conforming_strings = off;
ALTER DATABASE :"DBNAME" SET escape_string_warning = off;
ALTER DATABASE :"DBNAME" SET search_path = "Odd ""Names"".dot and space", "select", public;
ALTER DATABASE :"DBNAME" SET statement_timeout = '20s';
ALTER DATABASE :"DBNAME" SET lock_timeout = '10s';
ALTER DATABASE :"DBNAME" SET default_transaction_isolation = 'serializable';
ALTER DATABASE :"DBNAME" SET torture.custom = E'it''s a \\ value';
ALTER ROLE torture_reader IN DATABASE :"DBNAME" SET work_mem = '7MB';
ALTER ROLE "Torture ""Quoted"" Role" IN DATABASE :"DBNAME" SET search_path = 'access', 'tables';
GRANT CREATE, TEMPORARY ON DATABASE :"DBNAME" TO torture_owner WITH GRANT OPTION;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
ALTER DATABASE :"DBNAME" CONNECTION LIMIT 90;
