#include "backup/catalogue.h"
#include "backup/proof.h"
#include "base/clock.h"

#include <string.h>

#define ENDING ".sql.gz"
#define MIDDLE "_backup_"
#define STAMP_CHARS 15
#define RECORD_MAX_BYTES 65536

void
backup_entry_free (BackupEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->name);
  g_free (entry->project);
  g_free (entry->type);
  g_free (entry->problem);
  g_free (entry->content);
  g_free (entry->environment);
  g_free (entry->database);
  g_free (entry->system_identifier);
  g_free (entry);
}

char *
catalogue_format_name (const char *project, const char *type, int64_t stamp)
{
  g_autofree char *time = clock_format_stamp (stamp);
  return g_strdup_printf ("%s_%s" MIDDLE "%s" ENDING, project, type, time);
}

bool
catalogue_parse_name (const char *name, char **ret_project, char **ret_type, int64_t *ret_stamp)
{
  const char *middle = g_strrstr (name, MIDDLE);
  if (middle == NULL)
    return false;
  const char *stamp_text = middle + strlen (MIDDLE);
  if (strlen (stamp_text) != STAMP_CHARS + strlen (ENDING)
      || strcmp (stamp_text + STAMP_CHARS, ENDING) != 0)
    return false;
  g_autofree char *stamp = g_strndup (stamp_text, STAMP_CHARS);
  g_autofree char *front = g_strndup (name, (gsize) (middle - name));
  char *underscore = strrchr (front, '_');
  int64_t time;
  if (underscore == NULL || underscore == front || !clock_parse_stamp (stamp, &time))
    return false;
  *underscore = '\0';
  if (ret_project != NULL)
    *ret_project = g_strdup (front);
  if (ret_type != NULL)
    *ret_type = g_strdup (underscore + 1);
  if (ret_stamp != NULL)
    *ret_stamp = time;
  return true;
}

static char *
verified_file_name (const char *name)
{
  g_autofree char *proof = proof_file_name (name);
  size_t length = strlen (proof) - strlen (".proof.json");
  return g_strdup_printf ("%.*s.verified.json", (int) length, proof);
}

bool
catalogue_note_verified (Store *store, const char *name, const BackupReader *reader, GError **error)
{
  g_autofree char *file = verified_file_name (name);
  g_autofree char *sha256 = sha256_hex (backup_reader_trailer (reader)->sha256);
  g_autofree char *time = clock_format_iso (clock_now ());
  g_autofree char *text
      = g_strdup_printf ("{\"format\": 1, \"sha256\": \"%s\", \"size\": %" G_GUINT64_FORMAT
                         ", \"verified\": \"%s\"}\n",
                         sha256, backup_reader_size (reader), time);
  return store_write_small (store, file, text, error);
}

/* Remembers that the bytes are not what they were, so that nobody has to find it out again, or takes
 * an earlier verification's word for it. Best effort: the folder may be read-only. */
static void
note_damaged (Store *store, const char *name, const BackupReader *reader, const GError *problem)
{
  g_autofree char *file = verified_file_name (name);
  g_autofree char *sha256 = sha256_hex (backup_reader_trailer (reader)->sha256);
  g_autofree char *time = clock_format_iso (clock_now ());
  g_autofree char *valid = g_utf8_make_valid (problem->message, -1);
  g_autoptr (json_t) object = json_pack ("{s:i, s:s, s:s, s:s}", "format", 1, "sha256", sha256,
                                         "damaged", time, "problem", valid);
  g_autofree char *text = json_dumps (object, 0);
  if (!store_write_small (store, file, text, NULL))
    g_debug ("cannot write “%s”", file);
}

bool
catalogue_check_bytes (Store *store, const char *name, BackupReader *reader, Report *report,
                       GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (backup_reader_verify (reader, report, &problem))
    return true;
  if (keel_error_is (problem, KEEL_ERROR_CORRUPT))
    note_damaged (store, name, reader, problem);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* Sets nothing unless there is a record about these bytes. */
static bool
read_verified (Store *store, BackupEntry *entry, const BackupReader *reader, GError **error)
{
  g_autofree char *file = verified_file_name (entry->name);
  g_autofree char *text = NULL;
  if (!store_read_small (store, file, RECORD_MAX_BYTES, &text, NULL))
    return true;
  g_autoptr (json_t) object = json_loads (text, 0, NULL);
  g_autofree char *sha256 = sha256_hex (backup_reader_trailer (reader)->sha256);
  const char *time = json_string_value (json_object_get (object, "verified"));
  const char *damaged = json_string_value (json_object_get (object, "damaged"));
  const char *problem = json_string_value (json_object_get (object, "problem"));
  if (g_strcmp0 (json_string_value (json_object_get (object, "sha256")), sha256) != 0)
    return true;
  if (damaged != NULL)
    return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "found damaged on %s: %s", damaged,
                       problem != NULL ? problem : "no reason given");
  if (time == NULL || !clock_parse_iso (time, &entry->verified))
    entry->verified = 0;
  return true;
}

/* A proof or record that cannot be read proves nothing, and it is not the backup that is damaged. */
static bool
read_state (Store *store, BackupEntry *entry, GError **error)
{
  g_autoptr (BackupReader) reader = NULL;
  if (!backup_reader_open (store, entry->name, &reader, error))
    return false;
  const BackupIndex *index = backup_reader_index (reader);
  entry->created = index->created;
  entry->row_count = backup_index_rows (index);
  entry->table_count = index->tables->len;
  entry->content = g_strdup (index->type);
  entry->environment = g_strdup (index->environment);
  entry->database = g_strdup (index->database);
  entry->system_identifier = g_strdup (index->system_identifier);
  if (!read_verified (store, entry, reader, error))
    return false;
  if (!proof_read (store, entry->name, backup_reader_trailer (reader)->sha256, &entry->proven,
                   NULL))
    entry->proven = 0;
  return true;
}

static BackupEntry *
describe (Store *store, const char *name, uint64_t size_bytes)
{
  g_autoptr (GError) problem = NULL;
  BackupEntry *entry = g_new0 (BackupEntry, 1);
  entry->name = g_strdup (name);
  entry->size_bytes = size_bytes;
  if (!catalogue_parse_name (name, &entry->project, &entry->type, &entry->stamp))
    entry->type = g_strdup ("?");
  if (!read_state (store, entry, &problem))
    entry->problem = g_strdup (problem->message);
  return entry;
}

bool
catalogue_describe (Store *store, const char *name, BackupEntry **ret_entry, GError **error)
{
  g_autoptr (StoreReader) object = NULL;
  if (!store_read (store, name, &object, error))
    return false;
  *ret_entry = describe (store, name, store_reader_size (object));
  return true;
}

/* Newest first; the name decides between equals. */
static int
compare_entries (const void *a, const void *b)
{
  const BackupEntry *const *first = a, *const *second = b;
  if ((*first)->stamp != (*second)->stamp)
    return (*first)->stamp < (*second)->stamp ? 1 : -1;
  return strcmp ((*first)->name, (*second)->name);
}

bool
catalogue_list (Store *store, GPtrArray **ret_entries, GError **error)
{
  g_autoptr (GPtrArray) objects = NULL;
  if (!store_list (store, &objects, error))
    return false;
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) backup_entry_free);
  for (guint i = 0; i < objects->len; i++)
    {
      const StoreEntry *object = objects->pdata[i];
      if (catalogue_parse_name (object->name, NULL, NULL, NULL))
        g_ptr_array_add (entries, describe (store, object->name, object->size_bytes));
    }
  g_ptr_array_sort (entries, compare_entries);
  *ret_entries = entries;
  return true;
}

static bool
find_latest (Store *store, char **ret_name, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  if (!catalogue_list (store, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const BackupEntry *entry = entries->pdata[i];
      if (strcmp (entry->type, "db") != 0)
        continue;
      /* A newer file that is damaged must not be passed over in silence. */
      if (entry->problem != NULL)
        return keel_error (error, KEEL_ERROR_CORRUPT,
                           "Name an older one from “pgkeel backup list”.",
                           "the latest backup “%s” is damaged: %s", entry->name, entry->problem);
      *ret_name = g_strdup (entry->name);
      return true;
    }
  return keel_error (error, KEEL_ERROR_MISSING, "Make one with “pgkeel backup create”.",
                     "there is no backup in “%s”", store_location (store));
}

/* TEXT as a file name in STORE, with its ending or without. */
static char *
find_name (Store *store, const char *text)
{
  g_autofree char *with_ending = g_strconcat (text, ENDING, NULL);
  const char *const names[] = { text, with_ending };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (store_location (store), names[i], NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS) && strchr (names[i], '/') == NULL)
        return g_strdup (names[i]);
    }
  return NULL;
}

bool
catalogue_find (const char *folder, const char *text, Store **ret_store, char **ret_name,
                GError **error)
{
  g_autoptr (Store) store = store_open_folder (folder);
  g_autofree char *name = NULL;
  if (strcmp (text, "latest") == 0)
    {
      if (!find_latest (store, &name, error))
        return false;
    }
  else if ((name = find_name (store, text)) == NULL)
    {
      if (!g_file_test (text, G_FILE_TEST_EXISTS))
        return keel_error (error, KEEL_ERROR_MISSING, "“pgkeel backup list” shows what there is.",
                           "there is no backup “%s”", text);
      g_autofree char *parent = g_path_get_dirname (text);
      store_free (g_steal_pointer (&store));
      store = store_open_folder (parent);
      name = g_path_get_basename (text);
    }
  *ret_store = g_steal_pointer (&store);
  *ret_name = g_steal_pointer (&name);
  return true;
}

char *
catalogue_rehearsal_name (const char *name)
{
  size_t length = strlen (name) - (g_str_has_suffix (name, ENDING) ? strlen (ENDING) : 0);
  return g_strdup_printf ("%.*s" CATALOGUE_REHEARSAL_ENDING, (int) length, name);
}

bool
catalogue_remove (Store *store, const char *name, GError **error)
{
  g_autofree char *proof = proof_file_name (name);
  g_autofree char *verified = verified_file_name (name);
  g_autofree char *rehearsal = catalogue_rehearsal_name (name);
  return store_remove (store, name, error) && store_remove (store, proof, error)
         && store_remove (store, verified, error) && store_remove (store, rehearsal, error);
}
