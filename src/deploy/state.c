#include "deploy/state.h"
#include "backup/large_objects.h"
#include "backup/scan.h"
#include "backup/snapshot.h"
#include "base/digest.h"
#include "base/line_diff.h"
#include "base/text.h"
#include "db/schema.h"
#include "migrate/drift.h"

#include <string.h>

#define JOBS_MAX 8
/* Of a definition that differs, in a line for people. */
#define DEFINITION_MAX_BYTES 300

typedef struct
{
  RowDigest values; /* of its texts; rows: those that are not NULL */
} ColumnState;

typedef struct
{
  char *name; /* quoted, with its schema */
  char **columns;
  RowDigest rows;
  ColumnState *column_states;
} TableState;

struct DeployState
{
  GPtrArray *tables; /* of TableState, by name */
  GHashTable *by_name;
  uint64_t large_object_count;
  RowDigest large_objects;
};

static void
table_state_free (TableState *table)
{
  g_free (table->name);
  g_strfreev (table->columns);
  g_free (table->column_states);
  g_free (table);
}

void
deploy_state_free (DeployState *state)
{
  if (state == NULL)
    return;
  g_hash_table_unref (state->by_name);
  g_ptr_array_unref (state->tables);
  g_free (state);
}

guint
deploy_state_table_count (const DeployState *state)
{
  return state->tables->len;
}

uint64_t
deploy_state_rows (const DeployState *state)
{
  uint64_t rows = 0;
  for (guint i = 0; i < state->tables->len; i++)
    rows += ((TableState *) state->tables->pdata[i])->rows.rows;
  return rows;
}

/* --- reading the rows ------------------------------------------------------------------------ */

/* What one worker has read of one range. */
typedef struct
{
  GHashTable *states; /* ScanTable to TableState */
  GMutex *lock;       /* over the sums in states */
  TableState *sum;
  RowDigest rows;
  GArray *columns; /* of ColumnState */
} Reader;

static bool
reader_begin (void *state, const ScanTable *table, GError **error)
{
  (void) error;
  Reader *reader = state;
  reader->sum = g_hash_table_lookup (reader->states, table);
  reader->rows = (RowDigest){ 0 };
  g_array_set_size (reader->columns, 0);
  g_array_set_size (reader->columns, g_strv_length (reader->sum->columns));
  return true;
}

/* COPY's text has a tab between two columns and never inside of one. */
static bool
reader_row (void *state, const char *line, size_t length, GError **error)
{
  (void) error;
  Reader *reader = state;
  const char *end = line + length - 1;
  row_digest_add (&reader->rows, line, length - 1);
  const char *at = line;
  for (guint i = 0; i < reader->columns->len; i++)
    {
      const char *tab = memchr (at, '\t', (size_t) (end - at));
      const char *stop = tab != NULL ? tab : end;
      bool is_null = stop - at == 2 && memcmp (at, "\\N", 2) == 0;
      if (!is_null)
        row_digest_add (&g_array_index (reader->columns, ColumnState, i).values, at,
                        (size_t) (stop - at));
      if (tab == NULL)
        break;
      at = tab + 1;
    }
  return true;
}

static bool
reader_end (void *state, GError **error)
{
  (void) error;
  Reader *reader = state;
  g_mutex_lock (reader->lock);
  row_digest_merge (&reader->sum->rows, &reader->rows);
  for (guint i = 0; i < reader->columns->len; i++)
    row_digest_merge (&reader->sum->column_states[i].values,
                      &g_array_index (reader->columns, ColumnState, i).values);
  g_mutex_unlock (reader->lock);
  return true;
}

static bool
scan_tables (Snapshot *snapshot, GPtrArray *tables, GHashTable *states, Report *report,
             GError **error)
{
  static const ScanSink sink = { reader_begin, reader_row, reader_end };
  guint count = snapshot->workers->len;
  g_autofree Reader *readers = g_new0 (Reader, count);
  g_autofree void **pointers = g_new0 (void *, count);
  GMutex lock;
  g_mutex_init (&lock);
  for (guint i = 0; i < count; i++)
    {
      readers[i] = (Reader){ .states = states,
                             .lock = &lock,
                             .columns = g_array_new (FALSE, TRUE, sizeof (ColumnState)) };
      pointers[i] = &readers[i];
    }
  bool done
      = scan_run (snapshot->workers, tables, &sink, pointers, "digesting rows", report, error);
  for (guint i = 0; i < count; i++)
    g_array_unref (readers[i].columns);
  g_mutex_clear (&lock);
  return done;
}

static TableState *
add_table (DeployState *state, const DeployState *like, ScanTable *scanned)
{
  TableState *table = g_new0 (TableState, 1);
  table->name = g_strdup (scanned->quoted_name);
  const TableState *earlier
      = like != NULL ? g_hash_table_lookup (like->by_name, table->name) : NULL;
  if (earlier != NULL)
    (void) !scan_table_arrange (scanned, earlier->columns);
  table->columns = g_strdupv (scanned->columns);
  table->column_states = g_new0 (ColumnState, MAX (g_strv_length (table->columns), 1));
  g_ptr_array_add (state->tables, table);
  g_hash_table_insert (state->by_name, table->name, table);
  return table;
}

/* What migration tools, ours among them, keep for themselves is nobody's data. */
static bool
is_of_tools (const char *kind, const char *name)
{
  const DbSchemaObject object = { .kind = (char *) kind, .name = (char *) name, .definition = "" };
  const DriftSpec nothing_else = { 0 };
  return drift_is_ignored (&object, &nothing_else);
}

bool
deploy_state_read (const DeployStateSpec *spec, const DeployState *like, Report *report,
                   DeployState **ret_state, GError **error)
{
  g_autoptr (Snapshot) snapshot = NULL;
  SnapshotSpec wanted = { .url = spec->url, .database = spec->database };
  wanted.worker_count
      = spec->job_count > 0 ? spec->job_count : MIN (g_get_num_processors (), JOBS_MAX);
  if (!snapshot_open (&wanted, report, &snapshot, error))
    return false;
  g_autoptr (DeployState) state = g_new0 (DeployState, 1);
  g_autoptr (GPtrArray) tables = g_ptr_array_new ();
  g_autoptr (GHashTable) states = g_hash_table_new (g_direct_hash, g_direct_equal);
  state->tables = g_ptr_array_new_with_free_func ((GDestroyNotify) table_state_free);
  state->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < snapshot->tables->len; i++)
    {
      ScanTable *scanned = snapshot->tables->pdata[i];
      if (is_of_tools ("table", scanned->quoted_name))
        continue;
      g_ptr_array_add (tables, scanned);
      g_hash_table_insert (states, scanned, add_table (state, like, scanned));
    }
  if (!scan_tables (snapshot, tables, states, report, error)
      || !large_objects_digest (snapshot->main, &state->large_object_count, &state->large_objects,
                                error))
    return false;
  *ret_state = g_steal_pointer (&state);
  return true;
}

/* --- the schema ------------------------------------------------------------------------------ */

bool
deploy_schema_read (DbConn *conn, GPtrArray **ret_objects, GError **error)
{
  g_autoptr (GPtrArray) objects = NULL;
  if (!db_schema_read (conn, &objects, error))
    return false;
  for (guint i = objects->len; i > 0; i--)
    {
      const DbSchemaObject *object = objects->pdata[i - 1];
      const DriftSpec nothing_else = { 0 };
      if (strcmp (object->kind, "extension version") != 0
          && drift_is_ignored (object, &nothing_else))
        g_ptr_array_remove_index (objects, i - 1);
    }
  *ret_objects = g_steal_pointer (&objects);
  return true;
}

/* " (-name text NOT NULL; +name text)": the lines that differ, as many as are of use. */
static char *
describe_change (const DbSchemaChange *change)
{
  if (change->change != DB_SCHEMA_CHANGED)
    return g_strdup ("");
  g_autofree char *diff = line_diff (change->before, change->after, 0);
  g_auto (GStrv) lines = g_strsplit (diff, "\n", -1);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; lines[i] != NULL && text->len < DEFINITION_MAX_BYTES; i++)
    if (lines[i][0] == '-' || lines[i][0] == '+')
      g_string_append_printf (text, "%s%c %s", text->len > 0 ? "; " : "", lines[i][0],
                              g_strchug (lines[i] + 1));
  return text->len < DEFINITION_MAX_BYTES
             ? g_strdup_printf (" (%s)", text->str)
             : g_strdup_printf (" (%.*s ...)", DEFINITION_MAX_BYTES, text->str);
}

GPtrArray *
deploy_schema_compare (const GPtrArray *before, const GPtrArray *now)
{
  static const char *const words[] = { [DB_SCHEMA_ADDED] = "was not there before",
                                       [DB_SCHEMA_REMOVED] = "is missing",
                                       [DB_SCHEMA_CHANGED] = "is defined otherwise" };
  g_autoptr (GPtrArray) changes = db_schema_diff (before, now);
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < changes->len; i++)
    {
      const DbSchemaChange *change = changes->pdata[i];
      g_autofree char *details = describe_change (change);
      g_ptr_array_add (lines, g_strdup_printf ("%s %s %s%s", change->kind, change->name,
                                               words[change->change], details));
    }
  return lines;
}

/* --- comparing data -------------------------------------------------------------------------- */

static void
deploy_loss_free (DeployLoss *loss)
{
  g_free (loss->table);
  g_free (loss->column);
  g_free (loss->text);
  g_free (loss);
}

static void G_GNUC_PRINTF (4, 5)
    add_loss (GPtrArray *losses, const char *table, const char *column, const char *format, ...)
{
  DeployLoss *loss = g_new0 (DeployLoss, 1);
  va_list args;
  va_start (args, format);
  loss->table = g_strdup (table);
  loss->column = g_strdup (column);
  loss->text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (losses, loss);
}

static int
find_column (const TableState *table, const char *name)
{
  for (int i = 0; table->columns[i] != NULL; i++)
    if (strcmp (table->columns[i], name) == 0)
      return i;
  return -1;
}

static void
compare_column (GPtrArray *losses, const TableState *before, guint index, const TableState *now)
{
  const char *name = before->columns[index];
  const RowDigest *old = &before->column_states[index].values;
  int place = find_column (now, name);
  g_autofree char *old_count = text_format_count (old->rows);
  if (place < 0)
    {
      add_loss (losses, before->name, name, "column %s of table %s is missing; it had %s value%s",
                name, before->name, old_count, old->rows == 1 ? "" : "s");
      return;
    }
  const RowDigest *new = &now->column_states[place].values;
  if (new->rows == old->rows && row_digest_equal (new, old))
    return;
  g_autofree char *new_count = text_format_count (new->rows);
  if (new->rows < old->rows)
    add_loss (losses, before->name, name,
              "column %s of table %s has lost values: %s are left of %s", name, before->name,
              new_count, old_count);
  else
    add_loss (losses, before->name, name, "column %s of table %s has other values than before",
              name, before->name);
}

/* Of a table with another number of rows every column differs: the number says more. */
static bool
compare_table (GPtrArray *losses, const TableState *before, const TableState *now)
{
  guint known = losses->len;
  g_autofree char *old_count = text_format_count (before->rows.rows);
  if (now == NULL)
    add_loss (losses, before->name, NULL, "table %s is missing; it had %s row%s", before->name,
              old_count, before->rows.rows == 1 ? "" : "s");
  else if (now->rows.rows != before->rows.rows)
    {
      g_autofree char *new_count = text_format_count (now->rows.rows);
      add_loss (losses, before->name, NULL, "table %s has %s row%s instead of %s", before->name,
                new_count, now->rows.rows == 1 ? "" : "s", old_count);
    }
  else
    {
      for (guint i = 0; before->columns[i] != NULL; i++)
        compare_column (losses, before, i, now);
      bool same_columns = g_strv_equal ((const char *const *) before->columns,
                                        (const char *const *) now->columns);
      if (losses->len == known && same_columns && !row_digest_equal (&before->rows, &now->rows))
        add_loss (losses, before->name, NULL,
                  "the rows of table %s hold the same values in other combinations", before->name);
    }
  return losses->len == known;
}

GPtrArray *
deploy_state_compare (const DeployState *before, const DeployState *now, guint *ret_equal_tables)
{
  GPtrArray *losses = g_ptr_array_new_with_free_func ((GDestroyNotify) deploy_loss_free);
  *ret_equal_tables = 0;
  for (guint i = 0; i < before->tables->len; i++)
    {
      const TableState *table = before->tables->pdata[i];
      *ret_equal_tables
          += compare_table (losses, table, g_hash_table_lookup (now->by_name, table->name));
    }
  if (before->large_object_count != now->large_object_count
      || !row_digest_equal (&before->large_objects, &now->large_objects))
    add_loss (losses, NULL, NULL,
              "large objects differ: %" G_GUINT64_FORMAT " instead of %" G_GUINT64_FORMAT,
              now->large_object_count, before->large_object_count);
  return losses;
}
