#include "backup/database.h"
#include "base/cancel.h"

#include <poll.h>
#include <string.h>

#define END_TURNS 50
#define END_TURN_MS 2
#define SWAP_ATTEMPTS 50
#define SWAP_PAUSE_MS 200
/* The comment of a database that is being filled. */
#define UNFINISHED_MARK "pgkeel: unfinished restore"
/* Its connection limit as well, because that is there from its first moment: a restore that is killed
 * while the database is being made must not leave one that nobody knows. */
#define UNFINISHED_LIMIT 2000000011
/* SQLSTATE duplicate_database */
#define DUPLICATE_DATABASE "42P04"

bool
database_connect_admin (const char *url, const char *except, DbConn **ret_conn, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (g_strcmp0 (except, "postgres") != 0
      && db_connect (url, "postgres", &db_retry_default, ret_conn, &problem))
    return true;
  if (db_connect (url, "template1", &db_retry_none, ret_conn, NULL))
    return true;
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  else
    keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "cannot connect to the database “template1”");
  return false;
}

bool
database_exists (DbConn *admin, const char *name, bool *ret_exists, GError **error)
{
  g_autofree char *found = NULL;
  const char *const params[] = { name };
  if (!db_query_text (admin, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1, params,
                      &found, error))
    return false;
  *ret_exists = found != NULL;
  return true;
}

char *
database_derive_name (const char *base, const char *suffix)
{
  size_t room = DATABASE_NAME_MAX_BYTES - MIN (strlen (suffix), DATABASE_NAME_MAX_BYTES);
  size_t length = MIN (strlen (base), room);
  /* Not in the middle of a character. */
  while (length > 0 && length < strlen (base) && ((unsigned char) base[length] & 0xc0) == 0x80)
    length--;
  return g_strdup_printf ("%.*s%s", (int) length, base, suffix);
}

static const char *
text_of (const json_t *properties, const char *key)
{
  return json_string_value (json_object_get (properties, key));
}

static void G_GNUC_PRINTF (3, 4)
    append_option (GString *sql, const char *value, const char *format, ...)
{
  if (value == NULL)
    return;
  g_autofree char *literal = db_quote_literal (value);
  va_list args;
  va_start (args, format);
  g_string_append_vprintf (sql, format, args);
  va_end (args);
  g_string_append_printf (sql, " %s", literal);
}

static char *
create_sql (DbConn *admin, const char *name, const json_t *properties, bool with_locale)
{
  g_autofree char *quoted = db_quote_ident (name);
  GString *sql = g_string_new (NULL);
  g_string_append_printf (sql, "CREATE DATABASE %s TEMPLATE template0 CONNECTION LIMIT %d", quoted,
                          UNFINISHED_LIMIT);
  append_option (sql, text_of (properties, "encoding"), " ENCODING");
  append_option (sql, with_locale ? text_of (properties, "collate") : "C", " LC_COLLATE");
  append_option (sql, with_locale ? text_of (properties, "ctype") : "C", " LC_CTYPE");
  const char *provider = text_of (properties, "provider");
  bool is_icu = g_strcmp0 (provider, "i") == 0, is_builtin = g_strcmp0 (provider, "b") == 0;
  if (with_locale && is_icu && db_server_major (admin) >= 15)
    {
      g_string_append (sql, " LOCALE_PROVIDER icu");
      append_option (sql, text_of (properties, "locale"), " ICU_LOCALE");
      if (db_server_major (admin) >= 16)
        append_option (sql, text_of (properties, "icu_rules"), " ICU_RULES");
    }
  else if (with_locale && is_builtin && db_server_major (admin) >= 17)
    {
      g_string_append (sql, " LOCALE_PROVIDER builtin");
      append_option (sql, text_of (properties, "locale"), " BUILTIN_LOCALE");
    }
  else if (db_server_major (admin) >= 15)
    g_string_append (sql, " LOCALE_PROVIDER libc");
  const char *tablespace = text_of (properties, "tablespace");
  if (with_locale && tablespace != NULL && strcmp (tablespace, "pg_default") != 0)
    {
      g_autofree char *ident = db_quote_ident (tablespace);
      g_string_append_printf (sql, " TABLESPACE %s", ident);
    }
  return g_string_free (sql, FALSE);
}

/* The role of properties exists only if the caller made sure; for databases to be thrown away the
 * owner is set all the same, as pg_database_owner follows from it. */
static bool
set_owner_and_mark (DbConn *admin, const char *name, const json_t *properties, GError **error)
{
  g_autofree char *quoted = db_quote_ident (name);
  g_autofree char *mark
      = g_strdup_printf ("COMMENT ON DATABASE %s IS '" UNFINISHED_MARK "'", quoted);
  const char *owner = text_of (properties, "owner");
  if (!db_exec (admin, mark, error))
    return false;
  if (owner == NULL)
    return true;
  g_autofree char *role = db_quote_ident (owner);
  g_autofree char *sql = g_strdup_printf ("ALTER DATABASE %s OWNER TO %s", quoted, role);
  return db_exec (admin, sql, error);
}

static bool
create_and_mark (DbConn *admin, const char *name, const json_t *properties, bool any_locale,
                 bool *ret_replaced, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *exact = create_sql (admin, name, properties, true);
  bool replaced = false;
  if (!db_exec (admin, exact, &problem))
    {
      const char *sqlstate = keel_error_sqlstate (problem);
      bool is_locale = g_strcmp0 (sqlstate, "22023") == 0 || g_strcmp0 (sqlstate, "42809") == 0;
      if (!any_locale || !is_locale)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return prefix_error (error, "cannot make the database “%s”", name);
        }
      g_autofree char *plain = create_sql (admin, name, properties, false);
      if (!db_exec (admin, plain, error))
        return prefix_error (error, "cannot make the database “%s”", name);
      replaced = true;
    }
  if (!set_owner_and_mark (admin, name, properties, error))
    return false;
  if (ret_replaced != NULL)
    *ret_replaced = replaced;
  return true;
}

bool
database_create (DbConn *admin, const char *name, const json_t *properties, bool any_locale,
                 bool *ret_replaced, GError **error)
{
  g_autoptr (GError) problem = NULL;
  bool was_there;
  if (!database_exists (admin, name, &was_there, error))
    return false;
  if (create_and_mark (admin, name, properties, any_locale, ret_replaced, &problem))
    return true;
  /* The server may have made it all the same: an interruption that comes too late, an error after it. */
  if (!was_there && g_strcmp0 (keel_error_sqlstate (problem), DUPLICATE_DATABASE) != 0)
    {
      g_autofree char *quoted = db_quote_ident (name);
      g_autofree char *sql = g_strdup_printf ("DROP DATABASE IF EXISTS %s", quoted);
      cancel_hold ();
      /* Nobody can be in ours yet: one with sessions is somebody else's, and is not forced. If ours stays, its limit
       * marks it: the next restore removes it. */
      bool ignored = db_exec (admin, sql, NULL);
      (void) ignored;
      cancel_release ();
    }
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

static bool
apply_privileges (DbConn *admin, const char *quoted, const json_t *properties, GError **error)
{
  const json_t *privileges = json_object_get (properties, "privileges");
  const char *owner = text_of (properties, "owner");
  if (!json_is_array (privileges) || owner == NULL)
    return true;
  g_autofree char *role = db_quote_ident (owner);
  g_autoptr (GString) sql = g_string_new (NULL);
  g_string_printf (sql, "REVOKE ALL ON DATABASE %s FROM PUBLIC, %s", quoted, role);
  size_t i;
  json_t *grant;
  json_array_foreach (privileges, i, grant)
    {
      const char *grantee = text_of (grant, "grantee");
      const char *privilege = text_of (grant, "privilege");
      g_autofree char *to = grantee != NULL ? db_quote_ident (grantee) : g_strdup ("PUBLIC");
      /* The words come from a file: only letters and spaces may reach the server unquoted. */
      if (privilege == NULL
          || strspn (privilege, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") != strlen (privilege))
        return keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                           "the backup names an unknown privilege");
      g_string_append_printf (
          sql, "; GRANT %s ON DATABASE %s TO %s%s", privilege, quoted, to,
          json_is_true (json_object_get (grant, "grantable")) ? " WITH GRANT OPTION" : "");
    }
  return db_exec (admin, sql->str, error);
}

/* Settings that are lists of names: PostgreSQL keeps their elements quoted as identifiers. */
static bool
is_name_list (const char *setting)
{
  static const char *const lists[] = { "search_path",
                                       "temp_tablespaces",
                                       "session_preload_libraries",
                                       "local_preload_libraries",
                                       "shared_preload_libraries",
                                       "unix_socket_directories" };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    if (g_ascii_strcasecmp (setting, lists[i]) == 0)
      return true;
  return false;
}

/* "a, \"b, \"\"c\"" becomes 'a', 'b, "c'. */
static char *
name_list_sql (const char *value)
{
  GString *sql = g_string_new (NULL);
  g_autoptr (GString) element = g_string_new (NULL);
  bool is_quoted = false;
  for (const char *at = value;; at++)
    {
      if (*at == '\0' || (*at == ',' && !is_quoted))
        {
          g_autofree char *literal = db_quote_literal (element->str);
          g_string_append_printf (sql, "%s%s", sql->len > 0 ? ", " : "", literal);
          g_string_truncate (element, 0);
          if (*at == '\0')
            return g_string_free (sql, FALSE);
        }
      else if (*at == '"' && is_quoted && at[1] == '"')
        g_string_append_c (element, *at++);
      else if (*at == '"')
        is_quoted = !is_quoted;
      else if (is_quoted || !g_ascii_isspace (*at))
        g_string_append_c (element, *at);
    }
}

/* "name=value" as pg_db_role_setting keeps it. */
static char *
setting_sql (const char *quoted, const json_t *item)
{
  const char *setting = text_of (item, "setting");
  const char *role = text_of (item, "role");
  const char *equals = setting != NULL ? strchr (setting, '=') : NULL;
  if (equals == NULL)
    return NULL;
  g_autofree char *name = g_strndup (setting, (gsize) (equals - setting));
  g_autofree char *ident = db_quote_ident (name);
  g_autofree char *value
      = is_name_list (name) ? name_list_sql (equals + 1) : db_quote_literal (equals + 1);
  if (role == NULL)
    return g_strdup_printf ("ALTER DATABASE %s SET %s = %s", quoted, ident, value);
  g_autofree char *user = db_quote_ident (role);
  return g_strdup_printf ("ALTER ROLE %s IN DATABASE %s SET %s = %s", user, quoted, ident, value);
}

static bool
apply_settings (DbConn *admin, const char *quoted, const json_t *properties, GError **error)
{
  size_t i;
  json_t *item;
  json_array_foreach (json_object_get (properties, "settings"), i, item)
    {
      g_autofree char *sql = setting_sql (quoted, item);
      if (sql != NULL && !db_exec (admin, sql, error))
        return prefix_error (error, "settings of the database");
    }
  return true;
}

/* What makes it finished: its own comment and connection limit. */
static char *
lift_mark_sql (const char *quoted, const json_t *properties)
{
  const char *comment = text_of (properties, "comment");
  bool is_marked = comment != NULL && g_str_has_prefix (comment, UNFINISHED_MARK);
  g_autofree char *literal
      = comment != NULL && !is_marked ? db_quote_literal (comment) : g_strdup ("NULL");
  const json_t *wanted_limit = json_object_get (properties, "connection_limit");
  json_int_t limit = json_is_integer (wanted_limit) ? json_integer_value (wanted_limit) : -1;
  GString *sql = g_string_new (NULL);
  g_string_printf (sql, "COMMENT ON DATABASE %s IS %s; ALTER DATABASE %s CONNECTION LIMIT %d",
                   quoted, literal, quoted,
                   limit < -1 || limit >= UNFINISHED_LIMIT ? -1 : (int) limit);
  if (json_is_true (json_object_get (properties, "is_template")))
    g_string_append_printf (sql, "; ALTER DATABASE %s IS_TEMPLATE true", quoted);
  return g_string_free (sql, FALSE);
}

static bool
apply_properties (DbConn *admin, const char *quoted, const json_t *properties, GError **error)
{
  return apply_privileges (admin, quoted, properties, error)
         && apply_settings (admin, quoted, properties, error);
}

bool
database_finish (DbConn *admin, const char *name, const json_t *properties, GError **error)
{
  g_autofree char *quoted = db_quote_ident (name);
  g_autofree char *sql = lift_mark_sql (quoted, properties);
  return apply_properties (admin, quoted, properties, error) && db_exec (admin, sql, error);
}

/* Ends them and waits a moment until they have gone: the server itself, when asked to rename or drop
 * the database, only looks every 100 ms. */
static bool
end_sessions (DbConn *admin, const char *name, GError **error)
{
  const char *const params[] = { name };
  for (int turn = 0; turn < END_TURNS; turn++)
    {
      g_autoptr (DbResult) result = NULL;
      if (!db_query (admin,
                     "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
                     " WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()",
                     1, params, &result, error))
        return false;
      if (db_result_rows (result) == 0)
        break;
      g_usleep (END_TURN_MS * 1000);
    }
  return true;
}

void
database_drop_subscriptions (DbConn *conn)
{
  g_autoptr (DbResult) names = NULL;
  if (!db_query (conn,
                 "SELECT pg_catalog.format('ALTER SUBSCRIPTION %1$I DISABLE;"
                 "                          ALTER SUBSCRIPTION %1$I SET (slot_name = NONE);"
                 "                          DROP SUBSCRIPTION %1$I', s.subname)"
                 "  FROM pg_catalog.pg_subscription s"
                 "  JOIN pg_catalog.pg_database d ON d.oid = s.subdbid"
                 " WHERE d.datname = pg_catalog.current_database()",
                 0, NULL, &names, NULL))
    return;
  for (int row = 0; row < db_result_rows (names); row++)
    (void) !db_exec (conn, db_result_text (names, row, 0), NULL);
}

bool
database_drop (DbConn *admin, const char *name, GError **error)
{
  g_autofree char *quoted = db_quote_ident (name);
  g_autofree char *sql = g_strdup_printf ("DROP DATABASE IF EXISTS %s WITH (FORCE)", quoted);
  return db_exec (admin, sql, error);
}

bool
database_drop_unfinished (DbConn *admin, int *ret_count, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (
          admin,
          "SELECT d.datname FROM pg_catalog.pg_database d"
          " WHERE (d.datconnlimit = " G_STRINGIFY (
              UNFINISHED_LIMIT) "        OR pg_catalog.shobj_description(d.oid, 'pg_database') = '" UNFINISHED_MARK
                                "')"
                                "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a"
                                "                    WHERE a.datid = d.oid)",
          0, NULL, &result, error))
    return false;
  *ret_count = 0;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      g_autofree char *quoted = db_quote_ident (db_result_text (result, row, 0));
      g_autofree char *sql = g_strdup_printf ("DROP DATABASE %s", quoted);
      /* Without FORCE: if somebody has come meanwhile, it is theirs. */
      *ret_count += db_exec (admin, sql, NULL);
    }
  return true;
}

static bool
try_swap (DbConn *admin, const char *current, const char *kept, const char *new_name,
          const json_t *properties, bool ends_sessions, GError **error)
{
  g_autofree char *current_ident = db_quote_ident (current);
  g_autofree char *new_ident = db_quote_ident (new_name);
  g_autofree char *kept_ident = kept != NULL ? db_quote_ident (kept) : NULL;
  g_autofree char *first
      = kept != NULL ? g_strdup_printf ("ALTER DATABASE %s RENAME TO %s", current_ident, kept_ident)
                     : g_strdup ("SELECT 1");
  g_autofree char *second
      = g_strdup_printf ("ALTER DATABASE %s RENAME TO %s", new_ident, current_ident);
  g_autofree char *lift = lift_mark_sql (new_ident, properties);
  /* The mark goes in the same transaction: one that is killed just before leaves an unfinished one. */
  bool done = (kept == NULL || !ends_sessions || end_sessions (admin, current, error))
              && end_sessions (admin, new_name, error) && db_exec (admin, "BEGIN", error)
              && db_exec (admin, lift, error) && db_exec (admin, first, error)
              && db_exec (admin, second, error) && db_exec (admin, "COMMIT", error);
  if (!done)
    db_rollback (admin);
  return done;
}

bool
database_swap (DbConn *admin, const char *current, const char *kept, const char *new_name,
               const json_t *properties, bool ends_sessions, GError **error)
{
  g_autofree char *quoted = db_quote_ident (new_name);
  if (!apply_properties (admin, quoted, properties, error))
    return false;
  for (int attempt = 1;; attempt++)
    {
      g_autoptr (GError) problem = NULL;
      if (try_swap (admin, current, kept, new_name, properties, ends_sessions, &problem))
        return true;
      /* Sessions that come back faster than they are ended. */
      bool again = g_strcmp0 (keel_error_sqlstate (problem), "55006") == 0 && ends_sessions
                   && attempt < SWAP_ATTEMPTS;
      if (!again)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return prefix_error (error, "cannot rename the database “%s”", current);
        }
      struct pollfd fd = { cancel_fd (), POLLIN, 0 };
      poll (&fd, 1, SWAP_PAUSE_MS);
      if (!cancel_check (error))
        return false;
    }
}

/* Names of ITEMS (texts, or objects with a "name") that QUERY ($1 = name) does not find. */
static bool
list_missing (DbConn *admin, const json_t *items, const char *query, GPtrArray *missing,
              GError **error)
{
  size_t i;
  json_t *item;
  json_array_foreach (items, i, item)
    {
      const char *name = json_is_string (item) ? json_string_value (item) : text_of (item, "name");
      const char *const params[] = { name };
      g_autofree char *found = NULL;
      if (name == NULL)
        continue;
      if (!db_query_text (admin, query, 1, params, &found, error))
        return false;
      if (found == NULL)
        g_ptr_array_add (missing, g_strdup (name));
    }
  return true;
}

bool
database_list_missing (DbConn *admin, const json_t *source, GPtrArray **ret_roles,
                       GPtrArray **ret_tablespaces, GError **error)
{
  g_autoptr (GPtrArray) roles = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) tablespaces = g_ptr_array_new_with_free_func (g_free);
  if (!list_missing (admin, json_object_get (source, "roles"),
                     "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", roles, error)
      || !list_missing (admin, json_object_get (source, "tablespaces"),
                        "SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = $1", tablespaces,
                        error))
    return false;
  *ret_roles = g_steal_pointer (&roles);
  *ret_tablespaces = g_steal_pointer (&tablespaces);
  return true;
}

char *
database_create_role_sql (const json_t *source, const char *role)
{
  static const struct
  {
    const char *key;
    const char *yes;
  } attributes[] = { { "superuser", " SUPERUSER" },     { "createrole", " CREATEROLE" },
                     { "createdb", " CREATEDB" },       { "login", " LOGIN" },
                     { "replication", " REPLICATION" }, { "bypassrls", " BYPASSRLS" } };
  size_t i;
  json_t *item;
  json_array_foreach (json_object_get (source, "roles"), i, item)
    {
      if (g_strcmp0 (text_of (item, "name"), role) != 0)
        continue;
      g_autofree char *quoted = db_quote_ident (role);
      GString *sql = g_string_new (NULL);
      g_string_printf (sql, "CREATE ROLE %s", quoted);
      for (size_t j = 0; j < G_N_ELEMENTS (attributes); j++)
        if (json_is_true (json_object_get (item, attributes[j].key)))
          g_string_append (sql, attributes[j].yes);
      if (json_is_false (json_object_get (item, "inherit")))
        g_string_append (sql, " NOINHERIT");
      return g_string_free (sql, FALSE);
    }
  return NULL;
}
