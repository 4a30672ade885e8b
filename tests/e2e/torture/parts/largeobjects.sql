-- Large objects: empty, small, several chunks, sparse, above 1 MiB; owners, grants, comments.
SELECT lo_create (4711), lo_from_bytea (4712, '\x'), lo_from_bytea (4713, E'\\\\.\n\\000\\377'::bytea) \g /dev/null
SELECT lo_from_bytea (4714, decode (string_agg (md5 (i::text), '' ORDER BY i), 'hex')) FROM generate_series (1, 100000) AS i \g /dev/null
SELECT lo_from_bytea (4715, 'tail'), lo_put (4715, 3000000, 'after a hole') \g /dev/null
SELECT lo_from_bytea (4294967295, 'the last oid there is') \g /dev/null
SELECT lo_from_bytea (4716, repeat ('x', 2048)::bytea), lo_from_bytea (4717, repeat ('y', 2049)::bytea) \g /dev/null
ALTER LARGE OBJECT 4712 OWNER TO torture_owner;
ALTER LARGE OBJECT 4713 OWNER TO "Torture ""Quoted"" Role";
GRANT SELECT ON LARGE OBJECT 4712 TO torture_reader WITH GRANT OPTION;
GRANT ALL ON LARGE OBJECT 4714 TO PUBLIC;
REVOKE ALL ON LARGE OBJECT 4716 FROM CURRENT_USER;
COMMENT ON LARGE OBJECT 4714 IS E'a large object''s\ncomment';
CREATE TABLE tables.has_large_objects (id integer PRIMARY KEY, lo oid);
INSERT INTO tables.has_large_objects VALUES (1, 4711), (2, 4714), (3, 999999999);
