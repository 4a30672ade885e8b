/* The audit chain: what is written, what verification finds, what a crash leaves. */
#include "base/clock.h"
#include "base/text.h"
#include "fixture.h"
#include "project/audit_database.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 8
#define WRITES 12

static Project *project;
static char *log_path, *head_path;

static int
set_up (void **state)
{
  make_folder (state);
  project = open_project (*state, NULL);
  log_path = project_state_path (project, "audit.jsonl");
  head_path = project_state_path (project, "audit.head");
  return 0;
}

static int
tear_down (void **state)
{
  g_clear_pointer (&project, project_free);
  g_clear_pointer (&log_path, g_free);
  g_clear_pointer (&head_path, g_free);
  return remove_folder (state);
}

static void
write_entry (const char *action, const char *phase)
{
  g_autoptr (GError) error = NULL;
  bool written = audit_write (project, action, phase, NULL, &error);
  assert_no_error (error);
  assert_true (written);
}

static void
write_entries (int count)
{
  for (int i = 0; i < count; i++)
    {
      g_autofree char *action = g_strdup_printf ("action %d", i + 1);
      write_entry (action, "done");
    }
}

/* The log's lines without their newlines; caller frees. */
static char **
read_lines (void)
{
  g_autofree char *text = NULL;
  assert_true (g_file_get_contents (log_path, &text, NULL, NULL));
  char **lines = g_strsplit (text, "\n", -1);
  guint n = g_strv_length (lines);
  assert_true (n > 0);
  if (*lines[n - 1] == '\0')
    g_clear_pointer (&lines[n - 1], g_free);
  return lines;
}

/* Without syncing, as g_file_set_contents does: there are thousands of these. */
static void
put_text (const char *path, const char *text, size_t length)
{
  FILE *file = fopen (path, "we");
  assert_non_null (file);
  assert_int_equal (fwrite (text, 1, length, file), length);
  assert_int_equal (fclose (file), 0);
}

static void
write_lines (char **lines)
{
  g_autofree char *joined = g_strjoinv ("\n", lines);
  g_autofree char *text = g_strconcat (joined, "\n", NULL);
  put_text (log_path, text, strlen (text));
}

static void
append_text (const char *text)
{
  assert_true (fs_append (log_path, text, strlen (text), 0600, NULL));
}

/* Verification finds these problems and notes, each list as one text, "; " between. */
static void
assert_verified (const char *problems, const char *notes)
{
  g_autoptr (GError) error = NULL;
  g_auto (AuditReport) report = { 0 };
  bool verified = audit_verify (project, &report, &error);
  assert_no_error (error);
  assert_true (verified);
  g_ptr_array_add (report.problems, NULL);
  g_ptr_array_add (report.notes, NULL);
  g_autofree char *found = g_strjoinv ("; ", (char **) report.problems->pdata);
  g_autofree char *noted = g_strjoinv ("; ", (char **) report.notes->pdata);
  assert_string_equal (found, problems);
  assert_string_equal (noted, notes);
}

static void
test_an_entry_says_who_what_and_when (void **state)
{
  (void) state;
  int64_t before = clock_now ();
  g_autoptr (json_t) details = json_pack ("{s:s, s:i, s:s, s:s}", "backup", "x.sql.gz", "rows", 7,
                                          "action", "forged", "torn", "forged");
  assert_true (audit_write (project, "restore", "intent", details, NULL));
  g_auto (GStrv) lines = read_lines ();
  assert_int_equal (g_strv_length (lines), 1);
  g_autoptr (json_t) entry = json_loads (lines[0], 0, NULL);
  const char *time, *user, *host, *environment, *action, *phase, *backup, *previous;
  int seq, pid, rows;
  assert_int_equal (json_unpack (entry, "{s:s,s:i,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:i,s:s}", "time",
                                 &time, "seq", &seq, "user", &user, "host", &host, "pid", &pid,
                                 "environment", &environment, "action", &action, "phase", &phase,
                                 "backup", &backup, "rows", &rows, "previous", &previous),
                    0);
  int64_t at;
  assert_true (clock_parse_iso (time, &at));
  assert_true (at >= before && at <= clock_now ());
  assert_int_equal (seq, 1);
  assert_int_equal (pid, getpid ());
  assert_string_equal (user, g_get_user_name ());
  assert_string_equal (environment, "development");
  assert_string_equal (action, "restore");
  assert_string_equal (phase, "intent");
  assert_string_equal (backup, "x.sql.gz");
  assert_int_equal (rows, 7);
  assert_null (json_object_get (entry, "torn"));
  assert_string_equal (previous,
                       "sha256:0000000000000000000000000000000000000000000000000000000000000000");
  assert_verified ("", "");
}

/* The chain is what docs/audit.md says: anybody can compute it with sha256sum. */
static void
test_previous_is_the_hash_of_the_line_before (void **state)
{
  (void) state;
  write_entries (3);
  g_auto (GStrv) lines = read_lines ();
  assert_int_equal (g_strv_length (lines), 3);
  for (int i = 1; i < 3; i++)
    {
      g_autoptr (json_t) entry = json_loads (lines[i], 0, NULL);
      g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, lines[i - 1], -1);
      g_autofree char *expected = g_strconcat ("sha256:", sum, NULL);
      assert_string_equal (json_string_value (json_object_get (entry, "previous")), expected);
    }
  struct stat info;
  assert_int_equal (stat (log_path, &info), 0);
  assert_int_equal (info.st_mode & 0777, 0600);
}

static void
test_an_empty_log_is_sound (void **state)
{
  g_autofree char *folder = g_build_filename (*state, ".pgkeel", NULL);
  assert_verified ("", "");
  assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

static void
test_a_changed_line_is_found (void **state)
{
  (void) state;
  write_entries (4);
  g_auto (GStrv) lines = read_lines ();
  *strstr (lines[1], "action 2") = 'A';
  write_lines (lines);
  assert_verified ("line 2: entry 2 was changed after it was written", "");
}

static void
test_a_changed_last_line_is_found (void **state)
{
  (void) state;
  write_entries (4);
  g_auto (GStrv) lines = read_lines ();
  *strstr (lines[3], "action 4") = 'A';
  write_lines (lines);
  assert_verified ("line 4: entry 4 was changed after it was written", "");
  /* And it stays found, however much is written after it. */
  write_entry ("more", "done");
  assert_verified ("line 4: entry 4 was changed after it was written", "");
}

/* Every single byte of a log of four entries, flipped in turn. */
static void
test_every_changed_byte_is_found (void **state)
{
  (void) state;
  write_entries (4);
  g_autofree char *text = NULL;
  size_t length;
  assert_true (g_file_get_contents (log_path, &text, &length, NULL));
  for (size_t i = 0; i < length; i++)
    {
      text[i] ^= 1;
      put_text (log_path, text, length);
      text[i] ^= 1;
      g_auto (AuditReport) report = { 0 };
      assert_true (audit_verify (project, &report, NULL));
      /* The last newline vouches for nothing: without it the line is the same. */
      if (report.problems->len == 0)
        fail_msg ("byte %zu was flipped and nothing was found", i);
    }
}

static void
test_a_removed_line_is_found (void **state)
{
  (void) state;
  write_entries (4);
  g_auto (GStrv) lines = read_lines ();
  char *kept[] = { lines[0], lines[3], NULL };
  write_lines (kept);
  assert_verified ("line 2: 2 entries before it are missing", "");
}

static void
test_a_removed_first_line_is_found (void **state)
{
  (void) state;
  write_entries (3);
  g_auto (GStrv) lines = read_lines ();
  write_lines (lines + 1);
  assert_verified ("line 1: 1 entries before it are missing", "");
}

static void
test_lines_put_in_or_moved_are_found (void **state)
{
  (void) state;
  write_entries (3);
  g_auto (GStrv) lines = read_lines ();
  char *doubled[] = { lines[0], lines[1], lines[1], lines[2], NULL };
  write_lines (doubled);
  assert_verified ("line 3: entry 2 is not in its place; it was moved or put in", "");
  char *swapped[] = { lines[1], lines[0], lines[2], NULL };
  write_lines (swapped);
  assert_verified ("line 1: 1 entries before it are missing; "
                   "line 2: entry 1 is not in its place; it was moved or put in; "
                   "line 3: 1 entries before it are missing",
                   "");
  char *foreign[] = { lines[0], (char *) "nothing of ours", lines[1], lines[2], NULL };
  write_lines (foreign);
  assert_verified ("line 2: not an audit entry; it was changed or put in", "");
}

static void
test_entries_cut_off_the_end_are_found (void **state)
{
  (void) state;
  write_entries (4);
  g_auto (GStrv) lines = read_lines ();
  char *kept[] = { lines[0], lines[1], NULL };
  write_lines (kept);
  assert_verified ("2 entries are missing at the end", "");
  write_entry ("more", "done");
  assert_verified ("line 3: 2 entries before it are missing", "");
}

static void
test_a_removed_log_is_found (void **state)
{
  (void) state;
  write_entries (2);
  assert_int_equal (unlink (log_path), 0);
  assert_verified ("2 entries are missing at the end", "");
  write_entry ("more", "done");
  assert_verified ("line 1: 2 entries before it are missing", "");
}

static void
test_a_removed_head_is_found (void **state)
{
  (void) state;
  write_entries (2);
  assert_int_equal (unlink (head_path), 0);
  assert_verified ("audit.head is missing: entries may have been removed at the end", "");
  write_entries (2);
  assert_verified ("line 3: audit.head was missing when it was written: entries before it may have "
                   "been removed",
                   "");
}

/* Killed while it wrote a line: the piece is reported, the next entry copes, the chain holds. */
static void
test_a_torn_line_is_no_tampering (void **state)
{
  (void) state;
  write_entries (2);
  append_text ("{\"time\":\"2026-01-01T00:00:0");
  assert_verified ("", "line 3: cut short by a crash; the next entry will say so");
  write_entry ("more", "done");
  write_entry ("and more", "done");
  assert_verified ("", "line 3: cut short by a crash, and known as such");
  g_auto (GStrv) lines = read_lines ();
  assert_int_equal (g_strv_length (lines), 5);
  /* The piece is vouched for, too. */
  char *without[] = { lines[0], lines[1], lines[3], lines[4], NULL };
  write_lines (without);
  assert_verified ("line 3: the torn line before it is gone", "");
  lines[2][0] = 'X';
  write_lines (lines);
  assert_verified ("line 3: not an audit entry; it was changed or put in", "");
}

static void
test_the_first_line_may_be_torn (void **state)
{
  write_entry ("x", "done");
  assert_int_equal (unlink (head_path), 0);
  write_file (*state, ".pgkeel/audit.jsonl", "{\"ti");
  assert_verified ("", "line 1: cut short by a crash; the next entry will say so");
  write_entry ("more", "done");
  assert_verified ("", "line 1: cut short by a crash, and known as such");
}

/* Killed between the line and the head. */
static void
test_a_head_one_behind_is_no_tampering (void **state)
{
  (void) state;
  g_autofree char *head = NULL;
  write_entries (2);
  assert_true (g_file_get_contents (head_path, &head, NULL, NULL));
  write_entries (1);
  put_text (head_path, head, strlen (head));
  assert_verified ("", "the last entry was written just before a crash");
  write_entry ("more", "done");
  assert_verified ("", "");
}

/* Killed between the first line and the first head, twice. */
static void
test_a_head_that_is_not_there_yet_is_no_tampering (void **state)
{
  (void) state;
  write_entries (1);
  assert_int_equal (unlink (head_path), 0);
  assert_verified ("", "");
  write_entries (1);
  assert_verified ("", "");
}

/* Only the newline was lost: nothing of the entry is, and the next one heals it. */
static void
test_a_line_without_its_newline_is_whole (void **state)
{
  (void) state;
  write_entries (2);
  g_autofree char *text = NULL;
  size_t length;
  assert_true (g_file_get_contents (log_path, &text, &length, NULL));
  assert_int_equal (truncate (log_path, (off_t) length - 1), 0);
  assert_verified ("line 2: its newline was taken away after it was written", "");
  write_entry ("more", "done");
  assert_verified ("", "");
}

static void
test_writers_at_once_make_one_chain (void **state)
{
  (void) state;
  for (int i = 0; i < WRITERS; i++)
    {
      pid_t pid = fork ();
      assert_true (pid >= 0);
      if (pid > 0)
        continue;
      for (int j = 0; j < WRITES; j++)
        if (!audit_write (project, "write", "done", NULL, NULL))
          _exit (1);
      _exit (0);
    }
  for (int i = 0; i < WRITERS; i++)
    {
      int status;
      assert_true (wait (&status) > 0);
      assert_int_equal (status, 0);
    }
  g_auto (GStrv) lines = read_lines ();
  assert_int_equal (g_strv_length (lines), WRITERS * WRITES);
  assert_verified ("", "");
}

/* --- every mutation -------------------------------------------------------------------------- */

#define MUTATED_LINES 12

/* The problems that verification finds, compared with KEPT (NULL: nothing), as one text. */
static char *
problems_with (const GPtrArray *kept)
{
  g_auto (AuditReport) report = { 0 };
  g_autoptr (GError) error = NULL;
  bool verified = audit_verify_kept (project, kept, &report, &error);
  assert_no_error (error);
  assert_true (verified);
  g_ptr_array_add (report.problems, NULL);
  return g_strjoinv ("; ", (char **) report.problems->pdata);
}

static void
assert_found (const char *what, int first, int second)
{
  g_autofree char *problems = problems_with (NULL);
  if (*problems == '\0')
    fail_msg ("%s (%d, %d) was not found", what, first, second);
}

static GPtrArray *
copy_of (char **lines)
{
  GPtrArray *copy = g_ptr_array_new ();
  for (char **line = lines; *line != NULL; line++)
    g_ptr_array_add (copy, *line);
  return copy;
}

static void
write_copy (GPtrArray *lines)
{
  g_ptr_array_add (lines, NULL);
  write_lines ((char **) lines->pdata);
}

/* Each line: one letter changed, and written anew with the same content. */
static void
mutate_edits (char **lines)
{
  for (int i = 0; i < MUTATED_LINES; i++)
    {
      g_autoptr (GPtrArray) copy = copy_of (lines);
      g_autofree char *edited = g_strdup (lines[i]);
      g_autofree char *spaced = g_strconcat (lines[i], " ", NULL);
      strstr (edited, "action ")[0] = 'A';
      copy->pdata[i] = edited;
      write_copy (copy);
      assert_found ("an edit of line", i + 1, 0);
      copy->pdata[i] = spaced;
      write_lines ((char **) copy->pdata);
      assert_found ("a blank after line", i + 1, 0);
    }
}

static void
mutate_places (char **lines)
{
  for (int i = 0; i < MUTATED_LINES; i++)
    {
      g_autoptr (GPtrArray) without = copy_of (lines);
      g_ptr_array_remove_index (without, (guint) i);
      write_copy (without);
      assert_found ("the deletion of line", i + 1, 0);
      for (int j = 0; j <= MUTATED_LINES; j++)
        {
          g_autoptr (GPtrArray) doubled = copy_of (lines);
          g_ptr_array_insert (doubled, j, lines[i]);
          write_copy (doubled);
          assert_found ("a copy put in, of line and before line", i + 1, j + 1);
        }
      for (int j = i + 1; j < MUTATED_LINES; j++)
        {
          g_autoptr (GPtrArray) swapped = copy_of (lines);
          swapped->pdata[i] = lines[j];
          swapped->pdata[j] = lines[i];
          write_copy (swapped);
          assert_found ("a swap of lines", i + 1, j + 1);
        }
    }
}

/* After every line, and within the last one at every byte. */
static void
mutate_lengths (const char *text, size_t length)
{
  const char *last = g_strrstr_len (text, (gssize) length - 1, "\n") + 1;
  for (size_t kept = 0; kept < length; kept++)
    if (kept == 0 || text[kept - 1] == '\n' || text + kept >= last)
      {
        put_text (log_path, text, kept);
        assert_found ("what was kept of bytes", (int) kept, (int) length);
      }
}

static void
test_every_mutation_is_found (void **state)
{
  (void) state;
  g_autofree char *text = NULL;
  size_t length;
  write_entries (MUTATED_LINES);
  g_auto (GStrv) lines = read_lines ();
  assert_true (g_file_get_contents (log_path, &text, &length, NULL));
  mutate_edits (lines);
  mutate_places (lines);
  mutate_lengths (text, length);
  put_text (log_path, text, length);
  assert_verified ("", "");
}

/* --- what only a database can show ----------------------------------------------------------- */

static void
free_kept (void *kept)
{
  audit_kept_free (kept);
}

static char *
hash_of (const char *line)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, line, -1);
  return g_strconcat ("sha256:", sum, NULL);
}

/* As if the database had been told after entries COUNTS (0 ends them) of LINES. */
static GPtrArray *
kept_of (char **lines, const int *counts)
{
  GPtrArray *kept = g_ptr_array_new_with_free_func (free_kept);
  for (const int *count = counts; *count > 0; count++)
    {
      AuditKept *one = g_new0 (AuditKept, 1);
      one->count = (uint64_t) *count;
      one->hash = hash_of (lines[*count - 1]);
      one->first = hash_of (lines[0]);
      one->written = g_strdup ("2026-11-21T10:00:00Z");
      g_ptr_array_add (kept, one);
    }
  return kept;
}

/* Writes LINES and a head that fits, as somebody would who covers his traces. */
static void
write_with_head (char **lines)
{
  guint count = g_strv_length (lines);
  write_lines (lines);
  g_autofree char *hash = hash_of (lines[count - 1]);
  g_autofree char *head = g_strdup_printf ("{\"count\": %u, \"hash\": \"%s\"}\n", count, hash);
  put_text (head_path, head, strlen (head));
}

/* LINES with line INDEX changed and every hash after it made to fit. */
static char **
rewrite (char **lines, int index)
{
  guint count = g_strv_length (lines);
  char **rewritten = g_strdupv (lines);
  strstr (rewritten[index], "action ")[0] = 'A';
  for (guint i = (guint) index + 1; i < count; i++)
    {
      g_autoptr (json_t) entry = json_loads (rewritten[i], 0, NULL);
      g_autofree char *hash = hash_of (rewritten[i - 1]);
      json_object_set_new (entry, "previous", json_string (hash));
      g_free (rewritten[i]);
      rewritten[i] = json_dumps (entry, JSON_COMPACT);
    }
  return rewritten;
}

static void
test_a_rewritten_chain_is_found_by_what_a_database_remembers (void **state)
{
  (void) state;
  write_entries (MUTATED_LINES);
  g_auto (GStrv) lines = read_lines ();
  g_autoptr (GPtrArray) last = kept_of (lines, (const int[]){ MUTATED_LINES, 0 });
  g_autoptr (GPtrArray) several = kept_of (lines, (const int[]){ 3, 7, MUTATED_LINES, 0 });
  for (int i = 0; i < MUTATED_LINES; i++)
    {
      g_auto (GStrv) rewritten = rewrite (lines, i);
      write_with_head (rewritten);
      /* The files alone cannot show it: that is what the manual says. */
      assert_verified ("", "");
      g_autofree char *with_last = problems_with (last);
      assert_string_equal (
          with_last,
          "none of what the database remembers is in it: the log was replaced or rewritten "
          "(the database remembers 12 entries since 2026-11-21T10:00:00Z)");
      g_autofree char *with_several = problems_with (several);
      const char *expected
          = i < 3
                ? "none of what the database remembers is in it: the log was replaced or rewritten "
                  "(the database remembers 3 entries since 2026-11-21T10:00:00Z)"
            : i < 7 ? "entry 7 is not the one that the database remembers since "
                      "2026-11-21T10:00:00Z: what was rewritten is in entries 4 to 7"
                    : "entry 12 is not the one that the database remembers since "
                      "2026-11-21T10:00:00Z: what was rewritten is in entries 8 to 12";
      assert_string_equal (with_several, expected);
    }
}

static void
test_a_tail_cut_with_its_head_is_found_by_what_a_database_remembers (void **state)
{
  (void) state;
  write_entries (MUTATED_LINES);
  g_auto (GStrv) lines = read_lines ();
  g_autoptr (GPtrArray) kept = kept_of (lines, (const int[]){ 2, 5, MUTATED_LINES, 0 });
  for (int count = 1; count < MUTATED_LINES; count++)
    {
      g_autoptr (GPtrArray) cut = copy_of (lines);
      g_ptr_array_set_size (cut, count);
      g_ptr_array_add (cut, NULL);
      write_with_head ((char **) cut->pdata);
      assert_verified ("", "");
      g_autofree char *expected
          = g_strdup_printf ("%d entries are missing at the end: the database remembers 12 since "
                             "2026-11-21T10:00:00Z",
                             MUTATED_LINES - count);
      g_autofree char *problems = problems_with (kept);
      assert_string_equal (problems, expected);
    }
  /* All of it gone, head and all. */
  assert_int_equal (unlink (log_path), 0);
  assert_int_equal (unlink (head_path), 0);
  g_autofree char *gone = problems_with (kept);
  assert_string_equal (gone, "12 entries are missing at the end: the database remembers 12 since "
                             "2026-11-21T10:00:00Z");
}

/* What it remembers is a past end: the log has gone on. */
static void
test_a_log_that_went_on_is_what_a_database_remembers (void **state)
{
  (void) state;
  write_entries (4);
  g_auto (GStrv) lines = read_lines ();
  g_autoptr (GPtrArray) kept = kept_of (lines, (const int[]){ 1, 4, 0 });
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();
  write_entries (3);
  g_autofree char *with = problems_with (kept);
  assert_string_equal (with, "");
  g_auto (AuditReport) report = { 0 };
  assert_true (audit_verify_kept (project, nothing, &report, NULL));
  assert_int_equal (report.problems->len, 0);
  assert_string_equal (report.notes->pdata[0], "the database remembers nothing of this log yet");
}

/* --- writers --------------------------------------------------------------------------------- */

/* Waits until the log has more than SIZE bytes; returns what it has then. */
static off_t
wait_for_growth (off_t size)
{
  struct stat info = { 0 };
  for (int i = 0; i < 20000; i++)
    {
      if (stat (log_path, &info) == 0 && info.st_size > size)
        return info.st_size;
      g_usleep (500);
    }
  fail_msg ("the log does not grow");
  return 0;
}

/* Killed at forty points of writing: what is left is a crash's, never tampering, and goes on. */
static void
test_killed_writers_leave_a_sound_chain (void **state)
{
  (void) state;
  off_t size = 0;
  for (int i = 0; i < 40; i++)
    {
      pid_t pid = fork ();
      assert_true (pid >= 0);
      if (pid == 0)
        for (;;)
          if (!audit_write (project, "write", "done", NULL, NULL))
            _exit (1);
      (void) wait_for_growth (size);
      g_usleep ((gulong) i * 137);
      assert_int_equal (kill (pid, SIGKILL), 0);
      int status;
      assert_int_equal (waitpid (pid, &status, 0), pid);
      assert_true (WIFSIGNALED (status));
      size = wait_for_growth (0);
      g_auto (AuditReport) report = { 0 };
      assert_true (audit_verify (project, &report, NULL));
      if (report.problems->len > 0)
        fail_msg ("round %d: %s", i, (const char *) report.problems->pdata[0]);
    }
  write_entry ("more", "done");
  g_auto (AuditReport) report = { 0 };
  assert_true (audit_verify (project, &report, NULL));
  assert_int_equal (report.problems->len, 0);
  assert_true (report.entry_count > 40);
}

static void
test_reading_filters (void **state)
{
  (void) state;
  write_entry ("db stop", "done");
  write_entry ("restore", "intent");
  write_entry ("dbx", "done");
  write_entry ("restore", "done");
  static const struct
  {
    AuditFilter filter;
    const char *expected;
  } rows[] = {
    { { 0 }, "1 2 3 4" },
    { { .action = "db" }, "1" },
    { { .action = "db stop" }, "1" },
    { { .action = "restore" }, "2 4" },
    { { .limit = 2 }, "3 4" },
    { { .action = "restore", .limit = 1 }, "4" },
    { { .since = 4102444800 }, "" },
    { { .since = 1 }, "1 2 3 4" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GPtrArray) entries = NULL;
      g_autoptr (GString) found = g_string_new (NULL);
      assert_true (audit_read (project, &rows[i].filter, &entries, NULL));
      for (guint j = 0; j < entries->len; j++)
        g_string_append_printf (
            found, "%s%d", j > 0 ? " " : "",
            (int) json_integer_value (json_object_get (entries->pdata[j], "seq")));
      assert_string_equal (found->str, rows[i].expected);
    }
}

/* A log past what the tail's reader looks at, and a line longer than any we write. */
static void
test_long_logs_and_lines (void **state)
{
  (void) state;
  g_autofree char *big = g_strnfill (200 * 1024, 'x');
  g_autoptr (json_t) details = json_pack ("{s:s}", "big", big);
  for (int i = 0; i < 5; i++)
    assert_true (audit_write (project, "big", "done", details, NULL));
  assert_verified ("", "");
  g_autofree char *bigger = g_strnfill (300 * 1024, 'x');
  g_autoptr (json_t) too_big = json_pack ("{s:s}", "big", bigger);
  g_autoptr (GError) error = NULL;
  assert_false (audit_write (project, "big", "done", too_big, &error));
  assert_string_equal (error->message,
                       "writing the audit log: an audit entry of “big” is too long");
  append_text (bigger);
  write_entry ("more", "done");
  assert_verified ("", "line 6: cut short by a crash, and known as such");
}

static void
test_a_log_that_cannot_be_written_is_an_error (void **state)
{
  write_file (*state, "pgkeel.yaml", "project: x\n");
  write_file (*state, ".pgkeel", "a file where the folder should be\n");
  g_autoptr (GError) error = NULL;
  assert_false (audit_write (project, "restore", "intent", NULL, &error));
  assert_true (g_str_has_prefix (error->message, "writing the audit log: "));
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST (test_an_entry_says_who_what_and_when),
    TEST (test_previous_is_the_hash_of_the_line_before),
    TEST (test_an_empty_log_is_sound),
    TEST (test_a_changed_line_is_found),
    TEST (test_a_changed_last_line_is_found),
    TEST (test_every_changed_byte_is_found),
    TEST (test_a_removed_line_is_found),
    TEST (test_a_removed_first_line_is_found),
    TEST (test_lines_put_in_or_moved_are_found),
    TEST (test_entries_cut_off_the_end_are_found),
    TEST (test_a_removed_log_is_found),
    TEST (test_a_removed_head_is_found),
    TEST (test_a_torn_line_is_no_tampering),
    TEST (test_the_first_line_may_be_torn),
    TEST (test_a_head_one_behind_is_no_tampering),
    TEST (test_a_head_that_is_not_there_yet_is_no_tampering),
    TEST (test_a_line_without_its_newline_is_whole),
    TEST (test_every_mutation_is_found),
    TEST (test_a_rewritten_chain_is_found_by_what_a_database_remembers),
    TEST (test_a_tail_cut_with_its_head_is_found_by_what_a_database_remembers),
    TEST (test_a_log_that_went_on_is_what_a_database_remembers),
    TEST (test_writers_at_once_make_one_chain),
    TEST (test_killed_writers_leave_a_sound_chain),
    TEST (test_reading_filters),
    TEST (test_long_logs_and_lines),
    TEST (test_a_log_that_cannot_be_written_is_an_error),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
