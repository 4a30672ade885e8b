/* Tables and indexes read page by page, with the extension amcheck. */
#include "integrity/checks.h"

#include <string.h>

#define HINT                                                                                       \
  "needs the extension amcheck (CREATE EXTENSION amcheck, or “pgkeel integrity check --amcheck”)"

/* What the server says of pages that cannot be right, as against refusals and timeouts. */
static bool
is_damage (const GError *error)
{
  const char *state = keel_error_sqlstate (error);
  return g_strcmp0 (state, "XX000") == 0 || g_strcmp0 (state, "XX001") == 0
         || g_strcmp0 (state, "XX002") == 0 || g_strcmp0 (state, "58P01") == 0
         || g_strcmp0 (state, "58030") == 0;
}

/* The quoted schema of the extension; *RET_SCHEMA is NULL without it. */
static bool
find_amcheck (CheckContext *context, char **ret_schema, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!check_query (context,
                    "SELECT quote_ident(n.nspname) FROM pg_extension e\n"
                    "  JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'",
                    0, NULL, &result, error))
    return false;
  *ret_schema = db_result_rows (result) > 0 ? g_strdup (db_result_text (result, 0, 0)) : NULL;
  return true;
}

typedef struct
{
  char *sql;    /* returns a row per fault, or raises it */
  char *object; /* for people */
  char *advice; /* the fix; NULL: none */
  double rows;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;
  g_free (job->sql);
  g_free (job->object);
  g_free (job->advice);
  g_free (job);
}

static void
add_damage (CheckContext *context, const Check *check, const Job *job, const char *words)
{
  g_autofree char *line = g_strdup (words);
  g_strdelimit (line, "\r\n", ' ');
  Finding *finding = finding_new (check, job->object, "%s", line);
  finding->query = g_strdup (job->sql);
  finding->fix = g_strdup (job->advice);
  check_found (context, finding);
}

static bool
look_at (CheckContext *context, const Check *check, void *data, GError **error)
{
  const Job *job = data;
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GError) problem = NULL;
  if (check_query (context, job->sql, 0, NULL, &result, &problem))
    {
      int count = db_result_rows (result);
      for (int row = 0; row < count && !db_result_is_null (result, row, 0); row++)
        if (*db_result_text (result, row, 0) != '\0')
          {
            g_autofree char *words
                = count > 1 ? g_strdup_printf ("%s; and %d faults more",
                                               db_result_text (result, row, 0), count - 1)
                            : g_strdup (db_result_text (result, row, 0));
            add_damage (context, check, job, words);
            break;
          }
      return true;
    }
  if (is_damage (problem))
    {
      add_damage (context, check, job, problem->message);
      return true;
    }
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* LIST returns object, statement, rows and, if it can be put right, the fix, with SCHEMA_NAME to stand for
 * the extension's schema. */
static bool
put_off (CheckContext *context, const Check *check, const char *noun, const char *list,
         const char *schema, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  const char *parameters[] = { schema };
  if (!check_query (context, list, 1, parameters, &result, error))
    return false;
  int count = db_result_rows (result);
  check_expect (context, check, noun, count);
  for (int row = 0; row < count; row++)
    {
      Job *job = g_new0 (Job, 1);
      job->object = g_strdup (db_result_text (result, row, 0));
      job->sql = g_strdup (db_result_text (result, row, 1));
      job->rows = (double) db_result_int64 (result, row, 2);
      job->advice
          = db_result_is_null (result, row, 3) ? NULL : g_strdup (db_result_text (result, row, 3));
      check_later (context, check, job->object, MAX (job->rows, 1), look_at, job, job_free);
    }
  return true;
}

/* Every B-tree, those of the catalogues too. With all the rows looked up in it (heapallindexed); a
 * unique one for duplicates too, where this version can (17). */
static const char btree_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       format('SELECT %s.bt_index_check(index => %s%s%s)', $1::text, c.oid,\n"
      "              CASE WHEN t.relkind IN ('r', 'm', 't') THEN ', heapallindexed => true' ELSE '' END,\n"
      "              CASE WHEN current_setting('server_version_num')::int >= 170000 AND i.indisunique\n"
      "                     AND (SELECT count(*) FROM pg_proc p WHERE p.proname = 'bt_index_check'"
      " AND p.pronargs = 3) > 0\n"
      "                   THEN ', checkunique => true' ELSE '' END),\n"
      "       greatest(c.reltuples, 0)::bigint,\n"
      "       format('REINDEX INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)\n"
      "  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid\n"
      "  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam\n"
      " WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisvalid AND i.indisready\n"
      "   AND c.relpersistence = 'p'";

static bool
run_btree (CheckContext *context, const Check *check, GError **error)
{
  g_autofree char *schema = NULL;
  if (!find_amcheck (context, &schema, error))
    return false;
  if (schema == NULL)
    {
      check_expect (context, check, "indexes page by page", 1);
      check_unknown (context, check, "B-tree indexes", HINT);
      return true;
    }
  return put_off (context, check, "indexes page by page", btree_sql, schema, error);
}

static const char heap_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       format($q$SELECT format('block %%s%%s: %%s', blkno, ', item ' || offnum, msg)"
      " FROM %s.verify_heapam(relation => %s, check_toast => true, skip => 'none')$q$, $1::text, c.oid),\n"
      "       greatest(c.reltuples, 0)::bigint, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence = 'p'";

/* PostgreSQL 13 has nothing that verifies tables; every row is at least read, with what is stored
 * outside of it. */
static const char heap_read_sql[]
    = "SELECT format('%I.%I', n.nspname, c.relname),\n"
      "       format('SELECT NULL::text FROM (SELECT sum(length(t::text)) FROM ONLY %I.%I t) x'\n"
      "              || coalesce($1::text, ''), n.nspname, c.relname),\n"
      "       greatest(c.reltuples, 0)::bigint, NULL\n"
      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
      " WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname !~ '^pg_'";

static bool
run_heap (CheckContext *context, const Check *check, GError **error)
{
  g_autofree char *schema = NULL;
  if (check_server_major (context) < 14)
    return put_off (context, check, "tables page by page", heap_read_sql, NULL, error);
  if (!find_amcheck (context, &schema, error))
    return false;
  if (schema == NULL)
    {
      check_expect (context, check, "tables page by page", 1);
      check_unknown (context, check, "tables", HINT);
      return true;
    }
  return put_off (context, check, "tables page by page", heap_sql, schema, error);
}

const Check checks_amcheck[] = {
  { .id = "heap-corrupt",
    .severity = CHECK_SEVERITY_CRITICAL,
    .category = CHECK_CATEGORY_PHYSICAL,
    .title = "Tables whose pages contradict themselves",
    .why = "Rows are lost or wrong, and reading them may end the session.",
    .advice = "Keep a copy of the data folder, then restore the table from a proven backup.",
    .run = run_heap },
  { .id = "btree-corrupt",
    .severity = CHECK_SEVERITY_CRITICAL,
    .category = CHECK_CATEGORY_PHYSICAL,
    .title = "Indexes that do not say what their tables hold",
    .why = "Queries miss rows, and a unique index lets duplicates in.",
    .advice = "REINDEX it, after finding out why: a changed C library, or a damaged disk.",
    .run = run_btree },
  { 0 },
};
