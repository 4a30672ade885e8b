/* The index as JSON lines: writing and reading. The keys are described in docs/backup-format.md. */
#include "backup/index.h"

#include <limits.h>
#include <string.h>

#define LINE_PREFIX "-- "
#define COPY_END_BYTES 4 /* "\.", a newline and an empty line */

static void
append_line (GString *text, json_t *object)
{
  g_autofree char *line = json_dumps (object, JSON_COMPACT | JSON_ENSURE_ASCII);
  g_assert (line != NULL);
  g_string_append_printf (text, LINE_PREFIX "%s\n", line);
  json_decref (object);
}

/* NULL for NULL. Names of a database without an encoding (SQL_ASCII) need not be UTF-8, JSON must be;
 * nothing is restored by these texts. */
static json_t *
format_text (const char *text)
{
  g_autofree char *valid = text != NULL ? text_escape_invalid (text) : NULL;
  return valid != NULL ? json_string (valid) : NULL;
}

static json_t *
format_member (const BackupMember *member)
{
  g_autofree char *hex = sha256_hex (member->sha256);
  return json_pack ("[I, I, I, I, s]", (json_int_t) member->offset, (json_int_t) member->size_bytes,
                    (json_int_t) member->raw_bytes, (json_int_t) member->row_count, hex);
}

static json_t *
format_header (const BackupIndex *index)
{
  return json_pack ("{s:i, s:I, s:o*, s:o*, s:s*, s:s*, s:o*, s:i, s:s*, s:s*, s:s*, s:s*, s:O*}",
                    "pgkeel_index", INDEX_FORMAT, "created", (json_int_t) index->created, "project",
                    format_text (index->project), "environment", format_text (index->environment),
                    "type", index->type, "pgkeel_version", index->pgkeel_version, "database",
                    format_text (index->database), "server_version", index->server_version,
                    "system_identifier", index->system_identifier, "encoding", index->encoding,
                    "lsn", index->lsn, "schema_fingerprint", index->fingerprint, "source",
                    index->source);
}

static json_t *
format_table (const BackupTable *table)
{
  json_t *columns = json_array ();
  for (char **column = table->columns; *column != NULL; column++)
    json_array_append_new (columns, format_text (*column));
  json_t *members = json_array ();
  for (guint i = 0; i < table->members->len; i++)
    json_array_append_new (members,
                           format_member (&g_array_index (table->members, BackupMember, i)));
  g_autofree char *digest = row_digest_hex (&table->digest);
  json_t *root = table->root_name != NULL ? json_pack ("[o, o]", format_text (table->root_schema),
                                                       format_text (table->root_name))
                                          : NULL;
  return json_pack ("{s:{s:o, s:o, s:o*, s:o, s:b, s:o*, s:I, s:s, s:I, s:I, s:o}}", "table",
                    "schema", format_text (table->schema), "name", format_text (table->name),
                    "root", root, "columns", columns, "extension", (int) table->is_extension_member,
                    "condition", format_text (table->condition), "rows",
                    (json_int_t) table->digest.rows, "digest", digest, "bytes",
                    (json_int_t) table->raw_bytes, "statement_bytes",
                    (json_int_t) table->statement_bytes, "members", members);
}

static json_t *
format_large_objects (const BackupIndex *index)
{
  g_autofree char *digest = row_digest_hex (&index->large_object_digest);
  return json_pack ("{s:{s:I, s:I, s:s}}", "large_objects", "count",
                    (json_int_t) index->large_object_count, "chunks",
                    (json_int_t) index->large_object_digest.rows, "digest", digest);
}

char *
backup_index_format (const BackupIndex *index, size_t *ret_length)
{
  GString *text = g_string_new (LINE_PREFIX "pgkeel's index of this file, for machines\n");
  append_line (text, format_header (index));
  for (guint i = 0; i < index->members->len; i++)
    {
      const BackupMember *member = &g_array_index (index->members, BackupMember, i);
      append_line (text, json_pack ("{s:s, s:o}", "part", backup_member_kind_name (member->kind),
                                    "member", format_member (member)));
    }
  for (guint i = 0; i < index->tables->len; i++)
    append_line (text, format_table (index->tables->pdata[i]));
  for (guint i = 0; i < index->sequences->len; i++)
    {
      const BackupSequence *sequence = index->sequences->pdata[i];
      append_line (text, json_pack ("{s:[o, o, I, b]}", "sequence", format_text (sequence->schema),
                                    format_text (sequence->name), (json_int_t) sequence->last_value,
                                    (int) sequence->is_called));
    }
  for (guint i = 0; i < index->objects->len; i++)
    {
      const BackupObject *object = index->objects->pdata[i];
      append_line (text, json_pack ("{s:[o, o, o]}", "object", format_text (object->kind),
                                    format_text (object->name), format_text (object->definition)));
    }
  append_line (text, format_large_objects (index));
  append_line (text,
               json_pack ("{s:{s:I, s:I, s:I}}", "end", "tables", (json_int_t) index->tables->len,
                          "sequences", (json_int_t) index->sequences->len, "rows",
                          (json_int_t) backup_index_rows (index)));
  *ret_length = text->len;
  return g_string_free (text, FALSE);
}

/* What is known while the lines are read. */
typedef struct
{
  BackupIndex *index;
  GHashTable *seen; /* set of what may be named once: tables, sequences */
  bool has_large_objects;
  bool has_ended;
} Parser;

static bool
set_bad (GError **error, const char *what)
{
  return keel_error (error, KEEL_ERROR_CORRUPT, NULL, "the index of the backup is wrong: %s", what);
}

static bool
get_u64 (const json_t *value, uint64_t *ret_number)
{
  if (!json_is_integer (value) || json_integer_value (value) < 0)
    return false;
  *ret_number = (uint64_t) json_integer_value (value);
  return true;
}

/* False when that name came before. The length keeps "a.b" "c" and "a" "b.c" apart. */
static bool
note_once (Parser *parser, const char *what, const char *schema, const char *name)
{
  return g_hash_table_add (parser->seen,
                           g_strdup_printf ("%s %zu %s.%s", what, strlen (schema), schema, name));
}

static bool
parse_member (const json_t *array, BackupMemberKind kind, GArray *members)
{
  BackupMember member = { .kind = kind };
  if (json_array_size (array) != 5 || !get_u64 (json_array_get (array, 0), &member.offset)
      || !get_u64 (json_array_get (array, 1), &member.size_bytes)
      || !get_u64 (json_array_get (array, 2), &member.raw_bytes)
      || !get_u64 (json_array_get (array, 3), &member.row_count)
      || !sha256_from_hex (json_string_value (json_array_get (array, 4)), member.sha256))
    return false;
  g_array_append_val (members, member);
  return true;
}

static bool
parse_part (BackupIndex *index, const json_t *line)
{
  const char *name = json_string_value (json_object_get (line, "part"));
  for (int kind = 0; name != NULL && kind < MEMBER_KIND_COUNT; kind++)
    if (strcmp (name, backup_member_kind_name ((BackupMemberKind) kind)) == 0)
      return kind != MEMBER_DATA
             && parse_member (json_object_get (line, "member"), (BackupMemberKind) kind,
                              index->members);
  return false;
}

static bool
parse_columns (BackupTable *table, const json_t *columns)
{
  if (!json_is_array (columns))
    return false;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  size_t i;
  json_t *column;
  json_array_foreach (columns, i, column)
    {
      if (!json_is_string (column))
        return false;
      g_ptr_array_add (names, g_strdup (json_string_value (column)));
    }
  g_ptr_array_add (names, NULL);
  g_strfreev (table->columns);
  table->columns = (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return true;
}

static bool
parse_table_members (BackupTable *table, const json_t *members)
{
  size_t i;
  json_t *member;
  uint64_t rows = 0, bytes = 0;
  if (!json_is_array (members))
    return false;
  json_array_foreach (members, i, member)
    {
      if (!parse_member (member, MEMBER_DATA, table->members))
        return false;
      const BackupMember *added = &g_array_index (table->members, BackupMember, i);
      /* Each holds its COPY statement, rows, and the end mark. */
      if (added->raw_bytes < table->statement_bytes + COPY_END_BYTES)
        return false;
      rows += added->row_count;
      bytes += added->raw_bytes - table->statement_bytes - COPY_END_BYTES;
    }
  return rows == table->digest.rows && bytes == table->raw_bytes;
}

/* Absent, or [schema, name]. */
static bool
parse_root (BackupTable *table, const json_t *root)
{
  table->root_schema = g_strdup (json_string_value (json_array_get (root, 0)));
  table->root_name = g_strdup (json_string_value (json_array_get (root, 1)));
  return root == NULL
         || (json_array_size (root) == 2 && table->root_schema != NULL && table->root_name != NULL);
}

static bool
parse_table (Parser *parser, const json_t *value)
{
  const char *schema = json_string_value (json_object_get (value, "schema"));
  const char *name = json_string_value (json_object_get (value, "name"));
  const char *digest = json_string_value (json_object_get (value, "digest"));
  const json_t *extension = json_object_get (value, "extension");
  const json_t *condition = json_object_get (value, "condition");
  if (schema == NULL || name == NULL || digest == NULL || !json_is_boolean (extension)
      || (condition != NULL && !json_is_string (condition))
      || !note_once (parser, "table", schema, name))
    return false;
  BackupTable *table = backup_table_new (schema, name);
  g_ptr_array_add (parser->index->tables, table);
  table->is_extension_member = json_is_true (extension);
  if (!parse_root (table, json_object_get (value, "root")))
    return false;
  table->condition = g_strdup (json_string_value (condition));
  return row_digest_from_hex (digest, &table->digest)
         && get_u64 (json_object_get (value, "rows"), &table->digest.rows)
         && get_u64 (json_object_get (value, "bytes"), &table->raw_bytes)
         && get_u64 (json_object_get (value, "statement_bytes"), &table->statement_bytes)
         && table->statement_bytes < INDEX_MAX_BYTES
         && parse_columns (table, json_object_get (value, "columns"))
         && parse_table_members (table, json_object_get (value, "members"));
}

static bool
parse_sequence (Parser *parser, const json_t *array)
{
  const char *schema = json_string_value (json_array_get (array, 0));
  const char *name = json_string_value (json_array_get (array, 1));
  const json_t *value = json_array_get (array, 2);
  const json_t *called = json_array_get (array, 3);
  if (json_array_size (array) != 4 || schema == NULL || name == NULL || !json_is_integer (value)
      || !json_is_boolean (called) || !note_once (parser, "sequence", schema, name))
    return false;
  g_ptr_array_add (
      parser->index->sequences,
      backup_sequence_new (schema, name, json_integer_value (value), json_is_true (called)));
  return true;
}

static bool
parse_object (BackupIndex *index, const json_t *array)
{
  const char *kind = json_string_value (json_array_get (array, 0));
  const char *name = json_string_value (json_array_get (array, 1));
  const char *definition = json_string_value (json_array_get (array, 2));
  if (json_array_size (array) != 3 || kind == NULL || name == NULL || definition == NULL)
    return false;
  g_ptr_array_add (index->objects, backup_object_new (kind, name, definition));
  return true;
}

static bool
parse_large_objects (Parser *parser, const json_t *value)
{
  BackupIndex *index = parser->index;
  bool is_first = !parser->has_large_objects;
  parser->has_large_objects = true;
  return is_first && get_u64 (json_object_get (value, "count"), &index->large_object_count)
         && row_digest_from_hex (json_string_value (json_object_get (value, "digest")),
                                 &index->large_object_digest)
         && get_u64 (json_object_get (value, "chunks"), &index->large_object_digest.rows)
         && index->large_object_count <= index->large_object_digest.rows;
}

/* A text that must be there. */
static bool
get_text (const json_t *object, const char *key, char **ret_text)
{
  *ret_text = g_strdup (json_string_value (json_object_get (object, key)));
  return *ret_text != NULL;
}

static bool
is_type (const char *text)
{
  static const char *const types[] = { "db", "schema", "data", NULL };
  return g_strv_contains (types, text);
}

static bool
parse_header (BackupIndex *index, const json_t *line, GError **error)
{
  json_int_t format = json_integer_value (json_object_get (line, "pgkeel_index"));
  if (format > INDEX_FORMAT)
    return keel_error (error, KEEL_ERROR_FAILED, "Use the newer pgkeel that wrote it.",
                       "the index has format %d, this pgkeel knows format %d", (int) format,
                       INDEX_FORMAT);
  const json_t *created = json_object_get (line, "created");
  json_int_t version = json_integer_value (json_object_get (line, "server_version"));
  index->created = json_integer_value (created);
  index->server_version = (int) CLAMP (version, 0, INT_MAX);
  index->source = json_incref (json_object_get (line, "source"));
  (void) get_text (line, "schema_fingerprint", &index->fingerprint);
  if (format < 1 || !json_is_integer (created) || index->server_version < 90000
      || !json_is_object (index->source) || !get_text (line, "project", &index->project)
      || !get_text (line, "environment", &index->environment)
      || !get_text (line, "type", &index->type) || !is_type (index->type)
      || !get_text (line, "pgkeel_version", &index->pgkeel_version)
      || !get_text (line, "database", &index->database)
      || !get_text (line, "system_identifier", &index->system_identifier)
      || !get_text (line, "encoding", &index->encoding) || !get_text (line, "lsn", &index->lsn))
    return set_bad (error, "its first line lacks something");
  return true;
}

/* True when the last line agrees with what was read before it. */
static bool
parse_end (const BackupIndex *index, const json_t *value)
{
  uint64_t tables, sequences, rows;
  return get_u64 (json_object_get (value, "tables"), &tables)
         && get_u64 (json_object_get (value, "sequences"), &sequences)
         && get_u64 (json_object_get (value, "rows"), &rows) && tables == index->tables->len
         && sequences == index->sequences->len && rows == backup_index_rows (index);
}

/* One line after the first. */
static bool
parse_line (Parser *parser, const json_t *line)
{
  const json_t *value;
  if ((value = json_object_get (line, "table")) != NULL)
    return parse_table (parser, value);
  if (json_object_get (line, "part") != NULL)
    return parse_part (parser->index, line);
  if ((value = json_object_get (line, "sequence")) != NULL)
    return parse_sequence (parser, value);
  if ((value = json_object_get (line, "object")) != NULL)
    return parse_object (parser->index, value);
  if ((value = json_object_get (line, "large_objects")) != NULL)
    return parse_large_objects (parser, value);
  if ((value = json_object_get (line, "end")) != NULL)
    {
      parser->has_ended = true;
      return parser->has_large_objects && parse_end (parser->index, value);
    }
  return false;
}

static int
compare_offsets (const void *a, const void *b)
{
  const BackupMember *const *first = a, *const *second = b;
  return ((*first)->offset > (*second)->offset) - ((*first)->offset < (*second)->offset);
}

static void
collect_members (GPtrArray *all, const GArray *members)
{
  for (guint i = 0; i < members->len; i++)
    g_ptr_array_add (all, &g_array_index (members, BackupMember, i));
}

/* Every byte before the index belongs to exactly one part. */
static bool
check_cover (const BackupIndex *index, uint64_t index_offset)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  collect_members (all, index->members);
  for (guint i = 0; i < index->tables->len; i++)
    collect_members (all, ((const BackupTable *) index->tables->pdata[i])->members);
  g_ptr_array_sort (all, compare_offsets);
  uint64_t end = 0;
  for (guint i = 0; i < all->len; i++)
    {
      const BackupMember *member = all->pdata[i];
      if (member->offset != end || member->size_bytes == 0
          || member->size_bytes > index_offset - end)
        return false;
      end += member->size_bytes;
    }
  return end == index_offset;
}

static json_t *
load_line (const char *start, const char *end)
{
  size_t prefix = strlen (LINE_PREFIX);
  if ((size_t) (end - start) < prefix || memcmp (start, LINE_PREFIX, prefix) != 0)
    return NULL;
  return json_loadb (start + prefix, (size_t) (end - start) - prefix, JSON_REJECT_DUPLICATES, NULL);
}

bool
backup_index_parse (const char *text, size_t length, uint64_t index_offset, BackupIndex **ret_index,
                    GError **error)
{
  g_autoptr (BackupIndex) index = backup_index_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Parser parser = { .index = index, .seen = seen };
  const char *at = text, *stop = text + length;
  for (unsigned int number = 0; at < stop; number++)
    {
      const char *end = memchr (at, '\n', (size_t) (stop - at));
      if (end == NULL || parser.has_ended)
        return set_bad (error, "it does not end where it should");
      if (number > 0)
        {
          g_autoptr (json_t) line = load_line (at, end);
          if (line == NULL)
            return set_bad (error, "a line is not JSON");
          if (number == 1 && !parse_header (index, line, error))
            return false;
          if (number > 1 && !parse_line (&parser, line))
            return set_bad (error, "a line has not the form it should have");
        }
      at = end + 1;
    }
  if (!parser.has_ended)
    return set_bad (error, "it is cut short");
  if (!check_cover (index, index_offset))
    return set_bad (error, "its parts do not cover the file");
  *ret_index = g_steal_pointer (&index);
  return true;
}
