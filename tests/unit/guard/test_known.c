/* Which protected volumes there were, and what counts as their loss. */
#include "../project/fixture.h"
#include "base/clock.h"
#include "guard/known.h"

#include <string.h>

static Project *project;

static int
set_up (void **state)
{
  make_folder (state);
  project = open_project (*state, NULL);
  return 0;
}

static int
tear_down (void **state)
{
  g_clear_pointer (&project, project_free);
  return remove_folder (state);
}

/* A volume as the Engine tells of it; CREATED NULL: there is none. */
typedef struct
{
  const char *created;
  bool is_labelled, is_named;
  const char *postgres;
  bool is_unreadable;
} Look;

/* Looks once at a host whose only volume is "data". The losses as one text. */
static char *
look (const Look *now)
{
  GuardVolume volume = { .name = (char *) "data",
                         .created = (char *) now->created,
                         .is_labelled = now->is_labelled,
                         .is_named = now->is_named,
                         .postgres = (char *) now->postgres,
                         .is_readable = !now->is_unreadable };
  g_autoptr (GPtrArray) volumes = g_ptr_array_new ();
  g_autoptr (GuardKnown) known = NULL;
  g_autoptr (GError) error = NULL;
  if (now->created != NULL)
    g_ptr_array_add (volumes, &volume);
  bool is_read = guard_known_read (project, &known, &error);
  assert_no_error (error);
  assert_true (is_read);
  g_autoptr (GPtrArray) losses = guard_known_compare (known, volumes);
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < losses->len; i++)
    {
      const GuardLoss *loss = losses->pdata[i];
      assert_true (json_is_object (json_object_get (loss->evidence, "known")));
      g_string_append_printf (text, "%s%s %s", i > 0 ? "; " : "", loss->volume, loss->what);
    }
  bool is_written = guard_known_write (known, &error);
  assert_no_error (error);
  assert_true (is_written);
  return g_string_free (text, FALSE);
}

static void
assert_looks (const Look *now, const char *losses)
{
  g_autofree char *found = look (now);
  assert_string_equal (found, losses);
}

#define LABELLED                                                                                   \
  {                                                                                                \
    "t1", true, false, NULL, false                                                                 \
  }
#define GONE                                                                                       \
  {                                                                                                \
    NULL, false, false, NULL, false                                                                \
  }

/* What is seen one after the other, and what is told at the last. */
static void
test_losses (void **state)
{
  static const struct
  {
    const char *what;
    Look looks[3];
    int count;
    const char *losses;
  } rows[] = {
    { "nothing changes", { LABELLED, LABELLED }, 2, "" },
    { "the label goes",
      { LABELLED, { "t1", false, false, NULL, false } },
      2,
      "data is there without its label" },
    { "it goes", { LABELLED, GONE }, 2, "data is gone" },
    { "a loss is told once", { LABELLED, GONE, GONE }, 3, "" },
    { "another loss is told, too",
      { LABELLED, { "t1", false, false, NULL, false }, GONE },
      3,
      "data is gone" },
    { "it comes back", { LABELLED, GONE, LABELLED }, 3, "" },
    { "it is made anew with its label",
      { LABELLED, { "t2", true, false, NULL, false } },
      2,
      "data was deleted and made anew" },
    { "only a name protects it, and never a label",
      { { "t1", false, true, NULL, false }, { "t1", false, true, NULL, false } },
      2,
      "" },
    { "one that only a name protects goes",
      { { "t1", false, true, NULL, false }, GONE },
      2,
      "data is gone" },
    { "what nothing protects may go", { { "t1", false, false, NULL, false }, GONE }, 2, "" },
    { "its database goes",
      { { "t1", false, false, "17", false }, { "t1", false, false, NULL, false } },
      2,
      "data holds no database any more" },
    { "its database cannot be looked at any more",
      { { "t1", true, false, "17", false }, { "t1", true, false, NULL, true } },
      2,
      "" },
    { "and then is gone",
      { { "t1", true, false, "17", false },
        { "t1", true, false, NULL, true },
        { "t1", true, false, NULL, false } },
      3,
      "data holds no database any more" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = project_state_path (project, "volumes.json");
      (void) g_unlink (path);
      for (int j = 0; j < rows[i].count - 1; j++)
        g_free (look (&rows[i].looks[j]));
      g_autofree char *losses = look (&rows[i].looks[rows[i].count - 1]);
      if (strcmp (losses, rows[i].losses) != 0)
        fail_msg ("%s: “%s”, not “%s”", rows[i].what, losses, rows[i].losses);
    }
  (void) state;
}

/* In whatever order the deletion, the release and the looks come. */
static void
test_a_released_volume_may_go (void **state)
{
  (void) state;
  static const Look labelled = LABELLED, gone = GONE, anew = { "t2", true, false, NULL, false };
  assert_looks (&labelled, "");
  assert_true (guard_known_release (project, "data", NULL));
  assert_looks (&labelled, "");
  assert_looks (&gone, "");
  /* It is forgotten: a new one of the name is another one. */
  assert_looks (&anew, "");
  assert_looks (&gone, "data is gone");
  /* Deleted and made anew between two looks. */
  g_autofree char *path = project_state_path (project, "volumes.json");
  assert_int_equal (g_unlink (path), 0);
  assert_looks (&labelled, "");
  assert_true (guard_known_release (project, "data", NULL));
  assert_looks (&anew, "");
  assert_true (guard_known_release (project, "unknown", NULL));
}

static void
test_an_old_release_does_not_count (void **state)
{
  static const Look gone = GONE;
  write_file (*state, "pgkeel.yaml", "project: x\n");
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", NULL);
  assert_true (fs_make_folder (folder, 0755, NULL));
  g_autofree char *text = g_strdup_printf (
      "{\"version\": 1, \"volumes\": {\"data\": {\"created\": \"t1\", \"label\": true,"
      " \"postgres\": null, \"lost\": null, \"released\": %" G_GINT64_FORMAT "}}}",
      clock_now () - 3600);
  write_file (folder, "volumes.json", text);
  assert_looks (&gone, "data is gone");
}

static void
test_a_damaged_file_is_an_error (void **state)
{
  static const char *const texts[] = { "",
                                       "{",
                                       "[]",
                                       "{\"volumes\": []}",
                                       "{\"volumes\": {\"data\": 1}}",
                                       "{\"volumes\": {\"data\": {}}}" };
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", NULL);
  assert_true (fs_make_folder (folder, 0755, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      GuardKnown *known = NULL;
      g_autoptr (GError) error = NULL;
      write_file (folder, "volumes.json", texts[i]);
      assert_false (guard_known_read (project, &known, &error));
      assert_null (known);
      assert_true (keel_error_is (error, KEEL_ERROR_CORRUPT));
    }
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST (test_losses),
    TEST (test_a_released_volume_may_go),
    TEST (test_an_old_release_does_not_count),
    TEST (test_a_damaged_file_is_an_error),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
