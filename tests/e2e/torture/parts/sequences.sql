-- Sequences, each at another point of its life.
CREATE SEQUENCE tables.seq_untouched;
CREATE SEQUENCE tables.seq_midway START WITH 10 INCREMENT BY 7 MINVALUE -100 MAXVALUE 1000 CACHE 1;
SELECT nextval ('tables.seq_midway'), nextval ('tables.seq_midway'), nextval ('tables.seq_midway') \g /dev/null
CREATE SEQUENCE tables.seq_cycled MINVALUE 1 MAXVALUE 5 CYCLE;
SELECT nextval ('tables.seq_cycled') FROM generate_series (1, 7) \g /dev/null
CREATE SEQUENCE tables.seq_descending AS smallint INCREMENT BY -3;
SELECT nextval ('tables.seq_descending') FROM generate_series (1, 4) \g /dev/null
CREATE SEQUENCE tables.seq_exhausted AS integer MAXVALUE 3;
SELECT nextval ('tables.seq_exhausted') FROM generate_series (1, 3) \g /dev/null
CREATE SEQUENCE tables.seq_not_called START WITH 50;
SELECT setval ('tables.seq_not_called', 99, false) \g /dev/null
CREATE SEQUENCE tables.seq_extreme MINVALUE -9223372036854775808 MAXVALUE 9223372036854775807 START WITH -9223372036854775808 INCREMENT BY 9223372036854775807;
SELECT setval ('tables.seq_extreme', 9223372036854775807, true) \g /dev/null
CREATE SEQUENCE tables.seq_cached CACHE 50;
SELECT nextval ('tables.seq_cached') \g /dev/null
CREATE SEQUENCE tables."seq ""odd"" näme" OWNED BY NONE;
SELECT setval ('tables."seq ""odd"" näme"', 12345) \g /dev/null
CREATE SEQUENCE tables.seq_owned OWNED BY tables.empty.a;
SELECT setval ('tables.seq_owned', 5, true) \g /dev/null
ALTER SEQUENCE tables.seq_midway OWNER TO torture_owner;
COMMENT ON SEQUENCE tables.seq_midway IS 'mid-way';
-- A sequence whose table lives in another schema, and one shared by two defaults.
CREATE SEQUENCE code.seq_shared;
CREATE TABLE tables.shares_1 (id integer DEFAULT nextval ('code.seq_shared'));
CREATE TABLE tables.shares_2 (id bigint DEFAULT nextval ('code.seq_shared'), late bigint DEFAULT nextval ('code.seq_shared'::text));
INSERT INTO tables.shares_1 VALUES (DEFAULT), (DEFAULT);
INSERT INTO tables.shares_2 VALUES (DEFAULT, DEFAULT);
