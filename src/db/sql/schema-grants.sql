-- Who may do what, where that is not what the object was born with: one row (kind, name, definition).
-- The rules are those of schema-relations.sql.  An object is born with the grants of its kind
-- (acldefault), what initdb made and members of extensions with those in pg_init_privs.
WITH
candidate AS MATERIALIZED (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS classid, c.oid AS objid, 0 AS subid, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char" AS letter,
         c.relowner AS owner, c.relacl AS acl, pg_catalog.format ('relation %I.%I', n.nspname, c.relname) AS name, n.nspname AS schema
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum, 'c', c.relowner, a.attacl, pg_catalog.format ('column %I.%I.%I', n.nspname, c.relname, a.attname), n.nspname
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE NOT a.attisdropped
     AND (a.attacl IS NOT NULL
          OR EXISTS (SELECT FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.objoid = a.attrelid AND i.objsubid = a.attnum))
  UNION ALL
  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, 'f', p.proowner, p.proacl,
         pg_catalog.format ('function %I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments (p.oid)), n.nspname
    FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
   WHERE p.proacl IS NOT NULL
      OR EXISTS (SELECT FROM pg_catalog.pg_init_privs AS i WHERE i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objoid = p.oid)
  UNION ALL
  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, 'T', t.typowner, t.typacl, pg_catalog.format ('type %I.%I', n.nspname, t.typname), n.nspname
    FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
   WHERE t.typacl IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
     AND NOT (t.typelem <> 0 AND EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.oid = t.typelem AND e.typarray = t.oid))
     AND t.typtype <> 'm'
  UNION ALL
  SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 0, 'n', n.nspowner, n.nspacl, pg_catalog.format ('schema %I', n.nspname), n.nspname
    FROM pg_catalog.pg_namespace AS n
  UNION ALL
  SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, l.oid, 0, 'l', l.lanowner, l.lanacl, pg_catalog.format ('language %I', l.lanname), ''
    FROM pg_catalog.pg_language AS l WHERE l.lanpltrusted
  UNION ALL
  SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, f.oid, 0, 'F', f.fdwowner, f.fdwacl, pg_catalog.format ('foreign data wrapper %I', f.fdwname), ''
    FROM pg_catalog.pg_foreign_data_wrapper AS f
  UNION ALL
  SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, s.oid, 0, 'S', s.srvowner, s.srvacl, pg_catalog.format ('server %I', s.srvname), ''
    FROM pg_catalog.pg_foreign_server AS s
),
changed AS (
  SELECT c.name, COALESCE (c.acl, pg_catalog.acldefault (c.letter, c.owner)) AS acl, COALESCE (s.standard, i.initprivs, pg_catalog.acldefault (c.letter, c.owner)) AS born_with
    FROM candidate AS c
    -- A public schema is compared with initdb's, also when it was dropped and made again, or given away.
    LEFT JOIN LATERAL (
      SELECT ARRAY[pg_catalog.makeaclitem (c.owner, c.owner, 'USAGE', false), pg_catalog.makeaclitem (c.owner, c.owner, 'CREATE', false),
                   pg_catalog.makeaclitem (0, c.owner, 'CREATE', false), -- [,15)
                   pg_catalog.makeaclitem (0, c.owner, 'USAGE', false)]
       WHERE c.name = 'schema public') AS s (standard) ON true
    LEFT JOIN pg_catalog.pg_init_privs AS i ON i.classoid = c.classid AND i.objoid = c.objid AND i.objsubid = c.subid
   WHERE (c.acl IS NOT NULL OR i.initprivs IS NOT NULL OR s.standard IS NOT NULL)
     AND c.schema !~ '^pg_(temp|toast)'
),
exploded AS (
  SELECT c.name, pg_catalog.concat (CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (a.grantee)) END,
           ' ', pg_catalog.lower (a.privilege_type), CASE WHEN a.is_grantable THEN ' with grant option' END,
           ' by ', pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (a.grantor))) AS privilege, true AS is_now
    FROM changed AS c CROSS JOIN LATERAL pg_catalog.aclexplode (c.acl) AS a
  UNION ALL
  SELECT c.name, pg_catalog.concat (CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (a.grantee)) END,
           ' ', pg_catalog.lower (a.privilege_type), CASE WHEN a.is_grantable THEN ' with grant option' END,
           ' by ', pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (a.grantor))), false
    FROM changed AS c CROSS JOIN LATERAL pg_catalog.aclexplode (c.born_with) AS a
),
compared AS (
  SELECT c.name,
         COALESCE (pg_catalog.string_agg (e.privilege, E'\n' ORDER BY e.privilege COLLATE "C") FILTER (WHERE e.is_now), 'nobody anything') AS now,
         COALESCE (pg_catalog.string_agg (e.privilege, E'\n' ORDER BY e.privilege COLLATE "C") FILTER (WHERE NOT e.is_now), 'nobody anything') AS born_with
    FROM (SELECT DISTINCT name FROM changed) AS c LEFT JOIN exploded AS e ON e.name = c.name
   GROUP BY c.name
)
SELECT 'grants' AS kind, name, now AS definition
  FROM compared
 WHERE now <> born_with

UNION ALL
SELECT 'default privileges', pg_catalog.format ('for %I%s on %s', pg_catalog.pg_get_userbyid (d.defaclrole), ' in schema ' || pg_catalog.quote_ident (n.nspname),
         CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END),
       COALESCE (
         (SELECT pg_catalog.string_agg (p.privilege, E'\n' ORDER BY p.privilege COLLATE "C")
            FROM (SELECT pg_catalog.concat (CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (a.grantee)) END,
                           ' ', pg_catalog.lower (a.privilege_type), CASE WHEN a.is_grantable THEN ' with grant option' END) AS privilege
                    FROM pg_catalog.aclexplode (d.defaclacl) AS a) AS p), 'nobody anything')
  FROM pg_catalog.pg_default_acl AS d
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
