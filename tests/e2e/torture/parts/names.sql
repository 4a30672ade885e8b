-- Names that have to be quoted, everywhere a name can stand.
CREATE TABLE "Odd ""Names"".dot and space"."Table ""with"" quotes, dots. and spaces" (
  "Upper" integer PRIMARY KEY,
  "sp ace" text DEFAULT 'de''fault\',
  "quo""te" text,
  "apos'trophe" text,
  "back\slash" text,
  "dot.ted" text,
  "comma,paren(s)" text,
  "percent%s %n" text,
  "dollar$1 $$" text,
  "ünïcode ロール 🐘" text,
  "select" text,
  " " text,
  "-- comment" text,
  "/* comment */" text,
  ":variable" text,
  U&"tab\0009tab" text,
  "new
line" text,
  U&"carriage\000dreturn" text,
  "col_______________________________________________________63byt" text);
INSERT INTO "Odd ""Names"".dot and space"."Table ""with"" quotes, dots. and spaces"
  VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r'),
         (2, NULL, '', '\N', '\.', NULL, '', NULL, '', NULL, '', NULL, '', NULL, '', NULL, '', NULL, '');
CREATE INDEX "Index ""odd"" on (sp ace)" ON "Odd ""Names"".dot and space"."Table ""with"" quotes, dots. and spaces" ("sp ace", lower ("quo""te"));
ALTER TABLE "Odd ""Names"".dot and space"."Table ""with"" quotes, dots. and spaces"
  ADD CONSTRAINT "Check ""odd""; DROP TABLE x; --" CHECK ("Upper" > 0);

CREATE TABLE "select"."table" ("from" integer PRIMARY KEY, "where" text, "user" text DEFAULT current_user, "order" integer);
INSERT INTO "select"."table" VALUES (1, 'reserved', 'me', 2);
CREATE TABLE "select"."select" ("select" integer);
INSERT INTO "select"."select" SELECT generate_series (1, 3);

-- A name that is not one line: its comment in a dump must not become SQL.
CREATE TABLE public."line one
DROP TABLE public.victim;
-- line three" (a integer, "b
c" text);
INSERT INTO public."line one
DROP TABLE public.victim;
-- line three" VALUES (1, 'x'), (2, NULL);
CREATE TABLE public.victim (a integer);
INSERT INTO public.victim VALUES (42);
COMMENT ON TABLE public.victim IS 'still here?';

-- 63 bytes, twice differing only in the last one; and 63 bytes of multi-byte characters.
CREATE TABLE public.table________________________________________________________1a (a integer);
CREATE TABLE public.table________________________________________________________1b (a integer);
INSERT INTO public.table________________________________________________________1a VALUES (1);
INSERT INTO public.table________________________________________________________1b VALUES (2);
CREATE TABLE public."ロロロロロロロロロロロロロロロロロロロロロ" (a integer);
INSERT INTO public."ロロロロロロロロロロロロロロロロロロロロロ" VALUES (3);

-- The same name in two schemas, in two cases, and as different kinds of object.
CREATE TABLE public.twin (a integer);
CREATE TABLE public."Twin" (b integer);
CREATE TABLE tables.twin (c integer);
CREATE FUNCTION public.twin () RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION public.twin (integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
INSERT INTO public.twin VALUES (1);
INSERT INTO public."Twin" VALUES (2);
INSERT INTO tables.twin VALUES (3);

-- Names that look like patterns, options or paths to a tool that is given them.
CREATE TABLE public."*" (a integer);
CREATE TABLE public."a*b?c" (a integer);
CREATE TABLE public."abc" (a integer);
CREATE TABLE public."aXbYc" (a integer);
CREATE TABLE public."public.abc" (a integer);
CREATE TABLE public."--help" (a integer);
CREATE TABLE public."../../etc/passwd" (a integer);
CREATE TABLE public."$(id)" (a integer);
INSERT INTO public."*" VALUES (1);
INSERT INTO public."a*b?c" VALUES (2);
INSERT INTO public."abc" VALUES (3);
INSERT INTO public."aXbYc" VALUES (4);
INSERT INTO public."public.abc" VALUES (5);
INSERT INTO public."--help" VALUES (6);
INSERT INTO public."../../etc/passwd" VALUES (7);
INSERT INTO public."$(id)" VALUES (8);
