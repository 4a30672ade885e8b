#include "backup/part.h"
#include "backup/gzip.h"

static const char copy_end[] = "\\.\n\n";

/* Room for a row that ends beyond the limit, so that the buffer need not grow for most. */
#define SLACK_BYTES (64 * 1024)

/* Text on its way: filled by the reader, then packed by the other thread. */
typedef struct
{
  GString *text;
  size_t statement_bytes;
  uint64_t row_count;
  BackupTable *entry;
} Text;

struct PartWriter
{
  BackupWriter *writer;
  GMutex *index_lock;
  size_t part_bytes;

  /* Of the reading thread: */
  const ScanTable *table;
  Text filling;
  RowDigest digest; /* of the range so far */
  uint64_t raw_bytes;

  /* Shared with the packing thread, under lock: */
  GMutex lock;
  GCond changed;
  Text packing;
  bool is_packing, is_ending;
  GError *error; /* the packing thread's first */

  GThread *thread;
  GzipCompressor *compressor; /* of the packing thread */
};

static GString *
new_text (const PartWriter *part)
{
  return g_string_sized_new (part->part_bytes + SLACK_BYTES);
}

static bool
pack (PartWriter *part, GError **error)
{
  Text *text = &part->packing;
  g_string_append (text->text, copy_end);
  BackupMember member
      = { .kind = MEMBER_DATA, .raw_bytes = text->text->len, .row_count = text->row_count };
  const uint8_t *bytes;
  size_t length;
  gzip_compress (part->compressor, text->text->str, text->text->len, &bytes, &length);
  if (!backup_writer_append (part->writer, bytes, length, &member, error))
    return false;
  g_mutex_lock (part->index_lock);
  g_array_append_val (text->entry->members, member);
  text->entry->statement_bytes = text->statement_bytes;
  g_mutex_unlock (part->index_lock);
  return true;
}

static void *
pack_parts (void *data)
{
  PartWriter *part = data;
  g_mutex_lock (&part->lock);
  for (;;)
    {
      while (!part->is_packing && !part->is_ending)
        g_cond_wait (&part->changed, &part->lock);
      if (!part->is_packing)
        break;
      g_mutex_unlock (&part->lock);
      GError *error = NULL;
      bool done = pack (part, &error);
      g_mutex_lock (&part->lock);
      if (!done && part->error == NULL)
        part->error = g_steal_pointer (&error);
      g_clear_error (&error);
      part->is_packing = false;
      g_cond_broadcast (&part->changed);
    }
  g_mutex_unlock (&part->lock);
  return NULL;
}

PartWriter *
part_writer_new (BackupWriter *writer, GMutex *lock, size_t part_bytes)
{
  PartWriter *part = g_new0 (PartWriter, 1);
  part->writer = writer;
  part->index_lock = lock;
  part->part_bytes = part_bytes;
  part->filling.text = new_text (part);
  part->packing.text = new_text (part);
  part->compressor = gzip_compressor_new ();
  g_mutex_init (&part->lock);
  g_cond_init (&part->changed);
  part->thread = g_thread_new ("pack", pack_parts, part);
  return part;
}

void
part_writer_free (PartWriter *part)
{
  if (part == NULL)
    return;
  g_mutex_lock (&part->lock);
  part->is_ending = true;
  g_cond_broadcast (&part->changed);
  g_mutex_unlock (&part->lock);
  g_thread_join (part->thread);
  g_clear_error (&part->error);
  g_string_free (part->filling.text, TRUE);
  g_string_free (part->packing.text, TRUE);
  gzip_compressor_free (part->compressor);
  g_cond_clear (&part->changed);
  g_mutex_clear (&part->lock);
  g_free (part);
}

/* Waits for the packing thread with the lock held; false with its error, once it had one. */
static bool
wait_for_packing (PartWriter *part, GError **error)
{
  while (part->is_packing)
    g_cond_wait (&part->changed, &part->lock);
  if (part->error == NULL)
    return true;
  g_propagate_error (error, g_error_copy (part->error));
  return false;
}

bool
part_writer_finish (PartWriter *part, GError **error)
{
  g_mutex_lock (&part->lock);
  bool done = wait_for_packing (part, error);
  g_mutex_unlock (&part->lock);
  return done;
}

static void
start_text (PartWriter *part)
{
  const ScanTable *table = part->table;
  bool has_columns = table->column_list[0] != '\0';
  Text *text = &part->filling;
  /* One huge row must not keep its memory for the rest of the run. */
  if (text->text->allocated_len > 2 * part->part_bytes + 2 * SLACK_BYTES)
    {
      g_string_free (text->text, TRUE);
      text->text = new_text (part);
    }
  g_string_printf (text->text, "COPY %s%s%s%s FROM stdin;\n",
                   table->root_name != NULL ? table->quoted_root : table->quoted_name,
                   has_columns ? " (" : "", table->column_list, has_columns ? ")" : "");
  text->statement_bytes = text->text->len;
  text->row_count = 0;
  text->entry = table->entry;
}

static bool
hand_over (PartWriter *part, GError **error)
{
  if (part->filling.row_count == 0)
    return true;
  part->raw_bytes += part->filling.text->len - part->filling.statement_bytes;
  g_mutex_lock (&part->lock);
  bool done = wait_for_packing (part, error);
  if (done)
    {
      Text filled = part->filling;
      part->filling = part->packing;
      part->packing = filled;
      part->is_packing = true;
      g_cond_broadcast (&part->changed);
    }
  g_mutex_unlock (&part->lock);
  if (done)
    start_text (part);
  return done;
}

static bool
part_begin (void *state, const ScanTable *table, GError **error)
{
  (void) error;
  PartWriter *part = state;
  part->table = table;
  part->digest = (RowDigest){ 0 };
  part->raw_bytes = 0;
  start_text (part);
  return true;
}

static bool
part_row (void *state, const char *line, size_t length, GError **error)
{
  PartWriter *part = state;
  if (part->filling.text->len + length > part->part_bytes && !hand_over (part, error))
    return false;
  g_string_append_len (part->filling.text, line, (gssize) length);
  row_digest_add (&part->digest, line, length - 1);
  part->filling.row_count++;
  return true;
}

static bool
part_end (void *state, GError **error)
{
  PartWriter *part = state;
  if (!hand_over (part, error))
    return false;
  g_mutex_lock (part->index_lock);
  BackupTable *entry = part->table->entry;
  row_digest_merge (&entry->digest, &part->digest);
  entry->raw_bytes += part->raw_bytes;
  g_mutex_unlock (part->index_lock);
  return true;
}

static bool
part_settle (void *state, GError **error)
{
  return part_writer_finish (state, error);
}

const ScanSink part_writer_sink = { part_begin, part_row, part_end, part_settle };
