#include "backup/index.h"

#include <string.h>

static const char *const kind_names[MEMBER_KIND_COUNT]
    = { "header",    "pre-data", "data",         "large-objects",
        "sequences", "keys",     "foreign-keys", "post-data" };

const char *
backup_member_kind_name (BackupMemberKind kind)
{
  return kind_names[kind];
}

static void
table_free (void *data)
{
  BackupTable *table = data;
  g_free (table->schema);
  g_free (table->name);
  g_strfreev (table->columns);
  g_free (table->root_schema);
  g_free (table->root_name);
  g_free (table->condition);
  g_array_unref (table->members);
  g_free (table);
}

static void
sequence_free (void *data)
{
  BackupSequence *sequence = data;
  g_free (sequence->schema);
  g_free (sequence->name);
  g_free (sequence);
}

static void
object_free (void *data)
{
  BackupObject *object = data;
  g_free (object->kind);
  g_free (object->name);
  g_free (object->definition);
  g_free (object);
}

BackupIndex *
backup_index_new (void)
{
  BackupIndex *index = g_new0 (BackupIndex, 1);
  index->members = g_array_new (FALSE, TRUE, sizeof (BackupMember));
  index->tables = g_ptr_array_new_with_free_func (table_free);
  index->sequences = g_ptr_array_new_with_free_func (sequence_free);
  index->objects = g_ptr_array_new_with_free_func (object_free);
  return index;
}

void
backup_index_free (BackupIndex *index)
{
  if (index == NULL)
    return;
  g_free (index->project);
  g_free (index->environment);
  g_free (index->type);
  g_free (index->pgkeel_version);
  g_free (index->database);
  g_free (index->system_identifier);
  g_free (index->encoding);
  g_free (index->lsn);
  g_free (index->fingerprint);
  json_decref (index->source);
  g_array_unref (index->members);
  g_ptr_array_unref (index->tables);
  g_ptr_array_unref (index->sequences);
  g_ptr_array_unref (index->objects);
  g_free (index);
}

BackupTable *
backup_table_new (const char *schema, const char *name)
{
  BackupTable *table = g_new0 (BackupTable, 1);
  table->schema = g_strdup (schema);
  table->name = g_strdup (name);
  table->columns = g_new0 (char *, 1);
  table->members = g_array_new (FALSE, TRUE, sizeof (BackupMember));
  return table;
}

BackupSequence *
backup_sequence_new (const char *schema, const char *name, int64_t last_value, bool is_called)
{
  BackupSequence *sequence = g_new0 (BackupSequence, 1);
  sequence->schema = g_strdup (schema);
  sequence->name = g_strdup (name);
  sequence->last_value = last_value;
  sequence->is_called = is_called;
  return sequence;
}

BackupObject *
backup_object_new (const char *kind, const char *name, const char *definition)
{
  BackupObject *object = g_new0 (BackupObject, 1);
  object->kind = g_strdup (kind);
  object->name = g_strdup (name);
  object->definition = g_strdup (definition);
  return object;
}

uint64_t
backup_index_rows (const BackupIndex *index)
{
  uint64_t rows = 0;
  for (guint i = 0; i < index->tables->len; i++)
    rows += ((const BackupTable *) index->tables->pdata[i])->digest.rows;
  return rows;
}

uint64_t
backup_index_raw_bytes (const BackupIndex *index)
{
  uint64_t bytes = 0;
  for (guint i = 0; i < index->tables->len; i++)
    bytes += ((const BackupTable *) index->tables->pdata[i])->raw_bytes;
  return bytes;
}

/* NAME is "schema.name" as a whole, so that dots inside either part are no riddle. */
static bool
is_called (const BackupTable *table, const char *name)
{
  size_t schema_length = strlen (table->schema);
  return strcmp (table->name, name) == 0
         || (strncmp (name, table->schema, schema_length) == 0 && name[schema_length] == '.'
             && strcmp (name + schema_length + 1, table->name) == 0);
}

const BackupTable *
backup_index_find_table (const BackupIndex *index, const char *name, GError **error)
{
  const BackupTable *found = NULL;
  for (guint i = 0; i < index->tables->len; i++)
    {
      const BackupTable *table = index->tables->pdata[i];
      if (!is_called (table, name))
        continue;
      if (found != NULL)
        {
          keel_error (error, KEEL_ERROR_USAGE, "Name it with its schema: schema.table.",
                      "the backup holds more than one table “%s”", name);
          return NULL;
        }
      found = table;
    }
  if (found == NULL)
    keel_error (error, KEEL_ERROR_USAGE, "“pgkeel backup show BACKUP” lists its tables.",
                "the backup holds no table “%s”", name);
  return found;
}
