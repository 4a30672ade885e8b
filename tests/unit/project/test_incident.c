/* Incidents: what is kept, what counts as open, and what a crash or a lost file leaves. */
#include "base/clock.h"
#include "base/text.h"
#include "fixture.h"
#include "project/audit.h"
#include "project/incident.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static Project *project;

static int
set_up (void **state)
{
  make_folder (state);
  g_unsetenv (INCIDENT_VARIABLE);
  project = open_project (*state, NULL);
  return 0;
}

static int
tear_down (void **state)
{
  g_clear_pointer (&project, project_free);
  return remove_folder (state);
}

static char *
open_one (IncidentKind kind, const char *subject, bool *ret_is_new)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) evidence = json_pack ("{s:i}", "bytes", 0);
  const IncidentSpec spec = { kind, subject, "something happened", evidence };
  char *id = NULL;
  bool opened = incident_open (project, &spec, &id, ret_is_new, &error);
  assert_no_error (error);
  assert_true (opened);
  assert_non_null (id);
  return id;
}

static void
assert_stopped (const char *message_part)
{
  g_autoptr (GError) error = NULL;
  assert_false (incident_check_none (project, "restore", &error));
  assert_true (keel_error_is (error, KEEL_ERROR_REFUSED));
  if (strstr (error->message, message_part) == NULL)
    fail_msg ("“%s” does not say “%s”", error->message, message_part);
  assert_non_null (keel_error_hint (error));
}

static void
assert_not_stopped (void)
{
  g_autoptr (GError) error = NULL;
  bool passed = incident_check_none (project, "restore", &error);
  assert_no_error (error);
  assert_true (passed);
}

static void
close_one (const char *id)
{
  g_autoptr (GError) error = NULL;
  bool closed = incident_close (project, id, "looked at it, it was a test", &error);
  assert_no_error (error);
  assert_true (closed);
}

static Incident *
read_one (const char *id)
{
  g_autoptr (GError) error = NULL;
  Incident *incident = NULL;
  bool is_read = incident_read (project, id, &incident, &error);
  assert_no_error (error);
  assert_true (is_read);
  return incident;
}

static size_t
count_audit (const char *action)
{
  const AuditFilter filter = { .action = action };
  g_autoptr (GPtrArray) entries = NULL;
  assert_true (audit_read (project, &filter, &entries, NULL));
  return entries->len;
}

static void
test_open_stops_and_close_lets_go (void **state)
{
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", NULL);
  bool is_new;
  assert_not_stopped ();
  /* Looking where nothing ever happened leaves nothing behind. */
  assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
  g_autofree char *id = open_one (INCIDENT_EMPTY_BACKUP, "x.sql.gz", &is_new);
  assert_true (is_new);
  assert_true (g_str_has_suffix (id, "-1"));
  g_autofree char *message
      = g_strdup_printf ("refused: restore, while the incident %s is open", id);
  assert_stopped (message);
  close_one (id);
  assert_not_stopped ();
  g_autoptr (Incident) incident = read_one (id);
  assert_false (incident->is_open);
  assert_string_equal (incident->reason, "looked at it, it was a test");
  assert_string_equal (incident->kind, "empty-backup");
  assert_string_equal (incident->subject, "x.sql.gz");
  assert_string_equal (incident->environment, "development");
  json_t *timeline = json_object_get (incident->document, "timeline");
  assert_int_equal (json_array_size (timeline), 2);
  json_t *who = json_object_get (json_array_get (timeline, 0), "who");
  assert_string_equal (json_string_value (json_object_get (who, "user")), g_get_user_name ());
  assert_int_equal (count_audit ("incident open"), 1);
  assert_int_equal (count_audit ("incident close"), 2);
  struct stat info;
  g_autofree char *path = incident_path (project, id);
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
}

static void
test_the_same_again_is_added (void **state)
{
  (void) state;
  bool is_new;
  g_autofree char *id = open_one (INCIDENT_FAILED_PROOF, "a", &is_new);
  g_autofree char *again = open_one (INCIDENT_FAILED_PROOF, "a", &is_new);
  assert_false (is_new);
  assert_string_equal (id, again);
  g_autofree char *other = open_one (INCIDENT_FAILED_PROOF, "b", &is_new);
  assert_true (is_new);
  assert_string_not_equal (id, other);
  g_autofree char *kind = open_one (INCIDENT_EMPTY_BACKUP, "a", &is_new);
  assert_true (is_new);
  g_autoptr (Incident) incident = read_one (id);
  assert_int_equal (incident->event_count, 2);
  close_one (id);
  assert_stopped (other);
  /* Closed is closed: the next is another one, and its number is new. */
  g_autofree char *later = open_one (INCIDENT_FAILED_PROOF, "a", &is_new);
  assert_true (is_new);
  assert_string_not_equal (id, later);
}

static void
test_another_environment_goes_on (void **state)
{
  write_file (
      *state, "pgkeel.yaml",
      "project: x\nenvironments:\n  development: {local: true}\n  staging: {local: true}\n");
  g_autoptr (Project) staging = open_project (*state, "staging");
  const IncidentSpec spec = { INCIDENT_MANUAL, "db", "look", NULL };
  g_autofree char *id = NULL;
  assert_true (incident_open (staging, &spec, &id, NULL, NULL));
  assert_not_stopped ();
  g_autoptr (GError) error = NULL;
  assert_false (incident_check_none (staging, "restore", &error));
  g_autoptr (GError) wrong = NULL;
  assert_false (incident_close (project, id, "not mine to close", &wrong));
  assert_true (keel_error_is (wrong, KEEL_ERROR_USAGE));
  assert_string_equal (keel_error_hint (wrong), "Give -e staging.");
}

static void
test_who_names_it_goes_on_and_is_remembered (void **state)
{
  (void) state;
  g_autofree char *one = open_one (INCIDENT_FAILED_PROOF, "a", NULL);
  g_autofree char *two = open_one (INCIDENT_FAILED_PROOF, "b", NULL);
  g_setenv (INCIDENT_VARIABLE, one, TRUE);
  assert_stopped ("and 1 more");
  g_autofree char *both = g_strconcat (one, ",", two, NULL);
  g_setenv (INCIDENT_VARIABLE, both, TRUE);
  assert_not_stopped ();
  g_setenv (INCIDENT_VARIABLE, "1", TRUE);
  assert_stopped ("and 1 more");
  g_unsetenv (INCIDENT_VARIABLE);
  g_autoptr (Incident) incident = read_one (two);
  json_t *timeline = json_object_get (incident->document, "timeline");
  json_t *event = json_array_get (timeline, json_array_size (timeline) - 1);
  assert_string_equal (json_string_value (json_object_get (event, "event")), "proceeded");
  assert_string_equal (json_string_value (json_object_get (event, "summary")), "restore");
  assert_int_equal (count_audit ("incident proceed"), 2);
}

/* Each way in which a file can be lost leaves the incident open, and closable. */
static void
test_what_cannot_be_read_is_open (void **state)
{
  static const char *const contents[]
      = { NULL, "", "{", "[]", "{\"id\": \"x\"}", "{\"state\": \"closed\"}" };
  (void) state;
  for (size_t i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autofree char *id = open_one (INCIDENT_LOST_LABEL, "pgdata", NULL);
      g_autofree char *path = incident_path (project, id);
      if (contents[i] == NULL)
        assert_int_equal (g_remove (path), 0);
      else
        assert_true (g_file_set_contents (path, contents[i], -1, NULL));
      assert_stopped (contents[i] == NULL ? "its file is gone" : "its file is damaged");
      g_autoptr (Incident) incident = read_one (id);
      assert_true (incident->is_open);
      /* The index still knows what it was. */
      assert_string_equal (incident->subject, "pgdata");
      assert_string_equal (incident->kind, "lost-label");
      /* What happens meanwhile is not lost in it. */
      bool is_new;
      g_autofree char *next = open_one (INCIDENT_LOST_LABEL, "pgdata", &is_new);
      assert_true (is_new);
      close_one (next);
      assert_stopped (id);
      close_one (id);
      assert_not_stopped ();
      g_autofree char *damaged = g_strconcat (path, ".damaged", NULL);
      assert_int_equal (g_file_test (damaged, G_FILE_TEST_EXISTS), contents[i] != NULL);
    }
}

static void
test_the_audit_log_remembers_a_folder_that_is_gone (void **state)
{
  g_autofree char *open = open_one (INCIDENT_FAILED_PROOF, "a", NULL);
  g_autofree char *closed = open_one (INCIDENT_FAILED_PROOF, "b", NULL);
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", "incidents", NULL);
  close_one (closed);
  assert_true (fs_remove_tree (folder, NULL));
  for (int i = 0; i < 2; i++)
    {
      assert_stopped ("its file is gone");
      g_autoptr (GPtrArray) incidents = NULL;
      assert_true (incident_list (project, false, &incidents, NULL));
      assert_int_equal (incidents->len, 1);
      const Incident *incident = incidents->pdata[0];
      assert_string_equal (incident->id, open);
      assert_string_equal (incident->subject, "a");
    }
  close_one (open);
  assert_not_stopped ();
  g_autofree char *next = open_one (INCIDENT_FAILED_PROOF, "a", NULL);
  assert_string_not_equal (next, open);
}

static void
test_a_damaged_index_is_made_again (void **state)
{
  g_autofree char *id = open_one (INCIDENT_FAILED_PROOF, "a", NULL);
  g_autofree char *index = g_build_filename (*state, ".pgkeel", "incidents", "index.json", NULL);
  g_autofree char *log = g_build_filename (*state, ".pgkeel", "audit.jsonl", NULL);
  static const char *const contents[]
      = { "", "{}", "{\"open\": [{}]}", "{\"open\": [{\"id\": \"../x\"}]}" };
  /* Not even the audit log is there: the files are enough. */
  assert_int_equal (g_remove (log), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      assert_true (g_file_set_contents (index, contents[i], -1, NULL));
      assert_stopped (id);
    }
}

/* Killed after the index was written, and before the incident's file was. */
static void
test_a_crash_in_between_leaves_it_open (void **state)
{
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", "incidents", NULL);
  g_autofree char *first = open_one (INCIDENT_MANUAL, "a", NULL);
  close_one (first);
  for (int round = 0; round < 12; round++)
    {
      pid_t child = fork ();
      assert_true (child >= 0);
      if (child == 0)
        for (int i = 0;; i++)
          {
            g_autofree char *subject = g_strdup_printf ("%d-%d", round, i);
            g_autofree char *id = NULL;
            const IncidentSpec spec = { INCIDENT_MANUAL, subject, "x", NULL };
            if (!incident_open (project, &spec, &id, NULL, NULL)
                || !incident_close (project, id, "closed", NULL))
              _exit (1);
          }
      g_usleep (1000 * (gulong) (5 + 7 * round));
      kill (child, SIGKILL);
      int status;
      assert_int_equal (waitpid (child, &status, 0), child);
      assert_true (WIFSIGNALED (status));
      /* Whatever it left: everything can be read, closed, and gone on from. */
      g_autoptr (GPtrArray) incidents = NULL;
      g_autoptr (GError) error = NULL;
      bool listed = incident_list (project, false, &incidents, &error);
      assert_no_error (error);
      assert_true (listed);
      assert_true (incidents->len <= 1);
      for (guint i = 0; i < incidents->len; i++)
        close_one (((Incident *) incidents->pdata[i])->id);
      assert_not_stopped ();
    }
  /* What the last one had half written goes with the next one's writing. */
  g_autofree char *last = open_one (INCIDENT_MANUAL, "last", NULL);
  close_one (last);
  g_auto (AuditReport) report = { 0 };
  assert_true (audit_verify (project, &report, NULL));
  assert_int_equal (report.problems->len, 0);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    assert_false (g_str_has_suffix (name, FS_PARTIAL_SUFFIX));
}

typedef struct
{
  int number;
  int new_count;
} Racer;

static gpointer
race (gpointer data)
{
  Racer *racer = data;
  for (int i = 0; i < 4; i++)
    {
      bool is_new = false;
      const char *subject = i % 2 == 0 ? "the same" : "another";
      const IncidentSpec spec = { INCIDENT_REFUSED_DESTRUCTION, subject, "docker volume rm", NULL };
      if (!incident_open (project, &spec, NULL, &is_new, NULL))
        return GINT_TO_POINTER (1);
      racer->new_count += is_new;
    }
  return NULL;
}

/* Six threads here and six processes beside: one incident for each subject, and every event counted. */
static void
test_twelve_at_once (void **state)
{
  (void) state;
  Racer racers[6] = { 0 };
  GThread *threads[6];
  pid_t children[6];
  int new_count = 0;
  for (int i = 0; i < 6; i++)
    if ((children[i] = fork ()) == 0)
      {
        Racer own = { 0 };
        _exit (race (&own) != NULL ? 100 : own.new_count);
      }
  for (int i = 0; i < 6; i++)
    threads[i] = g_thread_new ("race", race, &racers[i]);
  for (int i = 0; i < 6; i++)
    {
      int status;
      assert_null (g_thread_join (threads[i]));
      assert_int_equal (waitpid (children[i], &status, 0), children[i]);
      assert_true (WIFEXITED (status));
      assert_int_not_equal (WEXITSTATUS (status), 100);
      new_count += racers[i].new_count + WEXITSTATUS (status);
    }
  assert_int_equal (new_count, 2);
  g_autoptr (GPtrArray) incidents = NULL;
  assert_true (incident_list (project, true, &incidents, NULL));
  assert_int_equal (incidents->len, 2);
  for (int i = 0; i < 2; i++)
    assert_int_equal (((Incident *) incidents->pdata[i])->event_count, 24);
  g_auto (AuditReport) report = { 0 };
  assert_true (audit_verify (project, &report, NULL));
  assert_int_equal (report.problems->len, 0);
}

/* What repeats is counted; what is kept of it does not grow. */
static void
test_a_storm_is_bounded (void **state)
{
  (void) state;
  enum
  {
    EVENTS = 300
  };
  struct stat info;
  off_t size_then = 0;
  g_autofree char *id = NULL;
  g_autofree char *big = g_strnfill (100000, 'x');
  for (int i = 1; i <= EVENTS; i++)
    {
      g_autofree char *summary = g_strdup_printf ("event %d of %s", i, big);
      g_autoptr (json_t) evidence = json_pack ("{s:s}", "body", big);
      const IncidentSpec spec = { INCIDENT_REFUSED_DESTRUCTION, "pgdata", summary, evidence };
      g_free (id);
      assert_true (incident_open (project, &spec, &id, NULL, NULL));
      g_autofree char *path = incident_path (project, id);
      assert_int_equal (stat (path, &info), 0);
      if (i == 50)
        size_then = info.st_size;
    }
  assert_true (info.st_size < size_then + 1000);
  g_autoptr (Incident) incident = read_one (id);
  assert_int_equal (incident->event_count, EVENTS);
  json_t *timeline = json_object_get (incident->document, "timeline");
  assert_int_equal (json_array_size (timeline), 41);
  const char *last = json_string_value (json_object_get (json_array_get (timeline, 40), "summary"));
  assert_true (g_str_has_prefix (last, "event 300 "));
  const char *twentieth
      = json_string_value (json_object_get (json_array_get (timeline, 20), "summary"));
  assert_true (g_str_has_prefix (twentieth, "event 21 "));
  assert_int_equal (json_integer_value (json_object_get (
                        json_object_get (incident->document, "omitted"), "repeated")),
                    EVENTS - 41);
  /* 2..20, 32, 64, 128, 256 */
  assert_int_equal (count_audit ("incident repeat"), 19 + 4);
}

static void
test_many_subjects_share_one (void **state)
{
  (void) state;
  for (int i = 0; i < 60; i++)
    {
      g_autofree char *subject = g_strdup_printf ("volume %d", i);
      g_autofree char *id = open_one (INCIDENT_REFUSED_DESTRUCTION, subject, NULL);
    }
  g_autoptr (GPtrArray) incidents = NULL;
  assert_true (incident_list (project, false, &incidents, NULL));
  assert_int_equal (incidents->len, 51);
  const Incident *last = incidents->pdata[50];
  assert_string_equal (last->subject, "(others)");
  assert_int_equal (last->event_count, 10);
}

/* A file may not grow: as on a full disk, writing fails. What was there stays whole. */
static void
test_a_full_disk_leaves_what_was_there (void **state)
{
  (void) state;
  g_autofree char *id = open_one (INCIDENT_MANUAL, "a", NULL);
  g_autoptr (Incident) before = read_one (id);
  pid_t child = fork ();
  if (child == 0)
    {
      struct rlimit limit = { 8, 8 };
      signal (SIGXFSZ, SIG_IGN);
      setrlimit (RLIMIT_FSIZE, &limit);
      const IncidentSpec spec = { INCIDENT_MANUAL, "b", "x", NULL };
      g_autoptr (GError) error = NULL, closing = NULL;
      bool failed = !incident_open (project, &spec, NULL, NULL, &error)
                    && !incident_close (project, id, "enough", &closing);
      _exit (failed && error != NULL && closing != NULL ? 0 : 1);
    }
  int status;
  assert_int_equal (waitpid (child, &status, 0), child);
  assert_int_equal (status, 0);
  g_autoptr (Incident) after = read_one (id);
  assert_true (json_equal (before->document, after->document));
  assert_stopped (id);
  close_one (id);
  assert_not_stopped ();
}

static void
test_a_name_from_outside_is_no_path (void **state)
{
  static const char *const names[] = { "",
                                       "../audit",
                                       "2026-11-21",
                                       "2026-11-21-",
                                       "2026-11-21-1/../..",
                                       "index",
                                       "2026-11-21-1x",
                                       "2026-11-21-11111111111111111111111111" };
  (void) state;
  g_autofree char *id = open_one (INCIDENT_MANUAL, "a", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;
      assert_false (incident_close (project, names[i], "no such thing", &error));
      assert_true (keel_error_is (error, KEEL_ERROR_USAGE));
    }
}

static void
test_a_folder_that_cannot_be_read_refuses (void **state)
{
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", "incidents", NULL);
  g_autofree char *index = g_build_filename (folder, "index.json", NULL);
  g_autofree char *id = open_one (INCIDENT_MANUAL, "a", NULL);
  close_one (id);
  assert_not_stopped ();
  /* Works for root, too: a folder where a file should be. */
  assert_int_equal (g_remove (index), 0);
  assert_int_equal (g_mkdir (index, 0700), 0);
  assert_stopped ("it cannot be told whether an incident is open");
}

/* Root in a folder of somebody else: what it writes is theirs. */
static void
test_root_writes_as_the_owner (void **state)
{
  if (geteuid () != 0)
    {
      /* Who is not root writes as what they are; that is all that can be said of them. */
      g_autofree char *own = open_one (INCIDENT_MANUAL, "a", NULL);
      g_autofree char *own_path = incident_path (project, own);
      struct stat own_info;
      assert_int_equal (stat (own_path, &own_info), 0);
      assert_int_equal (own_info.st_uid, geteuid ());
      return;
    }
  struct stat info;
  g_autofree char *secret = g_build_filename (*state, "secret", NULL);
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", NULL);
  g_autofree char *incidents = g_build_filename (folder, "incidents", NULL);
  g_autofree char *lock = g_build_filename (incidents, ".lock", NULL);
  write_file (*state, "secret", "root's");
  assert_int_equal (chmod (secret, 0600), 0);
  assert_int_equal (g_mkdir (folder, 0755), 0);
  assert_int_equal (chown (folder, 65534, 65534), 0);
  assert_int_equal (chmod (*state, 0755), 0);
  g_autofree char *id = open_one (INCIDENT_MANUAL, "a", NULL);
  g_autofree char *path = incident_path (project, id);
  assert_int_equal (stat (path, &info), 0);
  assert_int_equal (info.st_uid, 65534);
  /* And a link they put there reaches nothing of root's. */
  assert_int_equal (g_remove (lock), 0);
  assert_int_equal (symlink (secret, lock), 0);
  g_autoptr (GError) error = NULL;
  const IncidentSpec spec = { INCIDENT_MANUAL, "b", "x", NULL };
  assert_false (incident_open (project, &spec, NULL, NULL, &error));
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (secret, &text, NULL, NULL));
  assert_string_equal (text, "root's");
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST (test_open_stops_and_close_lets_go),
    TEST (test_the_same_again_is_added),
    TEST (test_another_environment_goes_on),
    TEST (test_who_names_it_goes_on_and_is_remembered),
    TEST (test_what_cannot_be_read_is_open),
    TEST (test_the_audit_log_remembers_a_folder_that_is_gone),
    TEST (test_a_damaged_index_is_made_again),
    TEST (test_a_crash_in_between_leaves_it_open),
    TEST (test_twelve_at_once),
    TEST (test_a_storm_is_bounded),
    TEST (test_many_subjects_share_one),
    TEST (test_a_full_disk_leaves_what_was_there),
    TEST (test_a_name_from_outside_is_no_path),
    TEST (test_a_folder_that_cannot_be_read_refuses),
    TEST (test_root_writes_as_the_owner),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
