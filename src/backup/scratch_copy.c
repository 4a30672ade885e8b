#include "backup/scratch_copy.h"
#include "backup/database.h"

static const char *
bootstrap_superuser (const BackupIndex *index)
{
  size_t i;
  json_t *role;
  json_array_foreach (json_object_get (index->source, "roles"), i, role)
    {
      if (json_is_true (json_object_get (role, "bootstrap")))
        return json_string_value (json_object_get (role, "name"));
    }
  return NULL;
}

/* Grants to ROLE what it is a member of: the roles are all there by now. */
static bool
grant_memberships (DbConn *admin, const json_t *role, GError **error)
{
  const char *name = json_string_value (json_object_get (role, "name"));
  bool has_options = db_server_major (admin) >= 16;
  size_t i;
  json_t *membership;
  json_array_foreach (json_object_get (role, "member_of"), i, membership)
    {
      const char *group = json_string_value (json_object_get (membership, "role"));
      bool is_admin = json_is_true (json_object_get (membership, "admin"));
      if (name == NULL || group == NULL)
        continue;
      g_autofree char *quoted = db_quote_ident (name);
      g_autofree char *quoted_group = db_quote_ident (group);
      /* Since PostgreSQL 16 a member may be one without having the group's privileges. */
      g_autofree char *sql = g_strdup_printf (
          "GRANT %s TO %s%s%s", quoted_group, quoted, is_admin ? " WITH ADMIN OPTION" : "",
          !has_options || !json_is_false (json_object_get (membership, "inherit")) ? ""
          : is_admin ? ", INHERIT FALSE"
                     : " WITH INHERIT FALSE");
      if (!db_exec (admin, sql, error))
        return false;
    }
  return true;
}

/* Everything the backup's DDL names must be there: roles without passwords, tablespaces as folders
 * of the scratch cluster. */
static bool
make_roles_and_tablespaces (ScratchCluster *cluster, DbConn *admin, const BackupIndex *index,
                            GError **error)
{
  g_autoptr (GPtrArray) roles = NULL;
  g_autoptr (GPtrArray) tablespaces = NULL;
  if (!database_list_missing (admin, index->source, &roles, &tablespaces, error))
    return false;
  for (guint i = 0; i < roles->len; i++)
    {
      g_autofree char *sql = database_create_role_sql (index->source, roles->pdata[i]);
      if (!db_exec (admin, sql, error))
        return false;
    }
  size_t number;
  json_t *group, *role;
  json_array_foreach (json_object_get (index->source, "groups"), number, group)
    {
      g_autofree char *quoted
          = db_quote_ident (json_is_string (group) ? json_string_value (group) : "");
      g_autofree char *sql = g_strdup_printf ("CREATE ROLE %s", quoted);
      if (!db_exec (admin, sql, error))
        return false;
    }
  json_array_foreach (json_object_get (index->source, "roles"), number, role)
    {
      if (!grant_memberships (admin, role, error))
        return false;
    }
  for (guint i = 0; i < tablespaces->len; i++)
    {
      g_autofree char *folder = NULL;
      g_autofree char *name = g_strdup_printf ("tablespace-%u", i);
      if (!scratch_make_folder (cluster, name, &folder, error))
        return false;
      g_autofree char *quoted = db_quote_ident (tablespaces->pdata[i]);
      g_autofree char *location = db_quote_literal (folder);
      g_autofree char *sql = g_strdup_printf ("CREATE TABLESPACE %s LOCATION %s", quoted, location);
      if (!db_exec (admin, sql, error))
        return false;
    }
  return true;
}

bool
scratch_copy_start (const ScratchCopySpec *spec, const BackupIndex *index,
                    ScratchCluster **ret_cluster, DbConn **ret_admin, GError **error)
{
  g_autoptr (ScratchCluster) cluster = NULL;
  g_autoptr (DbConn) admin = NULL;
  ScratchSpec scratch = { .major = index->server_version / 10000,
                          .superuser = bootstrap_superuser (index),
                          .parent = spec->parent,
                          .worker_count = spec->worker_count,
                          .measures_wal = spec->measures_wal };
  if (!scratch_start (&scratch, &cluster, error))
    return false;
  g_autofree char *url = scratch_url (cluster, "postgres");
  if (!database_connect_admin (url, NULL, &admin, error)
      || !make_roles_and_tablespaces (cluster, admin, index, error))
    return false;
  *ret_cluster = g_steal_pointer (&cluster);
  *ret_admin = g_steal_pointer (&admin);
  return true;
}
