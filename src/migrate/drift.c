#include "migrate/drift.h"

#include "migrate/drift_place.h"

#include <stdlib.h>
#include <string.h>

/* What tools keep in a database for themselves. */
static const char *const own_tables[] = { "pgkeel",
                                          "*.schema_migrations",
                                          "*.ar_internal_metadata",
                                          "*.goose_db_version",
                                          "*.flyway_schema_history",
                                          "*._sqlx_migrations",
                                          "*.__diesel_schema_migrations",
                                          "sqitch",
                                          "*.alembic_version",
                                          "*.django_migrations",
                                          "*.__drizzle_migrations",
                                          "*._prisma_migrations",
                                          "*.knex_migrations",
                                          "*.knex_migrations_lock",
                                          "*.pgmigrations",
                                          "graphile_migrate",
                                          "supabase_migrations",
                                          "*.databasechangelog",
                                          "*.databasechangeloglock",
                                          "atlas_schema_revisions",
                                          "*.atlas_schema_revisions",
                                          "pgroll",
                                          NULL };

/* An object as it is compared: a table has its columns by now. */
typedef struct
{
  char *kind;
  char *name;
  char *owner; /* the table it is a part of, or itself */
  char *definition;
} Entry;

typedef struct
{
  Entry *entry;      /* of the table */
  GPtrArray *lines;  /* of Line: its columns */
  bool has_security; /* row level security is enabled */
} Table;

typedef struct
{
  int position;
  char *text;
} Line;

const char *
drift_change_name (DriftChange change)
{
  static const char *const names[] = {
    [DRIFT_MISSING] = "missing", [DRIFT_UNEXPECTED] = "unexpected", [DRIFT_DIFFERENT] = "different"
  };
  return names[change];
}

static void
entry_free (void *data)
{
  Entry *entry = data;
  g_free (entry->kind);
  g_free (entry->name);
  g_free (entry->owner);
  g_free (entry->definition);
  g_free (entry);
}

static void
line_free (void *data)
{
  Line *line = data;
  g_free (line->text);
  g_free (line);
}

static void
table_free (void *data)
{
  Table *table = data;
  g_ptr_array_unref (table->lines);
  g_free (table);
}

static void
item_free (void *data)
{
  DriftItem *item = data;
  g_free (item->kind);
  g_free (item->name);
  g_free (item->expected);
  g_free (item->found);
  g_free (item);
}

bool
drift_is_ignored (const DbSchemaObject *object, const DriftSpec *spec)
{
  g_auto (DriftPlace) place = { 0 };
  if (strcmp (object->kind, "extension version") == 0)
    return true;
  drift_place_find (object, &place);
  return drift_place_matches (&place, own_tables) || drift_place_matches (&place, spec->ignore);
}

/* --- owners ---------------------------------------------------------------------------------- */

/* "alice select by bob" becomes "alice select"; what owners gave themselves is left out. */
static char *
grants_without_grantors (const char *definition)
{
  g_auto (GStrv) lines = g_strsplit (definition, "\n", -1);
  GString *text = g_string_new (NULL);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *by = g_strrstr (lines[i], " by ");
      size_t length = by != NULL ? (size_t) (by - lines[i]) : strlen (lines[i]);
      g_autofree char *own = by != NULL ? g_strconcat (by + strlen (" by "), " ", NULL) : NULL;
      if (own == NULL || !g_str_has_prefix (lines[i], own))
        g_string_append_printf (text, "%s%.*s", text->len > 0 ? "\n" : "", (int) length, lines[i]);
    }
  return g_string_free (text, FALSE);
}

static char *
without_owner (const DbSchemaObject *object)
{
  const char *rest = object->definition;
  if (strcmp (object->kind, "grants") == 0)
    return grants_without_grantors (rest);
  if (!g_str_has_prefix (rest, "owner "))
    return g_strdup (rest);
  rest += strcspn (rest, "\n");
  return g_strdup (rest + (*rest == '\n'));
}

/* --- tables with their columns --------------------------------------------------------------- */

static bool
holds_columns (const char *kind)
{
  static const char *const kinds[] = {
    "table", "partitioned table", "view", "foreign table", "materialised view", "composite type",
    NULL
  };
  return g_strv_contains (kinds, kind);
}

/* TEXT on one line: line ends become spaces, but for those inside of quotes, which mean something. */
static void
append_on_one_line (GString *out, const char *text)
{
  char quote = '\0';
  for (; *text != '\0'; text++)
    {
      if (quote == '\0' && (*text == '\'' || *text == '"'))
        quote = *text;
      else if (*text == quote)
        quote = '\0';
      g_string_append_c (out, *text == '\n' && quote == '\0' ? ' ' : *text);
    }
}

/* "position 2\ntype integer\nnot null" of s.t.a becomes "column a integer not null", at place 2. */
static Line *
make_line (const DbSchemaObject *column)
{
  size_t length;
  const char *rest = column->definition;
  Line *line = g_new0 (Line, 1);
  GString *text = g_string_new (column->kind);
  if (g_str_has_prefix (rest, "position "))
    {
      line->position = atoi (rest + strlen ("position "));
      rest += strcspn (rest, "\n");
      rest += *rest == '\n';
    }
  if (g_str_has_prefix (rest, "type "))
    rest += strlen ("type ");
  g_string_append_printf (text, " %s ", drift_place_last_name (column->name, &length));
  append_on_one_line (text, rest);
  line->text = g_string_free (text, FALSE);
  return line;
}

static int
compare_lines (const void *a, const void *b)
{
  const Line *first = *(Line *const *) a, *second = *(Line *const *) b;
  return first->position != second->position ? (first->position < second->position ? -1 : 1)
                                             : strcmp (first->text, second->text);
}

/* Columns come before the query of a view, and after everything else. */
static void
add_lines (void *key, void *value, void *data)
{
  Table *table = value;
  GString *text = g_string_new (NULL);
  (void) key;
  (void) data;
  const char *definition = table->entry->definition;
  const char *query
      = strstr (table->entry->kind, "view") != NULL ? strstr (definition, "\nas\n") : NULL;
  size_t length = query != NULL ? (size_t) (query - definition) : strlen (definition);
  g_string_append_len (text, definition, (gssize) length);
  if (table->has_security)
    g_string_append (text, "\nrow level security");
  g_ptr_array_sort (table->lines, compare_lines);
  for (guint i = 0; i < table->lines->len; i++)
    g_string_append_printf (text, "%s%s", text->len > 0 ? "\n" : "",
                            ((Line *) table->lines->pdata[i])->text);
  g_string_append (text, query != NULL ? query : "");
  g_free (table->entry->definition);
  table->entry->definition = g_string_free (text, FALSE);
}

static Entry *
add_entry (GPtrArray *entries, const DbSchemaObject *object, const DriftSpec *spec)
{
  g_auto (DriftPlace) place = { 0 };
  Entry *entry = g_new0 (Entry, 1);
  drift_place_find (object, &place);
  entry->kind = g_strdup (object->kind);
  entry->name = g_strdup (object->name);
  entry->owner = g_strdup (place.owner != NULL ? place.owner : object->name);
  entry->definition = spec->without_owners ? without_owner (object) : g_strdup (object->definition);
  g_ptr_array_add (entries, entry);
  return entry;
}

/* A column, and whether a table has row level security, is a line of its table. Of tables that are an
 * extension's there is no table: then it stays alone. */
static bool
add_to_table (GHashTable *tables, const DbSchemaObject *object)
{
  bool is_column = strcmp (object->kind, "column") == 0 || strcmp (object->kind, "attribute") == 0;
  bool is_security = strcmp (object->kind, "row level security") == 0;
  g_auto (DriftPlace) place = { 0 };
  if (!is_column && !is_security)
    return false;
  drift_place_find (object, &place);
  Table *table = g_hash_table_lookup (tables, place.owner);
  if (table == NULL)
    return false;
  if (is_column)
    g_ptr_array_add (table->lines, make_line (object));
  else
    table->has_security = true;
  return true;
}

static int
compare_entries (const void *a, const void *b)
{
  const Entry *first = *(Entry *const *) a, *second = *(Entry *const *) b;
  int order = strcmp (first->kind, second->kind);
  return order != 0 ? order : strcmp (first->name, second->name);
}

static GPtrArray *
make_entries (const GPtrArray *objects, const DriftSpec *spec)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func (entry_free);
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();
  g_autoptr (GHashTable) tables = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, table_free);
  for (guint i = 0; i < objects->len; i++)
    if (!drift_is_ignored (objects->pdata[i], spec))
      g_ptr_array_add (kept, objects->pdata[i]);
  for (guint i = 0; i < kept->len; i++)
    if (holds_columns (((const DbSchemaObject *) kept->pdata[i])->kind))
      {
        Table *table = g_new0 (Table, 1);
        table->entry = add_entry (entries, kept->pdata[i], spec);
        table->lines = g_ptr_array_new_with_free_func (line_free);
        g_hash_table_insert (tables, table->entry->name, table);
      }
  for (guint i = 0; i < kept->len; i++)
    if (!holds_columns (((const DbSchemaObject *) kept->pdata[i])->kind)
        && !add_to_table (tables, kept->pdata[i]))
      add_entry (entries, kept->pdata[i], spec);
  g_hash_table_foreach (tables, add_lines, NULL);
  g_ptr_array_sort (entries, compare_entries);
  return entries;
}

/* --- comparing ------------------------------------------------------------------------------- */

/* A difference, with the entry it is about. */
typedef struct
{
  DriftChange change;
  const Entry *expected, *found;
  GString *parts; /* of a table that is missing or unexpected: its parts, as lines */
  bool is_told;   /* by another one */
} Difference;

static const Entry *
either (const Difference *difference)
{
  return difference->expected != NULL ? difference->expected : difference->found;
}

static void
difference_free (void *data)
{
  Difference *difference = data;
  if (difference->parts != NULL)
    g_string_free (difference->parts, TRUE);
  g_free (difference);
}

static void
add_difference (GPtrArray *differences, const Entry *expected, const Entry *found)
{
  Difference *difference = g_new0 (Difference, 1);
  difference->change = found == NULL      ? DRIFT_MISSING
                       : expected == NULL ? DRIFT_UNEXPECTED
                                          : DRIFT_DIFFERENT;
  difference->expected = expected;
  difference->found = found;
  g_ptr_array_add (differences, difference);
}

static GPtrArray *
list_differences (const GPtrArray *expected, const GPtrArray *found)
{
  GPtrArray *differences = g_ptr_array_new_with_free_func (difference_free);
  for (guint i = 0, j = 0; i < expected->len || j < found->len;)
    {
      const Entry *left = i < expected->len ? expected->pdata[i] : NULL;
      const Entry *right = j < found->len ? found->pdata[j] : NULL;
      int order = left == NULL ? 1 : right == NULL ? -1 : compare_entries (&left, &right);
      if (order < 0)
        add_difference (differences, left, NULL);
      else if (order > 0)
        add_difference (differences, NULL, right);
      else if (strcmp (left->definition, right->definition) != 0)
        add_difference (differences, left, right);
      i += order <= 0;
      j += order >= 0;
    }
  return differences;
}

/* Has parts, if only grants and comments, and nothing of another kind has its name. */
static bool
is_container (const Entry *entry)
{
  static const char *const kinds[]
      = { "domain", "enum", "range type", "base type", "function", "procedure", "aggregate", NULL };
  return holds_columns (entry->kind) || g_strv_contains (kinds, entry->kind)
         || (strcmp (entry->kind, "sequence") == 0 && strcmp (entry->owner, entry->name) == 0);
}

/* Names of the schemas in which FOUND has what tools keep for themselves, and nothing else. */
static GHashTable *
list_schemas_of_tools (const GPtrArray *found)
{
  GHashTable *schemas = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int others = 0; others <= 1; others++)
    for (guint i = 0; i < found->len; i++)
      {
        g_auto (DriftPlace) place = { 0 };
        drift_place_find (found->pdata[i], &place);
        if (place.relation == NULL || place.schema == NULL)
          continue;
        bool is_own = drift_place_matches (&place, own_tables);
        if (is_own && others == 0)
          g_hash_table_add (schemas, g_strdup (place.schema));
        if (!is_own && others == 1)
          g_hash_table_remove (schemas, place.schema);
      }
  return schemas;
}

/* A schema that came with a tool's table, such as drizzle's, with its grants and its comment. */
static void
leave_out_schemas_of_tools (GPtrArray *differences, const GPtrArray *found)
{
  g_autoptr (GHashTable) schemas = list_schemas_of_tools (found);
  g_autoptr (GHashTable) new = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (int parts = 0; parts <= 1; parts++)
    for (guint i = 0; i < differences->len; i++)
      {
        Difference *difference = differences->pdata[i];
        const Entry *entry = either (difference);
        const DbSchemaObject object = { entry->kind, entry->name, entry->definition };
        g_auto (DriftPlace) place = { 0 };
        bool is_schema = strcmp (entry->kind, "schema") == 0;
        drift_place_find (&object, &place);
        if (difference->change != DRIFT_UNEXPECTED || place.relation != NULL || place.schema == NULL
            || is_schema == (parts == 1)
            || !g_hash_table_contains (is_schema ? schemas : new, place.schema))
          continue;
        difference->is_told = true;
        g_hash_table_add (new, g_strdup (place.schema));
      }
}

/* The index of a constraint has its name, and says nothing that the constraint does not. */
static void
leave_out_indexes_of_constraints (GPtrArray *differences)
{
  g_autoptr (GHashTable) constraints
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  size_t length;
  for (guint i = 0; i < differences->len; i++)
    {
      const Difference *difference = differences->pdata[i];
      const Entry *entry = either (difference);
      if (strcmp (entry->kind, "constraint") == 0)
        g_hash_table_add (constraints,
                          g_strdup_printf ("%d %s %s", difference->change, entry->owner,
                                           drift_place_last_name (entry->name, &length)));
    }
  for (guint i = 0; i < differences->len; i++)
    {
      Difference *difference = differences->pdata[i];
      const Entry *entry = either (difference);
      g_autofree char *key = g_strdup_printf ("%d %s %s", difference->change, entry->owner,
                                              drift_place_last_name (entry->name, &length));
      if (strcmp (entry->kind, "index") == 0 && g_hash_table_contains (constraints, key))
        difference->is_told = true;
    }
}

/* What belongs to a table that is missing or unexpected as a whole becomes a line of it. */
static void
tell_parts_with_their_table (GPtrArray *differences)
{
  g_autoptr (GHashTable) wholes = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < differences->len; i++)
    {
      Difference *difference = differences->pdata[i];
      if (difference->change != DRIFT_DIFFERENT && is_container (either (difference)))
        {
          difference->parts = g_string_new (NULL);
          g_hash_table_insert (wholes, either (difference)->name, difference);
        }
    }
  for (guint i = 0; i < differences->len; i++)
    {
      Difference *difference = differences->pdata[i];
      const Entry *entry = either (difference);
      Difference *whole = g_hash_table_lookup (wholes, entry->owner);
      size_t length;
      if (whole == NULL || whole == difference || whole->change != difference->change
          || difference->is_told || is_container (entry))
        continue;
      bool is_part = g_str_has_prefix (entry->name, entry->owner);
      g_string_append_printf (whole->parts, "\n%s %s ", entry->kind,
                              is_part ? drift_place_last_name (entry->name, &length) : entry->name);
      append_on_one_line (whole->parts, entry->definition);
      difference->is_told = true;
    }
}

static int
compare_differences (const void *a, const void *b)
{
  const Entry *first = either (*(Difference *const *) a);
  const Entry *second = either (*(Difference *const *) b);
  int order = strcmp (first->owner, second->owner);
  /* The table itself before its parts. */
  if (order == 0)
    order = (strcmp (second->name, second->owner) == 0) - (strcmp (first->name, first->owner) == 0);
  return order != 0 ? order : compare_entries (&first, &second);
}

static DriftItem *
make_item (const Difference *difference)
{
  DriftItem *item = g_new0 (DriftItem, 1);
  const char *parts = difference->parts != NULL ? difference->parts->str : "";
  item->change = difference->change;
  item->kind = g_strdup (either (difference)->kind);
  item->name = g_strdup (either (difference)->name);
  if (difference->expected != NULL)
    item->expected = g_strconcat (difference->expected->definition, parts, NULL);
  if (difference->found != NULL)
    item->found = g_strconcat (difference->found->definition, parts, NULL);
  return item;
}

GPtrArray *
drift_compare (const GPtrArray *expected, const GPtrArray *found, const DriftSpec *spec)
{
  g_autoptr (GPtrArray) left = make_entries (expected, spec);
  g_autoptr (GPtrArray) right = make_entries (found, spec);
  g_autoptr (GPtrArray) differences = list_differences (left, right);
  GPtrArray *items = g_ptr_array_new_with_free_func (item_free);
  leave_out_schemas_of_tools (differences, found);
  leave_out_indexes_of_constraints (differences);
  tell_parts_with_their_table (differences);
  g_ptr_array_sort (differences, compare_differences);
  for (guint i = 0; i < differences->len; i++)
    if (!((Difference *) differences->pdata[i])->is_told)
      g_ptr_array_add (items, make_item (differences->pdata[i]));
  return items;
}
