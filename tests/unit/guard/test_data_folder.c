/* What is read from the files of real clusters, of two majors, is what their servers say. */
#include "../folder.h"
#include "../testing.h"
#include "base/cancel.h"
#include "base/digest.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/conn.h"
#include "guard/volume.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct
{
  int major;
  ScratchCluster *scratch;
  DbConn *conn;
} Server;

static char *parent;

static int
begin (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *tool
      = g_build_filename (g_getenv ("PGKEEL_SOURCE_ROOT"), "tools", "postgres-other", NULL);
  char *argv[] = { tool, NULL };
  int status = 1;
  cancel_install ();
  if (!g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, &status, &error)
      || status != 0)
    fail_msg ("%s: %s", tool, error != NULL ? error->message : "failed");
  g_setenv ("PGKEEL_PG_PATH", g_strchomp (output), TRUE);
  parent = g_dir_make_tmp ("pgkeel-test-XXXXXX", NULL);
  assert_int_equal (g_chmod (parent, 0755), 0);
  return 0;
}

static int
end (void **state)
{
  (void) state;
  bool removed = fs_remove_tree (parent, NULL);
  g_free (parent);
  return removed ? 0 : -1;
}

static void
run (const Server *server, const char *sql)
{
  g_autoptr (GError) error = NULL;
  if (!db_exec (server->conn, sql, &error))
    fail_msg ("%s: %s", sql, error->message);
}

/* Caller frees. */
static char *
ask (const Server *server, const char *sql)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  bool asked = db_query_text (server->conn, sql, 0, NULL, &text, &error);
  assert_no_error (error);
  assert_true (asked);
  return text;
}

/* The only one; what the server has in memory goes to disk first. */
static GPtrArray *
look (const Server *server)
{
  bool is_complete = false;
  run (server, "CHECKPOINT");
  GPtrArray *folders = guard_find_data_folders (scratch_folder (server->scratch), &is_complete);
  assert_true (is_complete);
  assert_int_equal (folders->len, 1);
  return folders;
}

/* "a b* c", sorted; * marks one in which nobody has put anything. Caller frees. */
static char *
names_of (const GuardDataFolder *folder)
{
  g_autoptr (GString) names = g_string_new (NULL);
  for (guint i = 0; folder->databases != NULL && i < folder->databases->len; i++)
    {
      const GuardDatabase *database = folder->databases->pdata[i];
      g_string_append_printf (names, "%s%s%s", i > 0 ? " " : "",
                              database->name != NULL ? database->name : "?",
                              database->is_pristine ? "*" : "");
    }
  return g_strdup (names->str);
}

static void
assert_names (const Server *server, const char *expected)
{
  g_autoptr (GPtrArray) folders = look (server);
  const GuardDataFolder *folder = folders->pdata[0];
  if (folder->problem != NULL)
    fail_msg ("PostgreSQL %d: %s", server->major, folder->problem);
  g_autofree char *names = names_of (folder);
  assert_string_equal (names, expected);
}

static void
check_control (const Server *server)
{
  g_autoptr (GPtrArray) folders = look (server);
  const GuardDataFolder *folder = folders->pdata[0];
  g_autofree char *major = g_strdup_printf ("%d", server->major);
  g_autofree char *told = ask (
      server, "SELECT system_identifier || ' ' || pg_control_version FROM pg_control_system()");
  g_autofree char *checkpoint
      = ask (server, "SELECT checkpoint_lsn - '0/0'::pg_lsn FROM pg_control_checkpoint()");
  assert_true (folder->has_control);
  g_autofree char *read
      = g_strdup_printf ("%" G_GUINT64_FORMAT " %u", folder->control.system_identifier,
                         folder->control.layout_version);
  g_autofree char *read_checkpoint
      = g_strdup_printf ("%" G_GUINT64_FORMAT, folder->control.checkpoint);
  assert_string_equal (folder->version, major);
  assert_string_equal (read, told);
  assert_string_equal (read_checkpoint, checkpoint);
  assert_false (folder->control.is_shut_down);
}

static void
check_databases (const Server *server)
{
  assert_names (server, "postgres* template0* template1*");
  run (server, "CREATE DATABASE shop");
  run (server, "CREATE DATABASE gone");
  run (server, "CREATE DATABASE old");
  run (server, "ALTER DATABASE old RENAME TO kept");
  run (server, "DROP DATABASE gone");
  run (server, "CREATE DATABASE \"Ödd name\"");
  assert_names (server, "kept postgres* shop template0* template1* Ödd name");
  /* The table gets another file. */
  run (server, "VACUUM FULL pg_database");
  assert_names (server, "kept postgres* shop template0* template1* Ödd name");
  run (server, "ALTER DATABASE shop RENAME TO shop_before");
  run (server, "ALTER DATABASE kept RENAME TO shop");
  assert_names (server, "postgres* shop shop_before template0* template1* Ödd name");
  run (server, "BEGIN");
  run (server, "ALTER DATABASE shop RENAME TO never");
  run (server, "ROLLBACK");
  assert_names (server, "postgres* shop shop_before template0* template1* Ödd name");
  run (server, "CREATE TABLE public.t (x int)");
  assert_names (server, "postgres shop shop_before template0* template1* Ödd name");
  run (server, "DROP TABLE public.t");
  assert_names (server, "postgres* shop shop_before template0* template1* Ödd name");
  run (server, "SELECT lo_from_bytea(0, 'x')");
  assert_names (server, "postgres shop shop_before template0* template1* Ödd name");
}

/* More rows than a page holds, many of them dead. */
static void
check_many (const Server *server)
{
  for (int i = 0; i < 60; i++)
    {
      g_autofree char *sql = g_strdup_printf ("ALTER DATABASE shop CONNECTION LIMIT %d", i);
      run (server, sql);
    }
  assert_names (server, "postgres shop shop_before template0* template1* Ödd name");
}

static void
with_server (int major, bool *ret_is_there)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bin = binaries_find_server (major, NULL, NULL);
  Server server = { .major = major };
  *ret_is_there = bin != NULL;
  if (bin == NULL)
    return;
  const ScratchSpec spec = { .major = major, .parent = parent, .worker_count = 2 };
  bool is_started = scratch_start (&spec, &server.scratch, &error);
  assert_no_error (error);
  assert_true (is_started);
  g_autofree char *url = scratch_url (server.scratch, "postgres");
  assert_true (db_connect (url, NULL, &db_retry_default, &server.conn, &error));
  check_control (&server);
  check_databases (&server);
  check_many (&server);
  db_conn_free (server.conn);
  scratch_free (server.scratch);
}

static void
test_real_clusters (void **state)
{
  (void) state;
  int count = 0;
  for (int major = 13; major <= 18; major++)
    {
      bool is_there;
      with_server (major, &is_there);
      count += is_there;
    }
  assert_true (count >= 2);
}

/* --- files that are not what they should be --------------------------------------------------- */

#define CHECKSUM_AT 288

/* A pg_control as a server writes it, of LENGTH bytes. */
static void
make_control (uint8_t *bytes, size_t length, uint32_t version)
{
  uint64_t identifier = UINT64_C (7512345678901234567), checkpoint = 0x1000028;
  int64_t changed = 1800000000;
  uint32_t shut_down = 1;
  memset (bytes, 0, length);
  memcpy (bytes, &identifier, sizeof identifier);
  memcpy (bytes + 8, &version, sizeof version);
  memcpy (bytes + 16, &shut_down, sizeof shut_down);
  memcpy (bytes + 24, &changed, sizeof changed);
  memcpy (bytes + 32, &checkpoint, sizeof checkpoint);
  uint32_t sum = crc32c_of (bytes, CHECKSUM_AT);
  memcpy (bytes + CHECKSUM_AT, &sum, sizeof sum);
}

static void
assert_no_control (const uint8_t *bytes, size_t length, const char *message)
{
  g_autoptr (GError) error = NULL;
  ControlFile control = { .system_identifier = 1 };
  assert_false (control_file_parse (bytes, length, &control, &error));
  assert_error (error, KEEL_ERROR_CORRUPT, message);
  assert_int_equal (control.system_identifier, 1);
}

static void
test_control (void **state)
{
  (void) state;
  uint8_t bytes[512];
  ControlFile control;
  make_control (bytes, sizeof bytes, 1300);
  assert_true (control_file_parse (bytes, sizeof bytes, &control, NULL));
  assert_true (control.system_identifier == UINT64_C (7512345678901234567));
  assert_true (control.is_shut_down);
  assert_true (control.changed == 1800000000 && control.checkpoint == 0x1000028);
  make_control (bytes, sizeof bytes, 1800);
  assert_true (control_file_parse (bytes, sizeof bytes, &control, NULL));

  assert_no_control (bytes, 0, "too short");
  assert_no_control (bytes, 43, "too short");
  assert_no_control (bytes, CHECKSUM_AT, "checksum of pg_control is wrong");
  make_control (bytes, sizeof bytes, 1201);
  assert_no_control (bytes, sizeof bytes, "layout that is not known (1201)");
  make_control (bytes, sizeof bytes, GUINT32_SWAP_LE_BE (1300));
  assert_no_control (bytes, sizeof bytes, "another byte order");
  memset (bytes, 0, sizeof bytes);
  assert_no_control (bytes, sizeof bytes, "layout that is not known (0)");
}

static void
test_control_damaged (void **state)
{
  (void) state;
  uint8_t bytes[512];
  make_control (bytes, sizeof bytes, 1300);
  for (size_t i = 0; i < CHECKSUM_AT + 4; i++)
    {
      ControlFile control;
      bytes[i] ^= 0x10;
      if (control_file_parse (bytes, sizeof bytes, &control, NULL))
        fail_msg ("a change of byte %zu is not seen", i);
      bytes[i] ^= 0x10;
    }
}

static void
test_known_sum (void **state)
{
  (void) state;
  assert_int_equal (crc32c_of ("123456789", 9), 0xe3069283);
  assert_int_equal (crc32c_of ("", 0), 0);
}

/* A data directory of which only PG_VERSION, and what KIND says, is there. */
static void
test_not_whole (void **state)
{
  bool is_complete = false;
  g_autofree char *data = g_build_filename (*state, "18", "docker", NULL);
  g_autofree char *global = g_build_filename (data, "global", NULL);
  assert_int_equal (g_mkdir_with_parents (global, 0700), 0);
  put_file (data, "PG_VERSION", "18\n", 3);
  g_autoptr (GPtrArray) bare = guard_find_data_folders (*state, &is_complete);
  assert_true (is_complete);
  assert_int_equal (bare->len, 1);
  const GuardDataFolder *folder = bare->pdata[0];
  assert_string_equal (folder->path, data);
  assert_string_equal (folder->version, "18");
  assert_false (folder->has_control);
  assert_string_equal (folder->problem, "there is no global/pg_control");

  uint8_t bytes[512];
  make_control (bytes, sizeof bytes, 1800);
  put_file (global, "pg_control", bytes, sizeof bytes);
  g_autoptr (GPtrArray) controlled = guard_find_data_folders (*state, &is_complete);
  folder = controlled->pdata[0];
  assert_true (folder->has_control);
  assert_null (folder->databases);
  assert_non_null (strstr (folder->problem, "cannot read global/pg_filenode.map"));

  put_file (global, "pg_filenode.map", bytes, sizeof bytes);
  g_autoptr (GPtrArray) mapped = guard_find_data_folders (*state, &is_complete);
  folder = mapped->pdata[0];
  assert_string_equal (folder->problem, "global/pg_filenode.map is damaged");

  /* Whoever can write in the volume must not lead us out of it. */
  g_autofree char *control = g_build_filename (global, "pg_control", NULL);
  assert_int_equal (g_unlink (control), 0);
  put_file (*state, "elsewhere", bytes, sizeof bytes);
  g_autofree char *elsewhere = g_build_filename (*state, "elsewhere", NULL);
  assert_int_equal (symlink (elsewhere, control), 0);
  g_autoptr (GPtrArray) linked = guard_find_data_folders (*state, &is_complete);
  folder = linked->pdata[0];
  assert_false (folder->has_control);
}

static void
test_several (void **state)
{
  bool is_complete = false;
  for (int major = 15; major <= 17; major++)
    {
      g_autofree char *name = g_strdup_printf ("%d", major);
      g_autofree char *data = g_build_filename (*state, name, "data", NULL);
      assert_int_equal (g_mkdir_with_parents (data, 0700), 0);
      put_file (data, "PG_VERSION", name, 2);
    }
  g_autoptr (GPtrArray) folders = guard_find_data_folders (*state, &is_complete);
  assert_true (is_complete);
  assert_int_equal (folders->len, 3);
  assert_string_equal (((const GuardDataFolder *) folders->pdata[0])->version, "15");
  assert_string_equal (((const GuardDataFolder *) folders->pdata[2])->version, "17");
  g_autoptr (GPtrArray) none = guard_find_data_folders ("/nowhere/at/all", &is_complete);
  assert_false (is_complete);
  assert_int_equal (none->len, 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown (test, make_test_folder, remove_test_folder)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_real_clusters),
    cmocka_unit_test (test_control),
    cmocka_unit_test (test_control_damaged),
    cmocka_unit_test (test_known_sum),
    IN_FOLDER (test_not_whole),
    IN_FOLDER (test_several),
  };
  return cmocka_run_group_tests (tests, begin, end);
}
