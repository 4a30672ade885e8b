-- Extensions: with configuration tables, in other schemas, their types and operators in use.
CREATE EXTENSION hstore WITH SCHEMA ext;
CREATE EXTENSION citext WITH SCHEMA ext;
CREATE EXTENSION pg_trgm WITH SCHEMA ext;
CREATE EXTENSION btree_gist WITH SCHEMA ext;
CREATE EXTENSION ltree WITH SCHEMA "Odd ""Names"".dot and space";
CREATE EXTENSION intarray WITH SCHEMA ext;
CREATE EXTENSION bloom WITH SCHEMA ext;
CREATE EXTENSION pgcrypto;
CREATE SCHEMA torture_ext;
CREATE EXTENSION pgkeel_torture WITH SCHEMA torture_ext;
COMMENT ON EXTENSION hstore IS 'a comment of our own';
INSERT INTO torture_ext.config_all (name, value) VALUES ('a', E'x\\y\n'), ('b', NULL), ('', '');
INSERT INTO torture_ext.config_some VALUES (10, false, 'ours'), (11, false, NULL);
INSERT INTO torture_ext.config_child VALUES (1, 10), (2, 1), (3, NULL);
UPDATE torture_ext.config_some SET t = 'changed, but not dumped' WHERE id = 2;
SELECT setval ('torture_ext.config_seq', 77) \g /dev/null
GRANT SELECT, INSERT ON torture_ext.config_all TO torture_reader;
REVOKE ALL ON FUNCTION torture_ext.member () FROM PUBLIC;

CREATE TABLE ext.uses (id integer PRIMARY KEY, h ext.hstore, c ext.citext UNIQUE, t text, l "Odd ""Names"".dot and space".ltree, a integer[], r int4range,
  CHECK (c IN ('a', 'b', 'Mixed')), EXCLUDE USING gist (id WITH =, r WITH &&));
INSERT INTO ext.uses VALUES
  (1, 'a=>1, "b c"=>NULL, "quo\"te"=>"\\"', 'Mixed', 'trigrams here', 'Top.Science.Astronomy', '{3,1,2}', '[1,5)'), (2, '', 'a', '', '', '{}', 'empty'), (3, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE INDEX uses_trgm ON ext.uses USING gin (t ext.gin_trgm_ops);
CREATE INDEX uses_trgm_gist ON ext.uses USING gist (t ext.gist_trgm_ops (siglen = 32));
CREATE INDEX uses_hstore ON ext.uses USING gin (h);
CREATE INDEX uses_ltree ON ext.uses USING gist (l);
CREATE INDEX uses_intarray ON ext.uses USING gist (a ext.gist__int_ops);
CREATE INDEX uses_bloom ON ext.uses USING bloom (id, t) WITH (length = 80, col1 = 4);
CREATE VIEW ext.v_uses AS SELECT id, h OPERATOR (ext.->) 'a' AS a, c OPERATOR (ext.=) 'MIXED' AS same FROM ext.uses WHERE t OPERATOR (ext.%) 'trigram';
