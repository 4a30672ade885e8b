-- Indexes: method, expression, predicate, ordering, opclass, options, statistics, state.
CREATE TABLE tables.indexed (
  id integer, t text, c text COLLATE "C", n numeric, j jsonb, a integer[], p point, r int4range, ts timestamptz, v tsvector, v2 varchar, i inet);
INSERT INTO tables.indexed SELECT i, 'text ' || i, 'c' || i, i / 3.0, jsonb_build_object ('k', i), ARRAY[i, i + 1], point (i, i), int4range (i, i + 2), '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', to_tsvector ('simple', 'word' || i), 'v' || i, ('10.0.0.' || i % 250)::inet
  FROM generate_series (1, 300) AS i;
CREATE UNIQUE INDEX ON tables.indexed (id) INCLUDE (t, n) WITH (fillfactor = 60, deduplicate_items = off);
CREATE INDEX indexed_order ON tables.indexed (t COLLATE "C" text_pattern_ops DESC NULLS LAST, n ASC NULLS FIRST);
CREATE INDEX indexed_expr ON tables.indexed (lower (t), (n * 2), (j ->> 'k')) WHERE id > 10 AND t LIKE 'text%' AND v2 IN ('v1', 'v2');
ALTER INDEX tables.indexed_expr ALTER COLUMN 1 SET STATISTICS 500;
ALTER INDEX tables.indexed_expr ALTER COLUMN 3 SET STATISTICS 10;
CREATE INDEX indexed_hash ON tables.indexed USING hash (t);
CREATE INDEX indexed_gin ON tables.indexed USING gin (j jsonb_path_ops, a) WITH (fastupdate = off, gin_pending_list_limit = 128);
CREATE INDEX indexed_gist ON tables.indexed USING gist (p, r, v tsvector_ops (siglen = 100)) WITH (buffering = on);
CREATE INDEX indexed_spgist ON tables.indexed USING spgist (i);
CREATE INDEX indexed_brin ON tables.indexed USING brin (ts, id) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX "indexed ""odd"" name" ON tables.indexed ((t || '\' || c COLLATE "C"));
CREATE INDEX indexed_cluster ON tables.indexed (n);
ALTER TABLE tables.indexed CLUSTER ON indexed_cluster;
COMMENT ON INDEX tables.indexed_hash IS 'an index''s comment';
-- What a failed CREATE INDEX CONCURRENTLY leaves; pg_dump leaves it behind.
CREATE INDEX indexed_invalid ON tables.indexed (ts);
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'tables.indexed_invalid'::regclass;

CREATE STATISTICS tables.stats_all ON id, t, n FROM tables.indexed;
CREATE STATISTICS tables.stats_nd (ndistinct) ON t, c FROM tables.indexed;
CREATE STATISTICS tables."stats ""odd""" (dependencies, mcv) ON c, id FROM tables.indexed;
ALTER STATISTICS tables.stats_nd SET STATISTICS 77;
COMMENT ON STATISTICS tables.stats_nd IS 'extended statistics';
ALTER STATISTICS tables.stats_all OWNER TO torture_owner;
