#include "backup/load_keys.h"
#include "sql/split.h"

#include <string.h>

struct LoadKey
{
  char *sql;             /* with the settings that precede it */
  char *table;           /* as the dump quotes it; NULL when it may not run beside others */
  uint64_t weight_bytes; /* of its table */
  bool is_ready;         /* its table is filled */
  bool is_done;
  bool lost_deadlock;
  LoadKeys *owner;
};

struct LoadKeys
{
  GPtrArray *all;     /* of LoadKey, in the order of the dump */
  GPtrArray *ready;   /* borrowed; the next to take is the last */
  GHashTable *tables; /* name to GPtrArray of LoadKey, borrowed */
  GPtrArray *broken;  /* see load_keys_tolerate; NULL: rows that break a key are an error */
  GMutex lock;        /* of BROKEN */
};

static void
key_free (void *data)
{
  LoadKey *key = data;
  g_free (key->sql);
  g_free (key->table);
  g_free (key);
}

void
load_keys_free (LoadKeys *keys)
{
  if (keys == NULL)
    return;
  g_hash_table_unref (keys->tables);
  g_ptr_array_unref (keys->ready);
  g_ptr_array_unref (keys->all);
  g_mutex_clear (&keys->lock);
  g_free (keys);
}

/* The end of the identifier that TEXT begins with, quoted or not. */
static const char *
skip_ident (const char *text)
{
  if (*text != '"')
    {
      while (g_ascii_isalnum (*text) || *text == '_' || *text == '$' || (*text & 0x80) != 0)
        text++;
      return text;
    }
  for (text++; *text != '\0'; text++)
    if (*text == '"' && *++text != '"')
      break;
  return text;
}

/* "schema.name" at the start of TEXT, or NULL. */
static char *
read_name (const char *text)
{
  if (g_str_has_prefix (text, "ONLY "))
    text += strlen ("ONLY ");
  const char *end = skip_ident (text);
  while (*end == '.')
    end = skip_ident (end + 1);
  return end > text ? g_strndup (text, (gsize) (end - text)) : NULL;
}

/* The table of a statement that may run beside others, or NULL. */
static char *
table_of (const char *sql)
{
  static const char *const indexes[] = { "CREATE INDEX ", "CREATE UNIQUE INDEX " };
  static const char alter[] = "ALTER TABLE ";
  for (size_t i = 0; i < G_N_ELEMENTS (indexes); i++)
    if (g_str_has_prefix (sql, indexes[i]))
      {
        const char *at = skip_ident (sql + strlen (indexes[i]));
        return g_str_has_prefix (at, " ON ") ? read_name (at + strlen (" ON ")) : NULL;
      }
  if (g_str_has_prefix (sql, alter) && strstr (sql, " ADD CONSTRAINT ") != NULL)
    return read_name (sql + strlen (alter));
  return NULL;
}

/* "SET name = ..." changes what all later statements see: the latest of each name goes with them. */
static bool
note_setting (GHashTable *settings, const char *sql)
{
  if (!g_str_has_prefix (sql, "SET "))
    return false;
  const char *name = sql + strlen ("SET ");
  g_hash_table_replace (settings, g_strndup (name, strcspn (name, " =")), g_strdup (sql));
  return true;
}

static char *
with_settings (GHashTable *settings, const char *sql)
{
  GString *text = g_string_new (NULL);
  GHashTableIter iterator;
  gpointer setting;
  g_hash_table_iter_init (&iterator, settings);
  while (g_hash_table_iter_next (&iterator, NULL, &setting))
    g_string_append_printf (text, "%s;\n", (const char *) setting);
  g_string_append (text, sql);
  return g_string_free (text, FALSE);
}

static void
add_key (LoadKeys *keys, GHashTable *settings, const char *sql)
{
  LoadKey *key = g_new0 (LoadKey, 1);
  key->sql = with_settings (settings, sql);
  key->table = table_of (sql);
  key->owner = keys;
  g_ptr_array_add (keys->all, key);
  if (key->table == NULL)
    return;
  GPtrArray *list = g_hash_table_lookup (keys->tables, key->table);
  if (list == NULL)
    {
      list = g_ptr_array_new ();
      g_hash_table_insert (keys->tables, g_strdup (key->table), list);
    }
  g_ptr_array_add (list, key);
}

static void
add_text (LoadKeys *keys, const char *text, size_t length)
{
  g_autoptr (GHashTable) settings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GArray) statements = sql_split (text, length);
  for (guint i = 0; i < statements->len; i++)
    {
      const SqlStatement *statement = &g_array_index (statements, SqlStatement, i);
      g_autofree char *sql = g_strndup (text + statement->start, statement->length);
      if (!note_setting (settings, sql))
        add_key (keys, settings, sql);
    }
}

bool
load_keys_new (BackupReader *reader, BackupMemberKind kind, LoadKeys **ret_keys, GError **error)
{
  const BackupIndex *index = backup_reader_index (reader);
  g_autoptr (LoadKeys) keys = g_new0 (LoadKeys, 1);
  keys->all = g_ptr_array_new_with_free_func (key_free);
  keys->ready = g_ptr_array_new ();
  g_mutex_init (&keys->lock);
  keys->tables
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; i < index->members->len; i++)
    {
      const BackupMember *member = &g_array_index (index->members, BackupMember, i);
      g_autofree char *text = NULL;
      size_t length;
      if (member->kind != kind)
        continue;
      if (!backup_reader_read_text (reader, member, &text, &length, error))
        return false;
      add_text (keys, text, length);
    }
  *ret_keys = g_steal_pointer (&keys);
  return true;
}

static int
compare_weights (const void *a, const void *b)
{
  const LoadKey *const *first = a, *const *second = b;
  return ((*first)->weight_bytes > (*second)->weight_bytes)
         - ((*first)->weight_bytes < (*second)->weight_bytes);
}

static void
make_ready (LoadKeys *keys, LoadKey *key, uint64_t weight_bytes)
{
  if (key->is_ready || key->table == NULL)
    return;
  key->is_ready = true;
  key->weight_bytes = weight_bytes;
  g_ptr_array_add (keys->ready, key);
}

void
load_keys_table_filled (LoadKeys *keys, const char *name, uint64_t raw_bytes)
{
  const GPtrArray *list = g_hash_table_lookup (keys->tables, name);
  for (guint i = 0; list != NULL && i < list->len; i++)
    make_ready (keys, list->pdata[i], raw_bytes);
  g_ptr_array_sort (keys->ready, compare_weights);
}

void
load_keys_all_filled (LoadKeys *keys)
{
  for (guint i = keys->all->len; i > 0; i--)
    make_ready (keys, keys->all->pdata[i - 1], 0);
  g_ptr_array_sort (keys->ready, compare_weights);
}

LoadKey *
load_keys_take (LoadKeys *keys)
{
  if (keys->ready->len == 0)
    return NULL;
  return g_ptr_array_remove_index (keys->ready, keys->ready->len - 1);
}

unsigned int
load_keys_ready (const LoadKeys *keys)
{
  return keys->ready->len;
}

void
load_keys_tolerate (LoadKeys *keys, GPtrArray *broken)
{
  keys->broken = broken;
}

/* True when ERROR says that rows break the key, and the caller wants to hear of that only. */
static bool
is_tolerated (LoadKey *key, DbConn *conn, const GError *error)
{
  static const char *const states[] = { "23503", "23505", "23P01", "42830", NULL };
  const char *state = keel_error_sqlstate (error);
  LoadKeys *keys = key->owner;
  if (keys->broken == NULL || state == NULL || !g_strv_contains (states, state))
    return false;
  g_autofree char *not_valid = g_strdup_printf ("%s NOT VALID", key->sql);
  g_autoptr (GError) ignored = NULL;
  bool is_added = strcmp (state, "23503") == 0 && db_exec (conn, not_valid, &ignored);
  g_mutex_lock (&keys->lock);
  g_ptr_array_add (keys->broken,
                   g_strdup_printf ("%s%s", error->message, is_added ? "" : " (left out)"));
  g_mutex_unlock (&keys->lock);
  return true;
}

/* An error shows the statement, without the settings before it. */
static bool
run (LoadKey *key, DbConn *conn, GError **error)
{
  g_autoptr (GError) problem = NULL;
  key->is_done = db_exec (conn, key->sql, &problem) || is_tolerated (key, conn, problem);
  if (key->is_done)
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  const char *last = g_strrstr (key->sql, ";\n");
  g_autofree char *flat = g_strdup (last != NULL ? last + 2 : key->sql);
  g_strdelimit (flat, "\r\n\t", ' ');
  g_autofree char *valid = g_utf8_make_valid (flat, -1);
  return prefix_error (error, "%.200s", valid);
}

bool
load_key_run (LoadKey *key, DbConn *conn, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (run (key, conn, &problem))
    return true;
  key->lost_deadlock = g_strcmp0 (keel_error_sqlstate (problem), "40P01") == 0;
  if (!key->lost_deadlock)
    g_propagate_error (error, g_steal_pointer (&problem));
  return key->lost_deadlock;
}

bool
load_keys_finish (LoadKeys *keys, DbConn *conn, GError **error)
{
  for (guint i = 0; i < keys->all->len; i++)
    {
      LoadKey *key = keys->all->pdata[i];
      if (!key->is_done && key->table != NULL && !run (key, conn, error))
        return false;
    }
  for (guint i = 0; i < keys->all->len; i++)
    {
      LoadKey *key = keys->all->pdata[i];
      if (!key->is_done && !run (key, conn, error))
        return false;
    }
  return true;
}
