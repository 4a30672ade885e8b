/* A project's folder with migrations in it. */
#pragma once

#include "../folder.h"
#include "migrate/layout.h"

/* Writes TEXT to NAME below FOLDER, whose parents are made. */
static inline void
put (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  assert_int_equal (g_mkdir_with_parents (parent, 0755), 0);
  assert_true (g_file_set_contents (path, text, -1, NULL));
}

static inline MigrationSet *
read_set (const char *root, const char *folder, const char *layout)
{
  MigrationSet *set = NULL;
  g_autoptr (GError) error = NULL;
  bool is_read = migration_set_read (root, folder, layout, &set, &error);
  assert_no_error (error);
  assert_true (is_read);
  return set;
}

/* "version:name version:name ..." of the set; caller frees. */
static inline char *
list_versions (const MigrationSet *set)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      g_string_append_printf (text, "%s%s:%s", i > 0 ? " " : "", migration->version,
                              migration->name);
    }
  return g_string_free (text, FALSE);
}

static inline void
assert_versions (const MigrationSet *set, const char *expected)
{
  g_autofree char *versions = list_versions (set);
  assert_string_equal (versions, expected);
}

/* All warnings, a line each, must be exactly EXPECTED. */
static inline void
assert_warnings (const MigrationSet *set, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < set->warnings->len; i++)
    g_string_append_printf (text, "%s\n", (const char *) set->warnings->pdata[i]);
  assert_string_equal (text->str, expected);
}

static inline void
assert_set_refused (const char *root, const char *folder, const char *layout, KeelErrorKind kind,
                    const char *message, const char *hint)
{
  MigrationSet *set = NULL;
  g_autoptr (GError) error = NULL;
  assert_false (migration_set_read (root, folder, layout, &set, &error));
  assert_null (set);
  assert_non_null (error);
  assert_string_equal (error->message, message);
  assert_true (keel_error_is (error, kind));
  if (hint != NULL)
    assert_string_equal (keel_error_hint (error), hint);
}
