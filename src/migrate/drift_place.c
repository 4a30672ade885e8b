#include "migrate/drift_place.h"

#include <string.h>

void
drift_place_clear (DriftPlace *place)
{
  g_free (place->owner);
  g_free (place->schema);
  g_free (place->relation);
  *place = (DriftPlace){ 0 };
}

/* Behind the name, quoted or not, that TEXT begins with. */
static const char *
skip_name (const char *text)
{
  if (*text != '"')
    return text + strcspn (text, ".( \n,");
  for (text++; *text != '\0'; text++)
    if (*text == '"' && *++text != '"')
      return text;
  return text;
}

/* NAME (LENGTH bytes) without its quotes; caller frees. */
static char *
unquote (const char *name, size_t length)
{
  GString *text = g_string_sized_new (length);
  bool is_quoted = length >= 2 && name[0] == '"';
  for (size_t i = is_quoted ? 1 : 0; i < length - (is_quoted ? 1 : 0); i++)
    {
      g_string_append_c (text, name[i]);
      i += is_quoted && name[i] == '"';
    }
  return g_string_free (text, FALSE);
}

const char *
drift_place_last_name (const char *name, size_t *ret_length)
{
  const char *last = name;
  for (const char *end = skip_name (name); *end == '.'; end = skip_name (last))
    last = end + 1;
  *ret_length = last > name ? (size_t) (last - name) - 1 : 0;
  return last;
}

static char *
without_last_name (const char *name)
{
  size_t length;
  drift_place_last_name (name, &length);
  return g_strndup (name, length);
}

/* What follows PREFIX at the beginning of a line of TEXT, to the end of that line; NULL: no such line.
 * Caller frees. */
static char *
find_line (const char *text, const char *prefix)
{
  for (const char *line = text; line != NULL; line = strchr (line, '\n'))
    {
      line += *line == '\n';
      if (g_str_has_prefix (line, prefix))
        {
          const char *value = line + strlen (prefix);
          return g_strndup (value, strcspn (value, "\n"));
        }
    }
  return NULL;
}

/* "CREATE UNIQUE INDEX "x ON y" ON ONLY s.t USING btree (a)" is on s.t. */
static char *
table_of_index (const char *definition)
{
  for (const char *at = definition; *at != '\0'; at = *at == '"' ? skip_name (at) : at + 1)
    if (g_str_has_prefix (at, " ON "))
      {
        const char *name = at + strlen (" ON ");
        if (g_str_has_prefix (name, "ONLY "))
          name += strlen ("ONLY ");
        const char *end = skip_name (name);
        if (*end == '.')
          end = skip_name (end + 1);
        return g_strndup (name, (gsize) (end - name));
      }
  return NULL;
}

/* NAME is that of a comment, of grants, of a label: "relation s.t", "column s.t.c", "trigger x on s.t",
 * "text search parser s.p". Sets the owner, unless it is a schema: then the schema. */
static void
find_described (const char *name, DriftPlace *place)
{
  static const char *const parts[]
      = { "table constraint ", "domain constraint ", "trigger ", "rule ", "policy " };
  static const char *const kinds[] = { "relation ",
                                       "function ",
                                       "procedure ",
                                       "aggregate ",
                                       "type ",
                                       "operator class ",
                                       "operator family ",
                                       "text search parser ",
                                       "statistics object ",
                                       "text search template ",
                                       "text search dictionary ",
                                       "text search configuration ",
                                       "operator ",
                                       "collation ",
                                       "conversion " };
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      const char *on = strstr (name, " on ");
      if (g_str_has_prefix (name, parts[i]) && on != NULL)
        {
          place->owner = g_strdup (on + strlen (" on "));
          return;
        }
    }
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (name, kinds[i]))
      {
        place->owner = g_strdup (name + strlen (kinds[i]));
        return;
      }
  if (g_str_has_prefix (name, "column "))
    place->owner = without_last_name (name + strlen ("column "));
  else
    {
      const char *last = strrchr (name, ' ');
      const char *own = g_str_has_prefix (name, "schema ") ? name + strlen ("schema ")
                        : last != NULL                     ? last + 1
                                                           : name;
      place->schema = unquote (own, strlen (own));
    }
}

static bool
is_one_of (const char *kind, const char *const *kinds)
{
  return g_strv_contains (kinds, kind);
}

/* Sets what the kind says directly; the rest follows from the owner or the name. */
static void
find_by_kind (const DbSchemaObject *object, DriftPlace *place)
{
  static const char *const parts[] = { "column",  "attribute", "constraint", "domain constraint",
                                       "trigger", "rule",      "policy",     NULL };
  static const char *const outside[] = { "schema",      "language",      "cast",
                                         "transform",   "access method", "foreign data wrapper",
                                         "server",      "user mapping",  "event trigger",
                                         "publication", "subscription",  NULL };
  g_autofree char *line = NULL;
  if (is_one_of (object->kind, parts))
    place->owner = without_last_name (object->name);
  else if (strcmp (object->kind, "row level security") == 0)
    place->owner = g_strdup (object->name);
  else if (strcmp (object->kind, "index") == 0)
    place->owner = table_of_index (object->definition);
  else if (strcmp (object->kind, "statistics") == 0)
    place->owner = find_line (object->definition, "on ");
  else if (strcmp (object->kind, "sequence") == 0)
    {
      if ((line = find_line (object->definition, "owned by ")) != NULL
          || (line = find_line (object->definition, "identity of ")) != NULL)
        place->owner = without_last_name (line);
    }
  else if (strcmp (object->kind, "grants") == 0 || strcmp (object->kind, "comment") == 0)
    find_described (object->name, place);
  else if (strcmp (object->kind, "security label") == 0)
    find_described (
        object->name + strcspn (object->name, " ") + (strchr (object->name, ' ') != NULL), place);
  else if (is_one_of (object->kind, outside))
    place->schema = unquote (object->name, strlen (object->name));
  else if (strcmp (object->kind, "default privileges") == 0)
    {
      const char *in = strstr (object->name, " in schema ");
      const char *name = in != NULL ? in + strlen (" in schema ") : "";
      place->schema = unquote (name, (size_t) (skip_name (name) - name));
    }
  else if (strcmp (object->kind, "extension") == 0
           && (line = find_line (object->definition, "schema ")) != NULL)
    {
      place->schema = unquote (line, strlen (line));
      place->relation = unquote (object->name, strlen (object->name));
    }
}

void
drift_place_find (const DbSchemaObject *object, DriftPlace *place)
{
  find_by_kind (object, place);
  if (place->schema != NULL)
    return;
  const char *name = place->owner != NULL ? place->owner : object->name;
  const char *end = skip_name (name);
  place->schema = unquote (name, (size_t) (end - name));
  if (*end == '.')
    {
      const char *relation = end + 1;
      place->relation = unquote (relation, (size_t) (skip_name (relation) - relation));
    }
}

bool
drift_place_matches (const DriftPlace *place, const char *const *patterns)
{
  for (; patterns != NULL && *patterns != NULL; patterns++)
    {
      g_auto (GStrv) parts = g_strsplit (*patterns, ".", 2);
      if (place->schema != NULL && g_pattern_match_simple (parts[0], place->schema)
          && (parts[1] == NULL
              || (place->relation != NULL && g_pattern_match_simple (parts[1], place->relation))))
        return true;
    }
  return false;
}
