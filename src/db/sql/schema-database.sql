-- What is not in a table's or a type's neighbourhood: schemas, extensions, languages, foreign
-- servers, publications, policies: one row (kind, name, definition) each.
-- The rules are those of schema-relations.sql.
WITH
namespace AS MATERIALIZED (
  SELECT n.* FROM pg_catalog.pg_namespace AS n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
),
relation AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relrowsecurity, pg_catalog.format ('%I.%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class AS c
    JOIN namespace AS n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p')
),
extension_member AS MATERIALIZED (
  SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
)

-- A public schema as initdb made it is the same as none: every new database has one.
SELECT 'schema' AS kind, pg_catalog.quote_ident (n.nspname) AS name, 'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (n.nspowner)) AS definition
  FROM namespace AS n
 WHERE NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND m.objid = n.oid)
   AND NOT (n.nspname = 'public' AND n.nspowner = 10) -- [,15)
   AND NOT (n.nspname = 'public' AND n.nspowner = 6171) -- [15,)

UNION ALL
-- plpgsql is in every new database.
SELECT 'extension', pg_catalog.quote_ident (e.extname), 'schema ' || pg_catalog.quote_ident (n.nspname)
  FROM pg_catalog.pg_extension AS e
  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
 WHERE e.extname <> 'plpgsql'

UNION ALL
-- Reported, but not part of a fingerprint: a dump creates an extension in its default version.
SELECT 'extension version', pg_catalog.quote_ident (e.extname), e.extversion
  FROM pg_catalog.pg_extension AS e
 WHERE e.extname <> 'plpgsql'

UNION ALL
SELECT 'language', pg_catalog.quote_ident (l.lanname),
       pg_catalog.format (E'owner %I\ntrusted %s handler %s inline %s validator %s', pg_catalog.pg_get_userbyid (l.lanowner), l.lanpltrusted,
         l.lanplcallfoid::pg_catalog.regprocedure, l.laninline::pg_catalog.regprocedure, l.lanvalidator::pg_catalog.regprocedure)
  FROM pg_catalog.pg_language AS l
 WHERE l.oid >= 16384
   AND NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_language'::pg_catalog.regclass AND m.objid = l.oid)

UNION ALL
SELECT 'cast', pg_catalog.format ('%s as %s', pg_catalog.format_type (c.castsource, NULL), pg_catalog.format_type (c.casttarget, NULL)),
       pg_catalog.format ('function %s context %s method %s', c.castfunc::pg_catalog.regprocedure, c.castcontext, c.castmethod)
  FROM pg_catalog.pg_cast AS c
 WHERE c.oid >= 16384
   AND NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND m.objid = c.oid)
   -- The casts between a range and its multirange come with the type.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'i')

UNION ALL
SELECT 'transform', pg_catalog.format ('for %s language %I', pg_catalog.format_type (t.trftype, NULL), l.lanname),
       pg_catalog.format ('from sql %s to sql %s', t.trffromsql::pg_catalog.oid::pg_catalog.regprocedure, t.trftosql::pg_catalog.oid::pg_catalog.regprocedure)
  FROM pg_catalog.pg_transform AS t
  JOIN pg_catalog.pg_language AS l ON l.oid = t.trflang
 WHERE t.oid >= 16384
   AND NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_transform'::pg_catalog.regclass AND m.objid = t.oid)

UNION ALL
SELECT 'access method', pg_catalog.quote_ident (a.amname), pg_catalog.format ('type %s handler %s', a.amtype, a.amhandler::pg_catalog.oid::pg_catalog.regprocedure)
  FROM pg_catalog.pg_am AS a
 WHERE a.oid >= 16384
   AND NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_am'::pg_catalog.regclass AND m.objid = a.oid)

UNION ALL
SELECT 'foreign data wrapper', pg_catalog.quote_ident (f.fdwname),
       pg_catalog.concat_ws (E'\n',
         pg_catalog.format (E'owner %I\nhandler %s validator %s', pg_catalog.pg_get_userbyid (f.fdwowner), f.fdwhandler::pg_catalog.regprocedure, f.fdwvalidator::pg_catalog.regprocedure),
         'options ' || (SELECT pg_catalog.string_agg (o, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (f.fdwoptions) AS o))
  FROM pg_catalog.pg_foreign_data_wrapper AS f
 WHERE NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AND m.objid = f.oid)

UNION ALL
SELECT 'server', pg_catalog.quote_ident (s.srvname),
       pg_catalog.concat_ws (E'\n',
         pg_catalog.format (E'owner %I\nwrapper %I', pg_catalog.pg_get_userbyid (s.srvowner), f.fdwname),
         'type ' || pg_catalog.quote_literal (s.srvtype),
         'version ' || pg_catalog.quote_literal (s.srvversion),
         -- A digest of what may be a secret: enough to see a change, too little to find the value.
         'options ' || (SELECT pg_catalog.string_agg (
             CASE WHEN o ~* '^[^=]*(pass|secret|token|key|cred)' THEN
               pg_catalog.split_part (o, '=', 1) || '=(digest ' || pg_catalog.left (pg_catalog.encode (pg_catalog.sha256 (pg_catalog.convert_to (o, 'UTF8')), 'hex'), 4) || ')'
             ELSE o END, ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (s.srvoptions) AS o))
  FROM pg_catalog.pg_foreign_server AS s
  JOIN pg_catalog.pg_foreign_data_wrapper AS f ON f.oid = s.srvfdw
 WHERE NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_foreign_server'::pg_catalog.regclass AND m.objid = s.oid)

UNION ALL
SELECT 'user mapping', pg_catalog.format ('for %s server %I', CASE WHEN u.umuser = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident (u.usename) END, u.srvname),
       (SELECT pg_catalog.string_agg (
            pg_catalog.split_part (o, '=', 1) || '=(digest ' || pg_catalog.left (pg_catalog.encode (pg_catalog.sha256 (pg_catalog.convert_to (o, 'UTF8')), 'hex'), 4) || ')',
            ', ' ORDER BY o COLLATE "C") FROM pg_catalog.unnest (u.umoptions) AS o)
  FROM pg_catalog.pg_user_mappings AS u

UNION ALL
SELECT 'event trigger', pg_catalog.quote_ident (e.evtname),
       pg_catalog.concat_ws (E'\n',
         pg_catalog.format (E'owner %I\non %s execute %s', pg_catalog.pg_get_userbyid (e.evtowner), e.evtevent, e.evtfoid::pg_catalog.oid::pg_catalog.regprocedure),
         'tags ' || (SELECT pg_catalog.string_agg (t, ', ' ORDER BY t COLLATE "C") FROM pg_catalog.unnest (e.evttags) AS t),
         CASE e.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas' WHEN 'A' THEN 'enabled always' END)
  FROM pg_catalog.pg_event_trigger AS e
 WHERE NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND m.objid = e.oid)

UNION ALL
SELECT 'publication', pg_catalog.quote_ident (p.pubname),
       pg_catalog.concat_ws (E'\n',
         pg_catalog.format (E'owner %I\nall tables %s insert %s update %s delete %s truncate %s via root %s',
           pg_catalog.pg_get_userbyid (p.pubowner), p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot),
         'generated columns ' || p.pubgencols::pg_catalog.text, -- [18,)
         'schemas ' || (SELECT pg_catalog.string_agg (pg_catalog.quote_ident (n.nspname), ', ' ORDER BY n.nspname) FROM pg_catalog.pg_publication_namespace AS pn JOIN pg_catalog.pg_namespace AS n ON n.oid = pn.pnnspid WHERE pn.pnpubid = p.oid), -- [15,)
         (SELECT pg_catalog.string_agg (pg_catalog.concat ('table ', r.name
               , ' columns ' || (SELECT pg_catalog.string_agg (pg_catalog.quote_ident (a.attname), ', ' ORDER BY a.attname) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pr.prrelid AND a.attnum = ANY (pr.prattrs)) -- [15,)
               , ' where ' || pg_catalog.pg_get_expr (pr.prqual, pr.prrelid) -- [15,)
             ), E'\n' ORDER BY r.name COLLATE "C")
            FROM pg_catalog.pg_publication_rel AS pr JOIN relation AS r ON r.oid = pr.prrelid WHERE pr.prpubid = p.oid))
  FROM pg_catalog.pg_publication AS p

UNION ALL
-- Policies, and whether they are enforced, are dumped for an extension's tables too.
SELECT 'policy', pg_catalog.format ('%s.%I', r.name, p.polname),
       pg_catalog.concat_ws (E'\n',
         CASE p.polcmd WHEN 'r' THEN 'for select' WHEN 'a' THEN 'for insert' WHEN 'w' THEN 'for update' WHEN 'd' THEN 'for delete' ELSE 'for all' END
           || CASE WHEN NOT p.polpermissive THEN ' restrictive' ELSE '' END,
         'to ' || (SELECT pg_catalog.string_agg (role, ', ' ORDER BY role COLLATE "C")
                     FROM (SELECT CASE WHEN o = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (o)) END AS role FROM pg_catalog.unnest (p.polroles) AS o) AS roles),
         'using ' || pg_catalog.pg_get_expr (p.polqual, p.polrelid),
         'with check ' || pg_catalog.pg_get_expr (p.polwithcheck, p.polrelid))
  FROM pg_catalog.pg_policy AS p
  JOIN relation AS r ON r.oid = p.polrelid

UNION ALL
SELECT 'row level security', r.name, 'enabled'
  FROM relation AS r
 WHERE r.relrowsecurity

UNION ALL
-- Comments but those of relations and columns.  Those of an extension's members come with it, and
-- a comment of its own counts also where it is missing.
SELECT 'comment', CASE WHEN i.type = 'extension' THEN pg_catalog.concat ('extension ', i.identity) ELSE pg_catalog.concat (i.type, ' ', i.identity) END, d.description
  FROM pg_catalog.pg_description AS d
 CROSS JOIN LATERAL pg_catalog.pg_identify_object (d.classoid, d.objoid, d.objsubid) AS i
 WHERE d.objoid >= 16384 AND d.classoid <> 'pg_catalog.pg_class'::pg_catalog.regclass
   AND NOT (i.type = 'schema' AND i.identity = 'public')
   AND NOT (i.type = 'extension' AND i.identity = 'plpgsql')
   AND NOT EXISTS (SELECT FROM extension_member AS m WHERE m.classid = d.classoid AND m.objid = d.objoid)
   AND d.classoid <> 'pg_catalog.pg_largeobject'::pg_catalog.regclass
UNION ALL
SELECT 'comment', 'schema public', COALESCE (pg_catalog.obj_description (n.oid, 'pg_namespace'), '')
  FROM namespace AS n
 WHERE n.nspname = 'public'
   AND pg_catalog.obj_description (n.oid, 'pg_namespace') IS DISTINCT FROM 'standard public schema'

UNION ALL
SELECT 'security label', pg_catalog.concat (s.provider, ' ', i.type, ' ', i.identity), s.label
  FROM pg_catalog.pg_seclabel AS s
 CROSS JOIN LATERAL pg_catalog.pg_identify_object (s.classoid, s.objoid, s.objsubid) AS i
 WHERE s.classoid <> 'pg_catalog.pg_largeobject'::pg_catalog.regclass
