#include "deploy/constraints.h"

#include <string.h>

void
constraint_check_clear (ConstraintCheck *check)
{
  g_clear_pointer (&check->broken, g_hash_table_unref);
  g_clear_pointer (&check->not_valid, g_ptr_array_unref);
}

/* A foreign key's copies on partitions are checked with it; a check of a partitioned table is checked
 * on each partition, which has its own. Constraints that are not enforced promise nothing. */
static const char list_sql[]
    = "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, r.relname), c.conname, c.convalidated\n"
      "  FROM pg_catalog.pg_constraint c\n"
      "  JOIN pg_catalog.pg_class r ON r.oid = c.conrelid\n"
      "  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace\n"
      " WHERE c.oid >= 16384 AND n.nspname <> 'pgkeel'\n"
      "   AND (c.contype = 'f' AND c.conparentid = 0 OR c.contype = 'c' AND r.relkind = 'r')\n"
      "   AND coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true)\n"
      " ORDER BY 2, 3";

/* True when the server could look, whatever it found. */
static bool
validate (DbConn *conn, const char *oid, const char *table, const char *name, char **ret_problem,
          GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree char *quoted = db_quote_ident (name);
  g_autofree char *sql = g_strdup_printf (
      "BEGIN;\n"
      "UPDATE pg_catalog.pg_constraint SET convalidated = false WHERE oid = %s;\n"
      "ALTER TABLE %s VALIDATE CONSTRAINT %s",
      oid, table, quoted);
  bool holds = db_exec (conn, sql, &problem);
  bool usable = db_rollback (conn);
  const char *code = keel_error_sqlstate (problem);
  *ret_problem = NULL;
  if (holds && usable)
    return true;
  /* Class 23: integrity constraint violation. */
  if (problem == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "the session did not come back");
  if (!usable || code == NULL || !g_str_has_prefix (code, "23"))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "validating %s of %s", name, table);
    }
  const char *detail = keel_error_detail (problem);
  *ret_problem = detail != NULL ? g_strdup_printf ("%s (%s)", problem->message, detail)
                                : g_strdup (problem->message);
  return true;
}

bool
constraint_check_run (DbConn *conn, ConstraintCheck *ret_check, GError **error)
{
  g_autoptr (DbResult) list = NULL;
  g_auto (ConstraintCheck) check
      = { .broken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
          .not_valid = g_ptr_array_new_with_free_func (g_free) };
  if (!db_query (conn, list_sql, 0, NULL, &list, error))
    return false;
  check.total = (guint) db_result_rows (list);
  for (int row = 0; row < db_result_rows (list); row++)
    {
      const char *table = db_result_text (list, row, 1);
      const char *name = db_result_text (list, row, 2);
      char *problem;
      if (!validate (conn, db_result_text (list, row, 0), table, name, &problem, error))
        return false;
      g_autofree char *label = g_strdup_printf ("%s of %s", name, table);
      if (!db_result_bool (list, row, 3))
        g_ptr_array_add (check.not_valid, g_strdup (label));
      if (problem != NULL)
        g_hash_table_insert (check.broken, g_steal_pointer (&label), problem);
    }
  *ret_check = check;
  check = (ConstraintCheck){ 0 };
  return true;
}
