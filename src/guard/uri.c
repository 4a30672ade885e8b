#include "guard/uri.h"

#include <string.h>

void
guard_uri_clear (GuardUri *uri)
{
  g_free (uri->path);
  g_free (uri->query);
}

/* What stands after "scheme:" and "//host"; NULL when there is a scheme but no path. */
static const char *
skip_authority (const char *text)
{
  if (*text == '/')
    return text;
  const char *colon = strchr (text, ':');
  if (colon == NULL || colon == text || !g_ascii_isalpha (*text))
    return NULL;
  for (const char *c = text; c < colon; c++)
    if (!g_ascii_isalnum (*c) && strchr ("+-.", *c) == NULL)
      return NULL;
  text = colon + 1;
  if (g_str_has_prefix (text, "//"))
    text += 2 + strcspn (text + 2, "/?");
  return *text == '/' || *text == '?' || *text == '\0' ? text : NULL;
}

/* Path with %XX decoded once; NULL when an escape is broken or hides a NUL. Caller frees. */
static char *
decode_path (const char *text, size_t length)
{
  g_autoptr (GString) decoded = g_string_sized_new (length);
  for (size_t i = 0; i < length; i++)
    {
      if (text[i] != '%')
        {
          g_string_append_c (decoded, text[i]);
          continue;
        }
      if (i + 2 >= length || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))
        return NULL;
      char byte
          = (char) (g_ascii_xdigit_value (text[i + 1]) * 16 + g_ascii_xdigit_value (text[i + 2]));
      if (byte == '\0')
        return NULL;
      g_string_append_c (decoded, byte);
      i += 2;
    }
  return g_strdup (decoded->str);
}

/* As Go's path.Clean, and without a slash at the end. Caller frees. */
static char *
clean_path (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();
  for (char **part = parts; *part != NULL; part++)
    {
      if (**part == '\0' || strcmp (*part, ".") == 0)
        continue;
      if (strcmp (*part, "..") != 0)
        g_ptr_array_add (kept, *part);
      else if (kept->len > 0)
        g_ptr_array_set_size (kept, (int) kept->len - 1);
    }
  g_ptr_array_add (kept, NULL);
  g_autofree char *joined = g_strjoinv ("/", (char **) kept->pdata);
  return g_strconcat ("/", joined, NULL);
}

/* Takes "/v1.41" off the front of PATH, in place. */
static void
take_version (GuardUri *uri)
{
  const char *text = uri->path;
  if (!g_str_has_prefix (text, "/v"))
    return;
  size_t length = 2 + strspn (text + 2, "0123456789.");
  if (length == 2 || text[length] != '/')
    return;
  guint64 major = g_ascii_strtoull (text + 2, (char **) &text, 10);
  guint64 minor = *text == '.' ? g_ascii_strtoull (text + 1, NULL, 10) : 0;
  uri->major = (int) MIN (major, 1000);
  uri->minor = (int) MIN (minor, 1000000);
  memmove (uri->path, uri->path + length, strlen (uri->path + length) + 1);
}

bool
guard_uri_read (const char *text, GuardUri *ret_uri)
{
  const char *path = skip_authority (text);
  if (path == NULL)
    return false;
  size_t length = strcspn (path, "?");
  g_autofree char *decoded = decode_path (path, length);
  if (decoded == NULL)
    return false;
  *ret_uri = (GuardUri){ .path = clean_path (decoded),
                         .query = g_strdup (path[length] == '?' ? path + length + 1 : "") };
  take_version (ret_uri);
  return true;
}

bool
guard_uri_is_below (const GuardUri *uri, int major, int minor)
{
  return uri->major < major || (uri->major == major && uri->minor < minor);
}

/* Form encoding: "+" is a space; broken escapes stay as they are. Caller frees. */
static char *
decode_form (const char *text, size_t length)
{
  GString *decoded = g_string_sized_new (length);
  for (size_t i = 0; i < length; i++)
    {
      if (text[i] == '%' && i + 2 < length && g_ascii_isxdigit (text[i + 1])
          && g_ascii_isxdigit (text[i + 2]))
        {
          g_string_append_c (decoded, (char) (g_ascii_xdigit_value (text[i + 1]) * 16
                                              + g_ascii_xdigit_value (text[i + 2])));
          i += 2;
        }
      else
        g_string_append_c (decoded, text[i] == '+' ? ' ' : text[i]);
    }
  return g_string_free (decoded, FALSE);
}

GPtrArray *
guard_query_values (const char *query, const char *name)
{
  GPtrArray *values = g_ptr_array_new_with_free_func (g_free);
  for (const char *pair = query; *pair != '\0';)
    {
      /* ";" parts pairs, too, for Engines built with Go before 1.17. */
      size_t length = strcspn (pair, "&;");
      const char *equals = memchr (pair, '=', length);
      size_t key_length = equals != NULL ? (size_t) (equals - pair) : length;
      g_autofree char *key = decode_form (pair, key_length);
      if (strcmp (key, name) == 0)
        g_ptr_array_add (values, equals != NULL ? decode_form (equals + 1, length - key_length - 1)
                                                : g_strdup (""));
      pair += length + (pair[length] != '\0' ? 1 : 0);
    }
  return values;
}

static bool
text_is_true (const char *text)
{
  static const char *const no[] = { "", "0", "no", "false", "none" };
  g_autofree char *word = g_strstrip (g_ascii_strdown (text, -1));
  for (size_t i = 0; i < G_N_ELEMENTS (no); i++)
    if (strcmp (word, no[i]) == 0)
      return false;
  return true;
}

bool
guard_query_is_true (const char *query, const char *name)
{
  g_autoptr (GPtrArray) values = guard_query_values (query, name);
  for (guint i = 0; i < values->len; i++)
    if (text_is_true (values->pdata[i]))
      return true;
  return false;
}
