-- id: missing-indexes
-- severity: warning
-- category: performance
-- why: Without an index every look at one user's rows reads the whole table.
SELECT k.conrelid::regclass AS table_name, k.conname AS foreign_key, s.seq_scan, s.n_live_tup
  FROM pg_constraint k
  JOIN pg_stat_user_tables s ON s.relid = k.conrelid
 WHERE k.contype = 'f'
   AND s.schemaname <> 'pgkeel'
   AND NOT EXISTS (SELECT FROM pg_index i
                    WHERE i.indrelid = k.conrelid
                      AND i.indisvalid
                      AND i.indpred IS NULL
                      AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey);
