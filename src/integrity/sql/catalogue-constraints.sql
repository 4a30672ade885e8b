-- All constraints of tables and domains but foreign keys.
WITH locked AS MATERIALIZED (
  SELECT l.relation FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND l.pid <> pg_backend_pid())
SELECT o.conrelid, o.contypid, o.conname, o.contype,
       CASE WHEN k.relation IS NULL THEN pg_get_constraintdef(o.oid) END,
       CASE WHEN o.contype = 'c' AND k.relation IS NULL THEN pg_get_expr(o.conbin, o.conrelid) END,
       array_to_string(o.conkey, ' '), o.convalidated,
       o.conenforced, -- [18,)
       true, -- [,18)
       o.coninhcount > 0, o.conindid
  FROM pg_constraint o
  LEFT JOIN locked k ON k.relation = o.conrelid
 WHERE o.contype IN ('c', 'n', 'p', 'u', 'x')
 ORDER BY o.conname COLLATE "C"
