#include "project/values.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 63
#define NAME_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"

bool
value_is_project_name (const char *name)
{
  size_t length = strlen (name);
  return length > 0 && length <= NAME_MAX_BYTES && g_ascii_isalnum (*name)
         && strspn (name, NAME_CHARS) == length;
}

char *
value_make_project_name (const char *name)
{
  char *made = g_strndup (name, NAME_MAX_BYTES);
  g_strcanon (made, NAME_CHARS, '_');
  const char *start = made;
  while (*start != '\0' && !g_ascii_isalnum (*start))
    start++;
  char *result = g_strdup (*start != '\0' ? start : "project");
  g_free (made);
  return result;
}

/* A number of at most two digits in LOW..HIGH at *TEXT, which moves past it. */
static bool
read_number (const char **text, int low, int high, int *ret_number)
{
  size_t digits = strspn (*text, G_CSET_DIGITS);
  if (digits == 0 || digits > 2)
    return false;
  *ret_number = atoi (*text);
  *text += digits;
  return *ret_number >= low && *ret_number <= high;
}

/* "*", "5", "1-5", each also with "/2". */
static bool
is_schedule_item (const char *text, int low, int high)
{
  int first = low, last = high, step;
  if (*text == '*')
    text++;
  else
    {
      if (!read_number (&text, low, high, &first))
        return false;
      last = first;
      if (*text == '-')
        {
          text++;
          if (!read_number (&text, low, high, &last) || last < first)
            return false;
        }
    }
  if (*text == '/')
    {
      text++;
      if (!read_number (&text, 1, high, &step))
        return false;
    }
  return *text == '\0';
}

static bool
is_schedule_field (const char *text, int low, int high)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);
  for (char **item = items; *item != NULL; item++)
    if (!is_schedule_item (*item, low, high))
      return false;
  return items[0] != NULL;
}

bool
value_is_schedule (const char *text)
{
  static const struct
  {
    int low;
    int high;
  } ranges[] = { { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 7 } };
  g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
  size_t n = 0;
  for (char **word = words; *word != NULL; word++)
    {
      if (**word == '\0')
        continue;
      if (n == G_N_ELEMENTS (ranges) || !is_schedule_field (*word, ranges[n].low, ranges[n].high))
        return false;
      n++;
    }
  return n == G_N_ELEMENTS (ranges);
}
