/* A project in a folder of its own, and no variable of the developer's in the way. */
#pragma once

#include "../testing.h"
#include "base/fs.h"
#include "project/project.h"

#include <glib/gstdio.h>

static inline void
clear_environment (void)
{
  static const char *const names[]
      = { "PGKEEL_ENV", "LEDGER_ENV", "NODE_ENV", "DATABASE_URL", "BACKUP_DIR" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    g_unsetenv (names[i]);
}

static inline int
make_folder (void **state)
{
  clear_environment ();
  char *folder = g_dir_make_tmp ("pgkeel-test-XXXXXX", NULL);
  assert_non_null (folder);
  *state = folder;
  return 0;
}

static inline int
remove_folder (void **state)
{
  assert_true (fs_remove_tree (*state, NULL));
  g_free (*state);
  return 0;
}

static inline void
write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  assert_true (g_file_set_contents (path, text, -1, NULL));
}

static inline Project *
open_project (const char *folder, const char *environment)
{
  Project *project = NULL;
  g_autoptr (GError) error = NULL;
  bool opened = project_open (folder, environment, &project, &error);
  assert_no_error (error);
  assert_true (opened);
  return project;
}

/* Opening must fail as a configuration error with exactly this text. */
static inline void
assert_refused (const char *folder, const char *environment, const char *message, const char *hint)
{
  Project *project = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (project_open (folder, environment, &project, &error));
  assert_null (project);
  assert_non_null (error);
  assert_string_equal (error->message, message);
  assert_true (keel_error_is (error, KEEL_ERROR_CONFIG));
  assert_int_equal (keel_error_exit_code (error), 2);
  if (hint != NULL)
    assert_string_equal (keel_error_hint (error), hint);
}
