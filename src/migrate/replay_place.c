#include "migrate/replay_place.h"

#include "base/cancel.h"
#include "db/cluster.h"
#include "migrate/drift.h"

#include <string.h>
#include <unistd.h>

/* The mark of a database that is thrown away, which every restore clears when nobody works in it: see
 * backup/database.c. */
#define SCRATCH_LIMIT 2000000011
#define NAME_MAX_BYTES 63

struct ReplayPlace
{
  const ReplayPlaceSpec *spec;
  ScratchCluster *cluster; /* NULL: on the server */
  DbConn *admin;
  DbConn *keeper; /* in the database, all the time: one that nobody works in counts as a leftover */
  char *database;
  bool is_made;
  char *title;
};

void
replay_place_free (ReplayPlace *place)
{
  if (place == NULL)
    return;
  cancel_hold ();
  if (place->cluster == NULL && place->is_made)
    {
      g_autofree char *quoted = db_quote_ident (place->database);
      g_autofree char *sql = g_strdup_printf ("DROP DATABASE IF EXISTS %s WITH (FORCE)", quoted);
      if (!db_exec (place->admin, sql, NULL))
        report_warning (place->spec->report, "the scratch database could not be dropped",
                        "The next restore or proof on that server drops it.");
    }
  cancel_release ();
  db_conn_free (place->keeper);
  db_conn_free (place->admin);
  scratch_free (place->cluster);
  g_free (place->database);
  g_free (place->title);
  g_free (place);
}

const char *
replay_place_title (const ReplayPlace *place)
{
  return place->title;
}

bool
replay_place_is_on_server (const ReplayPlace *place)
{
  return place->cluster == NULL;
}

/* --- roles, tablespaces ---------------------------------------------------------------------- */

static bool
is_user (const ReplayPlaceSpec *spec, const char *role)
{
  return g_ptr_array_find_with_equal_func (spec->users, role, g_str_equal, NULL);
}

/* Roles that the files create are left to them. */
static bool
is_left_to_files (const ReplayPlaceSpec *spec, const char *role)
{
  return g_hash_table_contains (spec->files->roles, role) && !is_user (spec, role);
}

static bool
make_roles (ReplayPlace *place, GError **error)
{
  const ReplayPlaceSpec *spec = place->spec;
  g_autoptr (DbResult) roles = NULL;
  g_autoptr (GString) sql = g_string_new (NULL);
  if (!db_query (spec->live,
                 "SELECT rolname, rolsuper, pg_catalog.concat_ws (' ',\n"
                 "         CASE WHEN NOT rolinherit THEN 'NOINHERIT' END,\n"
                 "         CASE WHEN rolcreaterole THEN 'CREATEROLE' END,\n"
                 "         CASE WHEN rolcreatedb THEN 'CREATEDB' END,\n"
                 "         CASE WHEN rolcanlogin THEN 'LOGIN' END,\n"
                 "         CASE WHEN rolbypassrls THEN 'BYPASSRLS' END)\n"
                 "  FROM pg_catalog.pg_roles\n"
                 " WHERE oid <> 10 AND rolname !~ '^pg_'\n"
                 " ORDER BY oid",
                 0, NULL, &roles, error))
    return false;
  for (int row = 0; row < db_result_rows (roles); row++)
    {
      const char *name = db_result_text (roles, row, 0);
      bool replays = is_user (spec, name);
      if (is_left_to_files (spec, name))
        continue;
      g_autofree char *quoted = db_quote_ident (name);
      g_string_append_printf (sql, "CREATE ROLE %s %s %s %s;\n", quoted,
                              replays || db_result_bool (roles, row, 1) ? "SUPERUSER" : "",
                              replays ? "LOGIN" : "",
                              replays ? "" : db_result_text (roles, row, 2));
    }
  return db_exec (place->admin, sql->str, error);
}

static bool
make_memberships (ReplayPlace *place, GError **error)
{
  const ReplayPlaceSpec *spec = place->spec;
  g_autoptr (DbResult) members = NULL;
  g_autoptr (GString) sql = g_string_new (NULL);
  if (!db_query (spec->live,
                 "SELECT g.rolname, r.rolname, m.admin_option,\n"
                 "       COALESCE ((pg_catalog.to_jsonb (m) ->> 'inherit_option')::boolean, true)\n"
                 "  FROM pg_catalog.pg_auth_members m\n"
                 "  JOIN pg_catalog.pg_roles g ON g.oid = m.roleid\n"
                 "  JOIN pg_catalog.pg_roles r ON r.oid = m.member\n"
                 " WHERE m.member <> 10 AND r.rolname !~ '^pg_'",
                 0, NULL, &members, error))
    return false;
  for (int row = 0; row < db_result_rows (members); row++)
    {
      const char *group = db_result_text (members, row, 0),
                 *role = db_result_text (members, row, 1);
      if (is_left_to_files (spec, group) || is_left_to_files (spec, role))
        continue;
      g_autofree char *quoted_group = db_quote_ident (group);
      g_autofree char *quoted = db_quote_ident (role);
      bool is_admin = db_result_bool (members, row, 2), inherits = db_result_bool (members, row, 3);
      g_string_append_printf (sql, "GRANT %s TO %s%s%s;\n", quoted_group, quoted,
                              is_admin ? " WITH ADMIN OPTION" : "",
                              inherits   ? ""
                              : is_admin ? ", INHERIT FALSE"
                                         : " WITH INHERIT FALSE");
    }
  return db_exec (place->admin, sql->str, error);
}

static bool
make_tablespaces (ReplayPlace *place, GError **error)
{
  g_autoptr (DbResult) names = NULL;
  if (!db_query (place->spec->live,
                 "SELECT spcname FROM pg_catalog.pg_tablespace WHERE spcname !~ '^pg_'", 0, NULL,
                 &names, error))
    return false;
  for (int row = 0; row < db_result_rows (names); row++)
    {
      g_autofree char *folder = NULL;
      g_autofree char *folder_name = g_strdup_printf ("tablespace-%d", row);
      if (!scratch_make_folder (place->cluster, folder_name, &folder, error))
        return false;
      g_autofree char *quoted = db_quote_ident (db_result_text (names, row, 0));
      g_autofree char *location = db_quote_literal (folder);
      g_autofree char *sql = g_strdup_printf ("CREATE TABLESPACE %s LOCATION %s", quoted, location);
      if (!db_exec (place->admin, sql, error))
        return false;
    }
  return true;
}

/* --- the database ---------------------------------------------------------------------------- */

/* Two ways to write it: with the live database's locale, and with one that every system has. */
static const char create_sql[]
    = "SELECT pg_catalog.concat ('TEMPLATE template0 ENCODING ',\n"
      "         pg_catalog.quote_literal (pg_catalog.pg_encoding_to_char (d.encoding)),\n"
      "         ' LC_COLLATE ', pg_catalog.quote_literal (d.datcollate),\n"
      "         ' LC_CTYPE ', pg_catalog.quote_literal (d.datctype),\n"
      "         CASE p.provider\n"
      "           WHEN 'i' THEN ' LOCALE_PROVIDER icu ICU_LOCALE ' || pg_catalog.quote_literal (p.locale)\n"
      "           WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE '\n"
      "                         || pg_catalog.quote_literal (p.locale)\n"
      "           WHEN 'c' THEN ' LOCALE_PROVIDER libc' END),\n"
      "       pg_catalog.concat ('TEMPLATE template0 ENCODING ',\n"
      "         pg_catalog.quote_literal (pg_catalog.pg_encoding_to_char (d.encoding)),\n"
      "         ' LC_COLLATE ''C'' LC_CTYPE ''C''',\n"
      "         CASE WHEN p.provider IS NOT NULL THEN ' LOCALE_PROVIDER libc' END),\n"
      "       pg_catalog.pg_get_userbyid (d.datdba),\n"
      "       d.oid\n"
      "  FROM pg_catalog.pg_database d,\n"
      "       LATERAL (SELECT pg_catalog.to_jsonb (d) ->> 'datlocprovider' AS provider,\n"
      "                       COALESCE (pg_catalog.to_jsonb (d) ->> 'datlocale',\n"
      "                                 pg_catalog.to_jsonb (d) ->> 'daticulocale') AS locale) p\n"
      " WHERE d.datname = pg_catalog.current_database ()";

static bool
make_database (ReplayPlace *place, GError **error)
{
  g_autoptr (DbResult) like = NULL;
  g_autoptr (GError) problem = NULL;
  g_autofree char *quoted = db_quote_ident (place->database);
  if (!db_query (place->spec->live, create_sql, 0, NULL, &like, error))
    return false;
  g_autofree char *limit
      = place->cluster == NULL ? g_strdup_printf (" CONNECTION LIMIT %d", SCRATCH_LIMIT) : NULL;
  const char *suffix = limit != NULL ? limit : "";
  g_autofree char *exact
      = g_strdup_printf ("CREATE DATABASE %s %s%s", quoted, db_result_text (like, 0, 0), suffix);
  g_autofree char *plain
      = g_strdup_printf ("CREATE DATABASE %s %s%s", quoted, db_result_text (like, 0, 1), suffix);
  if (!db_exec (place->admin, exact, &problem)
      && (place->cluster == NULL || !db_exec (place->admin, plain, NULL)))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "cannot make the scratch database “%s”", place->database);
    }
  place->is_made = true;
  if (place->cluster == NULL || is_left_to_files (place->spec, db_result_text (like, 0, 2)))
    return true;
  g_autofree char *owner = db_quote_ident (db_result_text (like, 0, 2));
  g_autofree char *sql = g_strdup_printf ("ALTER DATABASE %s OWNER TO %s", quoted, owner);
  return db_exec (place->admin, sql, error);
}

/* Who may create schemas in it: scripts that work as another role need that. */
static bool
grant_on_database (ReplayPlace *place, GError **error)
{
  g_autoptr (DbResult) grants = NULL;
  g_autoptr (GString) sql = g_string_new (NULL);
  g_autofree char *quoted = db_quote_ident (place->database);
  if (!db_query (place->spec->live,
                 "SELECT a.privilege_type, r.rolname\n"
                 "  FROM pg_catalog.pg_database d, pg_catalog.aclexplode (d.datacl) a\n"
                 "  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee\n"
                 " WHERE d.datname = pg_catalog.current_database ()",
                 0, NULL, &grants, error))
    return false;
  for (int row = 0; row < db_result_rows (grants); row++)
    {
      const char *role = db_result_text (grants, row, 1);
      g_autofree char *grantee = db_quote_ident (role);
      if (!is_left_to_files (place->spec, role))
        g_string_append_printf (sql, "GRANT %s ON DATABASE %s TO %s;\n",
                                db_result_text (grants, row, 0), quoted, grantee);
    }
  return db_exec (place->admin, sql->str, error);
}

/* --- extensions ------------------------------------------------------------------------------ */

static bool
list_available (ReplayPlace *place, GHashTable **ret_names, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (place->admin, "SELECT name FROM pg_catalog.pg_available_extensions", 0, NULL,
                 &result, error))
    return false;
  *ret_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int row = 0; row < db_result_rows (result); row++)
    g_hash_table_add (*ret_names, g_strdup (db_result_text (result, row, 0)));
  return true;
}

static bool
check_extensions (ReplayPlace *place, GHashTable *available, GError **error)
{
  GHashTableIter iter;
  void *name, *path;
  g_hash_table_iter_init (&iter, place->spec->files->extensions);
  while (g_hash_table_iter_next (&iter, &name, &path))
    if (!g_hash_table_contains (available, name))
      return keel_error (
          error, KEEL_ERROR_MISSING,
          place->cluster != NULL
              ? "Install its package for that version on this machine, or replay in a scratch database "
                "on the server with --on-server."
              : "Install it on the server.",
          "%s creates the extension “%s”, which is not installed %s PostgreSQL %d",
          (const char *) path, (const char *) name,
          place->cluster != NULL ? "on this machine for" : "on the server, a",
          db_server_major (place->spec->live));
  return true;
}

/* Those that the project leaves to others are there before the files, which may use them. */
static bool
make_ignored_extensions (ReplayPlace *place, DbConn *conn, GHashTable *available, GError **error)
{
  const ReplayPlaceSpec *spec = place->spec;
  const DriftSpec drift = { .ignore = spec->ignore };
  g_autoptr (DbResult) found = NULL;
  if (!db_query (spec->live,
                 "SELECT pg_catalog.quote_ident (e.extname),\n"
                 "       'schema ' || pg_catalog.quote_ident (n.nspname), e.extname,\n"
                 "       pg_catalog.quote_ident (n.nspname)\n"
                 "  FROM pg_catalog.pg_extension e\n"
                 "  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace\n"
                 " WHERE e.extname <> 'plpgsql' ORDER BY e.oid",
                 0, NULL, &found, error))
    return false;
  for (int row = 0; row < db_result_rows (found); row++)
    {
      const DbSchemaObject object = { .kind = (char *) "extension",
                                      .name = (char *) db_result_text (found, row, 0),
                                      .definition = (char *) db_result_text (found, row, 1) };
      const char *name = db_result_text (found, row, 2);
      if (!drift_is_ignored (&object, &drift) || !g_hash_table_contains (available, name)
          || g_hash_table_contains (spec->files->extensions, name))
        continue;
      const char *schema = db_result_text (found, row, 3);
      g_autofree char *sql
          = strcmp (schema, "pg_catalog") == 0
                ? g_strdup_printf ("CREATE EXTENSION IF NOT EXISTS %s", object.name)
                : g_strdup_printf ("CREATE SCHEMA IF NOT EXISTS %s;\n"
                                   "CREATE EXTENSION IF NOT EXISTS %s SCHEMA %s CASCADE",
                                   schema, object.name, schema);
      if (!db_exec (conn, sql, error))
        return prefix_error (error, "extension %s", object.name);
    }
  return true;
}

static bool
prepare_extensions (ReplayPlace *place, GError **error)
{
  g_autoptr (GHashTable) available = NULL;
  g_autofree char *url = place->cluster != NULL ? scratch_url (place->cluster, place->database)
                                                : g_strdup (place->spec->live_url);
  return db_connect (url, place->database, &db_retry_default, &place->keeper, error)
         && list_available (place, &available, error) && check_extensions (place, available, error)
         && make_ignored_extensions (place, place->keeper, available, error);
}

/* --- the place ------------------------------------------------------------------------------- */

/* Of the same name, as files may say ALTER DATABASE. */
static bool
make_room_for_name (ReplayPlace *place, GError **error)
{
  const char *name = db_database (place->spec->live);
  bool is_template = strcmp (name, "template1") == 0 || strcmp (name, "template0") == 0;
  place->database = g_strdup (is_template ? "replay" : name);
  return strcmp (name, "postgres") != 0 || db_exec (place->admin, "DROP DATABASE postgres", error);
}

static bool
open_cluster (ReplayPlace *place, GError **error)
{
  const ReplayPlaceSpec *spec = place->spec;
  g_autofree char *superuser = NULL;
  if (!db_query_text (spec->live, "SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10", 0, NULL,
                      &superuser, error))
    return false;
  int major = db_server_major (spec->live);
  const ScratchSpec scratch
      = { .major = major, .superuser = superuser, .parent = spec->parent, .worker_count = 3 };
  if (!scratch_start (&scratch, &place->cluster, error))
    return false;
  g_autofree char *url = scratch_url (place->cluster, "template1");
  place->title = g_strdup_printf ("scratch cluster of PostgreSQL %d", major);
  return db_connect (url, NULL, &db_retry_default, &place->admin, error)
         && make_room_for_name (place, error) && make_roles (place, error)
         && make_memberships (place, error) && make_tablespaces (place, error)
         && make_database (place, error) && grant_on_database (place, error)
         && prepare_extensions (place, error);
}

static bool
open_on_server (ReplayPlace *place, GError **error)
{
  const ReplayPlaceSpec *spec = place->spec;
  if (spec->files->cluster_wide != NULL)
    return keel_error_full (
        error, KEEL_ERROR_REFUSED, NULL, spec->files->cluster_wide,
        "Install that version's programs here, so that a scratch cluster can be made.",
        "the files cannot be replayed on the server: they change more than their database");
  g_autofree char *suffix = g_strdup_printf ("_replay_%d", (int) getpid ());
  g_autofree char *base = g_strndup (db_database (spec->live), NAME_MAX_BYTES - strlen (suffix));
  const char *end;
  /* Not cut in the middle of a character. */
  (void) g_utf8_validate (base, -1, &end);
  place->database = g_strdup_printf ("%.*s%s", (int) (end - base), base, suffix);
  place->title = g_strdup_printf ("scratch database on the server (PostgreSQL %d)",
                                  db_server_major (spec->live));
  return db_connect (spec->live_url, NULL, &db_retry_default, &place->admin, error)
         && make_database (place, error) && grant_on_database (place, error)
         && prepare_extensions (place, error);
}

bool
replay_place_open (const ReplayPlaceSpec *spec, ReplayPlace **ret_place, GError **error)
{
  g_autoptr (ReplayPlace) place = g_new0 (ReplayPlace, 1);
  g_autoptr (GError) problem = NULL;
  place->spec = spec;
  if (!spec->on_server)
    {
      if (open_cluster (place, &problem))
        {
          *ret_place = g_steal_pointer (&place);
          return true;
        }
      bool is_absent = keel_error_is (problem, KEEL_ERROR_MISSING) && place->cluster == NULL;
      if (is_absent && spec->never_on_server)
        keel_error_suggest (&problem, "--on-server replays in a scratch database on the server.");
      if (!is_absent || spec->never_on_server)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
    }
  if (!open_on_server (place, error))
    return false;
  *ret_place = g_steal_pointer (&place);
  return true;
}

/* --- sessions -------------------------------------------------------------------------------- */

/* Settings of the session that objects come out differently by. Later rows win. Of one's own session
 * all are known; of another role's those that are written down for it. */
static const char settings_sql[]
    = "SELECT name, value FROM (\n"
      "  SELECT 1 AS rank, 0 AS number, name, reset_val AS value FROM pg_catalog.pg_settings\n"
      "   WHERE lower (name) IN ('timezone', 'datestyle', 'intervalstyle')\n"
      "  UNION ALL\n"
      "  SELECT 2 + (s.setdatabase <> 0)::integer + 2 * (s.setrole <> 0)::integer, c.number,\n"
      "         pg_catalog.split_part (c.setting, '=', 1),\n"
      "         pg_catalog.substr (c.setting, pg_catalog.strpos (c.setting, '=') + 1)\n"
      "    FROM pg_catalog.pg_db_role_setting s,\n"
      "         pg_catalog.unnest (s.setconfig) WITH ORDINALITY AS c (setting, number)\n"
      "   WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database\n"
      "                                WHERE datname = pg_catalog.current_database ()))\n"
      "     AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1))\n"
      "  UNION ALL\n"
      "  SELECT 9, 0, name, reset_val FROM pg_catalog.pg_settings\n"
      "   WHERE $1 = session_user) AS all_of_them\n"
      " WHERE lower (name) IN ('timezone', 'datestyle', 'intervalstyle', 'search_path', 'role',\n"
      "                        'check_function_bodies', 'default_tablespace',\n"
      "                        'default_table_access_method', 'default_toast_compression')\n"
      "    OR name LIKE '%.%' AND rank BETWEEN 2 AND 5\n"
      " ORDER BY rank, number";

/* As the server reads options of a connection: words end at a space that has no backslash before it. */
static void
append_option (GString *options, const char *name, const char *value)
{
  g_string_append_printf (options, "%s-c ", options->len > 0 ? " " : "");
  for (const char *part = name; part != NULL; part = part == name ? value : NULL)
    {
      for (const char *at = part; *at != '\0'; at++)
        {
          if (g_ascii_isspace (*at) || *at == '\\')
            g_string_append_c (options, '\\');
          g_string_append_c (options, *at);
        }
      if (part == name)
        g_string_append_c (options, '=');
    }
}

char *
replay_place_url (const ReplayPlace *place, const char *user, GError **error)
{
  const char *const params[] = { user };
  g_autoptr (DbResult) settings = NULL;
  g_autoptr (GString) options = g_string_new (NULL);
  g_autofree char *url = g_strdup (place->spec->live_url);
  if (!db_query (place->spec->live, settings_sql, 1, params, &settings, error))
    return NULL;
  for (int row = 0; row < db_result_rows (settings); row++)
    append_option (options, db_result_text (settings, row, 0), db_result_text (settings, row, 1));
  if (place->cluster != NULL)
    {
      g_autofree char *scratch = scratch_url (place->cluster, place->database);
      g_autofree char *name = g_uri_escape_string (user, NULL, false);
      g_free (url);
      url = g_strconcat (scratch, "&user=", name, NULL);
    }
  g_autofree char *conninfo = db_conninfo (url, place->database, NULL, error);
  return conninfo != NULL ? db_conninfo_add_options (conninfo, options->str, error) : NULL;
}
