#include "project/audit_line.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define LOCK_WAIT_US (60 * G_USEC_PER_SEC)
#define LOCK_POLL_US (5 * 1000)
#define HEAD_MAX_BYTES 4096

struct AuditReader
{
  Fd fd;
  char *path;
  char chunk[16384];
  size_t at, filled; /* in chunk */
  GString *line;
  char *hash;
};

const char *
audit_hash_none (void)
{
  return AUDIT_HASH_PREFIX "0000000000000000000000000000000000000000000000000000000000000000";
}

static char *
hash_text (const uint8_t sum[SHA256_BYTES])
{
  g_autofree char *hex = sha256_hex (sum);
  return g_strconcat (AUDIT_HASH_PREFIX, hex, NULL);
}

char *
audit_hash_of (const char *text, size_t length)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (text, length, sum);
  return hash_text (sum);
}

void
audit_reader_free (AuditReader *reader)
{
  if (reader == NULL)
    return;
  fd_clear (&reader->fd);
  g_free (reader->path);
  g_free (reader->hash);
  g_string_free (reader->line, TRUE);
  g_free (reader);
}

bool
audit_reader_open (const char *path, AuditReader **ret_reader, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  *ret_reader = NULL;
  if (fd < 0 && errno == ENOENT)
    return true;
  if (fd < 0)
    return keel_error_errno (error, errno, "cannot open the audit log “%s”", path);
  AuditReader *reader = g_new0 (AuditReader, 1);
  reader->fd = fd;
  reader->path = g_strdup (path);
  reader->line = g_string_new (NULL);
  *ret_reader = reader;
  return true;
}

static bool
fill (AuditReader *reader, GError **error)
{
  ssize_t count;
  do
    count = read (reader->fd, reader->chunk, sizeof reader->chunk);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return keel_error_errno (error, errno, "cannot read the audit log “%s”", reader->path);
  reader->at = 0;
  reader->filled = (size_t) count;
  return true;
}

static void
keep (AuditReader *reader, const char *text, size_t length)
{
  size_t room = AUDIT_LINE_MAX_BYTES - reader->line->len;
  g_string_append_len (reader->line, text, (gssize) MIN (length, room));
}

static void
finish_line (AuditReader *reader, Sha256 *sum, size_t length, bool is_whole, AuditLine *ret_line)
{
  uint8_t bytes[SHA256_BYTES];
  sha256_finish (sum, bytes);
  g_free (reader->hash);
  reader->hash = hash_text (bytes);
  *ret_line = (AuditLine){ reader->line->str, length, is_whole, reader->hash };
}

bool
audit_reader_next (AuditReader *reader, AuditLine *ret_line, bool *ret_has_line, GError **error)
{
  g_autoptr (Sha256) sum = sha256_new ();
  size_t length = 0;
  g_string_truncate (reader->line, 0);
  for (;;)
    {
      if (reader->at == reader->filled && !fill (reader, error))
        return false;
      if (reader->filled == 0)
        break;
      const char *start = reader->chunk + reader->at;
      const char *end = memchr (start, '\n', reader->filled - reader->at);
      size_t count = end != NULL ? (size_t) (end - start) : reader->filled - reader->at;
      sha256_update (sum, start, count);
      keep (reader, start, count);
      length += count;
      reader->at += count + (end != NULL);
      if (end == NULL)
        continue;
      finish_line (reader, sum, length, true, ret_line);
      *ret_has_line = true;
      return true;
    }
  *ret_has_line = length > 0;
  if (length > 0)
    finish_line (reader, sum, length, false, ret_line);
  return true;
}

bool
audit_reader_skip_to_tail (AuditReader *reader, GError **error)
{
  off_t size = lseek (reader->fd, 0, SEEK_END);
  off_t start = size - 2 * AUDIT_LINE_MAX_BYTES;
  if (size < 0 || lseek (reader->fd, start > 0 ? start : 0, SEEK_SET) < 0)
    return keel_error_errno (error, errno, "cannot read the audit log “%s”", reader->path);
  AuditLine piece;
  bool has_line;
  return start <= 0 || audit_reader_next (reader, &piece, &has_line, error);
}

json_t *
audit_line_parse (const AuditLine *line)
{
  if (line->length > AUDIT_LINE_MAX_BYTES)
    return NULL;
  g_autoptr (json_t) object = json_loadb (line->text, line->length, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object (object) || !json_is_integer (json_object_get (object, "seq"))
      || json_integer_value (json_object_get (object, "seq")) < 1
      || !json_is_string (json_object_get (object, "previous")))
    return NULL;
  return g_steal_pointer (&object);
}

void
audit_head_clear (AuditHead *head)
{
  g_clear_pointer (&head->hash, g_free);
  *head = (AuditHead){ 0 };
}

bool
audit_head_read (const Project *project, AuditHead *ret_head, GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_HEAD_FILE);
  g_autofree char *text = NULL;
  g_autoptr (GError) problem = NULL;
  *ret_head = (AuditHead){ 0 };
  if (!fs_read_text (path, HEAD_MAX_BYTES, &text, NULL, &problem))
    {
      if (keel_error_is (problem, KEEL_ERROR_MISSING))
        return true;
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  g_autoptr (json_t) object = json_loads (text, 0, NULL);
  json_t *count = json_object_get (object, "count");
  const char *hash = json_string_value (json_object_get (object, "hash"));
  if (!json_is_integer (count) || json_integer_value (count) < 1 || hash == NULL)
    return true;
  *ret_head = (AuditHead){ true, (uint64_t) json_integer_value (count), g_strdup (hash) };
  return true;
}

bool
audit_head_write (const Project *project, const AuditHead *head, GError **error)
{
  g_autofree char *path = project_state_path (project, AUDIT_HEAD_FILE);
  g_autoptr (json_t) object
      = json_pack ("{s:I, s:s}", "count", (json_int_t) head->count, "hash", head->hash);
  g_autofree char *text = json_dumps (object, 0);
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  return fs_write_durable (path, line, strlen (line), 0600, error);
}

bool
audit_lock (const Project *project, int *ret_fd, GError **error)
{
  g_autofree char *folder = g_build_filename (project->folder, PROJECT_STATE_FOLDER, NULL);
  g_autofree char *path = project_state_path (project, AUDIT_LOCK_FILE);
  int64_t deadline = clock_monotonic_us () + LOCK_WAIT_US;
  /* Others may pass through: the server's user, to its cluster. The files in it are closed. */
  if (!fs_make_folder (folder, 0755, error))
    return false;
  for (;;)
    {
      g_autoptr (GError) problem = NULL;
      if (fs_lock (path, ret_fd, &problem))
        return true;
      if (!keel_error_is (problem, KEEL_ERROR_LOCKED) || clock_monotonic_us () > deadline)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      g_usleep (LOCK_POLL_US);
    }
}
