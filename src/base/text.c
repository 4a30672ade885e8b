#include "base/text.h"

#include <string.h>

char *
text_format_count (uint64_t count)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GUINT64_FORMAT, count);
  size_t length = strlen (digits);
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < length; i++)
    {
      if (i > 0 && (length - i) % 3 == 0)
        g_string_append_c (text, ',');
      g_string_append_c (text, digits[i]);
    }
  return g_string_free (text, FALSE);
}

char *
text_first_line (const char *text)
{
  return g_strndup (text, strcspn (text, "\r\n"));
}

char *
text_escape_invalid (const char *text)
{
  GString *valid = g_string_new (NULL);
  const char *end;
  while (!g_utf8_validate (text, -1, &end))
    {
      g_string_append_len (valid, text, end - text);
      g_string_append_printf (valid, "\\x%02x", (unsigned char) *end);
      text = end + 1;
    }
  g_string_append (valid, text);
  return g_string_free (valid, FALSE);
}

/* Replaces what each regular expression's first group leads up to. Order matters: parameters of
 * either form first, then the user part of a URL: up to the last @, since a password that was not
 * percent-encoded may hold any character, unless what follows the colon is plainly a port. */
char *
text_mask_url (const char *url)
{
  static const struct
  {
    const char *pattern;
    const char *replacement;
  } rules[] = {
    { "((?:ssl)?password\\s*=\\s*)'(?:[^'\\\\]|\\\\.)*'", "\\1***" },
    { "((?:ssl)?password\\s*=\\s*)(?!\\*\\*\\*)[^\\s&']+", "\\1***" },
    { "^([a-z]+://[^:/@?]*):(?![0-9]{1,5}(?:/[^@]*)?(?:\\?|$)).*@", "\\1:***@" },
  };
  char *text = g_strdup (url);
  for (size_t i = 0; i < G_N_ELEMENTS (rules); i++)
    {
      g_autoptr (GRegex) regex
          = g_regex_new (rules[i].pattern, G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
      g_assert (regex != NULL);
      char *next = g_regex_replace (regex, text, -1, 0, rules[i].replacement, 0, NULL);
      g_free (text);
      text = next;
    }
  return text;
}
