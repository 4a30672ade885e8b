-- Every built-in type that a column may have, with the values that break naive dumps.
CREATE TABLE types.numbers (
  id integer PRIMARY KEY, i2 int2, i4 int4, i8 int8, n numeric, n2 numeric(12, 2), f4 float4, f8 float8, m money, o oid, b boolean);
INSERT INTO types.numbers VALUES
  (1, -32768, -2147483648, -9223372036854775808, 'NaN', 'NaN', 'NaN', 'NaN', '-92233720368547758.08', 0, true),
  (2, 32767, 2147483647, 9223372036854775807, 0, -9999999999.99, 'Infinity', 'Infinity', '92233720368547758.07', 4294967295, false),
  (3, 0, 0, 0, -0.0, 0, '-Infinity', '-Infinity', 0, 1, NULL),
  (4, NULL, NULL, NULL, 1e-16383, 0.01, '-0', '-0', '-0.01', NULL, true),
  (5, 1, 1, 1, 1e131071, 1.10, 1e-45, 5e-324, '1', 2147483648, true),
  (6, -1, -1, -1, ('-' || repeat ('9', 131072) || '.' || repeat ('9', 16383))::numeric, NULL, 3.4028235e38, 1.7976931348623157e308, NULL, 16384, false),
  (7, 7, 7, 7, 0.10000000000000000000000000000000000000000000000001, 100, 1.17549435e-38, 2.2250738585072014e-308, '0.10', 10, true),
  (8, 8, 8, 8, 1.000, 1.00, 16777217, 9007199254740993, '1000000', 11, true),
  (9, 9, 9, 9, 100000000000000000000, 0, 0.1, 0.1, 0, 12, true),
  (10, 10, 10, 10, 3.14159265358979323846264338327950288, 0, 0.3, 0.1::float8 + 0.2::float8, 0, 12, true),
  (11, 11, 11, 11, -1e-1000, 0, -1.1754942e-38, -4.9406564584124654e-324, 0, 12, true);

CREATE TABLE types.texts (
  id integer PRIMARY KEY, t text, v varchar, v5 varchar(5), c char(5), c1 char, q "char", nm name, bt bytea);
INSERT INTO types.texts VALUES
  (1, '', '', '', '', '', '', '', ''),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, '\N', '\N', '\N', '\N', '\', '\', '\N', '\x5c4e'),
  (4, '\.', '\.', '\.', '\.', '.', '.', '\.', '\x5c2e'),
  (5, E'line\nfeed', E'\n', E'\n', E'\n', E'\n', E'\n', E'\n', '\x0a'),
  (6, E'carriage\rreturn', E'\r\n', E'\r\n', E'\r', E'\r', E'\r', E'\r', '\x0d'),
  (7, E'tab\ttab', E'\t', E'\t\t', E'\t', E'\t', E'\t', E'\t', '\x09'),
  (8, E'\\.\n\\.\n', E'\\\\', E'\\', E'\\', E'\\', E'\\', E'\\', '\x5c5c'),
  (9, E'\b\f\v\x01\x1f\x7f', E'\x1b[31m', E'\x01', E'\x02', E'\x03', E'\x04', E'\x05', '\x000102'),
  (10, '''single'' "double" $dollar$ $$ `tick`', '''', '"', '''"''', '''', '''', '''"', '\x27'),
  (11, 'ünïcödé ロール 🐘 ' || U&'\0301' || U&'\200B' || U&'\FEFF' || U&'\2028', '🐘', '🐘🐘🐘🐘🐘', 'é', 'é', 'z', 'ñ', '\xfffe'),
  (12, ' leading and trailing ', '  ', '     ', '  a', ' ', ' ', '  ', '\x20'),
  (13, 'NULL', 'null', '\n', 'NULL', 'N', 'N', 'NULL', '\x4e554c4c'),
  (14, E'COPY public.t (a) FROM stdin;\n1\n\\.\n\nDROP TABLE public.t;\n\\connect postgres\n', '-- x', '--', '/*', ';', ';', '\copy', '\x00'),
  (15, repeat ('0123456789', 100000), repeat ('x', 10000), '12345', '12345', 'x', 'x', repeat ('n', 63), decode (repeat ('00ff5c0a', 50000), 'hex')),
  (16, repeat (E'\\\n\t', 30000), E'\\n', E'\\t', E'\\r', '0', E'\x7f', E'\\b', '\xdeadbeef'),
  (17, E'a\\', E'\\x41', E'\\101', E'\\', '1', '\377', E'\\', '\x00000000'),
  (18, E'\r', E'\n\n', E'\r\r', '', '', '\200', 'select', '\x0d0a'),
  (19, E'\\restrict abc\n\\unrestrict abc\n\\!echo', '', '', '', '', '', '', '');

CREATE TABLE types.times (
  id integer PRIMARY KEY, d date, t time, t3 time(3), tz timetz, ts timestamp, ts0 timestamp(0), tstz timestamptz, i interval, idm interval day to minute, iy interval year);
INSERT INTO types.times VALUES
  (1, 'infinity', '24:00:00', '23:59:59.999', '24:00:00-15:59:59', 'infinity', 'infinity', 'infinity', '178000000 years', '1 2:3', '7 years'),
  (2, '-infinity', '00:00:00', '00:00:00', '00:00:00+15:59:59', '-infinity', '-infinity', '-infinity', '-178000000 years', '-1 -2:3', '-7 years'),
  (3, '4713-01-01 BC', '00:00:00.000001', '12:34:56.789', '12:34:56.789012+05:45', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '1 mon -1 day +00:00:01', '0', '0'),
  (4, '5874897-12-31', '23:59:59.999999', NULL, '00:00:00-00:00:01', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59', '294276-12-31 23:59:59.999999+00', '-00:00:00.000001', NULL, NULL),
  (5, '0001-01-01', '12:00', '12:00', '12:00+00', '0001-01-01 00:00:00', '1999-12-31 23:59:59.6', '0001-12-31 23:59:59.999999 BC', '1 year 2 mons -3 days +04:05:06.789', '-3 days 4:05', '1'),
  (6, '0001-12-31 BC', '01:02:03', '01:02:03', '01:02:03-03:30', '2000-02-29 23:59:60', '2000-01-01', '1883-11-18 12:03:58-05', '0', '0', '0'),
  (7, '10000-01-01', '01:02:03', '01:02:03', '01:02:03+14', '0044-03-15 12:00:00 BC', '2000-01-01', '1900-01-01 00:00:00 Europe/Amsterdam', '-1 year +2 mons -3 days', '0', '0'),
  (8, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE types.nets (id integer PRIMARY KEY, i inet, c cidr, m macaddr, m8 macaddr8);
INSERT INTO types.nets VALUES
  (1, '0.0.0.0', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00'),
  (2, '255.255.255.255/32', '10.1.2.0/24', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff'),
  (3, '192.168.0.1/24', '2001:db8::/32', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'),
  (4, '::ffff:1.2.3.4/96', '::/0', NULL, NULL),
  (5, 'fe80::1/64', '::1/128', '08002b:010203', '08002b:0102030405'),
  (6, '::1.2.3.4', '10.0.0.1/32', '0800.2b01.0203', '0800-2b01-0203-0405'),
  (7, NULL, NULL, NULL, NULL);

CREATE TABLE types.bits (id integer PRIMARY KEY, b1 bit, b8 bit(8), v varbit, v5 varbit(5), u uuid);
INSERT INTO types.bits VALUES
  (1, B'0', B'00000000', B'', B'', '00000000-0000-0000-0000-000000000000'),
  (2, B'1', X'ff', repeat ('10', 4001)::varbit, B'10101', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
  (3, NULL, NULL, NULL, NULL, NULL),
  (4, B'1', B'10000001', B'0000000000000000000000000000000001', B'1', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');

CREATE TABLE types.documents (id integer PRIMARY KEY, x xml, j json, jb jsonb, jp jsonpath, tv tsvector, tq tsquery);
INSERT INTO types.documents VALUES
  (1, '<a b="c">d &amp; e<!-- f --><![CDATA[<g>]]></a>', '{"a" :  1, "a": 2, "b": [null, true, 1.0, 1e400]}', '{"b": [null, true, 1.0, 1e400], "a": 2}', '$.a[*] ? (@ > 1)', 'a:1A,2B ''b c'':3 ''quo''''te'' ''back\\slash''', 'a & (b:AB | !''c d'') <-> e:*'),
  (2, 'content, not a document <x/>', '""', '""', 'strict $', '', ''),
  (3, '', 'null', 'null', 'lax $.*', NULL, NULL),
  (4, NULL, NULL, NULL, NULL, NULL, NULL),
  (5, '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "v">]><a/>', E'{"esc":\n\t"\\u0000 \\\\ \\" \\/ \\n"}', E'{"esc": "\\\\ \\" \\/ \\n \\u001f ü 🐘", "": {}, "n": -0.0, "big": 123456789012345678901234567890.10}', '$."key with \"quotes\""', to_tsvector ('simple', 'the quick brown fox'), to_tsquery ('simple', 'quick & fox')),
  (6, ('<r>' || repeat ('<e/>', 1000) || '</r>')::xml, '[]', '[]', '$[last]', array_to_tsvector (ARRAY['z y', 'ü']), '!a'),
  (7, NULL, '1', '1e-400', NULL, NULL, NULL);

CREATE TABLE types.geometry (id integer PRIMARY KEY, p point, l line, s lseg, b box, o path, c path, g polygon, r circle);
INSERT INTO types.geometry VALUES
  (1, '(0,0)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))', '<(0,0),1>'),
  (2, '(NaN,Infinity)', '{0,1,-0.1}', '[(-0,5e-324),(1e308,-1e308)]', '(Infinity,Infinity),(-Infinity,-Infinity)', '[(0.1,0.30000000000000004)]', '((NaN,NaN))', '((1e-300,1e300))', '<(NaN,0),0>'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE types.ranges (id integer PRIMARY KEY, i4 int4range, i8 int8range, n numrange, ts tsrange, tz tstzrange, d daterange);
INSERT INTO types.ranges VALUES
  (1, '[1,10]', '(,)', '[1.10,2.20)', '[2000-01-01 00:00:00,2001-01-01 00:00:00)', '["2000-01-01 00:00:00+00","infinity")', '[2000-01-01,2000-12-31]'),
  (2, 'empty', 'empty', 'empty', 'empty', 'empty', 'empty'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, '(,5)', '[-9223372036854775808,9223372036854775807)', '(NaN,NaN]', '[-infinity,infinity]', '(,"0044-03-15 12:00:00+00 BC")', '(-infinity,infinity)'),
  (5, '[5,5]', '[0,)', '[0.0,0.00]', '["4713-01-01 00:00:00 BC","2000-02-29 00:00:00")', '(,)', '["0001-01-01 BC",)');

-- What names an object is stored as a number and written as a name: binary COPY would lie here.
CREATE TABLE types.references (
  id integer PRIMARY KEY, o oid, rc regclass, rp regproc, rpe regprocedure, ro regoper, roe regoperator, rt regtype, rn regnamespace,
  rr regrole, rco regconfig, rd regdictionary, rcol regcollation);
INSERT INTO types.references VALUES
  (1, 1, 'types.numbers', 'types.float8_distance', 'types.float8_distance(float8,float8)', '||/', '+(integer,integer)', 'types."Odd, Composite"[]', '"Odd ""Names"".dot and space"',
   '"Torture ""Quoted"" Role"', 'english', 'simple', '"C"'),
  (2, 0, '-', '-', '-', '0', '0', '-', '-', '-', '-', '-', '-'),
  (3, 4000000000, '3999999999', '3999999999', '3999999999', '3999999999', '3999999999', '3999999999', '3999999999', '3999999999', '3999999999', '3999999999', '3999999999'),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (5, 5, 'pg_catalog.pg_class', 'now', 'now()', '0', '-(none,integer)', 'timestamp with time zone', 'pg_catalog', '"select"', 'simple', 'english_stem', '"default"');

CREATE TABLE types.internals (
  id integer PRIMARY KEY, x xid, x8 xid8, c cid, t tid, l pg_lsn, s pg_snapshot, ts txid_snapshot, rc refcursor, a aclitem, iv int2vector, ov oidvector);
INSERT INTO types.internals VALUES
  (1, '0', '0', '0', '(0,0)', '0/0', '1:1:', '1:1:', '', '=r/postgres', '', ''),
  (2, '4294967295', '18446744073709551615', '4294967295', '(4294967295,65535)', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', '10:20:10,14,15', 'a "cursor"', '"torture=equals,comma{brace}"=rw*/postgres', '1 -2 3', '1 2 3'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE types.arrays (
  id integer PRIMARY KEY, i integer[], i2 integer[][], t text[], by bytea[], b boolean[], n numeric(6, 2)[], ts timestamptz[], f float8[], j jsonb[], u uuid[], bx box[], p point[], iv interval[], c char(3)[], q "char"[], x xml[], r int4range[], nm name[], o regclass[]);
INSERT INTO types.arrays VALUES
  (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
  (2, '{1,NULL,3}', '{{{1,2},{3,4}},{{5,6},{NULL,8}}}', ARRAY['', NULL, 'NULL', 'null', 'a,b', '{', '}', '"', '\', E'\n', E'\t', ' ', '\N', '\.', 'ü'], '{"\\x","\\x00ff",NULL}', '{t,f,NULL}', '{1.5,NaN,NULL}', '{infinity,-infinity,"0044-03-15 00:00:00+00 BC"}', '{NaN,-Infinity,-0,5e-324}',
   ARRAY['{"a":"b\"c"}', 'null', NULL]::jsonb[], '{00000000-0000-0000-0000-000000000000}', '{(1,1),(0,0);(3,3),(2,2)}', '{"(1,2)",NULL}', '{"1 mon","-1 day"}', '{a,ab,"   "}', '{a,"\\",""}', '{<a/>,"b \"c\""}', '{"[1,2)",empty,NULL}', '{a,"B c"}', '{types.numbers,-}'::regclass[]),
  (3, '[5:7]={1,2,3}', '[-1:0][10:11]={{1,2},{3,4}}', '[0:0]={x}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, array_fill (7, ARRAY[1000]), NULL, array_fill (E'\\"'::text, ARRAY[20, 20]), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Columns of a table's own row type, and of an array of it.
CREATE TABLE types.rows_of_tables (id integer PRIMARY KEY, n types.nets, ns types.nets[]);
INSERT INTO types.rows_of_tables
  SELECT 1, n, ARRAY[n, NULL] FROM types.nets AS n WHERE id = 3;
