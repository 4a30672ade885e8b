-- Constraints that order, defer, exclude, or were never checked.
CREATE TABLE tables.chicken (id integer PRIMARY KEY, egg integer NOT NULL);
CREATE TABLE tables.egg (id integer PRIMARY KEY, chicken integer NOT NULL);
ALTER TABLE tables.chicken ADD CONSTRAINT chicken_egg FOREIGN KEY (egg) REFERENCES tables.egg DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE tables.egg ADD CONSTRAINT egg_chicken FOREIGN KEY (chicken) REFERENCES tables.chicken DEFERRABLE INITIALLY IMMEDIATE;
BEGIN;
INSERT INTO tables.chicken VALUES (1, 1), (2, 2);
INSERT INTO tables.egg VALUES (1, 2), (2, 1);
COMMIT;

CREATE TABLE tables.tree (id integer PRIMARY KEY, parent integer REFERENCES tables.tree ON UPDATE CASCADE ON DELETE CASCADE, name text);
INSERT INTO tables.tree VALUES (3, NULL, 'root'), (2, 3, 'child'), (1, 2, 'grandchild, older than its parents');
ALTER TABLE tables.tree DISABLE TRIGGER USER;

CREATE TABLE tables.target (a integer, b text, c integer, UNIQUE (a, b), PRIMARY KEY (c) DEFERRABLE INITIALLY DEFERRED, CONSTRAINT c_key UNIQUE (c));
INSERT INTO tables.target VALUES (1, 'x', 1), (2, 'y', 2);
CREATE TABLE tables.match (
  id integer PRIMARY KEY, a integer, b text DEFAULT 'x',
  CONSTRAINT match_full FOREIGN KEY (a, b) REFERENCES tables.target (a, b) MATCH FULL ON UPDATE SET DEFAULT ON DELETE RESTRICT,
  CONSTRAINT "odd ""fk""" FOREIGN KEY (a) REFERENCES tables.target (c) ON DELETE SET DEFAULT NOT DEFERRABLE);
INSERT INTO tables.match VALUES (1, 1, 'x'), (2, NULL, NULL);

CREATE TABLE tables.never_validated (id integer, parent integer, n integer);
INSERT INTO tables.never_validated VALUES (1, 4711, -1), (2, 1, 1);
ALTER TABLE tables.never_validated ADD CONSTRAINT orphan FOREIGN KEY (parent) REFERENCES tables.tree NOT VALID;
ALTER TABLE tables.never_validated ADD CONSTRAINT negative CHECK (n > 0) NOT VALID;
COMMENT ON CONSTRAINT orphan ON tables.never_validated IS 'parent 4711 does not exist';

-- FIXPOINT: PostgreSQL writes each of these differently after it has read what it wrote.
CREATE TABLE tables.not_a_fixpoint (
  id integer PRIMARY KEY,
  status varchar(20) DEFAULT 'new' CHECK (status IN ('new', 'paid', 'it''s ]::text[] late', 'void')),
  other varchar CHECK (other NOT IN ('a', 'b', 'c') AND (other <> ALL (ARRAY['d'::varchar, NULL])) IS NOT FALSE),
  typed varchar(3) CONSTRAINT typed CHECK (typed = ANY (ARRAY['a', 'b']::varchar(3)[])),
  nested varchar CHECK (ARRAY[[nested, 'b'], ['c', 'd']]::varchar[]::text[] <> '{}'),
  mixed varchar CHECK (lower (mixed) = ANY (ARRAY[lower ('A'::varchar), 'b' || 'c'::varchar, CASE WHEN true THEN 'x'::varchar END]::varchar[])),
  number bigint CHECK (number IN (1, 2, 30000000000)),
  small smallint CHECK (small IN (1, 2, 3)),
  price numeric CHECK (price IN (1, 2.5)),
  letter char(1) CHECK (letter IN ('a', 'b')),
  days date CHECK (days IN ('2000-01-01', '2001-01-01')),
  listed text CHECK (listed = ANY ('{a,b}')),
  mood types.mood CHECK (mood IN ('ok', 'happy')),
  long_name varchar CHECK (long_name SIMILAR TO '(a|b)%' ESCAPE '\' OR long_name LIKE ANY (ARRAY['x%', 'y%'])));
INSERT INTO tables.not_a_fixpoint (id, status, other, typed, letter) VALUES (1, 'new', 'z', 'a', 'a'), (2, 'it''s ]::text[] late', NULL, 'b', 'b');
CREATE INDEX not_a_fixpoint_partial ON tables.not_a_fixpoint (id) WHERE status IN ('new', 'paid');
CREATE INDEX not_a_fixpoint_expression ON tables.not_a_fixpoint ((status IN ('new', 'paid')));

CREATE TABLE tables.exclusion (
  id integer PRIMARY KEY, room box, during tsrange, kind circle,
  CONSTRAINT no_overlap EXCLUDE USING gist (room WITH &&, during WITH &&) WHERE (during IS NOT NULL) DEFERRABLE INITIALLY DEFERRED,
  EXCLUDE USING spgist (during WITH &&),
  EXCLUDE USING hash (id WITH =),
  CONSTRAINT exclude_expr EXCLUDE (lower (during) DESC WITH =) INCLUDE (kind));
INSERT INTO tables.exclusion VALUES
  (1, '(1,1),(0,0)', '[2000-01-01,2000-02-01)', NULL), (2, '(11,11),(10,10)', '[2000-02-01,2000-03-01)', NULL), (3, NULL, NULL, NULL);

CREATE TABLE tables.checks (
  a integer CHECK (a > 0) CHECK (a < 100),
  b integer,
  CONSTRAINT both_ways CHECK (a <> b OR b IS NULL),
  CONSTRAINT "weird; name -- here" CHECK (b IS DISTINCT FROM 13),
  CONSTRAINT no_inherit CHECK (a % 2 IN (0, 1)) NO INHERIT,
  CONSTRAINT row_rule CHECK (checks IS NOT NULL OR b IS NULL));
INSERT INTO tables.checks VALUES (1, 2), (3, NULL);

-- Constraints on an index that was there before, under its own name.
CREATE TABLE tables.using_index (a integer NOT NULL, b integer, c integer);
CREATE UNIQUE INDEX made_before ON tables.using_index (a) INCLUDE (c);
ALTER TABLE tables.using_index ADD CONSTRAINT renamed_by_constraint PRIMARY KEY USING INDEX made_before;
CREATE UNIQUE INDEX made_before_too ON tables.using_index (b);
ALTER TABLE tables.using_index ADD CONSTRAINT made_before_too UNIQUE USING INDEX made_before_too DEFERRABLE;
ALTER TABLE tables.using_index CLUSTER ON renamed_by_constraint;
INSERT INTO tables.using_index VALUES (2, NULL, 2), (1, NULL, 1);
