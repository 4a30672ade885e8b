/* A scratch server for the tests of one program, started once. */
#pragma once

#include "testing.h"

#include "base/cancel.h"
#include "base/fs.h"
#include "db/binaries.h"
#include "db/cluster.h"
#include "db/conn.h"

#include <glib/gstdio.h>

static ScratchCluster *scratch;
static char *scratch_parent;

static inline int
start_server (void **state)
{
  (void) state;
  g_autoptr (GError) error = NULL;
  int major = 0;
  cancel_install ();
  scratch_parent = g_dir_make_tmp ("pgkeel-test-XXXXXX", NULL);
  assert_non_null (scratch_parent);
  /* The server may run as another user than we. */
  assert_int_equal (g_chmod (scratch_parent, 0755), 0);
  g_autofree char *folder = binaries_find_server (0, &major, &error);
  assert_no_error (error);
  const ScratchSpec spec = { .major = major, .parent = scratch_parent, .worker_count = 4 };
  bool started = scratch_start (&spec, &scratch, &error);
  assert_no_error (error);
  return started ? 0 : -1;
}

static inline int
stop_server (void **state)
{
  (void) state;
  scratch_free (scratch);
  bool removed = fs_remove_tree (scratch_parent, NULL);
  g_free (scratch_parent);
  return removed ? 0 : -1;
}

static inline DbConn *
connect_to (const char *database)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *url = scratch_url (scratch, database);
  DbConn *conn = NULL;
  bool connected = db_connect (url, NULL, &db_retry_none, &conn, &error);
  assert_no_error (error);
  assert_true (connected);
  return conn;
}

static inline void
run (DbConn *conn, const char *sql)
{
  g_autoptr (GError) error = NULL;
  bool done = db_exec (conn, sql, &error);
  if (error != NULL)
    fail_msg ("%s: %s", sql, error->message);
  assert_true (done);
}

/* An empty database of that name, and a session in it. */
static inline DbConn *
make_database (const char *name)
{
  g_autoptr (DbConn) admin = connect_to ("postgres");
  g_autofree char *sql = g_strdup_printf ("CREATE DATABASE %s", name);
  run (admin, sql);
  return connect_to (name);
}
