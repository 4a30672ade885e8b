/* pgkeel backup list and show: what there is, and what a backup says of itself. */
#include "backup/catalogue.h"
#include "base/clock.h"
#include "base/size.h"
#include "cli/cmd_backup.h"
#include "cli/incident_raise.h"
#include "cli/output.h"

void
backup_base_clear (BackupBase *base)
{
  g_free (base->folder);
}

bool
backup_base_open (CliContext *context, BackupBase *base, GError **error)
{
  if (!context_project (context, &base->project, error))
    return false;
  base->folder = project_backup_folder (base->project);
  return true;
}

static json_t *
json_time (int64_t seconds)
{
  if (seconds == 0)
    return json_null ();
  g_autofree char *text = clock_format_iso (ABS (seconds));
  return json_string (text);
}

static json_t *
entry_json (const BackupEntry *entry)
{
  return json_pack ("{s:o, s:s*, s:s*, s:o, s:I, s:s*, s:o, s:I, s:I, s:o, s:o, s:b}", "name",
                    output_json_string (entry->name), "project", entry->project, "type",
                    entry->type, "stamp", json_time (entry->stamp), "size_bytes",
                    (json_int_t) entry->size_bytes, "problem", entry->problem, "created",
                    json_time (entry->created), "rows", (json_int_t) entry->row_count, "tables",
                    (json_int_t) entry->table_count, "verified", json_time (entry->verified),
                    "proven", entry->proven > 0 ? json_time (entry->proven) : json_null (),
                    "proof_failed", entry->proven < 0);
}

static char *
format_ago (int64_t time)
{
  if (time == 0)
    return g_strdup ("never");
  g_autofree char *age = duration_format (MAX (clock_now () - ABS (time), 0));
  return time < 0 ? g_strdup_printf ("FAILED %s ago", age) : g_strdup_printf ("%s ago", age);
}

static void
add_entry_row (OutputTable *table, const BackupEntry *entry)
{
  g_autofree char *age = format_ago (entry->stamp);
  g_autofree char *size = size_format (entry->size_bytes);
  g_autofree char *rows = text_format_count (entry->row_count);
  g_autofree char *verified = format_ago (entry->verified);
  g_autofree char *proven = format_ago (entry->proven);
  bool damaged = entry->problem != NULL;
  output_table_row (table, entry->name, age, entry->type, size, damaged ? "-" : rows,
                    damaged ? "DAMAGED" : verified, damaged ? "-" : proven);
  if (damaged)
    output_table_style (table, 5, OUTPUT_BAD);
  if (entry->proven != 0)
    output_table_style (table, 6, entry->proven < 0 ? OUTPUT_BAD : OUTPUT_GOOD);
}

static void
print_list (const GPtrArray *entries, const char *folder)
{
  static const OutputColumn columns[]
      = { { "BACKUP", false }, { "AGE", false },      { "TYPE", false },   { "SIZE", true },
          { "ROWS", true },    { "VERIFIED", false }, { "PROVEN", false }, { NULL, false } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < entries->len; i++)
    add_entry_row (table, entries->pdata[i]);
  if (entries->len == 0)
    output_line ("no backups in %s", folder);
  else
    output_table_print (table);
}

bool
cmd_backup_list (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  (void) argv;
  g_auto (BackupBase) base = { 0 };
  g_autoptr (GPtrArray) entries = NULL;
  if (!backup_base_open (context, &base, error))
    return false;
  g_autoptr (Store) store = store_open_folder (base.folder);
  if (!catalogue_list (store, &entries, error))
    return false;
  if (context->json)
    {
      json_t *array = json_array ();
      for (guint i = 0; i < entries->len; i++)
        json_array_append_new (array, entry_json (entries->pdata[i]));
      output_json (
          json_pack ("{s:o, s:o}", "folder", output_json_string (base.folder), "backups", array));
    }
  else
    print_list (entries, base.folder);
  incident_after_list (context, store, entries);
  return true;
}

static json_t *
table_json (const BackupTable *table)
{
  g_autofree char *digest = row_digest_hex (&table->digest);
  uint64_t compressed = 0;
  for (guint i = 0; i < table->members->len; i++)
    compressed += g_array_index (table->members, BackupMember, i).size_bytes;
  return json_pack ("{s:o, s:o, s:I, s:s, s:I, s:I, s:I}", "schema",
                    output_json_string (table->schema), "name", output_json_string (table->name),
                    "rows", (json_int_t) table->digest.rows, "digest", digest, "raw_bytes",
                    (json_int_t) table->raw_bytes, "compressed_bytes", (json_int_t) compressed,
                    "parts", (json_int_t) table->members->len);
}

static json_t *
show_json (const BackupEntry *entry, const BackupIndex *index)
{
  json_t *object = entry_json (entry);
  json_t *tables = json_array ();
  for (guint i = 0; i < index->tables->len; i++)
    json_array_append_new (tables, table_json (index->tables->pdata[i]));
  json_object_update_new (
      object, json_pack ("{s:s*, s:s*, s:i, s:s*, s:s*, s:s*, s:s*, s:s*, s:I, s:I, s:O, s:o}",
                         "environment", index->environment, "database", index->database,
                         "server_version", index->server_version, "system_identifier",
                         index->system_identifier, "encoding", index->encoding, "lsn", index->lsn,
                         "schema_fingerprint", index->fingerprint, "pgkeel_version",
                         index->pgkeel_version, "sequences", (json_int_t) index->sequences->len,
                         "large_objects", (json_int_t) index->large_object_count, "source",
                         index->source, "table_list", tables));
  return object;
}

static void
print_show (const BackupEntry *entry, const BackupIndex *index)
{
  static const OutputColumn columns[]
      = { { "TABLE", false }, { "ROWS", true },    { "BYTES", true },
          { "PARTS", true },  { "DIGEST", false }, { NULL, false } };
  g_autofree char *created = clock_format_iso (index->created);
  g_autofree char *size = size_format (entry->size_bytes);
  g_autofree char *rows = text_format_count (entry->row_count);
  g_autofree char *verified = entry->problem != NULL
                                  ? g_strdup_printf ("DAMAGED: %s", entry->problem)
                                  : format_ago (entry->verified);
  g_autofree char *proven = format_ago (entry->proven);
  g_autoptr (OutputTable) pairs = output_pairs_new ();
  output_pair (pairs, "backup", "%s", entry->name);
  output_pair (pairs, "snapshot", "%s, LSN %s", created, index->lsn);
  output_pair (pairs, "source", "%s, database %s, PostgreSQL %d.%d", index->environment,
               index->database, index->server_version / 10000, index->server_version % 10000);
  output_pair (pairs, "holds",
               "%s, %u tables, %s rows, %u sequences, %" G_GUINT64_FORMAT " large objects", size,
               index->tables->len, rows, index->sequences->len, index->large_object_count);
  output_pair (pairs, "schema", "%s", index->fingerprint != NULL ? index->fingerprint : "none");
  output_pair (pairs, "verified", "%s", verified);
  output_pair (pairs, "proven", "%s", proven);
  output_table_print (pairs);
  g_autoptr (OutputTable) table = output_table_new (columns);
  for (guint i = 0; i < index->tables->len; i++)
    {
      const BackupTable *row = index->tables->pdata[i];
      g_autofree char *name = g_strdup_printf ("%s.%s", row->schema, row->name);
      g_autofree char *count = text_format_count (row->digest.rows);
      g_autofree char *bytes = size_format (row->raw_bytes);
      g_autofree char *parts = g_strdup_printf ("%u", row->members->len);
      g_autofree char *digest = row_digest_hex (&row->digest);
      output_table_row (table, name, count, bytes, parts, digest);
    }
  output_table_print (table);
}

bool
cmd_backup_show (CliContext *context, int argc, char **argv, GError **error)
{
  (void) argc;
  g_auto (BackupBase) base = { 0 };
  g_autoptr (Store) store = NULL;
  g_autofree char *name = NULL;
  g_autoptr (BackupReader) reader = NULL;
  g_autoptr (BackupEntry) entry = NULL;
  if (!backup_base_open (context, &base, error)
      || !catalogue_find (base.folder, argv[0], &store, &name, error)
      || !backup_reader_open (store, name, &reader, error)
      || !catalogue_describe (store, name, &entry, error))
    return false;
  if (context->json)
    output_json (show_json (entry, backup_reader_index (reader)));
  else
    print_show (entry, backup_reader_index (reader));
  return true;
}
