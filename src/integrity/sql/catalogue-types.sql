-- Domains, and enums with their labels.
SELECT t.oid, n.nspname, t.typname, t.typtype, t.typnotnull, t.typbasetype,
       (SELECT string_agg(e.enumlabel, E'\x01' ORDER BY e.enumsortorder)
          FROM pg_enum e WHERE e.enumtypid = t.oid)
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('d', 'e') AND n.nspname !~ '^pg_'
   AND n.nspname NOT IN ('information_schema', 'pgkeel')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
 ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"
