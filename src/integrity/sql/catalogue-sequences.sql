-- Sequences, and the column that each one feeds: its owner, or else one whose default calls it.
SELECT c.oid, n.nspname, c.relname, format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement,
       q.seqmin, q.seqmax, q.seqcycle,
       has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT'),
       coalesce(owned.refobjid, used.adrelid, 0), coalesce(owned.refobjsubid, used.adnum, 0),
       owned.refobjid IS NOT NULL
  FROM pg_sequence q
  JOIN pg_class c ON c.oid = q.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
       SELECT d.refobjid, d.refobjsubid FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
          AND d.refobjsubid > 0 LIMIT 1) AS owned ON true
  LEFT JOIN LATERAL (
       SELECT f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
        WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = c.oid ORDER BY f.adrelid, f.adnum LIMIT 1) AS used ON true
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')
   AND c.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.objsubid = 0 AND d.deptype = 'e')
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
