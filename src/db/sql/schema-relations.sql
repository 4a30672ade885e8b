-- Tables, views, sequences and all that belongs to them: one row (kind, name, definition) each.
--
-- Rules of all schema*.sql (see schema.h): search_path is empty; no OID, no attribute number, no
-- physical position may get into a row; every list is sorted, by bytes; what pg_dump does not carry
-- over is left out.  A line that ends in "-- [A,B)" is for servers of major version A to before B.
WITH
relation AS MATERIALIZED (
  SELECT c.*, pg_catalog.format ('%I.%I', n.nspname, c.relname) AS name,
         -- pg_dump writes the columns of an inheritance child after its parents': their order is not kept.
         c.relkind IN ('r', 'f') AND NOT c.relispartition
           AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid) AS is_child
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c', 'i', 'I')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
),
owned_relation AS (
  -- Without indexes, without those of an extension's tables, and without the rows of composite types.
  SELECT * FROM relation WHERE relkind NOT IN ('i', 'I', 'c')
),
live_column AS (
  SELECT a.*, r.name AS relation_name, r.relkind, r.is_child, r.relispartition, r.reloftype,
         pg_catalog.row_number () OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS position
    FROM relation AS r
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid
   WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped
),
parent AS MATERIALIZED (
  -- Of tables and of indexes; a partition has one.
  SELECT i.inhrelid AS oid, pg_catalog.string_agg (p.name, ', ' ORDER BY i.inhseqno) AS names
    FROM pg_catalog.pg_inherits AS i
    JOIN relation AS p ON p.oid = i.inhparent
   GROUP BY i.inhrelid
),
sequence_owner AS (
  SELECT d.objid, d.deptype, pg_catalog.format ('%s.%I', r.name, a.attname) AS column_name
    FROM pg_catalog.pg_depend AS d
    JOIN relation AS r ON r.oid = d.refobjid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.objsubid = 0 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
)

SELECT CASE r.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialised view'
                      WHEN 'f' THEN 'foreign table' ELSE 'sequence' END AS kind,
       r.name,
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (r.relowner)),
         CASE r.relpersistence WHEN 'u' THEN 'unlogged' END,
         'of type ' || CASE WHEN r.reloftype <> 0 THEN pg_catalog.format_type (r.reloftype, NULL) END,
         'inherits ' || CASE WHEN NOT r.relispartition THEN parent.names END,
         'partition of ' || CASE WHEN r.relispartition THEN parent.names || ' ' || pg_catalog.pg_get_expr (r.relpartbound, r.oid) END,
         'partition by ' || CASE WHEN r.relkind = 'p' THEN pg_catalog.pg_get_partkeydef (r.oid) END,
         'access method ' || pg_catalog.quote_ident (am.amname),
         'tablespace ' || pg_catalog.quote_ident (t.spcname),
         'options ' || (SELECT pg_catalog.string_agg (o, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (r.reloptions) AS o),
         'toast options ' || (SELECT pg_catalog.string_agg (o, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (toast.reloptions) AS o),
         CASE r.relreplident WHEN 'f' THEN 'replica identity full'
           WHEN 'n' THEN 'replica identity nothing'
           WHEN 'i' THEN 'replica identity index ' || COALESCE (
             (SELECT x.relname FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = r.oid AND i.indisreplident), 'none') END,
         CASE WHEN r.relforcerowsecurity THEN 'force row level security' END,
         CASE WHEN r.relkind = 'm' AND NOT r.relispopulated THEN 'not populated' END,
         'server ' || pg_catalog.quote_ident (fs.srvname),
         'server options ' || (SELECT pg_catalog.string_agg (o, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (ft.ftoptions) AS o),
         CASE WHEN s.seqrelid IS NOT NULL THEN
           pg_catalog.format ('as %s start %s increment %s minimum %s maximum %s cache %s%s', pg_catalog.format_type (s.seqtypid, NULL),
             s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' cycle' END) END,
         CASE so.deptype WHEN 'i' THEN 'identity of ' WHEN 'a' THEN 'owned by ' END || so.column_name,
         CASE WHEN r.relkind IN ('v', 'm') THEN 'as' || E'\n' || pg_catalog.pg_get_viewdef (r.oid) END) AS definition
  FROM owned_relation AS r
  LEFT JOIN parent ON parent.oid = r.oid
  LEFT JOIN pg_catalog.pg_am AS am ON am.oid = r.relam
  LEFT JOIN pg_catalog.pg_tablespace AS t ON t.oid = r.reltablespace
  LEFT JOIN pg_catalog.pg_class AS toast ON toast.oid = r.reltoastrelid AND toast.reloptions IS NOT NULL
  LEFT JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = r.oid
  LEFT JOIN sequence_owner AS so ON so.objid = r.oid AND r.relkind = 'S'
  LEFT JOIN pg_catalog.pg_foreign_table AS ft ON ft.ftrelid = r.oid
  LEFT JOIN pg_catalog.pg_foreign_server AS fs ON fs.oid = ft.ftserver

UNION ALL
SELECT CASE a.relkind WHEN 'c' THEN 'attribute' ELSE 'column' END,
       pg_catalog.format ('%s.%I', a.relation_name, a.attname),
       pg_catalog.concat_ws (E'\n',
         'position ' || CASE WHEN NOT a.is_child THEN a.position END,
         'type ' || pg_catalog.format_type (a.atttypid, a.atttypmod),
         'collation ' || CASE WHEN a.attcollation <> ty.typcollation THEN
           (SELECT pg_catalog.format ('%I.%I', n.nspname, c.collname)
              FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation) END,
         CASE WHEN a.attnotnull THEN 'not null' END,
         CASE a.attgenerated WHEN 's' THEN 'generated stored ' WHEN 'v' THEN 'generated virtual ' ELSE 'default ' END
           || pg_catalog.pg_get_expr (ad.adbin, ad.adrelid),
         CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
         CASE WHEN a.attstorage <> ty.typstorage AND a.relkind <> 'v' THEN
           'storage ' || CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
         CASE a.attcompression WHEN 'p' THEN 'compression pglz' WHEN 'l' THEN 'compression lz4' END, -- [14,)
         CASE WHEN a.attstattarget >= 0 THEN 'statistics ' || a.attstattarget END,
         'options ' || (SELECT pg_catalog.string_agg (o, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (a.attoptions) AS o
                          WHERE o NOT LIKE 'pg\_%'), -- the server's own notes, such as pg_attver in late minor releases
         'server options ' || (SELECT pg_catalog.string_agg (o, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (a.attfdwoptions) AS o),
         CASE WHEN a.is_child AND a.attislocal THEN 'local' END)
  FROM live_column AS a
  JOIN pg_catalog.pg_type AS ty ON ty.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef AS ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum AND a.atthasdef

UNION ALL
-- A foreign key's copies for partitions get new names wherever they are made; their parent is listed.
SELECT 'constraint', pg_catalog.format ('%s.%I', r.name, c.conname),
       pg_catalog.concat_ws (E'\n',
         pg_catalog.pg_get_constraintdef (c.oid),
         CASE WHEN r.is_child AND NOT c.conislocal THEN 'inherited' END)
  FROM pg_catalog.pg_constraint AS c
  JOIN relation AS r ON r.oid = c.conrelid
 WHERE c.contype IN ('c', 'p', 'u', 'x', 'f') AND NOT (c.contype = 'f' AND c.conparentid <> 0)

UNION ALL
-- Names of NOT NULL constraints count where they are a table's own.
SELECT 'constraint', pg_catalog.format ('%s.%I', r.name, c.conname), pg_catalog.pg_get_constraintdef (c.oid) -- [18,)
  FROM pg_catalog.pg_constraint AS c -- [18,)
  JOIN relation AS r ON r.oid = c.conrelid -- [18,)
 WHERE c.contype = 'n' AND (c.conislocal OR NOT c.convalidated) -- [18,)
UNION ALL -- [18,)

-- pg_dump leaves an invalid index behind, except a partitioned one that lacks some of its parts.
SELECT 'index', x.name,
       pg_catalog.concat_ws (E'\n',
         pg_catalog.pg_get_indexdef (i.indexrelid),
         CASE WHEN i.indisprimary THEN 'primary key' END,
         CASE WHEN NOT i.indimmediate THEN 'deferrable' END,
         CASE WHEN i.indisclustered THEN 'clustered' END,
         CASE WHEN NOT i.indisvalid THEN 'not valid' END,
         'tablespace ' || pg_catalog.quote_ident (t.spcname),
         'part of ' || parent.names,
         'statistics ' || (SELECT pg_catalog.string_agg (pg_catalog.concat (a.attnum, ':', a.attstattarget), ', ' ORDER BY a.attnum)
                             FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = x.oid AND a.attstattarget >= 0))
  FROM pg_catalog.pg_index AS i
  JOIN relation AS x ON x.oid = i.indexrelid
  JOIN relation AS r ON r.oid = i.indrelid
  LEFT JOIN parent ON parent.oid = x.oid
  LEFT JOIN pg_catalog.pg_tablespace AS t ON t.oid = x.reltablespace
 WHERE (i.indisvalid AND i.indisready) OR x.relkind = 'I'

UNION ALL
-- The copies of a trigger that partitions have count only where they were enabled or disabled apart.
SELECT 'trigger', pg_catalog.format ('%s.%I', r.name, t.tgname),
       pg_catalog.concat_ws (E'\n',
         CASE WHEN parent.oid IS NULL THEN pg_catalog.pg_get_triggerdef (t.oid) ELSE 'of its parent' END,
         CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas' WHEN 'A' THEN 'enabled always' ELSE 'enabled' END)
  FROM pg_catalog.pg_trigger AS t
  JOIN relation AS r ON r.oid = t.tgrelid
  LEFT JOIN pg_catalog.pg_trigger AS parent ON parent.oid = t.tgparentid
 WHERE CASE WHEN parent.oid IS NULL THEN NOT t.tgisinternal ELSE t.tgenabled <> parent.tgenabled END

UNION ALL
SELECT 'rule', pg_catalog.format ('%s.%I', r.name, w.rulename),
       pg_catalog.concat_ws (E'\n',
         pg_catalog.pg_get_ruledef (w.oid),
         CASE w.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas' WHEN 'A' THEN 'enabled always' END)
  FROM pg_catalog.pg_rewrite AS w
  JOIN relation AS r ON r.oid = w.ev_class
 WHERE NOT (r.relkind IN ('v', 'm') AND w.rulename = '_RETURN')

UNION ALL
SELECT 'statistics', pg_catalog.format ('%I.%I', n.nspname, e.stxname),
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (e.stxowner)),
         'on ' || r.name,
         -- The same for one expression whether or not its kinds are written.
         'kinds ' || (SELECT pg_catalog.string_agg (k::pg_catalog.text, ', ' ORDER BY k) FROM pg_catalog.unnest (e.stxkind) AS k),
         'columns ' || (SELECT pg_catalog.string_agg (pg_catalog.quote_ident (a.attname), ', ' ORDER BY a.attname)
                          FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = e.stxrelid AND a.attnum = ANY (e.stxkeys)),
         'expressions ' || pg_catalog.pg_get_expr (e.stxexprs, e.stxrelid), -- [14,)
         CASE WHEN e.stxstattarget >= 0 THEN 'statistics ' || e.stxstattarget END)
  FROM pg_catalog.pg_statistic_ext AS e
  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.stxnamespace
  JOIN relation AS r ON r.oid = e.stxrelid

UNION ALL
SELECT 'comment', CASE WHEN d.objsubid = 0 THEN 'relation ' || r.name ELSE pg_catalog.format ('column %s.%I', r.name, a.attname) END, d.description
  FROM pg_catalog.pg_description AS d
  JOIN relation AS r ON r.oid = d.objoid
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid <> 0
 WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
