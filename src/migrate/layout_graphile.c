/*
 * graphile-migrate's layout: committed/000001-name.sql, each with a header that names the hash of its
 * text and that of the file before:
 *
 *   --! Previous: sha1:...        ("-" in the first)
 *   --! Hash: sha1:...
 *   --! Message: name             (may be missing)
 *   (an empty line)
 *   --! no-transaction            (may be missing: the text begins here)
 */
#include "migrate/layouts.h"

#include <string.h>

#define COMMITTED "committed"
#define PREVIOUS "--! Previous: "
#define HASH "--! Hash: "

/* "000001", "000001-name": six digits or more. */
static bool
split (const char *file, char **ret_version, char **ret_name)
{
  size_t digits = strspn (file, "0123456789"), length = strlen (file);
  if (digits < 6 || !g_str_has_suffix (file, ".sql")
      || (file[digits] != '-' && file[digits] != '.'))
    return false;
  const char *name = file + digits + 1, *end = file + length - strlen (".sql");
  *ret_version = g_strndup (file, digits);
  *ret_name = g_strndup (name, end > name ? (gsize) (end - name) : 0);
  return true;
}

/* The rest of the header's line that begins with KEY; NULL when there is none. */
static char *
header_value (const char *text, const char *key)
{
  for (const char *line = text; g_str_has_prefix (line, "--!");)
    {
      size_t length = strcspn (line, "\r\n");
      if (length >= strlen (key) && g_str_has_prefix (line, key))
        return g_strndup (line + strlen (key), length - strlen (key));
      line += length;
      line += *line == '\r';
      line += *line == '\n';
    }
  return NULL;
}

/* Where the text begins after the header and its empty line. */
static const char *
body_of (const char *text)
{
  while (g_str_has_prefix (text, "--! ") && strchr (text, '\n') != NULL)
    text = strchr (text, '\n') + 1;
  text += *text == '\r';
  return text + (*text == '\n');
}

/* SHA-1 of the previous hash, a line end and the text, trimmed, and a line end. */
static char *
hash_of (const char *body, const char *previous)
{
  g_autofree char *all = g_strdup_printf ("%s\n%s", previous != NULL ? previous : "", body);
  g_autofree char *whole = g_strconcat (g_strstrip (all), "\n", NULL);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA1, whole, -1);
  return g_strconcat ("sha1:", sum, NULL);
}

/* The state of the chain: the hash of the file before. */
typedef struct
{
  Folder *folder;
  MigrationSet *set;
  char *previous; /* owned; NULL before the first */
} Chain;

/* What graphile-migrate refuses is a warning here: the files run all the same, one after the other. */
static void
check_chain (Chain *chain, const char *path, Migration *migration)
{
  const char *text = migration->up.text;
  g_autofree char *previous = header_value (text, PREVIOUS);
  g_autofree char *hash = header_value (text, HASH);
  if (previous != NULL && strcmp (previous, "-") == 0)
    g_clear_pointer (&previous, g_free);
  if (g_strcmp0 (previous, chain->previous) != 0)
    layout_warn (chain->folder, chain->set, path, "does not name the file before as its previous");
  migration->tool_key = hash_of (body_of (text), previous);
  if (hash != NULL && strcmp (migration->tool_key, hash) != 0)
    layout_warn (chain->folder, chain->set, path, "was changed after it was committed");
  g_free (chain->previous);
  chain->previous = g_strdup (hash != NULL ? hash : migration->tool_key);
}

/* Placeholders of graphile-migrate, and files that it would put in. */
static void
check_text (Migration *migration)
{
  static const char *const words[]
      = { ":DATABASE_NAME", ":DATABASE_OWNER", ":DATABASE_VISITOR", ":DATABASE_AUTHENTICATOR" };
  const char *body = body_of (migration->up.text);
  size_t line = strcspn (body, "\r\n");
  migration->up.no_transaction
      |= g_str_has_prefix (body, "--!") && memmem (body, line, "no-transaction", 14) != NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (words) && migration->not_sql == NULL; i++)
    if (strstr (body, words[i]) != NULL)
      migration->not_sql = g_strdup_printf ("graphile-migrate's placeholder %s", words[i]);
  if (migration->not_sql == NULL && strstr (body, "--!include ") != NULL)
    migration->not_sql = g_strdup ("a file that is put in (--!include)");
}

static bool
read_entry (Chain *chain, const FolderEntry *entry, GError **error)
{
  g_autofree char *version = NULL, *name = NULL;
  g_autofree char *path = g_strdup_printf (COMMITTED "/%s", entry->name);
  if (entry->is_folder || !split (entry->name, &version, &name))
    {
      if (!entry->is_folder && g_str_has_suffix (entry->name, ".sql"))
        layout_warn (chain->folder, chain->set, path,
                     "was left out: its name is not like 000001-name.sql");
      return true;
    }
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, name);
  if (!layout_read_script (chain->folder, path, &migration->up, migration->checksum, error))
    return false;
  check_chain (chain, path, migration);
  check_text (migration);
  g_ptr_array_add (chain->set->migrations, g_steal_pointer (&migration));
  return true;
}

static bool
graphile_read (Folder *folder, MigrationSet *set, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  Chain chain = { .folder = folder, .set = set };
  bool is_read = true;
  if (!folder_list (folder, COMMITTED, &entries, error))
    return false;
  for (guint i = 0; i < entries->len && is_read; i++)
    is_read = read_entry (&chain, entries->pdata[i], error);
  g_free (chain.previous);
  return is_read;
}

static bool
graphile_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  *ret_fit = LAYOUT_FITS_NOT;
  if (!folder_has (folder, COMMITTED))
    return true;
  if (!folder_list (folder, COMMITTED, &entries, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    {
      const FolderEntry *entry = entries->pdata[i];
      g_autofree char *version = NULL, *name = NULL;
      if (!entry->is_folder && split (entry->name, &version, &name))
        *ret_fit = LAYOUT_FITS_MARKS;
    }
  return true;
}

/* Without a hash, which the text still to be written would break; it is not missed in reading. */
static bool
graphile_add (LayoutNew *new, GError **error)
{
  const GPtrArray *migrations = new->set->migrations;
  const Migration *last = migrations->len > 0 ? migrations->pdata[migrations->len - 1] : NULL;
  g_autofree char *version = layout_next_version (new, 6);
  char *text = g_strdup_printf (PREVIOUS "%s\n--! Message: %s\n\n",
                                last != NULL ? last->tool_key : "-", new->name);
  layout_add_file (new, text, COMMITTED "/%s-%s.sql", version, new->name);
  return true;
}

const Layout layout_graphile = {
  .name = "graphile-migrate",
  .pattern = "committed/000001-name.sql",
  .fits = graphile_fits,
  .read = graphile_read,
  .compare = layout_compare_numbers,
  .add = graphile_add,
};
