#include "backup/load_copy.h"
#include "backup/gzip.h"
#include "db/copy.h"

#include <string.h>

/* "\.", newline, newline: how a part's rows end. */
#define COPY_END_BYTES 4

struct LoadCopy
{
  BackupReader *reader;
  DbConn *conn;
  const BackupTable *table;
  const char *statement;
  bool freeze;
  bool is_open; /* the server is in COPY */
  char *table_name;
  GString *sql;        /* the command without its options */
  GByteArray *buffer;  /* compressed bytes of a part */
  uint64_t row_count;  /* of the parts sent */
  uint64_t taken_rows; /* by the server, in commands that have ended */
  BinaryRows *binary;  /* NULL: rows go as text */
  /* Of the part on its way: */
  GString *head; /* its COPY statement */
  uint64_t at, rows_end;
};

static bool
on_binary (const char *data, size_t length, void *user_data, GError **error)
{
  LoadCopy *copy = user_data;
  return db_copy_in_write (copy->conn, data, length, error);
}

LoadCopy *
load_copy_new (BackupReader *reader, DbConn *conn, const BackupTable *table, const char *statement,
               bool freeze, const LoadTypes *types)
{
  LoadCopy *copy = g_new0 (LoadCopy, 1);
  copy->reader = reader;
  copy->conn = conn;
  copy->table = table;
  copy->statement = statement;
  copy->freeze = freeze;
  copy->buffer = g_byte_array_new ();
  copy->head = g_string_new (NULL);
  copy->sql = g_string_new (NULL);
  copy->binary = load_types_converter (types, table, on_binary, copy);
  return copy;
}

void
load_copy_free (LoadCopy *copy)
{
  if (copy == NULL)
    return;
  if (copy->is_open)
    db_copy_in_abort (copy->conn);
  g_free (copy->table_name);
  g_byte_array_unref (copy->buffer);
  g_string_free (copy->head, TRUE);
  g_string_free (copy->sql, TRUE);
  binary_rows_free (copy->binary);
  g_free (copy);
}

const char *
load_copy_table_name (const LoadCopy *copy)
{
  return copy->table_name;
}

static char *
name_of_statement (const char *statement)
{
  const char *start = statement + strlen ("COPY ");
  const char *end = strstr (start, " (");
  if (end == NULL)
    end = g_strrstr (start, " FROM stdin;");
  return g_strndup (start, (gsize) (end - start));
}

/* "COPY t (a) FROM stdin" becomes "COPY t (a) FROM stdin WITH (FORMAT binary, FREEZE)". */
static bool
begin_command (LoadCopy *copy, GError **error)
{
  static const char *const options[2][2] = {
    { "", " WITH (FREEZE)" },
    { " WITH (FORMAT binary)", " WITH (FORMAT binary, FREEZE)" },
  };
  g_autofree char *sql
      = g_strconcat (copy->sql->str, options[copy->binary != NULL][copy->freeze], NULL);
  copy->is_open = db_copy_in_begin (copy->conn, sql, error);
  return copy->is_open;
}

static bool
end_command (LoadCopy *copy, GError **error)
{
  uint64_t rows = 0;
  copy->is_open = false;
  if (!db_copy_in_end (copy->conn, &rows, error))
    return false;
  copy->taken_rows += rows;
  return true;
}

static bool
start (LoadCopy *copy, GError **error)
{
  static const char ending[] = " FROM stdin;\n";
  if (!g_str_has_suffix (copy->head->str, ending) || !g_str_has_prefix (copy->head->str, "COPY "))
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                       "a part does not begin with its COPY statement");
  if (copy->is_open)
    return true;
  copy->table_name = name_of_statement (copy->head->str);
  g_string_assign (copy->sql, copy->head->str);
  g_string_truncate (copy->sql, copy->sql->len - strlen (";\n"));
  if (copy->statement != NULL)
    g_string_assign (copy->sql, copy->statement);
  return begin_command (copy, error);
}

/* The rows before DATA are the server's; this one and the rest are sent as they are. */
static bool
go_on_as_text (LoadCopy *copy, const char *data, size_t length, GError **error)
{
  g_autoptr (BinaryRows) binary = g_steal_pointer (&copy->binary);
  size_t held_length;
  const char *held = binary_rows_held (binary, &held_length);
  return binary_rows_end (binary, error) && end_command (copy, error) && begin_command (copy, error)
         && db_copy_in_write (copy->conn, held, held_length, error)
         && db_copy_in_write (copy->conn, data, length, error);
}

static bool
send_rows (LoadCopy *copy, const char *data, size_t length, GError **error)
{
  size_t taken;
  if (copy->binary == NULL)
    return db_copy_in_write (copy->conn, data, length, error);
  return binary_rows_write (copy->binary, data, length, &taken, error)
         && (taken == length || go_on_as_text (copy, data + taken, length - taken, error));
}

/* Of the inflated stream only the rows go to the server. */
static bool
on_piece (const char *data, size_t length, void *user_data, GError **error)
{
  LoadCopy *copy = user_data;
  while (length > 0)
    {
      size_t count = length;
      if (copy->at < copy->table->statement_bytes)
        {
          count = MIN (count, copy->table->statement_bytes - copy->at);
          g_string_append_len (copy->head, data, (gssize) count);
          if (copy->at + count == copy->table->statement_bytes && !start (copy, error))
            return false;
        }
      else if (copy->at < copy->rows_end)
        {
          count = MIN (count, copy->rows_end - copy->at);
          if (!send_rows (copy, data, count, error))
            return false;
        }
      copy->at += count;
      data += count;
      length -= count;
    }
  return true;
}

bool
load_copy_member (LoadCopy *copy, const BackupMember *member, GError **error)
{
  g_string_truncate (copy->head, 0);
  copy->at = 0;
  copy->rows_end = member->raw_bytes - COPY_END_BYTES;
  copy->row_count += member->row_count;
  if (!backup_reader_read (copy->reader, member, copy->buffer, error)
      || !gzip_inflate (copy->buffer->data, copy->buffer->len, member->raw_bytes, on_piece, copy,
                        error))
    return false;
  return copy->at == member->raw_bytes
         || keel_error (error, KEEL_ERROR_CORRUPT, NULL, "a part of the backup is cut short");
}

/* Every part ends with the end of a row. */
static bool
end_binary (LoadCopy *copy, GError **error)
{
  size_t held_length;
  binary_rows_held (copy->binary, &held_length);
  if (held_length > 0)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "a part of the backup ends within a row");
  return binary_rows_end (copy->binary, error);
}

bool
load_copy_end (LoadCopy *copy, GError **error)
{
  if (!copy->is_open)
    return true;
  if ((copy->binary != NULL && !end_binary (copy, error)) || !end_command (copy, error))
    return false;
  return copy->taken_rows == copy->row_count
         || keel_error (error, KEEL_ERROR_CORRUPT, NULL,
                        "the server took %" G_GUINT64_FORMAT " rows of %" G_GUINT64_FORMAT,
                        copy->taken_rows, copy->row_count);
}
