-- Types of our own: enum, composite, domain, range, base, shell.
CREATE TYPE types.mood AS ENUM ('sad', 'ok', 'happy', 'it''s "quoted"', '', 'new
line', 'ünïcode');
ALTER TYPE types.mood ADD VALUE 'between' BEFORE 'ok';
CREATE TYPE types.empty_enum AS ENUM ();

CREATE TYPE types.point3d AS (x double precision, y double precision, z double precision);
CREATE TYPE types."Odd, Composite" AS (
  "a b" text COLLATE "C",
  "c""d" numeric(10, 2),
  nested types.point3d,
  moods types.mood[],
  "select" integer[]);
CREATE TYPE types.empty_composite AS ();
CREATE TYPE types.with_dropped AS (a integer, gone text, b text);
ALTER TYPE types.with_dropped DROP ATTRIBUTE gone;
COMMENT ON COLUMN types.with_dropped.b IS 'the attribute after a dropped one';

CREATE DOMAIN types.positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN types.short_text AS varchar(10) DEFAULT 'n/a' NOT NULL
  CONSTRAINT "short, not blank" CHECK (btrim (VALUE) <> '')
  CONSTRAINT listed CHECK (VALUE IN ('a', 'b', 'n/a', 'long enou'));
CREATE DOMAIN types.small_matrix AS integer[] CHECK (array_ndims (VALUE) = 2);
CREATE DOMAIN types.of_domain AS types.positive CHECK (VALUE < 1000) DEFAULT 7;
CREATE DOMAIN types.of_composite AS types.point3d CHECK ((VALUE).x >= 0);
CREATE DOMAIN types.us_postal AS text COLLATE "C" CHECK (VALUE ~ '^\d{5}$' OR VALUE ~ '^\d{5}-\d{4}$');
CREATE DOMAIN types.late AS text;
CREATE TABLE types.late_values (v types.late);
INSERT INTO types.late_values VALUES ('breaks the rule'), ('fine');
ALTER DOMAIN types.late ADD CONSTRAINT late_rule CHECK (VALUE !~ 'breaks') NOT VALID;
COMMENT ON CONSTRAINT late_rule ON DOMAIN types.late IS 'never validated';

CREATE FUNCTION types.float8_distance (a float8, b float8) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT AS 'SELECT a - b';
CREATE TYPE types.floatrange AS RANGE (subtype = float8, subtype_diff = types.float8_distance);
CREATE TYPE types.textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE types.varcharrange AS RANGE (subtype = varchar, subtype_opclass = varchar_pattern_ops);

-- A range whose canonical function needs the type first: shell type, function, type.
CREATE TYPE types.base_text;
CREATE FUNCTION types.base_text_in (cstring) RETURNS types.base_text
  LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION types.base_text_out (types.base_text) RETURNS cstring
  LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION types.base_text_recv (internal) RETURNS types.base_text
  LANGUAGE internal STABLE STRICT AS 'textrecv';
CREATE FUNCTION types.base_text_send (types.base_text) RETURNS bytea
  LANGUAGE internal STABLE STRICT AS 'textsend';
CREATE TYPE types.base_text (
  INPUT = types.base_text_in, OUTPUT = types.base_text_out,
  RECEIVE = types.base_text_recv, SEND = types.base_text_send,
  INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended,
  CATEGORY = 'x', PREFERRED = true, DELIMITER = '|', COLLATABLE = true, DEFAULT = 'from the type');
CREATE TYPE types.shell_only;

CREATE TABLE types.own (
  id integer PRIMARY KEY,
  mood types.mood,
  moods types.mood[],
  odd types."Odd, Composite",
  odds types."Odd, Composite"[],
  nothing types.empty_composite,
  dropped types.with_dropped,
  positive types.positive,
  short_text types.short_text,
  matrix types.small_matrix,
  of_domain types.of_domain,
  domains types.positive[],
  of_composite types.of_composite,
  postal types.us_postal,
  floats types.floatrange,
  texts types.textrange,
  varchars types.varcharrange,
  base types.base_text,
  bases types.base_text[]);
INSERT INTO types.own VALUES
  (1, 'new
line', ARRAY['it''s "quoted"', '', NULL, 'between', 'ünïcode']::types.mood[],
   ROW ('a, (b) "c" \ d
e', 1.50, ROW (1, -0.0::float8, 'NaN'), ARRAY['sad', '']::types.mood[], '[0:1]={5,NULL}'),
   ARRAY[ROW ('', NULL, NULL, NULL, NULL), NULL, ROW (NULL, 0, ROW (NULL, NULL, NULL), '{}', '{}')]::types."Odd, Composite"[],
   ROW (), ROW (1, 'x'), 1, 'a', '{{1,2},{3,NULL}}', 999, '{1,NULL,3}', ROW (0, 1, 2), '12345-6789',
   '[1.5,Infinity)', '("''a,b","c""")', '["",zz]', 'base \ text', '{a|"b|c"|NULL}'),
  (2, '', '{}', NULL, '{}', NULL, NULL, NULL, 'b', NULL, NULL, '{}', NULL, '00000',
   'empty', 'empty', 'empty', '', '{}'),
  (3, NULL, NULL, ROW (NULL, NULL, NULL, NULL, NULL), NULL, NULL, ROW (NULL, NULL), 2147483647, 'n/a', '[-1:0][5:6]={{1,2},{3,4}}',
   1, NULL, ROW (1, NULL, NULL), NULL, '(,)', '[,""]', '(,)', NULL, NULL);
INSERT INTO types.own (id) VALUES (4);
