#include "backup/ddl.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/temporary.h"
#include "db/binaries.h"
#include "db/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of schema text kept in memory. */
#define TEXT_MAX_BYTES (UINT64_C (1) << 30)
/* pg_dump waits for locks only this long: all are held already, so that it can only wait behind DDL
 * that waits for us (see snapshot.c), and behind which others wait. */
#define LOCK_WAIT "1s"
/* With less room than this in the temporary folder it counts as full. */
#define TEMPORARY_MIN_BYTES 16384
#define TOOL_HINT                                                                                  \
  "Check which pg_dump and pg_restore are found first; PGKEEL_PG_PATH names their folder."

void
backup_ddl_clear (BackupDdl *ddl)
{
  for (int i = 0; i < MEMBER_KIND_COUNT; i++)
    g_clear_pointer (&ddl->text[i], g_free);
  g_clear_pointer (&ddl->restrict_key, g_free);
}

/* pg_dump takes over some settings of its session into its text, which then would not fit the rest of
 * the file; a database or role can have them set to anything. */
const char backup_ddl_session_options[]
    = "-c standard_conforming_strings=on -c escape_string_warning=off -c bytea_output=hex"
      " -c lc_monetary=C -c timezone=UTC";

/* One entry of the archive's table of contents. */
typedef struct
{
  char *id;
  BackupMemberKind phase;
  bool has_text;         /* surely makes something: see check_text */
  GPtrArray *depends_on; /* ids */
} Entry;

static void
entry_free (void *data)
{
  Entry *entry = data;
  g_free (entry->id);
  g_ptr_array_unref (entry->depends_on);
  g_free (entry);
}

typedef struct
{
  const DdlSpec *spec;
  TemporaryFolder folder;
  char *archive; /* path */
  char *pg_restore;
  GPtrArray *entries;   /* of Entry, in the archive's order */
  GHashTable *by_id;    /* id to Entry */
  GHashTable *pre_data; /* set of ids in pg_dump's own pre-data section */
} Toc;

static void
toc_clear (Toc *toc)
{
  temporary_folder_clear (&toc->folder);
  g_free (toc->archive);
  g_free (toc->pg_restore);
  g_clear_pointer (&toc->entries, g_ptr_array_unref);
  g_clear_pointer (&toc->by_id, g_hash_table_unref);
  g_clear_pointer (&toc->pre_data, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Toc, toc_clear)

static bool
run_pg_dump (Toc *toc, GError **error)
{
  const DdlSpec *spec = toc->spec;
  g_autofree char *pg_dump = binaries_find_tool ("pg_dump", spec->server_major, error);
  g_autofree char *password = NULL;
  g_autofree char *plain = db_conninfo (spec->url, NULL, &password, error);
  if (pg_dump == NULL || plain == NULL)
    return false;
  g_autofree char *conninfo = db_conninfo_add_options (plain, backup_ddl_session_options, error);
  if (conninfo == NULL)
    return false;
  g_autofree char *password_setting
      = password != NULL ? g_strdup_printf ("PGPASSWORD=%s", password) : NULL;
  g_autofree char *dbname = g_strdup_printf ("--dbname=%s", conninfo);
  g_autofree char *file = g_strdup_printf ("--file=%s", toc->archive);
  g_autofree char *snapshot = g_strdup_printf ("--snapshot=%s", spec->snapshot);
  g_autofree char *encoding = g_strdup_printf ("--encoding=%s", spec->encoding);
  const char *const argv[] = { pg_dump,
                               dbname,
                               file,
                               snapshot,
                               encoding,
                               "--format=custom",
                               "--compress=0",
                               "--no-blobs",
                               "--no-password",
                               "--no-sync",
                               "--lock-wait-timeout=" LOCK_WAIT,
                               spec->schema_only ? "--schema-only" : "--section=pre-data",
                               spec->schema_only ? NULL : "--section=post-data",
                               NULL };
  const char *const environment[] = { "LC_ALL=C", password_setting, NULL };
  g_auto (ProcessResult) result = { 0 };
  ProcessSpec run = { .argv = argv, .environment = environment, .die_with_us = true };
  if (process_run_ok (&run, &result, error))
    return true;
  keel_error_suggest (error, TOOL_HINT);
  return false;
}

static bool
run_pg_restore (Toc *toc, const char *const *arguments, char **ret_output, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, toc->pg_restore);
  for (; *arguments != NULL; arguments++)
    g_ptr_array_add (argv, (gpointer) *arguments);
  g_ptr_array_add (argv, toc->archive);
  g_ptr_array_add (argv, NULL);
  const char *const environment[] = { "LC_ALL=C", NULL };
  g_auto (ProcessResult) result = { 0 };
  ProcessSpec spec = { .argv = (const char *const *) argv->pdata,
                       .environment = environment,
                       .die_with_us = true,
                       .output_max_bytes = TEXT_MAX_BYTES };
  if (!process_run_ok (&spec, &result, error))
    {
      keel_error_suggest (error, TOOL_HINT);
      return prefix_error (error, "reading what pg_dump wrote");
    }
  *ret_output = g_steal_pointer (&result.output);
  return true;
}

/* A type name at the start of what follows the two object ids. Two types of which one begins like
 * the other are told apart only where their phases differ. */
static bool
has_type (const char *rest, const char *type)
{
  size_t length = strlen (type);
  return strncmp (rest, type, length) == 0 && rest[length] == ' ';
}

static bool
has_any_type (const char *rest, const char *const *types)
{
  for (; *types != NULL; types++)
    if (has_type (rest, *types))
      return true;
  return false;
}

/* Grants come last, as in pg_dump's own text: an owner may have been denied what loading needs.
 * Comments and labels go where the object surely exists. */
static BackupMemberKind
phase_of_type (const char *rest, bool is_pre_data)
{
  static const char *const last[] = { "ACL", "DEFAULT ACL", "COMMENT", "SECURITY LABEL", NULL };
  static const char *const keys[] = { "INDEX", "INDEX ATTACH", "CONSTRAINT", NULL };
  if (has_any_type (rest, last))
    return MEMBER_POST_DATA;
  if (is_pre_data)
    return MEMBER_PRE_DATA;
  if (has_type (rest, "FK CONSTRAINT"))
    return MEMBER_FOREIGN_KEYS;
  return has_any_type (rest, keys) ? MEMBER_KEYS : MEMBER_POST_DATA;
}

/* Other entries may come without text: of the session, of the database, of what is there anyway. */
static bool
has_text (const char *rest)
{
  static const char *const types[]
      = { "TABLE", "VIEW",  "MATERIALIZED VIEW", "SEQUENCE",   "FUNCTION",      "PROCEDURE", "TYPE",
          "RULE",  "INDEX", "TRIGGER",           "CONSTRAINT", "FK CONSTRAINT", "DEFAULT",   NULL };
  return has_any_type (rest, types);
}

/* "215; 1259 16386 TABLE public a owner" */
static void
add_entry (Toc *toc, const char *line, GHashTable *missing_tables)
{
  g_auto (GStrv) fields = g_strsplit (line, " ", 4);
  if (g_strv_length (fields) != 4)
    return;
  Entry *entry = g_new0 (Entry, 1);
  entry->id = g_strndup (fields[0], strcspn (fields[0], ";"));
  entry->depends_on = g_ptr_array_new_with_free_func (g_free);
  entry->has_text = has_text (fields[3]);
  entry->phase = phase_of_type (fields[3], g_hash_table_contains (toc->pre_data, entry->id));
  g_ptr_array_add (toc->entries, entry);
  g_hash_table_insert (toc->by_id, entry->id, entry);
  if (has_type (fields[3], "TABLE"))
    g_hash_table_remove (missing_tables, fields[2]);
}

/* ";	depends on: 215 217" belongs to the entry before it. */
static void
add_dependencies (Toc *toc, const char *line)
{
  static const char marker[] = "depends on:";
  const char *at = strstr (line, marker);
  if (at == NULL || toc->entries->len == 0)
    return;
  Entry *entry = toc->entries->pdata[toc->entries->len - 1];
  g_auto (GStrv) ids = g_strsplit (at + strlen (marker), " ", -1);
  for (char **id = ids; *id != NULL; id++)
    if (**id != '\0')
      g_ptr_array_add (entry->depends_on, g_strdup (*id));
}

/* An entry cannot come in an earlier phase than what it needs (an index of a materialised view that
 * itself needs a primary key, for one). The archive's order puts what is needed first. */
static void
settle_phases (Toc *toc)
{
  for (guint i = 0; i < toc->entries->len; i++)
    {
      Entry *entry = toc->entries->pdata[i];
      for (guint j = 0; j < entry->depends_on->len; j++)
        {
          const Entry *needed = g_hash_table_lookup (toc->by_id, entry->depends_on->pdata[j]);
          if (needed != NULL && needed->phase > entry->phase && entry->phase != MEMBER_PRE_DATA)
            entry->phase = needed->phase;
        }
    }
}

static bool
read_pre_data (Toc *toc, GError **error)
{
  g_autofree char *list = NULL;
  const char *const arguments[] = { "--list", "--section=pre-data", NULL };
  if (!run_pg_restore (toc, arguments, &list, error))
    return false;
  g_auto (GStrv) lines = g_strsplit (list, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_ascii_isdigit (**line))
      g_hash_table_add (toc->pre_data, g_strndup (*line, strcspn (*line, ";")));
  return true;
}

/* A dump that lacks a table we know of is not one, whatever pg_dump's exit code said. */
static bool
check_complete (Toc *toc, GHashTable *missing_tables, GError **error)
{
  if (g_hash_table_size (missing_tables) == 0)
    return true;
  return keel_error (error, KEEL_ERROR_FAILED, TOOL_HINT,
                     "pg_dump reported success, but its dump lacks %u of %u tables",
                     g_hash_table_size (missing_tables), g_hash_table_size (toc->spec->table_oids));
}

static bool
read_toc (Toc *toc, GError **error)
{
  g_autofree char *list = NULL;
  const char *const arguments[] = { "--list", "--verbose", NULL };
  if (!read_pre_data (toc, error) || !run_pg_restore (toc, arguments, &list, error))
    return false;
  g_autoptr (GHashTable) missing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter tables;
  gpointer oid;
  g_hash_table_iter_init (&tables, toc->spec->table_oids);
  while (g_hash_table_iter_next (&tables, &oid, NULL))
    g_hash_table_add (missing, g_strdup (oid));
  g_auto (GStrv) lines = g_strsplit (list, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_ascii_isdigit (**line))
      add_entry (toc, *line, missing);
    else if (**line == ';')
      add_dependencies (toc, *line);
  settle_phases (toc);
  return check_complete (toc, missing, error);
}

/* psql's \restrict and \unrestrict are for the file as a whole: see dump.c. */
static void
strip_restrict (char **text, char **restrict_key)
{
  static const char marker[] = "\\restrict ";
  char *start = strstr (*text, marker);
  /* Only in the preamble, before any statement, is it pg_dump's own. */
  char *first_set = strstr (*text, "\nSET ");
  if (start == NULL || first_set == NULL || start > first_set)
    return;
  g_autofree char *key = text_first_line (start + strlen (marker));
  g_autofree char *unrestrict = g_strdup_printf ("\n\\unrestrict %s\n", key);
  char *end = g_strrstr (*text, unrestrict);
  if (end != NULL)
    *end = '\0';
  char *after = strchr (start, '\n');
  memmove (start, after + 1, strlen (after + 1) + 1);
  if (*restrict_key == NULL)
    *restrict_key = g_steal_pointer (&key);
}

/* The settings are those of the file's header. pg_dump's own are in every phase, and may be newer than
 * the server knows. */
static void
strip_preamble (char *text)
{
  static const char last[] = "SET row_security = off;\n";
  char *end = strstr (text, last);
  if (end != NULL)
    memmove (text, end + strlen (last), strlen (end + strlen (last)) + 1);
}

/* The text ends with the comment that pg_restore writes last, and has one for each entry with text: one
 * that was cut, or has less in it than was asked for, is not believed. */
static bool
check_text (const char *text, guint entry_count, GError **error)
{
  static const char header[] = "\n-- Name: ", end[] = "\n-- PostgreSQL database dump complete\n";
  guint found = 0;
  for (const char *at = text; (at = strstr (at, header)) != NULL; at++)
    found++;
  if (found >= entry_count && g_strrstr (text, end) != NULL)
    return true;
  return keel_error (error, KEEL_ERROR_FAILED, TOOL_HINT,
                     "pg_restore reported success, but its output is cut short: %u of %u objects",
                     MIN (found, entry_count), entry_count);
}

static bool
write_phase (Toc *toc, BackupMemberKind phase, BackupDdl *ddl, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);
  guint entry_count = 0;
  for (guint i = 0; i < toc->entries->len; i++)
    {
      const Entry *entry = toc->entries->pdata[i];
      if (entry->phase != phase)
        continue;
      g_string_append_printf (list, "%s;\n", entry->id);
      entry_count += entry->has_text;
    }
  g_autofree char *list_path = g_build_filename (toc->folder.path, "list", NULL);
  g_autofree char *use_list = g_strdup_printf ("--use-list=%s", list_path);
  const char *const arguments[] = { use_list, "--file=-", NULL };
  if (list->len == 0 && phase != MEMBER_PRE_DATA)
    return true;
  if (!fs_write_durable (list_path, list->str, list->len, 0600, error)
      || !run_pg_restore (toc, arguments, &ddl->text[phase], error)
      || !check_text (ddl->text[phase], entry_count, error))
    return false;
  strip_restrict (&ddl->text[phase], &ddl->restrict_key);
  strip_preamble (ddl->text[phase]);
  return true;
}

static bool
run_all (Toc *toc, BackupDdl *ddl, GError **error)
{
  static const BackupMemberKind phases[]
      = { MEMBER_PRE_DATA, MEMBER_KEYS, MEMBER_FOREIGN_KEYS, MEMBER_POST_DATA };
  if (!run_pg_dump (toc, error) || !read_toc (toc, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (phases); i++)
    if (!write_phase (toc, phases[i], ddl, error))
      return false;
  return true;
}

/* On a full disk pg_dump has been seen to write nothing and report success: what is then told as its
 * fault is the disk's. */
static bool
is_disk_full (const char *folder)
{
  uint64_t free_bytes;
  return fs_free_bytes (folder, &free_bytes, NULL) && free_bytes < TEMPORARY_MIN_BYTES;
}

bool
backup_ddl_dump (const DdlSpec *spec, BackupDdl *ret_ddl, GError **error)
{
  g_auto (Toc) toc = { .spec = spec };
  g_auto (BackupDdl) ddl = { 0 };
  g_autoptr (GError) problem = NULL;
  toc.pg_restore = binaries_find_tool ("pg_restore", spec->server_major, error);
  if (toc.pg_restore == NULL || !temporary_folder_make ("ddl", &toc.folder, error))
    return false;
  toc.archive = g_build_filename (toc.folder.path, "schema.dump", NULL);
  toc.entries = g_ptr_array_new_with_free_func (entry_free);
  toc.by_id = g_hash_table_new (g_str_hash, g_str_equal);
  toc.pre_data = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (run_all (&toc, &ddl, &problem))
    {
      *ret_ddl = ddl;
      ddl = (BackupDdl){ 0 };
      return true;
    }
  if (keel_error_is (problem, KEEL_ERROR_FAILED) && is_disk_full (toc.folder.path))
    return keel_error_errno (error, ENOSPC, "cannot keep the schema in “%s”", toc.folder.path);
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}
