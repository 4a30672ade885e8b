-- id: connection-leaks
-- severity: info
-- category: performance
-- why: A connection that is idle in a transaction for minutes was forgotten, and holds its locks.
SELECT a.pid, a.usename, a.application_name, a.state, now() - a.state_change AS idle_for
  FROM pg_stat_activity a
 WHERE a.datname = current_database()
   AND a.pid <> pg_backend_pid()
   AND a.state LIKE 'idle in transaction%'
   AND now() - a.state_change > interval '5 minutes';
