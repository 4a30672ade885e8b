/* Checks whose thresholds no test can wait for: the same queries with lower ones, on a real server. */
#include "../testing.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "integrity/checks.h"
#include "integrity/query_check.h"
#include "integrity/run.h"

#include <string.h>

static ScratchCluster *scratch;
static char *url;

typedef struct
{
  const char *id;
  const char *parameters[3];
  const char *object; /* the beginning of what must be found */
} Lowered;

static const Lowered lowered[] = {
  { "wraparound-xid", { "0", "1500000000" }, "database postgres" },
  { "wraparound-multixact", { "-1", "1500000000" }, "database postgres" },
  { "idle-in-transaction", { "0" }, "session " },
  { "index-missing", { "100", "100", "1" }, "public.scanned" },
  { "index-unused", { "-1", "0" }, "public.scanned_unused" },
  { "statistics-stale", { "10", "0.5" }, "public.changed" },
  { "dead-rows", { "10", "0.2" }, "public.changed" },
  { "table-bloat", { "8192", "0.5" }, "public.bloated" },
  { "index-bloat", { "8192", "0.5" }, "public.bloated_pkey" },
};

static void
run_sql (DbConn *conn, const char *sql)
{
  g_autoptr (GError) error = NULL;
  if (!db_exec (conn, sql, &error))
    fail_msg ("%s: %s", error->message, sql);
}

static void
make_state (DbConn *conn)
{
  run_sql (
      conn,
      "CREATE TABLE public.scanned (id int, a int); CREATE INDEX scanned_unused ON public.scanned (a);"
      "INSERT INTO public.scanned SELECT i, i FROM generate_series(1, 1000) i;"
      "CREATE TABLE public.changed (id int PRIMARY KEY, t text);"
      "INSERT INTO public.changed SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i");
  run_sql (conn, "VACUUM ANALYZE");
  for (int i = 0; i < 3; i++)
    run_sql (conn, "SELECT count(*) FROM public.scanned WHERE id = 5");
  run_sql (conn,
           "DELETE FROM public.changed WHERE id % 10 <> 0;"
           "CREATE TABLE public.bloated (id int PRIMARY KEY, t text);"
           "INSERT INTO public.bloated SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i;"
           "DELETE FROM public.bloated WHERE id % 10 <> 0");
  run_sql (conn, "ANALYZE public.bloated");
}

/* The statistics of another session come when it ends. */
static IntegrityRun *
run_lowered (const Lowered *case_, Check *check, QueryCheck *query)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) own = g_ptr_array_new ();
  const char *const ids[] = { "lowered", NULL };
  const Check *original = integrity_check_find (case_->id);
  IntegrityRun *run = NULL;
  assert_non_null (original);
  *check = *original;
  *query = *(const QueryCheck *) original->data;
  for (int i = 0; i < 3; i++)
    query->parameters[i] = case_->parameters[i];
  check->id = "lowered";
  check->data = query;
  g_ptr_array_add (own, check);
  IntegrityOptions options = { .ids = ids, .own_checks = own, .jobs = 1 };
  if (!integrity_run (url, &options, NULL, &run, &error))
    fail_msg ("%s: %s", case_->id, error->message);
  return run;
}

static bool
is_found (const IntegrityRun *run, const char *object)
{
  for (guint i = 0; i < run->findings->len; i++)
    if (g_str_has_prefix (((const Finding *) run->findings->pdata[i])->object, object))
      return true;
  return false;
}

/* As shipped none of them finds anything here; lowered, each does. */
static void
test_all (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DbConn) idle = NULL;
  DbConn *conn = NULL;
  (void) state;
  assert_true (db_connect (url, NULL, &db_retry_default, &conn, &error));
  make_state (conn);
  db_conn_free (conn);
  assert_true (db_connect (url, NULL, &db_retry_default, &idle, &error));
  run_sql (idle, "SET application_name = 'shop'; BEGIN; SELECT 1");
  for (size_t i = 0; i < G_N_ELEMENTS (lowered); i++)
    {
      QueryCheck query;
      Check check;
      const char *const ids[] = { lowered[i].id, NULL };
      IntegrityOptions options = { .ids = ids, .jobs = 1 };
      g_autoptr (IntegrityRun) shipped = NULL;
      g_autoptr (IntegrityRun) run = run_lowered (&lowered[i], &check, &query);
      if (!is_found (run, lowered[i].object))
        fail_msg ("%s does not find %s among %u findings", lowered[i].id, lowered[i].object,
                  run->findings->len);
      assert_false (integrity_run_has_unknown (run));
      assert_true (integrity_run (url, &options, NULL, &shipped, &error));
      assert_int_equal (shipped->findings->len, 0);
      assert_false (integrity_run_has_unknown (shipped));
    }
  run_sql (idle, "ROLLBACK");
}

static int
start (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  ScratchSpec spec = { .worker_count = 4 };
  for (int major = 13; major <= 18 && spec.major == 0; major++)
    {
      g_autofree char *bin = binaries_find_server (major, NULL, NULL);
      if (bin != NULL)
        spec.major = major;
    }
  if (!scratch_start (&spec, &scratch, &error))
    fail_msg ("%s", error->message);
  url = scratch_url (scratch, "postgres");
  return 0;
}

static int
stop (void **state)
{
  (void) state;
  g_free (url);
  scratch_free (scratch);
  return 0;
}

int
main (void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test (test_all) };
  return cmocka_run_group_tests (tests, start, stop);
}
