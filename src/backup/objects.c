#include "backup/objects.h"
#include "db/schema.h"

#include <string.h>

#define DIGEST_CHARS 16

static char *
digest_definition (const char *definition)
{
  uint8_t sum[SHA256_BYTES];
  sha256_of (definition, strlen (definition), sum);
  char *hex = sha256_hex (sum);
  hex[DIGEST_CHARS] = '\0';
  return hex;
}

/* A dump carries no version of an extension, so that does not count as part of it. */
static bool
is_compared (const DbSchemaObject *object)
{
  return strcmp (object->kind, "extension") != 0;
}

bool
objects_read (DbConn *conn, BackupIndex *index, GError **error)
{
  g_autoptr (GPtrArray) objects = NULL;
  if (!db_speak_utf8 (conn, error) || !db_schema_read (conn, &objects, error))
    return prefix_error (error, "reading the schema");
  index->fingerprint = db_schema_fingerprint (objects);
  for (guint i = 0; i < objects->len; i++)
    {
      const DbSchemaObject *object = objects->pdata[i];
      g_autofree char *definition = digest_definition (object->definition);
      g_autofree char *name = text_escape_invalid (object->name);
      g_ptr_array_add (index->objects, backup_object_new (object->kind, name,
                                                          is_compared (object) ? definition : ""));
    }
  return true;
}

static int
compare (const BackupObject *a, const BackupObject *b)
{
  int order = strcmp (a->kind, b->kind);
  return order != 0 ? order : strcmp (a->name, b->name);
}

/* Both lists are sorted: one pass over the two. */
GPtrArray *
objects_compare (const BackupIndex *before, const BackupIndex *now)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  const GPtrArray *old = before->objects, *new = now->objects;
  for (guint i = 0, j = 0; i < old->len || j < new->len;)
    {
      const BackupObject *a = i < old->len ? old->pdata[i] : NULL;
      const BackupObject *b = j < new->len ? new->pdata[j] : NULL;
      int order = a == NULL ? 1 : b == NULL ? -1 : compare (a, b);
      if (order < 0)
        g_ptr_array_add (lines, g_strdup_printf ("%s %s is missing", a->kind, a->name));
      else if (order > 0)
        g_ptr_array_add (lines, g_strdup_printf ("%s %s was not in the backup", b->kind, b->name));
      else if (strcmp (a->definition, b->definition) != 0)
        g_ptr_array_add (lines, g_strdup_printf ("%s %s is defined otherwise", a->kind, a->name));
      i += order <= 0;
      j += order >= 0;
    }
  return lines;
}
