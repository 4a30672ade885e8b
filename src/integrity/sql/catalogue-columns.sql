-- Their columns, and what is below the domains that some are of.
WITH RECURSIVE domains (oid, base, is_not_null) AS (
  SELECT t.oid, t.typbasetype, t.typnotnull FROM pg_type t WHERE t.typtype = 'd'
   UNION ALL
  SELECT d.oid, t.typbasetype, d.is_not_null OR t.typnotnull
    FROM domains d JOIN pg_type t ON t.oid = d.base WHERE t.typtype = 'd'),
locked AS MATERIALIZED (
  SELECT l.relation FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND l.pid <> pg_backend_pid())
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid,
       b.oid, b.typname, b.typcategory, a.attnotnull, coalesce(d.is_not_null, false),
       a.attgenerated = 's', a.attgenerated = 'v', a.attidentity <> '', b.typelem <> 0 AND b.typcategory = 'A',
       has_column_privilege(a.attrelid, a.attnum, 'SELECT'),
       CASE WHEN k.relation IS NULL THEN pg_get_expr(f.adbin, f.adrelid) END,
       CASE WHEN a.attcollation <> t.typcollation
            THEN (SELECT format('%I.%I', cn.nspname, co.collname)
                    FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                   WHERE co.oid = a.attcollation) END,
       s.attname IS NOT NULL, coalesce(s.n_distinct, 0), coalesce(s.null_frac, 0), coalesce(s.correlation, 0)
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN domains d ON d.oid = t.oid
       AND d.base NOT IN (SELECT x.oid FROM pg_type x WHERE x.typtype = 'd')
  JOIN pg_type b ON b.oid = coalesce(d.base, t.oid)
  LEFT JOIN locked k ON k.relation = c.oid
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
       AND s.attname = a.attname AND s.inherited = (c.relkind = 'p')
 WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')
   AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum
