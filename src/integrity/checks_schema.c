/* Privileges, policies, functions, names: what lets the wrong people in, or breaks on the next call. */
#include "integrity/broken_function.h"
#include "integrity/checks.h"
#include "integrity/query_check.h"

#define QUERY(...)                                                                                 \
  &(const QueryCheck)                                                                              \
  {                                                                                                \
    __VA_ARGS__                                                                                    \
  }

#define FUNCTIONS                                                                                  \
  "  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace\n"                               \
  " WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"             \
  "   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass\n"           \
  "                      AND e.objid = p.oid AND e.deptype = 'e')\n"

#define TABLES                                                                                     \
  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"                              \
  " WHERE c.relkind IN ('r', 'p') AND" QUERY_USER_RELATION

/* A column that the policies of a table stand on, in a table of the same schema that has none. */
static const char rls_sibling_sql[]
    = "WITH guarded AS (\n"
      "  SELECT DISTINCT c.relnamespace, a.attname, a.atttypid, c.relname\n"
      "    FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid AND c.relrowsecurity\n"
      "    JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = o.oid\n"
      "     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0\n"
      "    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid)\n"
      "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN NOT c.relrowsecurity THEN\n"
      "         (SELECT format('has the column %I that the policies of %I.%I guard, and no row-level security',\n"
      "                        g.attname, n.nspname, min(g.relname))\n"
      "            FROM guarded g JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0\n"
      "             AND NOT a.attisdropped AND a.attname = g.attname AND a.atttypid = g.atttypid\n"
      "           WHERE g.relnamespace = c.relnamespace AND a.attname NOT IN ('id', 'created_at', 'updated_at')\n"
      "           GROUP BY g.attname ORDER BY g.attname LIMIT 1) END,\n"
      "       NULL, NULL,\n"
      "       'SELECT oid::regclass, relrowsecurity FROM pg_class WHERE relkind IN (''r'', ''p'')', NULL\n" TABLES
      /* A partition is reached through its parent, whose policies count then. */
      "   AND NOT c.relispartition";

static const char rls_no_policy_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN c.relrowsecurity AND NOT EXISTS (SELECT 1 FROM pg_policy o WHERE o.polrelid = c.oid)\n"
      "            THEN 'has row-level security and no policy: only its owner sees any row' END,\n"
      "       NULL, NULL, 'SELECT oid::regclass FROM pg_class WHERE relrowsecurity', NULL\n" TABLES;

static const char rls_disabled_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN NOT c.relrowsecurity\n"
      "            THEN (SELECT format('has the polic%s %s, and row-level security is off: %s not apply',\n"
      "                                CASE count(*) WHEN 1 THEN 'y' ELSE 'ies' END,\n"
      "                                string_agg(quote_ident(o.polname), ', ' ORDER BY o.polname),\n"
      "                                CASE count(*) WHEN 1 THEN 'it does' ELSE 'they do' END)\n"
      "                    FROM pg_policy o WHERE o.polrelid = c.oid HAVING count(*) > 0) END,\n"
      "       NULL, format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname),\n"
      "       'SELECT * FROM pg_policies', NULL\n" TABLES;

static const char definer_path_sql[]
    = "SELECT p.oid::regprocedure::text,\n"
      "       CASE WHEN p.prosecdef AND NOT coalesce((SELECT bool_or(o LIKE 'search_path=%')"
      " FROM unnest(p.proconfig) o), false)\n"
      /* The new kind of bodies is bound when it is created. */
      "             AND p.prosqlbody IS NULL -- [14,)\n"
      "            THEN 'runs as ' || quote_ident(pg_get_userbyid(p.proowner))"
      " || ' with whatever search_path its caller chooses' END,\n"
      "       NULL, CASE WHEN p.prosecdef\n"
      "                  THEN format('ALTER ROUTINE %s SET search_path = %I, pg_temp', p.oid::regprocedure,"
      " n.nspname) END,\n"
      "       'SELECT oid::regprocedure, proowner::regrole, proconfig FROM pg_proc WHERE prosecdef', NULL\n" FUNCTIONS
      "   AND p.prokind IN ('f', 'p')";

static const char definer_superuser_sql[]
    = "SELECT p.oid::regprocedure::text,\n"
      "       CASE WHEN p.prosecdef AND r.rolsuper\n"
      "             AND EXISTS (SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x\n"
      "                          WHERE x.grantee = 0 AND x.privilege_type = 'EXECUTE')\n"
      "            THEN 'runs as the superuser ' || quote_ident(r.rolname) || ' for everybody' END,\n"
      "       NULL, CASE WHEN p.prosecdef AND r.rolsuper\n"
      "                  THEN format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::regprocedure) END,\n"
      "       'SELECT oid::regprocedure, proowner::regrole, proacl FROM pg_proc WHERE prosecdef', NULL\n"
      "  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner\n"
      " WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')\n"
      "   AND p.prokind IN ('f', 'p')\n"
      "   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass\n"
      "                      AND e.objid = p.oid AND e.deptype = 'e')\n";

static const char public_create_sql[]
    = "SELECT format('schema %I', n.nspname),\n"
      "       CASE WHEN EXISTS (SELECT 1 FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x\n"
      "                          WHERE x.grantee = 0 AND x.privilege_type = 'CREATE')\n"
      "            THEN 'lets everybody create objects in it' END,\n"
      "       NULL, format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname),\n"
      "       'SELECT nspname, nspacl FROM pg_namespace', NULL\n"
      "  FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')";

static const char public_write_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN w.privileges IS NOT NULL THEN 'lets everybody ' || w.privileges END, NULL,\n"
      "       format('REVOKE %s ON %I.%I FROM PUBLIC', w.privileges, n.nspname, c.relname),\n"
      "       'SELECT oid::regclass, relacl FROM pg_class WHERE relacl IS NOT NULL', NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " CROSS JOIN LATERAL (SELECT string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type)\n"
      "                       FROM aclexplode(c.relacl) x\n"
      "                      WHERE x.grantee = 0 AND x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE',"
      " 'TRUNCATE')) w(privileges)\n"
      " WHERE c.relkind IN ('r', 'p', 'v', 'f') AND" QUERY_USER_RELATION;

static const char default_privileges_sql[]
    = "SELECT format('default privileges of %s%s', quote_ident(pg_get_userbyid(d.defaclrole)),\n"
      "              coalesce(' in schema ' || quote_ident(n.nspname), '')),\n"
      "       (SELECT format('give everybody %s on new %s', string_agg(x.privilege_type, ', ' ORDER BY"
      " x.privilege_type),\n"
      "                      CASE d.defaclobjtype WHEN 'r' THEN 'tables' ELSE 'schemas' END)\n"
      "          FROM aclexplode(d.defaclacl) x\n"
      "         WHERE x.grantee = 0 AND x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'CREATE')\n"
      "        HAVING count(*) > 0),\n"
      "       NULL, NULL, 'SELECT * FROM pg_default_acl', NULL\n"
      "  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace\n"
      " WHERE d.defaclobjtype IN ('r', 'n')";

/* A view reads as its owner, past the policies of the tables below it, unless it is told otherwise. */
static const char view_rls_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       (SELECT format('shows rows of %s past its row-level security, to everybody who may read the view',\n"
      "                      string_agg(DISTINCT t.oid::regclass::text, ', '))\n"
      "          FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid\n"
      "           AND d.refclassid = 'pg_class'::regclass\n"
      "          JOIN pg_class t ON t.oid = d.refobjid AND t.relrowsecurity\n"
      "         WHERE r.ev_class = c.oid\n"
      "           AND (NOT t.relforcerowsecurity OR t.relowner <> c.relowner)\n"
      "           AND (t.relowner = c.relowner OR (SELECT o.rolsuper OR o.rolbypassrls FROM pg_roles o"
      " WHERE o.oid = c.relowner))\n"
      "        HAVING count(*) > 0\n"
      "           AND NOT coalesce((SELECT bool_or(split_part(o, '=', 2)::boolean) FROM unnest(c.reloptions) o"
      " WHERE o LIKE 'security_invoker=%'), false)),\n"
      "       NULL,\n"
      "       NULL, -- [,15)\n"
      "       format('ALTER VIEW %I.%I SET (security_invoker = true)', n.nspname, c.relname), -- [15,)\n"
      "       'SELECT oid::regclass, reloptions FROM pg_class WHERE relkind = ''v''', NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind = 'v' AND" QUERY_USER_RELATION;

static const char extension_sql[]
    = "SELECT 'extension ' || quote_ident(e.extname),\n"
      "       CASE WHEN a.default_version <> e.extversion\n"
      "            THEN format('is version %s; %s is installed on the server', e.extversion,"
      " a.default_version) END,\n"
      "       NULL, CASE WHEN a.default_version <> e.extversion\n"
      "                  THEN format('ALTER EXTENSION %I UPDATE', e.extname) END,\n"
      "       'SELECT name, installed_version, default_version FROM pg_available_extensions"
      " WHERE installed_version <> default_version',\n"
      "       CASE WHEN a.name IS NULL THEN 'its files are not installed on the server' END\n"
      "  FROM pg_extension e LEFT JOIN pg_available_extensions a ON a.name = e.extname";

/* One row a table, for its own name and its columns'. */
static const char quoted_name_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN q.names IS NOT NULL THEN 'has names that must be quoted: ' || q.names END,\n"
      "       NULL, NULL, NULL, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " CROSS JOIN LATERAL (\n"
      "   SELECT string_agg(quote_ident(name), ', ' ORDER BY place)\n"
      "     FROM (SELECT c.relname AS name, 0 AS place\n"
      "            UNION ALL\n"
      "           SELECT a.attname, a.attnum FROM pg_attribute a\n"
      "            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) x\n"
      "    WHERE name !~ '^[a-z_][a-z0-9_$]*$') q(names)\n"
      " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND" QUERY_USER_RELATION;

/* A name of 63 bytes may be what is left of a longer one. */
static const char truncated_name_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN octet_length(c.relname::text) >= current_setting('max_identifier_length')::int\n"
      "            THEN format('its name has all %s bytes that there are: it may have been cut',"
      " current_setting('max_identifier_length')) END,\n"
      "       NULL, NULL, NULL, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'i', 'I', 'S') AND" QUERY_USER_RELATION;

/* Whoever owns a table may drop it, whatever its schema's owner thinks. */
static const char owner_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       CASE WHEN c.relowner <> m.owner\n"
      "            THEN format('belongs to %I, while the other %s tables of the schema belong to %I',\n"
      "                        pg_get_userbyid(c.relowner), m.others, pg_get_userbyid(m.owner)) END,\n"
      "       NULL, format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, pg_get_userbyid(m.owner)),\n"
      "       'SELECT oid::regclass, relowner::regrole FROM pg_class WHERE relkind IN (''r'', ''p'')', NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      "  JOIN LATERAL (SELECT o.relowner, count(*) FROM pg_class o\n"
      "                 WHERE o.relnamespace = n.oid AND o.relkind IN ('r', 'p')\n"
      "                 GROUP BY o.relowner\n"
      /* A clear majority, or there is no rule to break. */
      "                HAVING count(*) >= 3 AND count(*) * 4 >= 3 * (SELECT count(*) FROM pg_class a\n"
      "                        WHERE a.relnamespace = n.oid AND a.relkind IN ('r', 'p'))) m(owner, others)"
      " ON true\n"
      " WHERE c.relkind IN ('r', 'p') AND" QUERY_USER_RELATION;

/* Roles that log in and may do everything, beyond the one that the cluster was made with. */
static const char superuser_sql[]
    = "SELECT 'role ' || quote_ident(rolname),\n"
      "       CASE WHEN rolsuper AND rolcanlogin AND oid <> 10 AND EXISTS (\n"
      "              SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      "               WHERE c.relowner = r.oid AND c.relkind = 'r' AND n.nspname !~ '^pg_'\n"
      "                 AND n.nspname NOT IN ('information_schema', 'pgkeel'))\n"
      "            THEN 'is a superuser that logs in and owns the application''s tables' END,\n"
      "       NULL, format('ALTER ROLE %I NOSUPERUSER', rolname),\n"
      "       'SELECT rolname FROM pg_roles WHERE rolsuper', NULL\n"
      "  FROM pg_roles r WHERE rolname !~ '^pg_'";

#define SCHEMA(check_id, check_severity, check_title, check_why, check_advice, query)              \
  {                                                                                                \
    .id = check_id, .severity = CHECK_SEVERITY_##check_severity,                                   \
    .category = CHECK_CATEGORY_SCHEMA, .title = check_title, .why = check_why,                     \
    .advice = check_advice, .run = query_check_run, .data = query                                  \
  }

const Check checks_schema[] = {
  SCHEMA ("rls-policy-without-security", ERROR,
          "Policies on tables whose row-level security is off",
          "The policies look as if they guarded the table, and do nothing.",
          "ALTER TABLE ... ENABLE ROW LEVEL SECURITY, or drop the policies.",
          QUERY ("tables", rls_disabled_sql)),
  SCHEMA ("rls-missing", WARNING, "Tables without the row-level security of their siblings",
          "What the policies of one table hide can be read in the other.",
          "Enable row-level security on it and give it the same policies.",
          QUERY ("tables", rls_sibling_sql)),
  SCHEMA ("rls-without-policies", WARNING, "Row-level security without policies",
          "Only the owner and superusers see any row, which is seldom what was meant.",
          "Create the policies, or disable row-level security.",
          QUERY ("tables", rls_no_policy_sql)),
  SCHEMA (
      "view-bypasses-rls", WARNING, "Views that go past row-level security",
      "A view reads with its owner's rights: whoever may read it sees every tenant's rows.",
      "Set security_invoker = true (PostgreSQL 15), or give the view an owner that the policies bind.",
      QUERY ("views", view_rls_sql)),
  SCHEMA ("definer-search-path", WARNING, "SECURITY DEFINER functions without a search_path",
          "Its caller can put objects of his own before those that it means, and act as its owner.",
          "ALTER FUNCTION ... SET search_path.", QUERY ("functions", definer_path_sql)),
  SCHEMA ("definer-superuser", WARNING, "Functions that run as a superuser for everybody",
          "One mistake in its body gives the whole cluster to everybody who can log in.",
          "Give it an owner with only the rights it needs, and revoke EXECUTE from PUBLIC.",
          QUERY ("functions", definer_superuser_sql)),
  SCHEMA ("schema-public-create", WARNING, "Schemas in which everybody may create objects",
          "Anybody can put a function or table there that others call by mistake.",
          "REVOKE CREATE ON SCHEMA ... FROM PUBLIC.", QUERY ("schemas", public_create_sql)),
  SCHEMA ("table-public-write", ERROR, "Tables that everybody may write to",
          "Every role that can log in can change or empty it.",
          "Revoke it, and grant it to a role.", QUERY ("tables and views", public_write_sql)),
  SCHEMA ("default-privileges-public", WARNING, "Default privileges that let everybody write",
          "Every table made from now on can be changed by every role.",
          "ALTER DEFAULT PRIVILEGES ... REVOKE ... FROM PUBLIC.",
          QUERY ("default privileges", default_privileges_sql)),
  SCHEMA ("owner-superuser-login", INFO, "Superusers that own the application's tables",
          "An application that logs in with it can destroy everything, on purpose or by injection.",
          "Give the tables to a role of their own.", QUERY ("roles", superuser_sql)),
  SCHEMA ("owner-differs", INFO, "Tables that belong to somebody else than their siblings",
          "Migrations that the usual owner runs will be refused on it.",
          "ALTER TABLE ... OWNER TO.", QUERY ("tables", owner_sql)),
  { .id = "function-broken",
    .severity = CHECK_SEVERITY_ERROR,
    .category = CHECK_CATEGORY_SCHEMA,
    .title = "Functions that refer to tables which are not there",
    .why = "It fails on its next call; PL/pgSQL looks at its statements only when they run.",
    .advice = "Change the function to what the table is called now, or drop it.",
    .run = broken_function_run },
  SCHEMA ("extension-outdated", INFO, "Extensions older than the server has them",
          "Repairs that came with the update are installed, but not in force.",
          "ALTER EXTENSION ... UPDATE, after reading its release notes.",
          QUERY ("extensions", extension_sql)),
  SCHEMA ("name-needs-quotes", INFO, "Names that must be quoted",
          "Whoever forgets the quotes gets an error, or another table.",
          "Rename them in small letters when the table is changed next.",
          QUERY ("tables and views", quoted_name_sql)),
  SCHEMA (
      "name-truncated", INFO, "Names that were perhaps cut off",
      "Two long names that differ at their ends become one, and a migration that looks for the long one"
      " finds nothing.",
      "Use shorter names.", QUERY ("relations", truncated_name_sql)),
  { 0 },
};
