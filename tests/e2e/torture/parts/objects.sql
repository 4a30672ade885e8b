-- Operators and their families, casts, collations, conversions, languages, transforms.
CREATE FUNCTION code.texteq_ci (text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT lower ($1) = lower ($2)';
CREATE FUNCTION code.textne_ci (text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT lower ($1) <> lower ($2)';
CREATE FUNCTION code.texthash_ci (text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT hashtext (lower ($1))';
CREATE OPERATOR code.=~= (FUNCTION = code.texteq_ci, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR (code.=~=), NEGATOR = OPERATOR (code.<~>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR code.<~> (FUNCTION = code.textne_ci, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR (code.<~>), NEGATOR = OPERATOR (code.=~=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE FUNCTION code.prefix_fn (integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT -$1';
CREATE OPERATOR code.!@# (FUNCTION = code.prefix_fn, RIGHTARG = integer);
COMMENT ON OPERATOR code.=~= (text, text) IS 'equal but for case';
ALTER OPERATOR code.!@# (NONE, integer) OWNER TO torture_owner;

CREATE OPERATOR FAMILY code.ci_ops USING hash;
CREATE OPERATOR CLASS code.text_ci_ops FOR TYPE text USING hash FAMILY code.ci_ops AS OPERATOR 1 code.=~=, FUNCTION 1 code.texthash_ci (text);
CREATE FUNCTION code.cmp_abs (integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT btint4cmp (abs ($1), abs ($2))';
CREATE FUNCTION code.lt_abs (integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT abs ($1) < abs ($2)';
CREATE FUNCTION code.le_abs (integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT abs ($1) <= abs ($2)';
CREATE FUNCTION code.eq_abs (integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT abs ($1) = abs ($2)';
CREATE FUNCTION code.ge_abs (integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT abs ($1) >= abs ($2)';
CREATE FUNCTION code.gt_abs (integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS 'SELECT abs ($1) > abs ($2)';
CREATE OPERATOR code.|<| (FUNCTION = code.lt_abs, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR code.|<=| (FUNCTION = code.le_abs, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR code.|=| (FUNCTION = code.eq_abs, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR code.|>=| (FUNCTION = code.ge_abs, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR code.|>| (FUNCTION = code.gt_abs, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR CLASS code.abs_ops FOR TYPE integer USING btree AS
  OPERATOR 1 code.|<|, OPERATOR 2 code.|<=|, OPERATOR 3 code.|=|, OPERATOR 4 code.|>=|, OPERATOR 5 code.|>|, FUNCTION 1 code.cmp_abs (integer, integer);
-- Loose members of a family, of other types than its class.
CREATE OPERATOR FAMILY code.loose_ops USING btree;
ALTER OPERATOR FAMILY code.loose_ops USING btree ADD
  OPERATOR 1 < (int4, int2), OPERATOR 3 = (int4, int2), FUNCTION 1 (int4, int2) btint42cmp (int4, int2);
CREATE OPERATOR CLASS code."odd ""class""" FOR TYPE circle USING gist AS OPERATOR 7 @>, FUNCTION 1 gist_circle_consistent (internal, circle, smallint, oid, internal),
  FUNCTION 2 gist_box_union (internal, internal), FUNCTION 3 gist_circle_compress (internal), FUNCTION 5 gist_box_penalty (internal, internal, internal),
  FUNCTION 6 gist_box_picksplit (internal, internal), FUNCTION 7 gist_box_same (box, box, internal), FUNCTION 8 gist_circle_distance (internal, circle, smallint, oid, internal),
  OPERATOR 15 <-> (circle, point) FOR ORDER BY pg_catalog.float_ops, STORAGE box;
COMMENT ON OPERATOR CLASS code.abs_ops USING btree IS 'by absolute value';
COMMENT ON OPERATOR FAMILY code.loose_ops USING btree IS 'a family without a class';
CREATE TABLE code.own_classes (a integer, t text, c circle);
INSERT INTO code.own_classes VALUES (-3, 'Abc', '<(1,1),1>'), (2, 'DEF', NULL);
CREATE INDEX own_classes_a ON code.own_classes (a code.abs_ops DESC);
CREATE INDEX own_classes_t ON code.own_classes USING hash (t code.text_ci_ops);
CREATE INDEX own_classes_c ON code.own_classes USING gist (c code."odd ""class""");
CREATE TABLE code.own_class_partitioned (a integer) PARTITION BY RANGE (a code.abs_ops);
CREATE TABLE code.own_class_partition PARTITION OF code.own_class_partitioned FOR VALUES FROM (0) TO (10);
INSERT INTO code.own_class_partitioned VALUES (-3);
CREATE VIEW code.v_own_operator AS SELECT t OPERATOR (code.=~=) 'abc' AS same, (OPERATOR (code.!@#) a) AS negated FROM code.own_classes;

CREATE ACCESS METHOD torture_gist TYPE INDEX HANDLER gisthandler;
CREATE OPERATOR CLASS code.box_of_am DEFAULT FOR TYPE box USING torture_gist AS OPERATOR 3 &&, FUNCTION 1 gist_box_consistent (internal, box, smallint, oid, internal),
  FUNCTION 2 gist_box_union (internal, internal), FUNCTION 5 gist_box_penalty (internal, internal, internal), FUNCTION 6 gist_box_picksplit (internal, internal), FUNCTION 7 gist_box_same (box, box, internal);

CREATE FUNCTION code.point3d_to_text (types.point3d) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.x::text';
CREATE CAST (types.point3d AS text) WITH FUNCTION code.point3d_to_text (types.point3d) AS ASSIGNMENT;
CREATE CAST (types.base_text AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS types.mood) WITH INOUT;
CREATE FUNCTION code.sized (types.base_text, integer, boolean) RETURNS types.base_text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE CAST (types.base_text AS types.base_text) WITH FUNCTION code.sized (types.base_text, integer, boolean);
COMMENT ON CAST (types.point3d AS text) IS 'a cast';

CREATE COLLATION code.posix (provider = libc, locale = 'POSIX');
CREATE COLLATION code."odd ""collation""" FROM "C";
SELECT EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collprovider = 'i') AS has_icu \gset
\if :has_icu
CREATE COLLATION code.ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION code.german_phone (provider = icu, locale = 'de-u-co-phonebk');
COMMENT ON COLLATION code.ignore_case IS 'nondeterministic';
CREATE TABLE code.collated (id integer, a text COLLATE code.ignore_case UNIQUE, b text COLLATE code.german_phone, c text COLLATE "en-x-icu", CHECK (b < 'zzz' COLLATE "C" OR b IS NOT NULL));
CREATE INDEX collated_b ON code.collated (b, c COLLATE "C");
INSERT INTO code.collated VALUES (1, 'Straße', 'Ä', 'é'), (2, 'x', 'B', '');
\endif
CREATE TABLE code.collated_posix (a text COLLATE code.posix, b text COLLATE code."odd ""collation""");

CREATE CONVERSION code.latin1_to_utf8 FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE DEFAULT CONVERSION code.utf8_to_latin1 FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
COMMENT ON CONVERSION code.latin1_to_utf8 IS 'a conversion';

CREATE FUNCTION code.torture_call_handler () RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION code.torture_inline_handler (internal) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION code.torture_validator (oid) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE "torture lang" HANDLER code.torture_call_handler INLINE code.torture_inline_handler VALIDATOR code.torture_validator;
COMMENT ON LANGUAGE "torture lang" IS 'plpgsql by another name';
CREATE FUNCTION code.in_own_language () RETURNS integer LANGUAGE "torture lang" AS $$ BEGIN RETURN 42; END $$;

CREATE TRANSFORM FOR types.base_text LANGUAGE "torture lang" (FROM SQL WITH FUNCTION prsd_lextype (internal));
CREATE FUNCTION code.uses_transform (types.base_text) RETURNS integer LANGUAGE "torture lang" TRANSFORM FOR TYPE types.base_text AS $$ BEGIN RETURN 1; END $$;
COMMENT ON TRANSFORM FOR types.base_text LANGUAGE "torture lang" IS 'a transform';
