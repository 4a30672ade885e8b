/*
 * drizzle-kit's layout: meta/_journal.json lists the tags in order, each is TAG.sql.
 */
#include "base/text.h"
#include "migrate/layouts.h"

#include <string.h>

#define JOURNAL "meta/_journal.json"
#define BREAKPOINT "--> statement-breakpoint"

static bool
drizzle_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  *ret_fit = folder_has (folder, JOURNAL) ? LAYOUT_FITS_MARKS : LAYOUT_FITS_NOT;
  return true;
}

static bool
read_journal (Folder *folder, json_t **ret_journal, GError **error)
{
  FolderFile *file;
  json_error_t problem;
  if (!folder_read (folder, JOURNAL, &file, error))
    return false;
  g_autoptr (json_t) journal = json_loadb (file->text, file->length, 0, &problem);
  if (journal == NULL)
    return layout_refuse (folder, JOURNAL, (unsigned int) MAX (problem.line, 1),
                          "Two branches may have changed it: put their entries in order.", error,
                          "%s", problem.text);
  const char *dialect = json_string_value (json_object_get (journal, "dialect"));
  if (dialect != NULL && strcmp (dialect, "postgresql") != 0 && strcmp (dialect, "pg") != 0)
    return layout_refuse (folder, JOURNAL, 0, "pgkeel is for PostgreSQL only.", error,
                          "the dialect is %s", dialect);
  if (!json_is_array (json_object_get (journal, "entries")))
    return layout_refuse (folder, JOURNAL, 0, "Write it anew with drizzle-kit.", error,
                          "there are no entries");
  *ret_journal = g_steal_pointer (&journal);
  return true;
}

/* A breakpoint ends a statement also without a semicolon. */
static void
end_statements (char *text)
{
  size_t length = strlen (BREAKPOINT);
  for (char *at = strstr (text, BREAKPOINT); at != NULL; at = strstr (at + length, BREAKPOINT))
    {
      memset (at, ' ', length);
      *at = ';';
    }
}

static bool
read_tag (Folder *folder, MigrationSet *set, const char *tag, GError **error)
{
  g_autofree char *up = g_strconcat (tag, ".sql", NULL);
  g_autofree char *down = g_strconcat (tag, ".down.sql", NULL);
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, tag, "");
  if (!folder_has (folder, up))
    return layout_refuse (folder, JOURNAL, 0, "Bring the file back, or remove its entry.", error,
                          "it lists “%s”, and there is no %s", tag, up);
  if (!layout_read_script (folder, up, &migration->up, migration->checksum, error)
      || !layout_read_script_if_there (folder, down, &migration->down, error))
    return false;
  end_statements (migration->up.text);
  if (migration->down.text != NULL)
    end_statements (migration->down.text);
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

/* How many a warning names. */
#define NAMED_MAX 5

/* Of the entries so far. */
typedef struct
{
  json_int_t last; /* the newest time */
  GString *older;  /* tags of those that have an older one, as far as they are named */
  guint older_count;
} Times;

static void
note_time (Times *times, const char *tag, json_int_t when)
{
  if (when <= times->last && ++times->older_count <= NAMED_MAX)
    g_string_append_printf (times->older, "%s“%s”", times->older_count > 1 ? ", " : "", tag);
  times->last = MAX (times->last, when);
}

static void
warn_of_times (const Folder *folder, MigrationSet *set, const Times *times)
{
  if (times->older_count > NAMED_MAX)
    g_string_append_printf (times->older, " and %u more", times->older_count - NAMED_MAX);
  if (times->older_count > 0)
    layout_warn (folder, set, JOURNAL,
                 "has an older time for %s than for one before: drizzle would skip %s",
                 times->older->str, times->older_count > 1 ? "them" : "it");
}

static bool
read_entry (Folder *folder, MigrationSet *set, const json_t *entry, Times *times, GError **error)
{
  const char *tag = json_string_value (json_object_get (entry, "tag"));
  const json_t *when = json_object_get (entry, "when");
  if (tag == NULL || strchr (tag, '/') != NULL || !json_is_integer (when))
    return layout_refuse (folder, JOURNAL, 0, "Write it anew with drizzle-kit.", error,
                          "an entry has no tag or no time");
  if (!read_tag (folder, set, tag, error))
    return false;
  Migration *migration = set->migrations->pdata[set->migrations->len - 1];
  migration->tool_key = g_strdup_printf ("%" JSON_INTEGER_FORMAT, json_integer_value (when));
  note_time (times, tag, json_integer_value (when));
  return true;
}

/* Files that the journal does not list. */
static void
warn_of_others (const Folder *folder, MigrationSet *set)
{
  g_autoptr (GHashTable) tags = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < set->migrations->len; i++)
    g_hash_table_add (tags, ((Migration *) set->migrations->pdata[i])->version);
  for (guint i = 0; i < folder->entries->len; i++)
    {
      const FolderEntry *entry = folder->entries->pdata[i];
      if (entry->is_folder || !g_str_has_suffix (entry->name, ".sql"))
        continue;
      bool is_down = g_str_has_suffix (entry->name, ".down.sql");
      size_t tail = strlen (is_down ? ".down.sql" : ".sql");
      g_autofree char *tag = g_strndup (entry->name, strlen (entry->name) - tail);
      if (!g_hash_table_contains (tags, tag))
        layout_warn (folder, set, entry->name, "was left out: " JOURNAL " does not list it");
    }
}

static bool
drizzle_read (Folder *folder, MigrationSet *set, GError **error)
{
  g_autoptr (json_t) journal = NULL;
  g_autoptr (GString) older = g_string_new (NULL);
  Times times = { .older = older };
  size_t i;
  json_t *entry;
  if (!read_journal (folder, &journal, error))
    return false;
  json_array_foreach (json_object_get (journal, "entries"), i, entry)
    if (!read_entry (folder, set, entry, &times, error))
      return false;
  warn_of_times (folder, set, &times);
  warn_of_others (folder, set);
  return true;
}

static json_t *
empty_journal (void)
{
  return json_pack ("{s:s, s:s, s:[]}", "version", "7", "dialect", "postgresql", "entries");
}

static bool
drizzle_add (LayoutNew *new, GError **error)
{
  g_autoptr (json_t) journal = NULL;
  bool has_journal = new->folder != NULL &&folder_has (new->folder, JOURNAL);
  if (!has_journal)
    journal = empty_journal ();
  else if (!read_journal (new->folder, &journal, error))
    return false;
  json_t *entries = json_object_get (journal, "entries");
  g_autofree char *version = layout_next_version (new, 4);
  g_autofree char *tag = g_strdup_printf ("%s_%s", version, new->name);
  if (new->set->migrations->len == 0)
    memcpy (tag, "0000", 4);
  json_int_t when = (json_int_t) new->now * 1000;
  const json_t *last = json_array_get (entries, json_array_size (entries) - 1);
  when = MAX (when, json_integer_value (json_object_get (last, "when")) + 1);
  json_array_append_new (entries, json_pack ("{s:I, s:s, s:I, s:s, s:b}", "idx",
                                             (json_int_t) json_array_size (entries), "version", "7",
                                             "when", when, "tag", tag, "breakpoints", true));
  g_autofree char *text = json_dumps (journal, JSON_INDENT (2));
  layout_add_file (new, g_strdup (""), "%s.sql", tag);
  layout_add_file (new, g_strconcat (text, "\n", NULL), JOURNAL);
  ((MigrationNewFile *) new->files->pdata[new->files->len - 1])->is_changed = has_journal;
  return true;
}

const Layout layout_drizzle = {
  .name = "drizzle",
  .pattern = "0000_name.sql with " JOURNAL,
  .fits = drizzle_fits,
  .read = drizzle_read,
  .add = drizzle_add,
};
