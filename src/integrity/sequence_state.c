#include "integrity/sequence_state.h"

#include "base/text.h"

#include <string.h>

static bool
read_one (DbConn *conn, const char *schema, const char *name, json_t **ret_state, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autofree char *quoted = db_quote_name (schema, name);
  g_autofree char *sql = g_strdup_printf ("SELECT last_value, is_called FROM %s", quoted);
  if (!db_query (conn, sql, 0, NULL, &result, error))
    return false;
  *ret_state = json_pack ("{s:I, s:b}", "last", (json_int_t) db_result_int64 (result, 0, 0),
                          "called", (int) db_result_bool (result, 0, 1));
  return true;
}

bool
sequence_state_read (DbConn *conn, json_t **ret_state, GError **error)
{
  static const char sql[]
      = "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c\n"
        "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
        " WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' AND n.nspname <> 'pgkeel'\n"
        /* The order of conditions is the planner's, and other relations are an error. */
        "   AND CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') END\n"
        " ORDER BY 1, 2";
  g_autoptr (DbResult) result = NULL;
  g_autoptr (json_t) all = json_array ();
  if (!db_query (conn, sql, 0, NULL, &result, error))
    return false;
  for (int row = 0; row < db_result_rows (result); row++)
    {
      const char *schema = db_result_text (result, row, 0);
      const char *name = db_result_text (result, row, 1);
      json_t *state;
      if (!read_one (conn, schema, name, &state, error))
        return false;
      json_array_append_new (
          all, json_pack ("{s:s, s:s, s:o}", "schema", schema, "name", name, "state", state));
    }
  *ret_state = g_steal_pointer (&all);
  return true;
}

static json_t *
find_state (json_t *all, const json_t *other)
{
  size_t i;
  json_t *one;
  json_array_foreach (all, i, one)
    if (json_equal (json_object_get (one, "schema"), json_object_get (other, "schema"))
        && json_equal (json_object_get (one, "name"), json_object_get (other, "name")))
      return json_object_get (one, "state");
  return NULL;
}

json_t *
sequence_state_changes (json_t *before, json_t *after)
{
  json_t *changes = json_array ();
  size_t i;
  json_t *now;
  json_array_foreach (after, i, now)
    {
      json_t *then = find_state (before, now);
      json_t *state = json_object_get (now, "state");
      if (then != NULL && !json_equal (then, state))
        json_array_append_new (changes, json_pack ("{s:O, s:O, s:O, s:O}", "schema",
                                                   json_object_get (now, "schema"), "name",
                                                   json_object_get (now, "name"), "before", then,
                                                   "after", state));
    }
  return changes;
}

static bool
move_back (DbConn *conn, const char *quoted, const json_t *state, GError **error)
{
  g_autofree char *last = g_strdup_printf ("%" JSON_INTEGER_FORMAT,
                                           json_integer_value (json_object_get (state, "last")));
  const char *parameters[]
      = { quoted, last, json_is_true (json_object_get (state, "called")) ? "true" : "false" };
  g_autofree char *done = NULL;
  return db_query_text (
      conn, "SELECT pg_catalog.setval($1::pg_catalog.regclass, $2::bigint, $3::boolean)::text", 3,
      parameters, &done, error);
}

bool
sequence_state_restore (DbConn *conn, json_t *changes, GPtrArray *skipped, int64_t *ret_count,
                        GError **error)
{
  size_t i;
  json_t *change;
  int64_t count = 0;
  json_array_foreach (changes, i, change)
    {
      const char *schema = json_string_value (json_object_get (change, "schema"));
      const char *name = json_string_value (json_object_get (change, "name"));
      g_autofree char *quoted = db_quote_name (schema, name);
      g_autoptr (json_t) state = NULL;
      if (!read_one (conn, schema, name, &state, error))
        return false;
      if (json_equal (state, json_object_get (change, "after")))
        {
          if (!move_back (conn, quoted, json_object_get (change, "before"), error))
            return false;
          count++;
        }
      else if (skipped != NULL)
        g_ptr_array_add (skipped, g_strdup_printf ("%s.%s", schema, name));
    }
  *ret_count = count;
  return true;
}
