-- The user's tables. What opens a relation waits for whoever has it locked: of tables that are locked
-- exclusively right now, only what the catalogue says is read.
WITH locked AS MATERIALIZED (
  SELECT l.relation FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND l.pid <> pg_backend_pid())
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,
       c.relispartition,
       coalesce((SELECT i.inhparent FROM pg_inherits i
                  WHERE c.relispartition AND i.inhrelid = c.oid LIMIT 1), 0),
       CASE WHEN c.relispartition AND k.relation IS NULL
            THEN pg_get_partition_constraintdef(c.oid) END,
       EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partdefid = c.oid),
       c.relkind <> 'p' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
       row_security_active(c.oid), c.relrowsecurity, c.relforcerowsecurity, c.relispopulated,
       c.reltuples::float8, c.relpages,
       CASE WHEN k.relation IS NULL AND c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid)
            ELSE c.relpages::int8 * current_setting('block_size')::int8 END,
       array_to_string(c.reloptions, ','), pg_get_userbyid(c.relowner), k.relation IS NOT NULL,
       current_setting('block_size')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN locked k ON k.relation = c.oid
 WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.objsubid = 0 AND d.deptype = 'e')
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
