#include "backup/source.h"

#include <string.h>

/* Privileges are kept exploded, as names change on the way; NULL means the default ones. Roles are
 * those that anything in this database refers to, and the bootstrap superuser, whom pg_shdepend
 * leaves out. Groups are whom these are members of: by that some may do what the dump has them do. */
static const char source_sql[]
    = "WITH RECURSIVE needed (oid) AS ("
      "  SELECT r.oid FROM pg_catalog.pg_roles r, pg_catalog.pg_database d"
      "   WHERE d.datname = pg_catalog.current_database() AND (r.oid = 10 OR r.oid = d.datdba"
      "      OR r.oid IN (SELECT s.setrole FROM pg_catalog.pg_db_role_setting s"
      "                    WHERE s.setdatabase = d.oid)"
      "      OR r.oid IN (SELECT refobjid FROM pg_catalog.pg_shdepend"
      "                    WHERE refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass"
      "                      AND (dbid = d.oid OR (dbid = 0"
      "                           AND classid = 'pg_catalog.pg_database'::pg_catalog.regclass"
      "                           AND objid = d.oid))))"
      "), related (oid) AS ("
      "  SELECT n.oid FROM needed n"
      "  UNION"
      "  SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN related r ON r.oid = m.member)"
      "SELECT pg_catalog.jsonb_build_object("
      "  'database', pg_catalog.jsonb_build_object("
      "     'name', d.datname, 'owner', pg_catalog.pg_get_userbyid(d.datdba),"
      "     'encoding', pg_catalog.pg_encoding_to_char(d.encoding),"
      "     'collate', d.datcollate, 'ctype', d.datctype,"
      "     'provider', coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c'),"
      "     'locale', coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale',"
      "                        pg_catalog.to_jsonb(d) ->> 'daticulocale'),"
      "     'icu_rules', pg_catalog.to_jsonb(d) ->> 'daticurules',"
      "     'connection_limit', d.datconnlimit, 'is_template', d.datistemplate,"
      "     'tablespace', (SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = d.dattablespace),"
      "     'comment', pg_catalog.shobj_description(d.oid, 'pg_database'),"
      "     'privileges', CASE WHEN d.datacl IS NOT NULL THEN"
      "        (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
      "             'grantee', CASE WHEN a.grantee <> 0"
      "                             THEN pg_catalog.pg_get_userbyid(a.grantee) END,"
      "             'privilege', a.privilege_type, 'grantable', a.is_grantable)), '[]')"
      "           FROM pg_catalog.aclexplode(d.datacl) a) END,"
      "     'settings', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
      "             'role', CASE WHEN s.setrole <> 0"
      "                          THEN pg_catalog.pg_get_userbyid(s.setrole) END,"
      "             'setting', c.setting) ORDER BY s.setrole, c.number), '[]')"
      "           FROM pg_catalog.pg_db_role_setting s,"
      "                pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS c (setting, number)"
      "          WHERE s.setdatabase = d.oid)),"
      "  'roles', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
      "       'name', r.rolname, 'bootstrap', r.oid = 10, 'superuser', r.rolsuper,"
      "       'inherit', r.rolinherit, 'createrole', r.rolcreaterole, 'createdb', r.rolcreatedb,"
      "       'login', r.rolcanlogin, 'replication', r.rolreplication, 'bypassrls', r.rolbypassrls,"
      "       'connection_limit', r.rolconnlimit,"
      "       'member_of', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
      "             'role', pg_catalog.pg_get_userbyid(m.roleid), 'admin', m.admin_option,"
      "             'inherit', pg_catalog.to_jsonb(m) -> 'inherit_option',"
      "             'set', pg_catalog.to_jsonb(m) -> 'set_option') ORDER BY m.roleid), '[]')"
      "           FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid)) ORDER BY r.oid), '[]')"
      "     FROM pg_catalog.pg_roles r JOIN needed USING (oid) WHERE r.rolname !~ '^pg_'),"
      "  'groups', (SELECT coalesce(pg_catalog.jsonb_agg(r.rolname ORDER BY r.oid), '[]')"
      "     FROM pg_catalog.pg_roles r JOIN related USING (oid) WHERE r.rolname !~ '^pg_'"
      "      AND r.oid NOT IN (SELECT n.oid FROM needed n)),"
      "  'tablespaces', (SELECT coalesce(pg_catalog.jsonb_agg(t.spcname ORDER BY t.spcname), '[]')"
      "     FROM pg_catalog.pg_tablespace t"
      "    WHERE t.spcname NOT IN ('pg_default', 'pg_global') AND (t.oid = d.dattablespace"
      "       OR t.oid IN (SELECT reltablespace FROM pg_catalog.pg_class))),"
      "  'extensions', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
      "       'name', e.extname, 'version', e.extversion) ORDER BY e.extname), '[]')"
      "     FROM pg_catalog.pg_extension e))::text,"
      "  d.datname, pg_catalog.pg_encoding_to_char(d.encoding),"
      "  (SELECT system_identifier FROM pg_catalog.pg_control_system()),"
      "  CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
      "       ELSE pg_catalog.pg_current_wal_lsn() END"
      "  FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";

/* The session may speak the database's encoding; JSON wants UTF-8. */
static bool
with_utf8 (DbConn *conn, const char *sql, DbResult **ret_result, GError **error)
{
  return db_speak_utf8 (conn, error) && db_query (conn, sql, 0, NULL, ret_result, error)
         && db_exec (conn,
                     "SELECT pg_catalog.set_config('client_encoding',"
                     " pg_catalog.current_setting('server_encoding'), false)",
                     error);
}

bool
source_read (DbConn *conn, BackupIndex *index, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!with_utf8 (conn, source_sql, &result, error))
    return false;
  g_autofree char *text = g_utf8_make_valid (db_result_text (result, 0, 0), -1);
  index->source = json_loads (text, 0, NULL);
  if (index->source == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the server described itself in no known form");
  index->database = g_utf8_make_valid (db_result_text (result, 0, 1), -1);
  index->encoding = g_strdup (db_result_text (result, 0, 2));
  index->system_identifier = g_strdup (db_result_text (result, 0, 3));
  index->lsn = g_strdup (db_result_text (result, 0, 4));
  index->server_version = db_server_version (conn);
  return true;
}

char *
source_session_sql (const BackupIndex *index)
{
  static const char *const names[] = { "timezone", "datestyle", "intervalstyle" };
  GString *sql = g_string_new (NULL);
  const json_t *database = json_object_get (index->source, "database");
  size_t i;
  json_t *item;
  json_array_foreach (json_object_get (database, "settings"), i, item)
    {
      const char *setting = json_string_value (json_object_get (item, "setting"));
      const char *equals = setting != NULL ? strchr (setting, '=') : NULL;
      if (equals == NULL || json_is_string (json_object_get (item, "role")))
        continue;
      for (size_t j = 0; j < G_N_ELEMENTS (names); j++)
        if (strlen (names[j]) == (size_t) (equals - setting)
            && g_ascii_strncasecmp (setting, names[j], strlen (names[j])) == 0)
          {
            g_autofree char *value = db_quote_literal (equals + 1);
            g_string_append_printf (sql, "SET %s = %s;\n", names[j], value);
          }
    }
  return g_string_free (sql, FALSE);
}

/* Schema, name, and the statement that asks one sequence for its position and for how to set it. */
static const char sequences_sql[]
    = "SELECT n.nspname, c.relname, pg_catalog.format("
      "    'SELECT %s, last_value, is_called, pg_catalog.format(''SELECT pg_catalog.setval(%%L, %%s,"
      " %%L);'', %L, last_value, is_called) FROM %s',"
      "    pg_catalog.row_number() OVER (ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"),"
      "    f.name, f.name)"
      "  FROM pg_catalog.pg_class c"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,"
      "  LATERAL pg_catalog.format('%I.%I', n.nspname, c.relname) AS f (name)"
      " WHERE c.relkind = 'S' AND c.relpersistence <> 't'"
      "   AND (c.relpersistence = 'p' OR NOT pg_catalog.pg_is_in_recovery())"
      "   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
      "   AND (NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
      "                     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
      "                       AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')"
      "        OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))"
      " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* Sequences asked in one statement. */
#define BATCH 200

static bool
read_batch (DbConn *conn, const DbResult *own, const DbResult *utf8, int first, int count,
            BackupIndex *index, GString *sql, GError **error)
{
  g_autoptr (GString) query = g_string_new (NULL);
  g_autoptr (DbResult) result = NULL;
  for (int i = 0; i < count; i++)
    g_string_append_printf (query, "%s%s", i > 0 ? " UNION ALL " : "",
                            db_result_text (own, first + i, 2));
  g_string_append (query, " ORDER BY 1");
  if (!db_query (conn, query->str, 0, NULL, &result, error))
    return false;
  if (db_result_rows (result) != count)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "a sequence did not tell its position");
  for (int i = 0; i < count; i++)
    {
      g_autofree char *schema = text_escape_invalid (db_result_text (utf8, first + i, 0));
      g_autofree char *name = text_escape_invalid (db_result_text (utf8, first + i, 1));
      g_ptr_array_add (index->sequences,
                       backup_sequence_new (schema, name, db_result_int64 (result, i, 1),
                                            db_result_bool (result, i, 2)));
      g_string_append_printf (sql, "%s\n", db_result_text (result, i, 3));
    }
  return true;
}

bool
source_read_sequences (DbConn *conn, BackupIndex *index, char **ret_sql, GError **error)
{
  g_autoptr (DbResult) own = NULL;
  g_autoptr (DbResult) utf8 = NULL;
  if (!db_query (conn, sequences_sql, 0, NULL, &own, error)
      || !with_utf8 (conn, sequences_sql, &utf8, error))
    return false;
  g_autoptr (GString) sql = g_string_new (NULL);
  int rows = MIN (db_result_rows (own), db_result_rows (utf8));
  for (int first = 0; first < rows; first += BATCH)
    if (!read_batch (conn, own, utf8, first, MIN (BATCH, rows - first), index, sql, error))
      return prefix_error (error, "sequences");
  *ret_sql = g_string_free (g_steal_pointer (&sql), FALSE);
  return true;
}

bool
source_read_public_schema (DbConn *conn, int server_major, char **ret_sql, GError **error)
{
  const int first_without = 15;
  g_autoptr (DbResult) result = NULL;
  *ret_sql = NULL;
  if (server_major < first_without
      && !db_query (conn,
                    "SELECT FROM pg_catalog.pg_namespace n"
                    " WHERE n.nspname = 'public' AND NOT EXISTS ("
                    "   SELECT FROM pg_catalog.aclexplode(coalesce(n.nspacl,"
                    "                 pg_catalog.acldefault('n', n.nspowner))) a"
                    "    WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')",
                    0, NULL, &result, error))
    return false;
  bool is_closed = result != NULL && db_result_rows (result) > 0;
  *ret_sql = g_strdup (is_closed ? "\nREVOKE CREATE ON SCHEMA public FROM PUBLIC;\n\n" : "");
  return true;
}
