-- Types, functions, operators and what is made of them: one row (kind, name, definition) each.
-- The rules are those of schema-relations.sql.
WITH
namespace AS MATERIALIZED (
  SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
),
own_type AS MATERIALIZED (
  -- Not the row types of tables, nor what comes with another type: its array, its multirange.
  SELECT t.*, pg_catalog.format ('%I.%I', n.nspname, t.typname) AS name
    FROM pg_catalog.pg_type AS t
    JOIN namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid AND t.typrelid <> 0
   WHERE t.typtype <> 'm' AND (t.typrelid = 0 OR c.relkind = 'c')
     AND NOT (t.typelem <> 0 AND EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.oid = t.typelem AND e.typarray = t.oid))
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS r JOIN pg_catalog.pg_range AS g ON g.rngtypid = r.oid WHERE g.rngmultitypid = t.typelem AND t.typelem <> 0) -- [14,)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')
),
own_function AS MATERIALIZED (
  -- Not the constructors that come with a range type.
  SELECT p.*, pg_catalog.format ('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments (p.oid)) AS name
    FROM pg_catalog.pg_proc AS p
    JOIN namespace AS n ON n.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
),
family_member AS MATERIALIZED (
  -- Operators and functions of operator families, by the class or family they were given to.
  SELECT d.refclassid AS owner_class, d.refobjid AS owner,
         pg_catalog.format ('operator %s %s%s', o.amopstrategy, o.amopopr::pg_catalog.regoperator,
           ' for order by ' || CASE WHEN o.amopsortfamily <> 0 THEN
             (SELECT pg_catalog.format ('%I.%I', n.nspname, f.opfname) FROM pg_catalog.pg_opfamily AS f JOIN pg_catalog.pg_namespace AS n ON n.oid = f.opfnamespace WHERE f.oid = o.amopsortfamily) END) AS member
    FROM pg_catalog.pg_amop AS o
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_amop'::pg_catalog.regclass AND d.objid = o.oid
     AND d.refclassid IN ('pg_catalog.pg_opclass'::pg_catalog.regclass, 'pg_catalog.pg_opfamily'::pg_catalog.regclass)
  UNION ALL
  SELECT d.refclassid, d.refobjid,
         pg_catalog.format ('function %s (%s, %s) %s', p.amprocnum, pg_catalog.format_type (p.amproclefttype, NULL), pg_catalog.format_type (p.amprocrighttype, NULL), p.amproc::pg_catalog.regprocedure)
    FROM pg_catalog.pg_amproc AS p
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_amproc'::pg_catalog.regclass AND d.objid = p.oid
     AND d.refclassid IN ('pg_catalog.pg_opclass'::pg_catalog.regclass, 'pg_catalog.pg_opfamily'::pg_catalog.regclass)
)

SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'c' THEN 'composite type' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type'
                      WHEN 'p' THEN 'shell type' ELSE 'base type' END AS kind,
       t.name,
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (t.typowner)),
         'labels ' || CASE WHEN t.typtype = 'e' THEN
           (SELECT pg_catalog.string_agg (pg_catalog.quote_literal (e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid) END,
         'as ' || CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type (t.typbasetype, t.typtypmod) END,
         'collation ' || CASE WHEN t.typtype = 'd' AND t.typcollation <> (SELECT b.typcollation FROM pg_catalog.pg_type AS b WHERE b.oid = t.typbasetype) THEN
           (SELECT pg_catalog.format ('%I.%I', n.nspname, c.collname) FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace WHERE c.oid = t.typcollation) END,
         CASE WHEN t.typnotnull THEN 'not null' END,
         'default ' || COALESCE (pg_catalog.pg_get_expr (t.typdefaultbin, 0), pg_catalog.quote_literal (t.typdefault)),
         CASE WHEN t.typtype = 'b' THEN pg_catalog.concat_ws (E'\n',
           pg_catalog.format ('input %s output %s receive %s send %s', t.typinput::pg_catalog.regprocedure, t.typoutput::pg_catalog.regprocedure, t.typreceive::pg_catalog.regprocedure, t.typsend::pg_catalog.regprocedure),
           pg_catalog.format ('typmod %s %s analyze %s', t.typmodin::pg_catalog.regprocedure, t.typmodout::pg_catalog.regprocedure, t.typanalyze::pg_catalog.regprocedure),
           'subscript ' || t.typsubscript::pg_catalog.regprocedure, -- [14,)
           'element ' || CASE WHEN t.typelem <> 0 THEN pg_catalog.format_type (t.typelem, NULL) END,
           pg_catalog.format ('length %s by value %s align %s storage %s category %L preferred %s delimiter %L collatable %s',
             t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim, t.typcollation <> 0)) END,
         (SELECT pg_catalog.concat_ws (E'\n',
             'subtype ' || pg_catalog.format_type (r.rngsubtype, NULL),
             'operator class ' || (SELECT pg_catalog.format ('%I.%I', n.nspname, o.opcname) FROM pg_catalog.pg_opclass AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.opcnamespace WHERE o.oid = r.rngsubopc),
             'collation ' || (SELECT pg_catalog.format ('%I.%I', n.nspname, c.collname) FROM pg_catalog.pg_collation AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.collnamespace WHERE c.oid = r.rngcollation),
             'canonical ' || r.rngcanonical::pg_catalog.oid::pg_catalog.regprocedure,
             'multirange ' || pg_catalog.format_type (r.rngmultitypid, NULL), -- [14,)
             'difference ' || r.rngsubdiff::pg_catalog.oid::pg_catalog.regprocedure)
            FROM pg_catalog.pg_range AS r WHERE r.rngtypid = t.oid)) AS definition
  FROM own_type AS t

UNION ALL
SELECT 'domain constraint', pg_catalog.format ('%s.%I', t.name, c.conname), pg_catalog.pg_get_constraintdef (c.oid)
  FROM pg_catalog.pg_constraint AS c
  JOIN own_type AS t ON t.oid = c.contypid
 WHERE c.contypid <> 0

UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window function' ELSE 'function' END, p.name,
       'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (p.proowner)) || E'\n' || pg_catalog.pg_get_functiondef (p.oid)
  FROM own_function AS p
 WHERE p.prokind <> 'a'

UNION ALL
SELECT 'aggregate', p.name,
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (p.proowner)),
         'arguments ' || pg_catalog.pg_get_function_arguments (p.oid),
         'returns ' || pg_catalog.pg_get_function_result (p.oid),
         pg_catalog.format ('kind %s direct %s parallel %s', a.aggkind, a.aggnumdirectargs, p.proparallel),
         pg_catalog.format ('state %s type %s space %s', a.aggtransfn::pg_catalog.oid::pg_catalog.regprocedure, pg_catalog.format_type (a.aggtranstype, NULL), a.aggtransspace),
         'initial ' || pg_catalog.quote_literal (a.agginitval),
         pg_catalog.format ('final %s extra %s modify %s', a.aggfinalfn::pg_catalog.oid::pg_catalog.regprocedure, a.aggfinalextra, a.aggfinalmodify),
         pg_catalog.format ('combine %s serialise %s deserialise %s', a.aggcombinefn::pg_catalog.oid::pg_catalog.regprocedure, a.aggserialfn::pg_catalog.oid::pg_catalog.regprocedure, a.aggdeserialfn::pg_catalog.oid::pg_catalog.regprocedure),
         CASE WHEN a.aggmtranstype <> 0 THEN
           pg_catalog.format ('moving state %s inverse %s type %s space %s initial %L final %s extra %s modify %s', a.aggmtransfn::pg_catalog.oid::pg_catalog.regprocedure,
             a.aggminvtransfn::pg_catalog.oid::pg_catalog.regprocedure, pg_catalog.format_type (a.aggmtranstype, NULL), a.aggmtransspace, a.aggminitval,
             a.aggmfinalfn::pg_catalog.oid::pg_catalog.regprocedure, a.aggmfinalextra, a.aggmfinalmodify) END,
         'sort operator ' || CASE WHEN a.aggsortop <> 0 THEN a.aggsortop::pg_catalog.regoperator::pg_catalog.text END)
  FROM own_function AS p
  JOIN pg_catalog.pg_aggregate AS a ON a.aggfnoid = p.oid

UNION ALL
SELECT 'operator', pg_catalog.format ('%I.%s(%s, %s)', n.nspname, o.oprname,
         CASE WHEN o.oprleft = 0 THEN 'none' ELSE pg_catalog.format_type (o.oprleft, NULL) END, CASE WHEN o.oprright = 0 THEN 'none' ELSE pg_catalog.format_type (o.oprright, NULL) END),
       pg_catalog.format (E'owner %I\nfunction %s\ncommutator %s\nnegator %s\nrestrict %s join %s\nhashes %s merges %s', pg_catalog.pg_get_userbyid (o.oprowner),
         o.oprcode::pg_catalog.oid::pg_catalog.regprocedure, o.oprcom::pg_catalog.regoperator, o.oprnegate::pg_catalog.regoperator,
         o.oprrest::pg_catalog.oid::pg_catalog.regprocedure, o.oprjoin::pg_catalog.oid::pg_catalog.regprocedure, o.oprcanhash, o.oprcanmerge)
  FROM pg_catalog.pg_operator AS o
  JOIN namespace AS n ON n.oid = o.oprnamespace
 WHERE o.oprcode <> 0 -- a promise of a commutator that was never made
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e')

UNION ALL
SELECT 'operator family', pg_catalog.format ('%I.%I using %I', n.nspname, f.opfname, am.amname),
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (f.opfowner)),
         (SELECT pg_catalog.string_agg (m.member, E'\n' ORDER BY m.member COLLATE "C") FROM family_member AS m
           WHERE m.owner_class = 'pg_catalog.pg_opfamily'::pg_catalog.regclass AND m.owner = f.oid))
  FROM pg_catalog.pg_opfamily AS f
  JOIN namespace AS n ON n.oid = f.opfnamespace
  JOIN pg_catalog.pg_am AS am ON am.oid = f.opfmethod
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_opfamily'::pg_catalog.regclass AND d.objid = f.oid AND d.deptype = 'e')

UNION ALL
SELECT 'operator class', pg_catalog.format ('%I.%I using %I', n.nspname, o.opcname, am.amname),
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (o.opcowner)),
         CASE WHEN o.opcdefault THEN 'default' END,
         'for type ' || pg_catalog.format_type (o.opcintype, NULL),
         'storage ' || CASE WHEN o.opckeytype <> 0 THEN pg_catalog.format_type (o.opckeytype, NULL) END,
         'family ' || (SELECT pg_catalog.format ('%I.%I', fn.nspname, f.opfname) FROM pg_catalog.pg_opfamily AS f JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.opfnamespace WHERE f.oid = o.opcfamily),
         (SELECT pg_catalog.string_agg (m.member, E'\n' ORDER BY m.member COLLATE "C") FROM family_member AS m
           WHERE m.owner_class = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND m.owner = o.oid))
  FROM pg_catalog.pg_opclass AS o
  JOIN namespace AS n ON n.oid = o.opcnamespace
  JOIN pg_catalog.pg_am AS am ON am.oid = o.opcmethod
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e')

UNION ALL
SELECT 'collation', pg_catalog.format ('%I.%I', n.nspname, c.collname),
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (c.collowner)),
         pg_catalog.format ('provider %s deterministic %s', c.collprovider, c.collisdeterministic),
         'collate ' || pg_catalog.quote_literal (c.collcollate),
         'ctype ' || pg_catalog.quote_literal (c.collctype),
         'locale ' || pg_catalog.quote_literal (c.colliculocale), -- [15,17)
         'locale ' || pg_catalog.quote_literal (c.colllocale), -- [17,)
         'rules ' || pg_catalog.quote_literal (c.collicurules), -- [16,)
         NULL)
  FROM pg_catalog.pg_collation AS c
  JOIN namespace AS n ON n.oid = c.collnamespace
 WHERE c.collencoding IN (-1, pg_catalog.pg_char_to_encoding (pg_catalog.getdatabaseencoding ()))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_collation'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')

UNION ALL
SELECT 'conversion', pg_catalog.format ('%I.%I', n.nspname, c.conname),
       pg_catalog.format (E'owner %I\nfor %s to %s from %s%s', pg_catalog.pg_get_userbyid (c.conowner),
         pg_catalog.pg_encoding_to_char (c.conforencoding), pg_catalog.pg_encoding_to_char (c.contoencoding),
         c.conproc::pg_catalog.oid::pg_catalog.regprocedure, CASE WHEN c.condefault THEN E'\ndefault' END)
  FROM pg_catalog.pg_conversion AS c
  JOIN namespace AS n ON n.oid = c.connamespace
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_conversion'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')

UNION ALL
SELECT 'text search parser', pg_catalog.format ('%I.%I', n.nspname, p.prsname),
       pg_catalog.format ('start %s token %s end %s headline %s types %s', p.prsstart::pg_catalog.oid::pg_catalog.regprocedure, p.prstoken::pg_catalog.oid::pg_catalog.regprocedure,
         p.prsend::pg_catalog.oid::pg_catalog.regprocedure, p.prsheadline::pg_catalog.oid::pg_catalog.regprocedure, p.prslextype::pg_catalog.oid::pg_catalog.regprocedure)
  FROM pg_catalog.pg_ts_parser AS p
  JOIN namespace AS n ON n.oid = p.prsnamespace
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_ts_parser'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')

UNION ALL
SELECT 'text search template', pg_catalog.format ('%I.%I', n.nspname, t.tmplname),
       pg_catalog.format ('init %s lexize %s', t.tmplinit::pg_catalog.oid::pg_catalog.regprocedure, t.tmpllexize::pg_catalog.oid::pg_catalog.regprocedure)
  FROM pg_catalog.pg_ts_template AS t
  JOIN namespace AS n ON n.oid = t.tmplnamespace
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_ts_template'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')

UNION ALL
SELECT 'text search dictionary', pg_catalog.format ('%I.%I', n.nspname, t.dictname),
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (t.dictowner)),
         'template ' || (SELECT pg_catalog.format ('%I.%I', tn.nspname, m.tmplname) FROM pg_catalog.pg_ts_template AS m JOIN pg_catalog.pg_namespace AS tn ON tn.oid = m.tmplnamespace WHERE m.oid = t.dicttemplate),
         'options ' || t.dictinitoption)
  FROM pg_catalog.pg_ts_dict AS t
  JOIN namespace AS n ON n.oid = t.dictnamespace
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_ts_dict'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')

UNION ALL
SELECT 'text search configuration', pg_catalog.format ('%I.%I', n.nspname, t.cfgname),
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (t.cfgowner)),
         'parser ' || (SELECT pg_catalog.format ('%I.%I', pn.nspname, p.prsname) FROM pg_catalog.pg_ts_parser AS p JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.prsnamespace WHERE p.oid = t.cfgparser),
         (SELECT pg_catalog.string_agg (pg_catalog.format ('token type %s: %s', m.maptokentype, m.mapdict::pg_catalog.regdictionary), E'\n' ORDER BY m.maptokentype, m.mapseqno)
            FROM pg_catalog.pg_ts_config_map AS m WHERE m.mapcfg = t.oid))
  FROM pg_catalog.pg_ts_config AS t
  JOIN namespace AS n ON n.oid = t.cfgnamespace
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                    WHERE d.classid = 'pg_catalog.pg_ts_config'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e')
