#include "integrity/query_check.h"

#include "db/schema.h"

enum
{
  COLUMN_OBJECT,
  COLUMN_MESSAGE,
  COLUMN_SEVERITY,
  COLUMN_FIX,
  COLUMN_QUERY,
  COLUMN_UNKNOWN,
};

static char *
copy_text (const DbResult *result, int row, int column)
{
  return db_result_is_null (result, row, column) ? NULL
                                                 : g_strdup (db_result_text (result, row, column));
}

static void
add_finding (CheckContext *context, const Check *check, const DbResult *result, int row)
{
  const QueryCheck *query = check->data;
  Finding *finding = finding_new (check, db_result_text (result, row, COLUMN_OBJECT), "%s",
                                  db_result_text (result, row, COLUMN_MESSAGE));
  if (!db_result_is_null (result, row, COLUMN_SEVERITY)
      && !check_severity_parse (db_result_text (result, row, COLUMN_SEVERITY), &finding->severity))
    g_assert_not_reached ();
  finding->fix = copy_text (result, row, COLUMN_FIX);
  finding->query = copy_text (result, row, COLUMN_QUERY);
  finding->fix_is_safe = finding->fix != NULL && query->fix_is_safe;
  check_found (context, finding);
}

bool
query_check_run (CheckContext *context, const Check *check, GError **error)
{
  const QueryCheck *query = check->data;
  g_autoptr (DbResult) result = NULL;
  g_autofree char *sql = db_schema_query_for (query->sql, check_server_major (context));
  int parameter_count = 0;
  int64_t covered = 0;
  while (query->parameters[parameter_count] != NULL)
    parameter_count++;
  if (!check_query (context, sql, parameter_count, query->parameters, &result, error))
    return false;
  int count = db_result_rows (result);
  check_expect (context, check, query->noun, count);
  for (int row = 0; row < count; row++)
    {
      if (!db_result_is_null (result, row, COLUMN_UNKNOWN))
        {
          check_unknown (context, check, db_result_text (result, row, COLUMN_OBJECT), "%s",
                         db_result_text (result, row, COLUMN_UNKNOWN));
          continue;
        }
      covered++;
      if (!db_result_is_null (result, row, COLUMN_MESSAGE))
        add_finding (context, check, result, row);
    }
  check_covered (context, check, covered, 0);
  return true;
}
