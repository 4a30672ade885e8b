#include "base/act_as.h"
#include "base/fs.h"
#include "base/text.h"
#include "project/audit_database.h"
#include "project/audit_line.h"

#include <string.h>

#define MAX_PROBLEMS 100

/* The chain as far as it has been read. */
typedef struct
{
  AuditReport report;
  uint64_t line_number;
  uint64_t entry_line; /* number of the last entry's line */
  uint64_t seq;        /* of the last entry */
  char *hash;
  char *previous;         /* what the last entry says of the one before */
  char *torn_hash;        /* of a line since then that is no entry */
  bool is_whole;          /* the last line ended with a newline */
  const GPtrArray *kept;  /* what a database remembers; NULL: nobody asked */
  guint kept_count;       /* of them have been met */
  uint64_t kept_good;     /* as many entries are what the database remembers */
  const AuditKept *wrong; /* the first that is not; NULL: all that were met are */
} Chain;

void
audit_report_clear (AuditReport *report)
{
  g_clear_pointer (&report->problems, g_ptr_array_unref);
  g_clear_pointer (&report->notes, g_ptr_array_unref);
}

static void
chain_clear (Chain *chain)
{
  audit_report_clear (&chain->report);
  g_free (chain->hash);
  g_free (chain->previous);
  g_free (chain->torn_hash);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)

static void G_GNUC_PRINTF (2, 3) add (GPtrArray *texts, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  if (texts->len < MAX_PROBLEMS)
    g_ptr_array_add (texts, g_strdup_vprintf (format, args));
  va_end (args);
}

/* An entry vouches for the torn piece before it; a piece nobody vouches for was put in, and one that
 * is vouched for and not there was removed. */
static void
check_torn (Chain *chain, const json_t *entry)
{
  const char *torn = json_string_value (json_object_get (entry, "torn"));
  if (chain->torn_hash == NULL && torn != NULL)
    add (chain->report.problems, "line %" G_GUINT64_FORMAT ": the torn line before it is gone",
         chain->line_number);
  else if (chain->torn_hash != NULL && g_strcmp0 (torn, chain->torn_hash) != 0)
    add (chain->report.problems,
         "line %" G_GUINT64_FORMAT ": not an audit entry; it was changed or put in",
         chain->line_number - 1);
  else if (torn != NULL)
    add (chain->report.notes, "line %" G_GUINT64_FORMAT ": cut short by a crash, and known as such",
         chain->line_number - 1);
  g_clear_pointer (&chain->torn_hash, g_free);
}

static void
check_link (Chain *chain, uint64_t seq, const char *previous)
{
  GPtrArray *problems = chain->report.problems;
  bool follows = strcmp (previous, chain->hash) == 0;
  if (seq == chain->seq + 1 && follows)
    return;
  if (seq == chain->seq + 1 && chain->seq == 0)
    add (problems, "line %" G_GUINT64_FORMAT ": it is not the first entry that was written",
         chain->line_number);
  else if (seq == chain->seq + 1)
    add (problems,
         "line %" G_GUINT64_FORMAT ": entry %" G_GUINT64_FORMAT " was changed after it was written",
         chain->entry_line, chain->seq);
  else if (seq > chain->seq)
    add (problems,
         "line %" G_GUINT64_FORMAT ": %" G_GUINT64_FORMAT " entries before it are missing",
         chain->line_number, seq - chain->seq - 1);
  else
    add (problems,
         "line %" G_GUINT64_FORMAT ": entry %" G_GUINT64_FORMAT
         " is not in its place; it was moved or put in",
         chain->line_number, seq);
}

/* Says what is not as the database remembers it, and from where on. */
static void
add_wrong (Chain *chain, const AuditKept *kept)
{
  if (chain->kept_good == 0)
    add (chain->report.problems,
         "none of what the database remembers is in it: the log was replaced or rewritten (the "
         "database remembers %" G_GUINT64_FORMAT " entries since %s)",
         kept->count, kept->written);
  else
    add (chain->report.problems,
         "entry %" G_GUINT64_FORMAT
         " is not the one that the database remembers since %s: what was "
         "rewritten is in entries %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
         kept->count, kept->written, chain->kept_good + 1, kept->count);
}

static const AuditKept *
next_kept (const Chain *chain)
{
  return chain->kept != NULL && chain->kept_count < chain->kept->len
             ? chain->kept->pdata[chain->kept_count]
             : NULL;
}

/* Entry SEQ against what the database remembers of it; of a log that was changed only the first place is told. */
static void
check_kept (Chain *chain, uint64_t seq, const char *hash)
{
  for (const AuditKept *kept; (kept = next_kept (chain)) != NULL && kept->count <= seq;
       chain->kept_count++)
    if (chain->wrong != NULL)
      continue;
    else if (kept->count == seq && strcmp (kept->hash, hash) == 0)
      chain->kept_good = seq;
    else
      {
        chain->wrong = kept;
        add_wrong (chain, kept);
      }
}

/* What the database remembers beyond the end. */
static void
check_kept_end (Chain *chain)
{
  if (chain->kept == NULL)
    return;
  if (chain->kept->len == 0 && chain->seq > 0)
    add (chain->report.notes, "the database remembers nothing of this log yet");
  if (next_kept (chain) == NULL)
    return;
  const AuditKept *last = chain->kept->pdata[chain->kept->len - 1];
  add (chain->report.problems,
       "%" G_GUINT64_FORMAT
       " entries are missing at the end: the database remembers %" G_GUINT64_FORMAT " since %s",
       last->count - chain->seq, last->count, last->written);
}

static void
add_line (Chain *chain, const AuditLine *line)
{
  chain->line_number++;
  g_autoptr (json_t) entry = audit_line_parse (line);
  if (entry == NULL)
    {
      if (chain->torn_hash != NULL)
        add (chain->report.problems,
             "line %" G_GUINT64_FORMAT ": not an audit entry; it was changed or put in",
             chain->line_number - 1);
      g_free (chain->torn_hash);
      chain->torn_hash = g_strdup (line->hash);
      return;
    }
  const char *previous = json_string_value (json_object_get (entry, "previous"));
  uint64_t seq = (uint64_t) json_integer_value (json_object_get (entry, "seq"));
  check_torn (chain, entry);
  check_link (chain, seq, previous);
  if (json_is_true (json_object_get (entry, "head_lost")))
    add (chain->report.problems,
         "line %" G_GUINT64_FORMAT
         ": %s was missing when it was written: entries before it may have "
         "been removed",
         chain->line_number, AUDIT_HEAD_FILE);
  check_kept (chain, seq, line->hash);
  chain->report.entry_count++;
  chain->entry_line = chain->line_number;
  chain->seq = seq;
  g_free (chain->hash);
  chain->hash = g_strdup (line->hash);
  g_free (chain->previous);
  chain->previous = g_strdup (previous);
}

/* A line at the end that is no entry is a crash's, as long as it was never finished. */
static void
check_end (Chain *chain, bool is_whole)
{
  if (chain->torn_hash == NULL)
    return;
  if (is_whole)
    add (chain->report.problems,
         "line %" G_GUINT64_FORMAT ": not an audit entry; it was changed or put in",
         chain->line_number);
  else
    add (chain->report.notes,
         "line %" G_GUINT64_FORMAT ": cut short by a crash; the next entry will say so",
         chain->line_number);
}

/* The remembered head shows what no chain can: entries missing at the end. */
static void
check_head (Chain *chain, const AuditHead *head)
{
  GPtrArray *problems = chain->report.problems;
  if (!head->is_known)
    {
      if (chain->seq > 1)
        add (problems, "%s is missing: entries may have been removed at the end", AUDIT_HEAD_FILE);
      return;
    }
  if (chain->seq == head->count && strcmp (chain->hash, head->hash) == 0)
    {
      /* The head is written after the whole line is on the disk. */
      if (!chain->is_whole && chain->torn_hash == NULL)
        add (problems,
             "line %" G_GUINT64_FORMAT ": its newline was taken away after it was written",
             chain->entry_line);
      return;
    }
  if (chain->seq < head->count)
    add (problems, "%" G_GUINT64_FORMAT " entries are missing at the end",
         head->count - chain->seq);
  else if (chain->seq == head->count)
    add (problems,
         "line %" G_GUINT64_FORMAT ": entry %" G_GUINT64_FORMAT " was changed after it was written",
         chain->entry_line, chain->seq);
  else if (chain->seq == head->count + 1 && strcmp (chain->previous, head->hash) == 0)
    add (chain->report.notes, "the last entry was written just before a crash");
  else
    add (problems, "the log has more entries than %s knows of", AUDIT_HEAD_FILE);
}

static bool
read_chain (const Project *project, Chain *chain, GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_FILE);
  g_autoptr (AuditReader) reader = NULL;
  bool is_whole = true;
  if (!audit_reader_open (path, &reader, error))
    return false;
  bool has_line = reader != NULL;
  while (has_line)
    {
      AuditLine line;
      if (!audit_reader_next (reader, &line, &has_line, error))
        return false;
      if (!has_line)
        break;
      add_line (chain, &line);
      is_whole = line.is_whole;
    }
  chain->is_whole = is_whole;
  check_end (chain, is_whole);
  check_kept_end (chain);
  return true;
}

bool
audit_verify (const Project *project, AuditReport *ret_report, GError **error)
{
  return audit_verify_kept (project, NULL, ret_report, error);
}

bool
audit_verify_kept (const Project *project, const GPtrArray *kept, AuditReport *ret_report,
                   GError **error)
{
  g_auto (AuditHead) head = { 0 };
  g_auto (Chain) chain = { .hash = g_strdup (audit_hash_none ()), .kept = kept };
  chain.report.problems = g_ptr_array_new_with_free_func (g_free);
  chain.report.notes = g_ptr_array_new_with_free_func (g_free);
  /* Looking must not make the folder. */
  g_autofree char *path = project_state_path (project, AUDIT_LOCK_FILE);
  g_autofree char *folder = g_path_get_dirname (path);
  g_auto (ActAs) act = act_as_owner_of (folder);
  g_auto (Fd) lock = -1;
  if ((g_file_test (folder, G_FILE_TEST_EXISTS) && !audit_lock (project, &lock, error))
      || !audit_head_read (project, &head, error) || !read_chain (project, &chain, error))
    return prefix_error (error, "verifying the audit log");
  check_head (&chain, &head);
  *ret_report = chain.report;
  chain.report = (AuditReport){ 0 };
  return true;
}
