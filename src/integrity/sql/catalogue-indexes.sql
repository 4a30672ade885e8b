-- Indexes of the user's tables. Writing out an index opens its table: not while that is locked.
WITH locked AS MATERIALIZED (
  SELECT l.relation FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND l.pid <> pg_backend_pid())
SELECT i.indexrelid, i.indrelid, n.nspname, c.relname, m.amname,
       CASE WHEN h.relation IS NULL THEN pg_get_indexdef(i.indexrelid) END,
       i.indkey::text, i.indnkeyatts,
       (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, false), E'\x01' ORDER BY k)
          FROM generate_series(1, i.indnkeyatts) AS k WHERE h.relation IS NULL),
       CASE WHEN h.relation IS NULL THEN pg_get_expr(i.indpred, i.indrelid) END,
       i.indclass::text, i.indcollation::text, i.indoption::text,
       i.indisunique, i.indisprimary, i.indisexclusion, i.indisvalid, i.indisready, i.indislive,
       i.indimmediate,
       i.indnullsnotdistinct, -- [15,)
       false, -- [,15)
       i.indisreplident, i.indisclustered,
       EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid
                  AND o.conrelid = i.indrelid AND o.contype IN ('p', 'u', 'x')),
       EXISTS (SELECT FROM pg_inherits t WHERE t.inhrelid = i.indexrelid),
       CASE WHEN c.relkind = 'i' AND h.relation IS NULL THEN pg_relation_size(c.oid) ELSE 0 END,
       coalesce(s.idx_scan, -1), i.indpred IS NOT NULL
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN locked h ON h.relation IN (i.indrelid, i.indexrelid)
  JOIN pg_am m ON m.oid = c.relam
  LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')
 ORDER BY c.relname COLLATE "C"
