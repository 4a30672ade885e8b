-- Views and materialised views, also of each other, also in circles.
CREATE VIEW tables.v_plain (renamed, "odd ""col""", status) AS
  SELECT id, t, CASE WHEN id > 10 THEN 'big' ELSE 'small' END FROM tables.indexed WHERE t <> E'\\ '' \n';
CREATE VIEW tables.v_of_view AS
  SELECT v.*, count (*) OVER (PARTITION BY status ORDER BY renamed DESC) AS n FROM tables.v_plain AS v;
CREATE VIEW tables.v_options WITH (security_barrier = true, check_option = cascaded) AS
  SELECT id, name FROM tables.tree WHERE id > 0;
CREATE VIEW tables.v_local WITH (check_option = local) AS SELECT id FROM tables.v_options WHERE id < 1000;
ALTER VIEW tables.v_options ALTER COLUMN name SET DEFAULT 'a default of the view';
CREATE RECURSIVE VIEW tables.v_recursive (id, depth) AS
  SELECT id, 0 FROM tables.tree WHERE parent IS NULL
  UNION ALL
  SELECT t.id, r.depth + 1 FROM tables.tree AS t JOIN v_recursive AS r ON t.parent = r.id;
CREATE VIEW tables.v_everything AS
  WITH c AS MATERIALIZED (SELECT grp, sum (n) AS total FROM tables.many GROUP BY grp HAVING count (*) > 1),
       d AS NOT MATERIALIZED (SELECT 1 AS one)
  SELECT DISTINCT ON (c.grp) c.grp, c.total, x.n AS "from lateral", (SELECT max (id) FROM types.own) AS sub,
         ARRAY (SELECT id FROM types.own ORDER BY id) AS arr, ROW (c.*, 1) IS NULL AS isnull,
         count (*) FILTER (WHERE c.total > 5) OVER w AS filtered,
         c.total BETWEEN SYMMETRIC 1 AND 2 AS between_, 'x'::varchar IN ('a', 'b') AS inlist, c.grp::varchar NOT IN ('1', '2') AS notin,
         EXISTS (SELECT FROM tables.zero_columns) AS there, COALESCE (NULLIF (c.grp, 1), GREATEST (1, 2)) AS fns,
         timestamptz '2000-01-01 00:00+00' AT TIME ZONE 'Europe/Berlin' AS tz, EXTRACT (year FROM date '2000-01-01') AS y,
         interval '1 day 2 hours' AS i, (types.of_composite).x AS field, types.of_composite AS whole
    FROM c CROSS JOIN d
    LEFT JOIN LATERAL (SELECT n FROM tables.many AS m WHERE m.grp = c.grp ORDER BY n FETCH FIRST 1 ROW ONLY) AS x ON true
    FULL JOIN (SELECT id AS grp, of_composite FROM types.own) AS types USING (grp)
   WINDOW w AS (PARTITION BY c.total ORDER BY c.grp ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)
   ORDER BY c.grp DESC NULLS LAST, 2 LIMIT 100 OFFSET 0;
CREATE VIEW tables.v_grouping AS
  SELECT grp, id % 3 AS m, grouping (grp, id % 3), sum (n) AS s, percentile_cont (0.5) WITHIN GROUP (ORDER BY n) AS med
    FROM tables.many TABLESAMPLE SYSTEM (50) REPEATABLE (1) GROUP BY GROUPING SETS ((grp), CUBE (grp, id % 3), ());
CREATE VIEW tables.v_functions AS
  SELECT f.*, x.* FROM ROWS FROM (generate_series (1, 3), unnest (ARRAY['a', 'b'])) WITH ORDINALITY AS f (g, u, o),
         xmltable ('/r/e' PASSING (xml '<r><e a="1"/></r>') COLUMNS a integer PATH '@a' DEFAULT 5 NOT NULL, xo FOR ORDINALITY) AS x;
CREATE VIEW tables.v_union AS
  (SELECT 1 AS a UNION SELECT 2 ORDER BY 1 LIMIT 1) EXCEPT ALL SELECT 3 UNION ALL VALUES (4), (5);
CREATE VIEW tables.v_no_columns AS SELECT FROM types.own;
CREATE TEMP VIEW gone_at_the_end AS SELECT 1;

-- A column renamed under a view; a table's columns named by USING.
CREATE TABLE tables.joined_a (id integer, a text);
CREATE TABLE tables.joined_b (id integer, b text);
CREATE VIEW tables.v_using AS SELECT * FROM tables.joined_a JOIN tables.joined_b USING (id);
ALTER TABLE tables.joined_a RENAME COLUMN id TO id_a;
ALTER TABLE tables.joined_b ADD COLUMN a text;
INSERT INTO tables.joined_a VALUES (1, 'a');

-- Grouping by a primary key makes the view depend on the constraint.
CREATE VIEW tables.v_functional AS
  SELECT t.id, t.name, count (c.id) AS children FROM tables.tree AS t LEFT JOIN tables.tree AS c ON c.parent = t.id GROUP BY t.id;
CREATE VIEW tables.v_on_functional AS SELECT sum (children) AS total FROM tables.v_functional;
CREATE MATERIALIZED VIEW tables.m_functional AS
  SELECT t.id, t.name, count (c.id) AS children FROM tables.tree AS t LEFT JOIN tables.tree AS c ON c.parent = t.id GROUP BY t.id;
CREATE UNIQUE INDEX m_functional_id ON tables.m_functional (id);
CREATE MATERIALIZED VIEW tables.m_on_functional AS SELECT * FROM tables.m_functional UNION ALL SELECT id, name, children FROM tables.v_functional;

-- Materialised views of materialised views, named so that the alphabet is no help.
CREATE MATERIALIZED VIEW tables.m_z_first WITH (fillfactor = 80) AS SELECT grp, count (*) AS n, sum (n) AS total FROM tables.many GROUP BY grp;
CREATE MATERIALIZED VIEW tables.m_a_second AS SELECT max (n) AS biggest, sum (total) AS total FROM tables.m_z_first;
CREATE MATERIALIZED VIEW tables.m_m_third AS SELECT a.biggest, z.grp FROM tables.m_a_second AS a JOIN tables.m_z_first AS z ON a.biggest = z.n;
CREATE VIEW tables.v_of_matview AS SELECT * FROM tables.m_m_third;
CREATE MATERIALIZED VIEW tables.m_b_fourth AS SELECT count (*) AS c FROM tables.v_of_matview;
CREATE UNIQUE INDEX m_z_first_grp ON tables.m_z_first (grp);
CREATE INDEX m_z_first_total ON tables.m_z_first ((total / 2)) WHERE n > 1;
ALTER MATERIALIZED VIEW tables.m_z_first CLUSTER ON m_z_first_grp;
ALTER MATERIALIZED VIEW tables.m_z_first ALTER COLUMN n SET STATISTICS 50;
CREATE MATERIALIZED VIEW tables.m_unpopulated AS SELECT 1 / (id - id) AS boom FROM types.own WITH NO DATA;
CREATE UNIQUE INDEX m_unpopulated_i ON tables.m_unpopulated (boom);
CREATE MATERIALIZED VIEW tables.m_stale AS SELECT count (*) AS rows_then FROM tables.empty;
CREATE MATERIALIZED VIEW tables."m ""odd"" näme" AS SELECT 1 AS "select", ''::text AS "a b";
COMMENT ON MATERIALIZED VIEW tables.m_z_first IS 'first of a chain';
ALTER MATERIALIZED VIEW tables.m_a_second OWNER TO torture_owner;
GRANT SELECT ON tables.m_z_first, tables.many TO torture_owner;
GRANT USAGE ON SCHEMA tables TO torture_owner;

-- Views in a circle: through a function that takes the row of the view it is called in, and
-- through each other (legal to make, an error to read).
CREATE VIEW tables.v_circle AS SELECT 1 AS id, ''::text AS label;
CREATE FUNCTION code.circle_label (v tables.v_circle) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'label ' || v.id $$;
CREATE OR REPLACE VIEW tables.v_circle AS
  SELECT id, code.circle_label (ROW (id, '')::tables.v_circle) AS label FROM types.own;
CREATE VIEW tables.v_ring_1 AS SELECT 1 AS x;
CREATE VIEW tables.v_ring_2 AS SELECT x FROM tables.v_ring_1;
CREATE OR REPLACE VIEW tables.v_ring_1 AS SELECT x FROM tables.v_ring_2;

-- Rules.
CREATE TABLE tables.ruled (id integer PRIMARY KEY, t text);
CREATE TABLE tables.rule_log (what text, id integer);
INSERT INTO tables.ruled VALUES (1, 'before the rules');
CREATE RULE log_insert AS ON INSERT TO tables.ruled DO ALSO INSERT INTO tables.rule_log VALUES ('ins ; \', NEW.id);
CREATE RULE "odd ""rule""" AS ON UPDATE TO tables.ruled WHERE OLD.id <> NEW.id DO INSTEAD (INSERT INTO tables.rule_log VALUES ('upd', OLD.id); DELETE FROM tables.rule_log WHERE id = OLD.id);
CREATE RULE no_delete AS ON DELETE TO tables.ruled WHERE OLD.id = 1 AND OLD.t::varchar IN ('a', 'b') DO INSTEAD NOTHING;
CREATE RULE disabled_rule AS ON DELETE TO tables.ruled DO ALSO NOTIFY deleted;
ALTER TABLE tables.ruled DISABLE RULE disabled_rule;
CREATE RULE replica_rule AS ON INSERT TO tables.ruled DO ALSO NOTIFY inserted;
ALTER TABLE tables.ruled ENABLE REPLICA RULE replica_rule;
CREATE RULE always_rule AS ON INSERT TO tables.ruled DO ALSO SELECT 1;
ALTER TABLE tables.ruled ENABLE ALWAYS RULE always_rule;
COMMENT ON RULE log_insert ON tables.ruled IS 'would double the rows if data were loaded with INSERT';
CREATE RULE v_insert AS ON INSERT TO tables.v_plain DO INSTEAD INSERT INTO tables.ruled VALUES (NEW.renamed, NEW.status) RETURNING id, t, 'x';
