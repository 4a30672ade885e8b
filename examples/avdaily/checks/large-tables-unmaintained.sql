-- id: large-tables-unmaintained
-- severity: info
-- category: performance
-- why: A large table that is neither vacuumed nor analysed gets slow, and then wraps around.
SELECT s.relid::regclass AS table_name, s.n_live_tup, s.n_dead_tup,
       greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuum,
       greatest(s.last_analyze, s.last_autoanalyze) AS last_analyze
  FROM pg_stat_user_tables s
 WHERE s.schemaname <> 'pgkeel'
   AND s.n_live_tup >= 100000
   AND (s.n_dead_tup > 0.2 * s.n_live_tup
        OR greatest(s.last_analyze, s.last_autoanalyze) IS NULL
        OR greatest(s.last_analyze, s.last_autoanalyze) < now() - interval '30 days');
