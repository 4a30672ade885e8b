/* A folder of its own for each test, as cmocka's setup and teardown; *state is its path. */
#pragma once

#include "base/fs.h"
#include "testing.h"

#include <string.h>

static inline int
make_test_folder (void **state)
{
  char *folder = g_dir_make_tmp ("pgkeel-test-XXXXXX", NULL);
  assert_non_null (folder);
  *state = folder;
  return 0;
}

static inline int
remove_test_folder (void **state)
{
  assert_true (fs_remove_tree (*state, NULL));
  g_free (*state);
  return 0;
}

static inline void
put_file (const char *folder, const char *name, const void *data, size_t length)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  assert_true (g_file_set_contents (path, data, (gssize) length, NULL));
}

/* Caller frees. */
static inline char *
get_file (const char *folder, const char *name, size_t *ret_length)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *data = NULL;
  assert_true (g_file_get_contents (path, &data, ret_length, NULL));
  return data;
}

static inline int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names in FOLDER, hidden ones too, sorted and with a space between them; caller frees. */
static inline char *
list_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;
  assert_non_null (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static inline void
assert_files (const char *folder, const char *expected)
{
  g_autofree char *names = list_files (folder);
  assert_string_equal (names, expected);
}

/* The call must have failed: with this kind, and a message that contains TEXT. */
static inline void
assert_error (const GError *error, KeelErrorKind kind, const char *text)
{
  if (error == NULL)
    fail_msg ("no error where one was expected: %s", text);
  if (!keel_error_is (error, kind) || strstr (error->message, text) == NULL)
    fail_msg ("another error than “%s” (%d): %s (%d)", text, (int) kind, error->message,
              error->code);
}
