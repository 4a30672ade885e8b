#include "guard/control_file.h"

#include "base/digest.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What matters is in the first sector, which PostgreSQL writes as one. */
#define READ_BYTES 512
#define FIELDS_BYTES 40
#define LAYOUT_OLDEST 1300
#define LAYOUT_END 1900
#define STATE_SHUT_DOWN 1

#define TRIES 10
#define PAUSE_US 10000

static uint32_t
u32_at (const uint8_t *bytes, size_t offset)
{
  uint32_t value;
  memcpy (&value, bytes + offset, sizeof value);
  return value;
}

static uint64_t
u64_at (const uint8_t *bytes, size_t offset)
{
  uint64_t value;
  memcpy (&value, bytes + offset, sizeof value);
  return value;
}

/* Where the checksum stands differs between versions, even of one layout's number across builds; that it fits
 * somewhere by chance is as likely as that a wrong one fits in its place, times the places. */
static bool
has_checksum (const uint8_t *bytes, size_t length)
{
  for (size_t end = FIELDS_BYTES; end + sizeof (uint32_t) <= length; end += sizeof (uint32_t))
    if (crc32c_of (bytes, end) == u32_at (bytes, end))
      return true;
  return false;
}

bool
control_file_parse (const uint8_t *bytes, size_t length, ControlFile *ret_control, GError **error)
{
  if (length < FIELDS_BYTES + sizeof (uint32_t))
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "pg_control is too short");
  uint32_t version = u32_at (bytes, 8), swapped = GUINT32_SWAP_LE_BE (version);
  if (swapped >= LAYOUT_OLDEST && swapped < LAYOUT_END)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                       "pg_control was written by a machine of another byte order");
  if (version < LAYOUT_OLDEST || version >= LAYOUT_END)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                       "pg_control has a layout that is not known (%u)", version);
  if (!has_checksum (bytes, MIN (length, READ_BYTES)))
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the checksum of pg_control is wrong");
  *ret_control = (ControlFile){
    .system_identifier = u64_at (bytes, 0),
    .layout_version = version,
    .is_shut_down = u32_at (bytes, 16) == STATE_SHUT_DOWN,
    .changed = (int64_t) u64_at (bytes, 24),
    .checkpoint = u64_at (bytes, 32),
  };
  return true;
}

static int
open_in (int folder_fd)
{
  g_auto (Fd) global
      = openat (folder_fd, "global", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (global < 0)
    return -1;
  return openat (global, "pg_control", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

bool
control_file_read (int folder_fd, ControlFile *ret_control, GError **error)
{
  uint8_t bytes[READ_BYTES];
  struct stat info;
  g_auto (Fd) fd = open_in (folder_fd);
  if (fd < 0 && errno == ENOENT)
    return keel_error (error, KEEL_ERROR_MISSING, NULL, "there is no global/pg_control");
  if (fd < 0 || fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot read global/pg_control");
  if (!S_ISREG (info.st_mode))
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "global/pg_control is no file");
  for (int try = 1;; try++)
    {
      g_autoptr (GError) problem = NULL;
      ssize_t length = pread (fd, bytes, sizeof bytes, 0);
      if (length < 0)
        return keel_error_errno (error, errno, "cannot read global/pg_control");
      if (control_file_parse (bytes, (size_t) length, ret_control, &problem))
        return true;
      if (try == TRIES)
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return false;
        }
      g_usleep (PAUSE_US);
    }
}
