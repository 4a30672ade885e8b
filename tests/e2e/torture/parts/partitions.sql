-- Declarative partitioning.  Not here: hash partitions by an enum (torture-unstable.sql says why).
CREATE TABLE tables.by_range (id integer NOT NULL, day date NOT NULL, amount numeric(12, 2), note text DEFAULT 'none') PARTITION BY RANGE (day);
COMMENT ON TABLE tables.by_range IS 'a partitioned table';
CREATE TABLE tables.by_range_2023 PARTITION OF tables.by_range FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE tables.by_range_2024 PARTITION OF tables.by_range (note DEFAULT 'this year', CHECK (amount < 1000000)) FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') WITH (fillfactor = 50);
CREATE TABLE tables.by_range_rest PARTITION OF tables.by_range DEFAULT;
-- Attached: its columns in another order, and some gone.
CREATE TABLE tables.by_range_2025 (gone integer, note text, amount numeric(12, 2), gone2 text, day date NOT NULL, id integer NOT NULL);
ALTER TABLE tables.by_range_2025 DROP COLUMN gone, DROP COLUMN gone2;
ALTER TABLE tables.by_range ATTACH PARTITION tables.by_range_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE UNIQUE INDEX by_range_key ON tables.by_range (id, day);
ALTER TABLE tables.by_range ADD PRIMARY KEY (day, id);
CREATE INDEX by_range_amount ON tables.by_range (amount DESC NULLS LAST) WHERE amount > 0;
CREATE INDEX by_range_own ON tables.by_range_2024 (note);
-- An index of the parent that only some partitions have yet: it stays invalid.
CREATE INDEX by_range_unfinished ON ONLY tables.by_range (note);
CREATE INDEX by_range_2025_note ON tables.by_range_2025 (note);
ALTER INDEX tables.by_range_unfinished ATTACH PARTITION tables.by_range_2025_note;
INSERT INTO tables.by_range (id, day, amount)
  SELECT i, '2022-12-01'::date + i * 9, i * 1.25 FROM generate_series (1, 150) AS i;
INSERT INTO tables.by_range VALUES (999, 'infinity', NULL, NULL), (998, '-infinity', 'NaN', '');

CREATE TABLE tables.by_list (kind text, n integer) PARTITION BY LIST (kind);
CREATE TABLE tables."by list, 'odd' name" PARTITION OF tables.by_list FOR VALUES IN ('a', 'it''s', NULL, '\');
CREATE TABLE tables.by_list_b PARTITION OF tables.by_list FOR VALUES IN ('b') PARTITION BY RANGE (n);
CREATE TABLE tables.by_list_b_low PARTITION OF tables.by_list_b FOR VALUES FROM (MINVALUE) TO (0);
CREATE TABLE tables.by_list_b_high PARTITION OF tables.by_list_b FOR VALUES FROM (0) TO (MAXVALUE) PARTITION BY HASH (n);
CREATE TABLE tables.by_list_b_high_0 PARTITION OF tables.by_list_b_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE tables.by_list_b_high_1 PARTITION OF tables.by_list_b_high FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE tables.by_list_other PARTITION OF tables.by_list DEFAULT PARTITION BY LIST (n);
CREATE UNLOGGED TABLE tables.by_list_other_all PARTITION OF tables.by_list_other DEFAULT;
INSERT INTO tables.by_list VALUES ('a', 1), ('it''s', 2), (NULL, 3), ('\', 4), ('b', -1), ('b', 0), ('b', 1), ('b', 2), ('b', 3), ('zzz', 5), ('', NULL);

CREATE TABLE tables.by_hash (a integer, b text COLLATE "C") PARTITION BY HASH (a, b);
CREATE TABLE tables.by_hash_0 PARTITION OF tables.by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE tables.by_hash_1 PARTITION OF tables.by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE tables.by_hash_2 PARTITION OF tables.by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE tables.by_hash_3 PARTITION OF tables.by_hash FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO tables.by_hash SELECT i, 'v' || i FROM generate_series (1, 200) AS i;

CREATE TABLE tables.by_expression (a integer, b text, c date) PARTITION BY RANGE (abs (a), lower (b) COLLATE "C" text_pattern_ops, c);
CREATE TABLE tables.by_expression_1 PARTITION OF tables.by_expression FOR VALUES FROM (0, MINVALUE, MINVALUE) TO (10, 'm', '2000-01-01');
CREATE TABLE tables.by_expression_2 PARTITION OF tables.by_expression FOR VALUES FROM (10, 'm', '2000-01-01') TO (MAXVALUE, MAXVALUE, MAXVALUE);
INSERT INTO tables.by_expression VALUES (-5, 'X', '1999-01-01'), (50, 'Y', 'infinity'), (10, 'M', '2000-01-02');

CREATE TABLE tables.by_nothing_yet (a integer) PARTITION BY LIST (a);

-- Detached again: an ordinary table with what it had.
CREATE TABLE tables.detached PARTITION OF tables.by_range FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
INSERT INTO tables.detached VALUES (1, '2030-05-05', 1, 'detached');
ALTER TABLE tables.by_range DETACH PARTITION tables.detached;

-- References between partitioned tables, both ways.
CREATE TABLE tables.refers_to_partitioned (id integer PRIMARY KEY, r_day date, r_id integer,
  FOREIGN KEY (r_day, r_id) REFERENCES tables.by_range (day, id) ON DELETE SET NULL DEFERRABLE);
INSERT INTO tables.refers_to_partitioned VALUES (1, '2022-12-10', 1), (2, NULL, NULL), (3, 'infinity', 999);
CREATE TABLE tables.partitioned_referrer (id integer, e integer REFERENCES tables.empty) PARTITION BY RANGE (id);
CREATE TABLE tables.partitioned_referrer_1 PARTITION OF tables.partitioned_referrer FOR VALUES FROM (0) TO (100);
INSERT INTO tables.partitioned_referrer VALUES (1, NULL);
