#include "cli/init_merge.h"

#include "base/text.h"

#include <jansson.h>
#include <string.h>

static const char *
line_end (const char *text)
{
  const char *newline = strchr (text, '\n');
  return newline != NULL && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
}

static bool
has_line (char **lines, const char *wanted)
{
  for (char **line = lines; *line != NULL; line++)
    {
      g_autofree char *trimmed = g_strchomp (g_strdup (*line));
      if (strcmp (trimmed, wanted) == 0)
        return true;
    }
  return false;
}

char *
init_merge_lines (const char *text, const char *wanted)
{
  const char *newline = line_end (text);
  g_auto (GStrv) there = g_strsplit (text, "\n", -1);
  g_auto (GStrv) lines = g_strsplit (wanted, "\n", -1);
  g_autoptr (GString) out = g_string_new (text);
  if (*text != '\0' && !g_str_has_suffix (text, "\n"))
    g_string_append (out, newline);
  size_t before = out->len;
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0' && **line != '#' && !has_line (there, *line))
      g_string_append_printf (out, "%s%s", *line, newline);
  return out->len > before ? g_string_free (g_steal_pointer (&out), FALSE) : NULL;
}

/* The steps below walk through text that jansson has read without complaint. */

static const char *
skip_blank (const char *at)
{
  return at + strspn (at, " \t\r\n");
}

static const char *
skip_string (const char *at)
{
  for (at++; *at != '"'; at++)
    if (*at == '\\')
      at++;
  return at + 1;
}

static const char *
skip_value (const char *at)
{
  int depth = 0;
  if (*at != '"' && *at != '{' && *at != '[')
    return at + strcspn (at, ",]} \t\r\n");
  do
    {
      if (*at == '"')
        {
          at = skip_string (at);
          continue;
        }
      depth += *at == '{' || *at == '[';
      depth -= *at == '}' || *at == ']';
      at++;
    }
  while (depth > 0);
  return at;
}

/* An object in the text, and how it is laid out. */
typedef struct
{
  const char *open;      /* behind "{" */
  const char *close;     /* at "}" */
  const char *first_key; /* NULL: it is empty */
  const char *last_end;  /* behind the last value */
  const char *wanted;    /* the value of the member looked for, or NULL */
  const char *wanted_key;
} Object;

static Object
read_object (const char *at, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("\"%s\"", key);
  Object object = { .open = at + 1 };
  at = skip_blank (at + 1);
  while (*at != '}')
    {
      const char *name = at, *name_end = skip_string (at);
      const char *value = skip_blank (skip_blank (name_end) + 1);
      bool is_wanted = (size_t) (name_end - name) == strlen (quoted)
                       && strncmp (name, quoted, strlen (quoted)) == 0;
      if (object.first_key == NULL)
        object.first_key = name;
      if (is_wanted)
        {
          object.wanted = value;
          object.wanted_key = name;
        }
      object.last_end = skip_value (value);
      at = skip_blank (object.last_end);
      if (*at == ',')
        at = skip_blank (at + 1);
    }
  object.close = at;
  return object;
}

/* The blanks before AT in its line, when nothing else stands there; NULL: something does. */
static char *
indentation (const char *text, const char *at)
{
  const char *from = at;
  while (from > text && (from[-1] == ' ' || from[-1] == '\t'))
    from--;
  return from == text || from[-1] == '\n' ? g_strndup (from, (gsize) (at - from)) : NULL;
}

/* TEXT with MEMBERS (pairs of quoted texts) put at the end of OBJECT, each on a line that begins with
 * INDENT when the object is laid out in lines. */
static char *
put_members (const char *text, const Object *object, GPtrArray *members, const char *indent,
             const char *outer)
{
  const char *newline = line_end (text);
  const char *from = object->first_key != NULL ? object->last_end : object->open;
  const char *go_on = object->first_key != NULL ? object->last_end : object->close;
  g_autofree char *first = object->first_key != NULL ? indentation (text, object->first_key) : NULL;
  bool in_lines = object->first_key == NULL || first != NULL;
  GString *out = g_string_new_len (text, from - text);
  for (guint i = 0; i < members->len; i++)
    {
      if (i > 0 || object->first_key != NULL)
        g_string_append_c (out, ',');
      g_string_append_printf (out, "%s%s%s", in_lines ? newline : " ",
                              !in_lines       ? ""
                              : first != NULL ? first
                                              : indent,
                              (const char *) g_ptr_array_index (members, i));
    }
  if (object->first_key == NULL)
    g_string_append_printf (out, "%s%s", newline, outer);
  g_string_append (out, go_on);
  return g_string_free (out, FALSE);
}

static char *
quote (const char *text)
{
  json_t *string = json_string (text);
  char *quoted = json_dumps (string, JSON_ENCODE_ANY);
  char *copy = g_strdup (quoted);
  json_decref (string);
  free (quoted);
  return copy;
}

static GPtrArray *
missing_members (json_t *there, json_t *wanted, char **ret_taken)
{
  GPtrArray *members = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) taken = g_string_new (NULL);
  const char *name;
  json_t *command;
  json_object_foreach (wanted, name, command)
    {
      json_t *present = json_object_get (there, name);
      g_autofree char *key = quote (name);
      g_autofree char *value = quote (json_string_value (command));
      if (present == NULL)
        g_ptr_array_add (members, g_strdup_printf ("%s: %s", key, value));
      else if (!json_equal (present, command))
        g_string_append_printf (taken, "%s%s", taken->len > 0 ? ", " : "", name);
    }
  *ret_taken = taken->len > 0 ? g_strdup (taken->str) : NULL;
  return members;
}

/* The text with MEMBERS added to the scripts, which are made where there are none. */
static char *
add_members (const char *text, GPtrArray *members)
{
  Object root = read_object (skip_blank (text), "scripts");
  g_autofree char *unit
      = root.first_key != NULL ? indentation (text, root.first_key) : g_strdup ("  ");
  g_autofree char *one = unit != NULL && *unit != '\0' ? g_strdup (unit) : g_strdup ("  ");
  g_autofree char *two = g_strconcat (one, one, NULL);
  if (root.wanted != NULL)
    {
      Object scripts = read_object (root.wanted, "");
      return put_members (text, &scripts, members, two, one);
    }
  g_autoptr (GPtrArray) section = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) scripts = g_string_new ("\"scripts\": {");
  for (guint i = 0; i < members->len; i++)
    g_string_append_printf (scripts, "%s%s%s%s", i > 0 ? "," : "", line_end (text), two,
                            (const char *) g_ptr_array_index (members, i));
  g_string_append_printf (scripts, "%s%s}", line_end (text), one);
  g_ptr_array_add (section, g_strdup (scripts->str));
  return put_members (text, &root, section, one, "");
}

/* The same in memory, to hold the new text against: the walk through the text above must not be
 * trusted with somebody's file. */
static bool
says_the_same (const char *text, json_t *before, json_t *wanted)
{
  g_autoptr (json_t) after = json_loads (text, JSON_REJECT_DUPLICATES, NULL);
  g_autoptr (json_t) expected = json_deep_copy (before);
  if (json_object_get (expected, "scripts") == NULL)
    json_object_set_new (expected, "scripts", json_object ());
  json_object_update_missing (json_object_get (expected, "scripts"), wanted);
  return after != NULL && json_equal (after, expected);
}

bool
init_merge_scripts (const char *text, const char *wanted, char **ret_text, char **ret_taken,
                    GError **error)
{
  json_error_t problem;
  g_autoptr (json_t) package = json_loads (text, JSON_REJECT_DUPLICATES, &problem);
  g_autoptr (json_t) template = json_loads (wanted, JSON_REJECT_DUPLICATES, NULL);
  g_autofree char *taken = NULL;
  if (package == NULL)
    return keel_error (error, KEEL_ERROR_ANSWER_NO, NULL, "line %d: %s", problem.line,
                       problem.text);
  json_t *scripts = json_object_get (package, "scripts");
  if (!json_is_object (package) || (scripts != NULL && !json_is_object (scripts)))
    return keel_error (error, KEEL_ERROR_ANSWER_NO, NULL, "%s is not an object",
                       json_is_object (package) ? "“scripts”" : "the whole");
  json_t *all = json_object_get (template, "scripts");
  g_autoptr (GPtrArray) members = missing_members (scripts, all, &taken);
  g_autofree char *after = members->len > 0 ? add_members (text, members) : NULL;
  if (after != NULL && !says_the_same (after, package, all))
    return keel_error (error, KEEL_ERROR_ANSWER_NO, NULL,
                       "it is laid out in a way that nothing can "
                       "be added to safely");
  *ret_text = g_steal_pointer (&after);
  *ret_taken = g_steal_pointer (&taken);
  return true;
}

static void
append_indented (GString *out, const char *lines, const char *indent, const char *newline)
{
  g_auto (GStrv) list = g_strsplit (lines, "\n", -1);
  for (char **line = list; *line != NULL; line++)
    g_string_append_printf (out, "%s%s%s", **line != '\0' ? indent : "", *line, newline);
}

bool
init_merge_main (const char *text, const char *addition, const char *mark, char **ret_text,
                 GError **error)
{
  /* The line, and the blanks before the first statement under it. */
  g_autoptr (GRegex) regex = g_regex_new (
      "^if __name__ == ([\"'])__main__\\1:[ \\t]*\\r?\\n(?:[ \\t]*(?:#.*)?\\r?\\n)*([ \\t]+)\\S",
      G_REGEX_MULTILINE | G_REGEX_RAW, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  if (strstr (text, mark) != NULL)
    {
      *ret_text = NULL;
      return true;
    }
  if (!g_regex_match (regex, text, 0, &match))
    return keel_error (error, KEEL_ERROR_ANSWER_NO, NULL,
                       "it has no line `if __name__ == \"__main__\":` with a statement below it");
  int from, end;
  g_autofree char *indent = g_match_info_fetch (match, 2);
  g_match_info_fetch_pos (match, 0, &from, &end);
  const char *behind = strchr (text + from, '\n') + 1;
  if (g_match_info_next (match, NULL))
    return keel_error (error, KEEL_ERROR_ANSWER_NO, NULL,
                       "it has more than one line `if __name__ == \"__main__\":`");
  GString *out = g_string_new_len (text, behind - text);
  append_indented (out, addition, indent, line_end (text));
  g_string_append (out, behind);
  *ret_text = g_string_free (out, FALSE);
  return true;
}
