-- id: slow-queries
-- severity: info
-- category: performance
-- why: A query that has been running for minutes holds back vacuum, and often somebody's page.
SELECT a.pid, a.usename, a.state, now() - a.query_start AS running_for, left(a.query, 200) AS query
  FROM pg_stat_activity a
 WHERE a.datname = current_database()
   AND a.backend_type = 'client backend'
   AND a.pid <> pg_backend_pid()
   AND a.state <> 'idle'
   AND now() - a.query_start > interval '5 minutes';
