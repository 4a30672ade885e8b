/*
 * What enum_swap.c asks the catalogue. $1 is the OID of the enum type; search_path is pg_catalog, so
 * that every name in every definition comes with its schema.
 *
 * Definitions are what the server itself says they are; statements are put together here by format ().
 */
#pragma once

/* The type and the domains over it; the columns of tables that are of these, or arrays of them; and
 * everything that depends on either. */
#define USES_SQL                                                                                   \
  "WITH RECURSIVE swapped (oid, array_oid, depth) AS (\n"                                          \
  "  SELECT oid, typarray, 0 FROM pg_type WHERE oid = $1::oid\n"                                   \
  "  UNION ALL SELECT d.oid, d.typarray, s.depth + 1 FROM swapped s JOIN pg_type d\n"              \
  "    ON d.typtype = 'd' AND d.typbasetype IN (s.oid, s.array_oid)),\n"                           \
  "types (oid) AS (SELECT oid FROM swapped UNION ALL SELECT array_oid FROM swapped),\n"            \
  "cols AS (\n"                                                                                    \
  "  SELECT a.attrelid AS rel, a.attnum AS num, format ('%I.%I', n.nspname, c.relname) AS tab,\n"  \
  "         quote_ident (a.attname) AS col, format_type (a.atttypid, a.atttypmod) AS type,\n"      \
  "         c.relkind AS kind, a.attinhcount AS inherited, t.typcategory = 'A' AS is_array,\n"     \
  "         a.attgenerated <> '' AS is_generated, a.attstorage <> t.typstorage AS is_stored,\n"    \
  "         a.attstorage AS storage\n"                                                             \
  "    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid\n"                                \
  "    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid\n"       \
  "   WHERE a.atttypid IN (SELECT oid FROM types) AND a.attnum > 0 AND NOT a.attisdropped\n"       \
  "     AND c.relkind IN ('r', 'p')),\n"                                                           \
  "deps AS (\n"                                                                                    \
  "  SELECT DISTINCT classid, objid, objsubid FROM pg_depend\n"                                    \
  "   WHERE (refclassid = 'pg_type'::regclass AND refobjid IN (SELECT oid FROM types))\n"          \
  "      OR (refclassid = 'pg_class'::regclass\n"                                                  \
  "          AND (refobjid, refobjsubid) IN (SELECT rel, num FROM cols))),\n"                      \
  "view_paths (oid, depth) AS (\n"                                                                 \
  "  SELECT r.ev_class, 0 FROM deps d JOIN pg_rewrite r ON r.oid = d.objid\n"                      \
  "   WHERE d.classid = 'pg_rewrite'::regclass AND r.rulename = '_RETURN'\n"                       \
  "  UNION SELECT c.oid, 0 FROM deps d JOIN pg_class c ON c.oid = d.objid\n"                       \
  "   WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('v', 'm')\n"                        \
  "  UNION SELECT r.ev_class, v.depth + 1 FROM view_paths v JOIN pg_depend d\n"                    \
  "    ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid\n"                            \
  "   AND d.classid = 'pg_rewrite'::regclass\n"                                                    \
  "  JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> v.oid AND r.rulename = '_RETURN'),\n"  \
  "views (oid, depth) AS (SELECT oid, max (depth) FROM view_paths GROUP BY oid)\n"

/* A view may not be in the recursive term twice, so views over views are found by one step at a time;
 * the deepest path decides the order. */

/* Statements that give WHAT ("TYPE a.b") the privileges ACL of OWNER, whatever default privileges have
 * given it when it was made. KIND: the letter of acldefault, OBJECT: that of pg_default_acl. */
#define GRANTS_SQL(acl, owner, kind, object, what)                                                  \
  "CASE WHEN " acl                                                                                  \
  " IS NOT NULL OR EXISTS (SELECT FROM pg_default_acl WHERE defaclobjtype = '" object               \
  "') THEN (SELECT format (E'\\nREVOKE ALL ON %s FROM %s;', " what ",\n"                            \
  " string_agg (DISTINCT CASE g.grantee WHEN 0 THEN 'PUBLIC'\n"                                     \
  "                      ELSE quote_ident (pg_get_userbyid (g.grantee)) END, ', '))\n"              \
  " FROM (SELECT 0::oid AS grantee UNION SELECT " owner " UNION SELECT e.grantee\n"                 \
  "         FROM pg_default_acl da, aclexplode (da.defaclacl) e\n"                                  \
  "        WHERE da.defaclobjtype = '" object "') g)\n"                                             \
  " || coalesce ((SELECT string_agg (format (E'\\nGRANT %s ON %s TO %s%s;', p.privileges, " what    \
  ",\n"                                                                                             \
  "      CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident (pg_get_userbyid (p.grantee)) END,\n" \
  "      CASE WHEN p.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '' ORDER BY p.place)\n"   \
  "   FROM (SELECT e.grantee, e.is_grantable, min (e.place) AS place,\n"                            \
  "                string_agg (e.privilege_type, ', ' ORDER BY e.place) AS privileges\n"            \
  "           FROM aclexplode (coalesce (" acl ", acldefault ('" kind "', " owner ")))\n"           \
  "                WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, place)\n"  \
  "          GROUP BY e.grantee, e.is_grantable) p), '') ELSE '' END\n"

#define COMMENT_SQL(what, object, catalogue)                                                       \
  "coalesce (format (E'\\nCOMMENT ON %s IS ', " what ")\n"                                         \
  "          || quote_literal (obj_description (" object ", '" catalogue "')) || ';', '')"

/* The types themselves, the enum first: name, name while it is being replaced, what makes it (NULL:
 * the enum), what it needs then, its default (of a domain). */
static const char types_sql[] = USES_SQL
    "SELECT x.name, x.schema || quote_ident (x.old), quote_ident (x.old),\n"
    "       CASE WHEN x.depth > 0 THEN format ('CREATE DOMAIN %s AS %s%s;', x.name,\n"
    "         format_type (x.typbasetype, x.typtypmod), CASE WHEN x.typnotnull THEN\n"
    "           coalesce ((SELECT format (' CONSTRAINT %I', conname) FROM pg_constraint\n"
    "                      WHERE contypid = x.oid AND contype = 'n'), '') || ' NOT NULL'\n"
    "         ELSE '' END)\n"
    "       || coalesce ((SELECT string_agg (format (E'\\nALTER DOMAIN %s ADD CONSTRAINT %I %s;',\n"
    "              x.name, conname, pg_get_constraintdef (oid))\n"
    "            || " COMMENT_SQL (
        "format ('CONSTRAINT %I ON DOMAIN %s', conname, x.name)", "oid",
        "pg_constraint") ", '' ORDER BY conname)\n"
                         "            FROM pg_constraint WHERE contypid = x.oid AND contype = 'c'), '') END,\n"
                         "       format ('ALTER %s OWNER TO %I;', x.what, pg_get_userbyid (x.typowner))\n"
                         "       || " GRANTS_SQL ("x.typacl", "x.typowner", "T", "T", "'TYPE ' || x.name") "       || " COMMENT_SQL (
                             "x.what", "x.oid",
                             "pg_type") ",\n"
                                        "       pg_get_expr (x.typdefaultbin, 0), x.what\n"
                                        "  FROM (SELECT s.depth, t.*, quote_ident (n.nspname) || '.' AS schema,\n"
                                        "               format ('%I.%I', n.nspname, t.typname) AS name,\n"
                                        "               format ('%s %I.%I', CASE WHEN s.depth > 0 THEN 'DOMAIN' ELSE 'TYPE' END,\n"
                                        "                       n.nspname, t.typname) AS what,\n"
                                        "               CASE WHEN octet_length (t.typname::text) > 50 THEN left (t.typname::text, 12)\n"
                                        "                    ELSE t.typname::text END || '_pgkeel_old' AS old\n"
                                        "          FROM swapped s JOIN pg_type t USING (oid)\n"
                                        "          JOIN pg_namespace n ON n.oid = t.typnamespace) x\n"
                                        " ORDER BY x.depth, x.name";

/* What is altered: a statement for each table whose columns are its own; children follow. */
static const char alter_sql[] = USES_SQL
    "SELECT tab, format (E'ALTER TABLE %s\\n  %s;', tab, string_agg (format (\n"
    "         'ALTER COLUMN %s TYPE %s USING %s::text::%s', col, type, col, type), E',\\n  '\n"
    "         ORDER BY num))\n"
    "  FROM cols WHERE inherited = 0 GROUP BY rel, tab ORDER BY tab";

/* Where rows are. */
static const char columns_sql[]
    = USES_SQL "SELECT tab, col, is_array, type FROM cols WHERE kind = 'r' ORDER BY tab, num";

/* What cannot be carried along. */
static const char refused_sql[] = USES_SQL
    "SELECT CASE WHEN d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef f\n"
    "         JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum\n"
    "         WHERE f.oid = d.objid AND a.attgenerated <> '') THEN 'generated column: ' ELSE '' END\n"
    "       || pg_describe_object (d.classid, d.objid, d.objsubid)\n"
    "  FROM deps d\n"
    " WHERE CASE d.classid\n"
    "   WHEN 'pg_type'::regclass THEN d.objid NOT IN (SELECT oid FROM types)\n"
    "   WHEN 'pg_class'::regclass THEN (d.objid, d.objsubid) NOT IN (SELECT rel, num FROM cols)\n"
    "     AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = d.objid\n"
    "                        AND c.relkind IN ('v', 'm', 'i', 'I'))\n"
    "   WHEN 'pg_rewrite'::regclass THEN\n"
    "     (SELECT rulename <> '_RETURN' FROM pg_rewrite WHERE oid = d.objid)\n"
    "   WHEN 'pg_attrdef'::regclass THEN NOT EXISTS (SELECT FROM pg_attrdef f\n"
    "     JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum\n"
    "     JOIN pg_class c ON c.oid = f.adrelid\n"
    "     WHERE f.oid = d.objid AND a.attgenerated = '' AND c.relkind IN ('r', 'p'))\n"
    "   WHEN 'pg_constraint'::regclass THEN (SELECT conrelid = 0\n"
    "     AND contypid NOT IN (SELECT oid FROM swapped) FROM pg_constraint WHERE oid = d.objid)\n"
    "   WHEN 'pg_trigger'::regclass THEN (SELECT tgenabled <> 'O' OR tgisinternal\n"
    "     FROM pg_trigger WHERE oid = d.objid)\n"
    "   WHEN 'pg_statistic_ext'::regclass THEN (SELECT stxexprs IS NOT NULL\n"
    "     FROM pg_statistic_ext WHERE oid = d.objid)\n"
    "   ELSE d.classid <> 'pg_policy'::regclass END\n"
    "UNION SELECT format ('generated column %s of table %s', col, tab) FROM cols WHERE is_generated\n"
    "UNION SELECT format ('column %s is in the partition key of table %s', col, tab)\n"
    "  FROM cols JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = rel\n"
    "   AND d.objsubid = num AND d.refobjid = rel AND d.refobjsubid = 0 AND d.deptype = 'i'\n"
    "UNION SELECT 'it belongs to ' || pg_describe_object (refclassid, refobjid, 0) FROM pg_depend\n"
    " WHERE deptype = 'e' AND ((classid = 'pg_type'::regclass\n"
    "        AND objid IN (SELECT oid FROM swapped))\n"
    "    OR (classid = 'pg_class'::regclass AND objid IN (SELECT oid FROM views)))\n"
    "UNION SELECT pg_describe_object (d.classid, d.objid, d.objsubid) FROM pg_depend d\n"
    "  JOIN views v ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid\n"
    "    OR d.refclassid = 'pg_type'::regclass\n"
    "       AND d.refobjid IN (SELECT t.oid FROM pg_type t WHERE t.typrelid = v.oid UNION\n"
    "           SELECT t.typarray FROM pg_type t WHERE t.typrelid = v.oid)\n"
    " WHERE NOT (d.deptype IN ('i', 'a')\n"
    "            AND d.classid IN ('pg_type'::regclass, 'pg_class'::regclass))\n"
    "   AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE d.classid = 'pg_rewrite'::regclass\n"
    "                      AND r.oid = d.objid AND r.rulename = '_RETURN')\n"
    "UNION SELECT 'grants of others than the owner of '\n"
    "             || pg_describe_object ('pg_type'::regclass, t.oid, 0)\n"
    "  FROM pg_type t JOIN swapped USING (oid), aclexplode (t.typacl) e\n"
    " WHERE e.grantor <> t.typowner\n"
    "UNION SELECT 'grants of others than the owner of '\n"
    "             || pg_describe_object ('pg_class'::regclass, c.oid, 0)\n"
    "  FROM pg_class c JOIN views USING (oid), aclexplode (c.relacl) e WHERE e.grantor <> c.relowner\n"
    "UNION SELECT 'security label of ' || pg_describe_object (l.classoid, l.objoid, l.objsubid)\n"
    "  FROM pg_seclabel l WHERE l.objoid IN (SELECT oid FROM swapped UNION SELECT oid FROM views)\n"
    "ORDER BY 1";

/* Pieces: what it is, what takes it away (NULL: goes by itself), what makes it again, and the default
 * that the latter ends with (or NULL). In the order of taking away. */
#define VIEW_NAME "format ('%I.%I', n.nspname, c.relname)"
static const char views_sql[] = USES_SQL
    "SELECT x.kind || ' ' || x.name, format ('DROP %s %s;', upper (x.kind), x.name),\n"
    "  format (E'CREATE %s %s%s%s AS\\n%s%s;', upper (x.kind), x.name,\n"
    "    CASE WHEN x.reloptions IS NOT NULL\n"
    "         THEN ' WITH (' || array_to_string (x.reloptions, ', ') || ')' ELSE '' END,\n"
    "    coalesce ((SELECT format (' TABLESPACE %I', spcname) FROM pg_tablespace t\n"
    "               WHERE t.oid = x.reltablespace), ''),\n"
    "    rtrim (pg_get_viewdef (x.oid), ';'),\n"
    "    CASE WHEN x.relkind = 'm' AND NOT x.relispopulated THEN E'\\n  WITH NO DATA' ELSE '' END)\n"
    "  || format (E'\\nALTER %s %s OWNER TO %I;', upper (x.kind), x.name,\n"
    "             pg_get_userbyid (x.relowner))\n"
    "  || " GRANTS_SQL (
        "x.relacl", "x.relowner", "r", "r",
        "'TABLE ' || x.name") "  || coalesce ((SELECT string_agg (format (E'\\nGRANT %s (%I) ON TABLE %s TO %s%s;',\n"
                              "          e.privilege_type, a.attname, x.name, CASE e.grantee WHEN 0 THEN 'PUBLIC'\n"
                              "          ELSE quote_ident (pg_get_userbyid (e.grantee)) END,\n"
                              "          CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '' ORDER BY a.attnum)\n"
                              "       FROM pg_attribute a, aclexplode (a.attacl) e WHERE a.attrelid = x.oid), '')\n"
                              "  || " COMMENT_SQL (
                                  "upper (x.kind) || ' ' || x.name", "x.oid",
                                  "pg_class") "\n"
                                              "  || coalesce ((SELECT string_agg (format (E'\\nCOMMENT ON COLUMN %s.%I IS %L;', x.name,\n"
                                              "          a.attname, col_description (x.oid, a.attnum)), '' ORDER BY a.attnum)\n"
                                              "       FROM pg_attribute a WHERE a.attrelid = x.oid\n"
                                              "        AND col_description (x.oid, a.attnum) IS NOT NULL), '')\n"
                                              "  || coalesce ((SELECT string_agg (E'\\n' || pg_get_indexdef (i.indexrelid) || ';' ||\n"
                                              "          " COMMENT_SQL (
                                                  "format ('INDEX %s.%I', x.schema, ic.relname)",
                                                  "ic.oid",
                                                  "pg_class") "          , '' ORDER BY ic.relname)\n"
                                                              "       FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid\n"
                                                              "      WHERE i.indrelid = x.oid), ''), NULL\n"
                                                              "FROM (SELECT c.*, v.depth, quote_ident (n.nspname) AS schema, " VIEW_NAME
                                                              " AS name,\n"
                                                              "        CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind\n"
                                                              "        FROM views v JOIN pg_class c USING (oid)\n"
                                                              "        JOIN pg_namespace n ON n.oid = c.relnamespace) x\n"
                                                              "ORDER BY x.depth DESC, x.name DESC";

#define TABLE_SQL "format ('%I.%I', n.nspname, c.relname)"
static const char policies_sql[] = USES_SQL
    "SELECT format ('policy %I of table %s', x.polname, x.tab),\n"
    "  format ('DROP POLICY %I ON %s;', x.polname, x.tab),\n"
    "  format ('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s;', x.polname, x.tab,\n"
    "    CASE WHEN x.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,\n"
    "    CASE x.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'\n"
    "                  WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,\n"
    "    (SELECT string_agg (CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident (pg_get_userbyid (r)) END,\n"
    "                        ', ') FROM unnest (x.polroles) r),\n"
    "    coalesce (E'\\n  USING (' || pg_get_expr (x.polqual, x.polrelid) || ')', ''),\n"
    "    coalesce (E'\\n  WITH CHECK (' || pg_get_expr (x.polwithcheck, x.polrelid) || ')', ''))\n"
    "  || " COMMENT_SQL (
        "format ('POLICY %I ON %s', x.polname, x.tab)", "x.oid",
        "pg_policy") ", NULL\n"
                     "FROM (SELECT p.*, " TABLE_SQL
                     " AS tab FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid\n"
                     "        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.oid IN\n"
                     "        (SELECT objid FROM deps WHERE classid = 'pg_policy'::regclass)) x\n"
                     "ORDER BY x.tab, x.polname";

static const char triggers_sql[] = USES_SQL
    "SELECT format ('trigger %I of table %s', x.tgname, x.tab),\n"
    "  format ('DROP TRIGGER %I ON %s;', x.tgname, x.tab),\n"
    "  pg_get_triggerdef (x.oid) || ';'\n"
    "  || " COMMENT_SQL (
        "format ('TRIGGER %I ON %s', x.tgname, x.tab)", "x.oid",
        "pg_trigger") ", NULL\n"
                      "FROM (SELECT t.*, " TABLE_SQL
                      " AS tab FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid\n"
                      "        JOIN pg_namespace n ON n.oid = c.relnamespace\n"
                      "       WHERE t.tgparentid = 0 AND t.oid IN\n"
                      "        (SELECT objid FROM deps WHERE classid = 'pg_trigger'::regclass)) x\n"
                      "ORDER BY x.tab, x.tgname";

/* Foreign keys first, then what the children have of checks of their own after the parents'. Plain
 * keys are carried along. What the predicate of an exclusion uses is known of its index only. */
static const char constraints_sql[] = USES_SQL
    "SELECT format ('constraint %I of table %s', x.conname, x.tab),\n"
    "  CASE WHEN x.coninhcount = 0 OR x.conislocal THEN\n"
    "    format ('ALTER TABLE %s DROP CONSTRAINT %I;', x.tab, x.conname) END,\n"
    "  format ('ALTER TABLE %s ADD CONSTRAINT %I %s;', x.tab, x.conname,\n"
    "          pg_get_constraintdef (x.oid))\n"
    "  || " COMMENT_SQL (
        "format ('CONSTRAINT %I ON %s', x.conname, x.tab)", "x.oid",
        "pg_constraint") ", NULL\n"
                         "FROM (SELECT k.*, " TABLE_SQL
                         " AS tab FROM pg_constraint k JOIN pg_class c\n"
                         "          ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace\n"
                         "       WHERE k.conparentid = 0 AND (k.coninhcount = 0 OR k.conislocal)\n"
                         "         AND k.contype IN ('c', 'f', 'x')\n"
                         "         AND (k.oid IN (SELECT objid FROM deps WHERE classid = 'pg_constraint'::regclass)\n"
                         "              OR (k.contype = 'x' AND k.conindid IN\n"
                         "                  (SELECT objid FROM deps WHERE classid = 'pg_class'::regclass)))) x\n"
                         "ORDER BY x.contype = 'f' DESC, x.coninhcount, x.tab, x.conname";

/* Indexes with a predicate or expressions. Those of partitions go with the parent's, and are attached
 * again, so that they keep their names. */
static const char indexes_sql[] = USES_SQL
    "SELECT format ('index %s', x.name),\n"
    "  CASE WHEN NOT x.relispartition THEN format ('DROP INDEX %s;', x.name) END,\n"
    "  CASE WHEN x.tablespace IS NOT NULL\n"
    "       THEN format (E'SET LOCAL default_tablespace = %L;\\n', x.tablespace) ELSE '' END\n"
    "  || pg_get_indexdef (x.oid) || ';'\n"
    "  || CASE WHEN x.tablespace IS NOT NULL THEN E'\\nRESET default_tablespace;' ELSE '' END\n"
    "  || coalesce ((SELECT format (E'\\nALTER INDEX %I.%I ATTACH PARTITION %s;', pn.nspname,\n"
    "          pc.relname, x.name) FROM pg_inherits h JOIN pg_class pc ON pc.oid = h.inhparent\n"
    "          JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE h.inhrelid = x.oid), '')\n"
    "  || CASE WHEN x.indisclustered THEN format (E'\\nALTER TABLE %s CLUSTER ON %I;', x.tab,\n"
    "                                             x.relname) ELSE '' END\n"
    "  || " COMMENT_SQL (
        "'INDEX ' || x.name", "x.oid",
        "pg_class") ", NULL\n"
                    "FROM (SELECT c.*, i.indisclustered, " TABLE_SQL " AS name,\n"
                    "             format ('%I.%I', tn.nspname, tc.relname) AS tab,\n"
                    "             (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace) AS tablespace,\n"
                    "             (SELECT count (*) FROM pg_partition_ancestors (c.oid)) AS depth\n"
                    "        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid\n"
                    "        JOIN pg_namespace n ON n.oid = c.relnamespace\n"
                    "        JOIN pg_class tc ON tc.oid = i.indrelid\n"
                    "        JOIN pg_namespace tn ON tn.oid = tc.relnamespace\n"
                    "       WHERE tc.relkind IN ('r', 'p') AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)\n"
                    "         AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid\n"
                    "                            AND k.contype IN ('p', 'u', 'x'))\n"
                    "         AND c.oid IN (SELECT objid FROM deps WHERE classid = 'pg_class'::regclass)) x\n"
                    "ORDER BY x.depth DESC, x.name";

/* Every table's own, as children may have others than their parents. */
static const char defaults_sql[] = USES_SQL
    "SELECT format ('default of table %s, column %I', x.tab, x.attname),\n"
    "  format ('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT;', x.tab, x.attname),\n"
    "  format ('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT ', x.tab, x.attname), x.expression\n"
    "FROM (SELECT " TABLE_SQL " AS tab, a.attname, a.attnum,\n"
    "             pg_get_expr (f.adbin, f.adrelid) AS expression\n"
    "        FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum\n"
    "        JOIN pg_class c ON c.oid = f.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace\n"
    "       WHERE f.oid IN (SELECT objid FROM deps WHERE classid = 'pg_attrdef'::regclass)\n"
    "          OR (f.adrelid, f.adnum) IN (SELECT rel, num FROM cols)) x\n"
    "ORDER BY x.tab, x.attnum";

/* A column's storage is that of its type again once it is altered. */
static const char storage_sql[] = USES_SQL
    "SELECT format ('storage of table %s, column %s', tab, col), NULL,\n"
    "  format ('ALTER TABLE ONLY %s ALTER COLUMN %s SET STORAGE %s;', tab, col,\n"
    "    CASE storage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'\n"
    "                 ELSE 'EXTENDED' END), NULL\n"
    "FROM cols WHERE is_stored ORDER BY tab, num";
