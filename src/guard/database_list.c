#include "guard/database_list.h"

#include "base/digest.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* global/pg_filenode.map: magic, count, pairs of oid and file, CRC-32C. 62 pairs until 15, 64 from 16 on. */
#define MAP_MAGIC 0x592717
#define MAP_HEAD_BYTES 8
#define MAP_PAIR_BYTES 8
#define MAP_PAIRS_OLD 62
#define MAP_PAIRS_NEW 64
#define MAP_BYTES_OLD 512
#define OID_PG_DATABASE 1262

/* A page: the header, then a line pointer of 32 bits for each row. */
#define PAGE_HEAD_BYTES 24
#define PAGE_LAYOUT 4
#define PAGE_MIN_BYTES 1024
#define PAGE_MAX_BYTES 32768
#define LINE_NORMAL 1
#define TABLE_MAX_BYTES (64 * 1024 * 1024)

/* A row: xmin, xmax, ..., infomask at 20, length of its header at 22; then oid and name. */
#define ROW_HEAD_MIN_BYTES 23
#define NAME_BYTES 64
#define XMIN_COMMITTED 0x0100
#define XMIN_INVALID 0x0200
#define XMIN_FROZEN (XMIN_COMMITTED | XMIN_INVALID)
#define XMAX_LOCK_ONLY 0x0080
#define XMAX_COMMITTED 0x0400
#define XMAX_INVALID 0x0800
#define XMAX_IS_MULTI 0x1000

#define XACTS_PER_SEGMENT (32U * 8192U * 4U)
#define OID_LARGE_OBJECTS 2613

void
guard_database_free (GuardDatabase *database)
{
  if (database == NULL)
    return;
  g_free (database->name);
  g_free (database);
}

static uint16_t
u16_at (const char *bytes, size_t offset)
{
  uint16_t value;
  memcpy (&value, bytes + offset, sizeof value);
  return value;
}

static uint32_t
u32_at (const char *bytes, size_t offset)
{
  uint32_t value;
  memcpy (&value, bytes + offset, sizeof value);
  return value;
}

/* A regular file of FOLDER in FOLDER_FD; no links are followed. */
static int
open_in (int folder_fd, const char *folder, const char *name)
{
  struct stat info;
  g_auto (Fd) inner = openat (folder_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  int fd = inner >= 0 ? openat (inner, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
  if (fd >= 0 && (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode)))
    {
      close (fd);
      errno = EINVAL;
      return -1;
    }
  return fd;
}

static bool
read_global (int folder_fd, const char *name, size_t max_bytes, GByteArray **ret_bytes,
             GError **error)
{
  struct stat info;
  g_auto (Fd) fd = open_in (folder_fd, "global", name);
  if (fd < 0 || fstat (fd, &info) != 0)
    return keel_error_errno (error, errno, "cannot read global/%s", name);
  if ((uint64_t) info.st_size > max_bytes)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "global/%s is too large", name);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_byte_array_set_size (bytes, (guint) info.st_size);
  if (bytes->len > 0 && !fs_pread_all (fd, bytes->data, bytes->len, 0, name, error))
    return false;
  *ret_bytes = g_steal_pointer (&bytes);
  return true;
}

/* Which file of global/ is pg_database. */
static bool
find_table (int folder_fd, uint32_t *ret_file, GError **error)
{
  g_autoptr (GByteArray) map = NULL;
  if (!read_global (folder_fd, "pg_filenode.map", 4096, &map, error))
    return false;
  const char *bytes = (const char *) map->data;
  uint32_t pairs = map->len <= MAP_BYTES_OLD ? MAP_PAIRS_OLD : MAP_PAIRS_NEW;
  size_t end = MAP_HEAD_BYTES + pairs * MAP_PAIR_BYTES;
  if (map->len < end + sizeof (uint32_t) || u32_at (bytes, 0) != MAP_MAGIC
      || u32_at (bytes, 4) > pairs || crc32c_of (bytes, end) != u32_at (bytes, end))
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "global/pg_filenode.map is damaged");
  for (uint32_t i = 0; i < u32_at (bytes, 4); i++)
    if (u32_at (bytes, MAP_HEAD_BYTES + i * MAP_PAIR_BYTES) == OID_PG_DATABASE)
      {
        *ret_file = u32_at (bytes, MAP_HEAD_BYTES + i * MAP_PAIR_BYTES + sizeof (uint32_t));
        return true;
      }
  return keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                     "global/pg_filenode.map does not know pg_database");
}

typedef enum
{
  XACT_UNKNOWN, /* in progress, or nothing says */
  XACT_COMMITTED,
  XACT_ABORTED,
  XACT_PART, /* of another transaction */
} XactState;

static XactState
xact_state (int folder_fd, uint32_t xid)
{
  char name[16];
  uint8_t byte;
  if (xid < 3) /* not a transaction's: frozen, and what initdb made */
    return XACT_COMMITTED;
  snprintf (name, sizeof name, "%04X", xid / XACTS_PER_SEGMENT);
  g_auto (Fd) fd = open_in (folder_fd, "pg_xact", name);
  if (fd < 0 || pread (fd, &byte, 1, xid % XACTS_PER_SEGMENT / 4) != 1)
    return XACT_UNKNOWN;
  return (byte >> (xid % 4 * 2)) & 3;
}

/* In doubt it is. */
static bool
is_alive (int folder_fd, const char *row)
{
  uint16_t mask = u16_at (row, 20);
  uint32_t xmin = u32_at (row, 0), xmax = u32_at (row, 4);
  if ((mask & XMIN_FROZEN) == XMIN_INVALID)
    return false;
  if ((mask & XMIN_FROZEN) == 0 && xact_state (folder_fd, xmin) == XACT_ABORTED)
    return false;
  if (xmax == 0 || (mask & (XMAX_INVALID | XMAX_LOCK_ONLY | XMAX_IS_MULTI)) != 0)
    return true;
  return (mask & XMAX_COMMITTED) == 0 && xact_state (folder_fd, xmax) != XACT_COMMITTED;
}

static bool
is_listed (const GPtrArray *databases, uint32_t oid, const char *name)
{
  for (guint i = 0; i < databases->len; i++)
    {
      const GuardDatabase *database = databases->pdata[i];
      if (database->oid == oid && (name == NULL || g_strcmp0 (database->name, name) == 0))
        return true;
    }
  return false;
}

static void
add_database (GPtrArray *databases, uint32_t oid, const char *name)
{
  if (is_listed (databases, oid, name))
    return;
  GuardDatabase *database = g_new0 (GuardDatabase, 1);
  database->oid = oid;
  database->name = g_strdup (name);
  g_ptr_array_add (databases, database);
}

/* The rows of one page of SIZE bytes. */
static bool
read_page (int folder_fd, const char *page, size_t size, GPtrArray *databases)
{
  size_t lower = u16_at (page, 12);
  if (lower == 0) /* never used */
    return true;
  if (lower < PAGE_HEAD_BYTES || lower > size)
    return false;
  for (size_t at = PAGE_HEAD_BYTES; at + sizeof (uint32_t) <= lower; at += sizeof (uint32_t))
    {
      uint32_t line = u32_at (page, at);
      size_t offset = line & 0x7fff, length = line >> 17;
      if (((line >> 15) & 3) != LINE_NORMAL)
        continue;
      if (length < ROW_HEAD_MIN_BYTES || offset + length > size)
        return false;
      const char *row = page + offset;
      size_t head = (uint8_t) row[22];
      if (head < ROW_HEAD_MIN_BYTES || head + sizeof (uint32_t) + NAME_BYTES > length)
        return false;
      if (!is_alive (folder_fd, row))
        continue;
      char name[NAME_BYTES] = "";
      memcpy (name, row + head + sizeof (uint32_t), NAME_BYTES - 1);
      add_database (databases, u32_at (row, head), name);
    }
  return true;
}

bool
guard_databases_parse (const char *table, size_t length, int folder_fd, GPtrArray *databases,
                       GError **error)
{
  size_t size = length >= PAGE_HEAD_BYTES ? u16_at (table, 18) & 0xff00 : 0;
  if (size < PAGE_MIN_BYTES || size > PAGE_MAX_BYTES || length % size != 0
      || (u16_at (table, 18) & 0xff) != PAGE_LAYOUT)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the file of pg_database is no table");
  for (size_t at = 0; at < length; at += size)
    if (!read_page (folder_fd, table + at, size, databases))
      return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the file of pg_database is damaged");
  return true;
}

static bool
read_table (int folder_fd, GPtrArray *databases, GError **error)
{
  uint32_t file = 0;
  char name[16];
  g_autoptr (GByteArray) table = NULL;
  if (!find_table (folder_fd, &file, error))
    return false;
  snprintf (name, sizeof name, "%u", file);
  return read_global (folder_fd, name, TABLE_MAX_BYTES, &table, error)
         && guard_databases_parse ((const char *) table->data, table->len, folder_fd, databases,
                                   error);
}

/* A folder of FOLDER_FD to read, or NULL. */
static DIR *
open_dir (int folder_fd, const char *path)
{
  int fd = openat (folder_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *dir = fd >= 0 ? fdopendir (fd) : NULL;
  if (dir == NULL && fd >= 0)
    close (fd);
  return dir;
}

/* The files in DIR, by the numbers that their names begin with; 0 stands for all that begin otherwise. */
static GHashTable *
file_numbers (DIR *dir)
{
  GHashTable *numbers = g_hash_table_new (NULL, NULL);
  for (const struct dirent *entry = readdir (dir); entry != NULL; entry = readdir (dir))
    g_hash_table_add (numbers, GUINT_TO_POINTER (strtoul (entry->d_name, NULL, 10)));
  return numbers;
}

/* Nothing but what is in template0, which nobody can connect to. Large objects need no file of their own. */
static bool
holds_nothing (DIR *dir, GHashTable *template)
{
  struct stat info;
  for (const struct dirent *entry = readdir (dir); entry != NULL; entry = readdir (dir))
    {
      char *end;
      unsigned long number = strtoul (entry->d_name, &end, 10);
      if (*entry->d_name == 't' || !g_hash_table_contains (template, GUINT_TO_POINTER (number)))
        return false;
      if (number == OID_LARGE_OBJECTS && *end == '\0'
          && (fstatat (dirfd (dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0
              || info.st_size > 0))
        return false;
    }
  return true;
}

static DIR *
open_database (int folder_fd, const GuardDatabase *database)
{
  char path[32];
  snprintf (path, sizeof path, "base/%u", database->oid);
  return open_dir (folder_fd, path);
}

static GHashTable *
find_template (int folder_fd, const GPtrArray *databases)
{
  GHashTable *template = NULL;
  for (guint i = 0; i < databases->len && template == NULL; i++)
    {
      const GuardDatabase *database = databases->pdata[i];
      DIR *dir = g_strcmp0 (database->name, "template0") == 0 ? open_database (folder_fd, database)
                                                              : NULL;
      if (dir == NULL)
        continue;
      template = file_numbers (dir);
      closedir (dir);
    }
  return template;
}

/* Only the names that initdb gives: what somebody made on purpose counts, empty or not. */
static void
look_whether_pristine (int folder_fd, GHashTable *template, GuardDatabase *database)
{
  static const char *const names[] = { "postgres", "template0", "template1", NULL };
  if (database->name == NULL || !g_strv_contains (names, database->name))
    return;
  DIR *dir = open_database (folder_fd, database);
  if (dir == NULL)
    return;
  database->is_pristine = holds_nothing (dir, template);
  closedir (dir);
}

/* Those that have files and no row: just made, or what a crash has left. */
static bool
add_nameless (int folder_fd, GPtrArray *databases, GError **error)
{
  DIR *dir = open_dir (folder_fd, "base");
  if (dir == NULL)
    return keel_error_errno (error, errno, "cannot read the folder base");
  for (const struct dirent *entry = readdir (dir); entry != NULL; entry = readdir (dir))
    {
      char *end;
      unsigned long oid = strtoul (entry->d_name, &end, 10);
      if (*end == '\0' && oid > 0 && oid <= UINT32_MAX)
        add_database (databases, (uint32_t) oid, NULL);
    }
  closedir (dir);
  return true;
}

static int
compare_databases (const void *a, const void *b)
{
  const GuardDatabase *const *first = a, *const *second = b;
  int order = g_strcmp0 ((*first)->name, (*second)->name);
  return order != 0 ? order : ((*first)->oid > (*second)->oid) - ((*first)->oid < (*second)->oid);
}

bool
guard_databases_read (int folder_fd, GPtrArray **ret_databases, GError **error)
{
  g_autoptr (GPtrArray) databases
      = g_ptr_array_new_with_free_func ((GDestroyNotify) guard_database_free);
  if (!read_table (folder_fd, databases, error) || !add_nameless (folder_fd, databases, error))
    return false;
  g_autoptr (GHashTable) template = find_template (folder_fd, databases);
  for (guint i = 0; template != NULL && i < databases->len; i++)
    look_whether_pristine (folder_fd, template, databases->pdata[i]);
  g_ptr_array_sort (databases, compare_databases);
  *ret_databases = g_steal_pointer (&databases);
  return true;
}
