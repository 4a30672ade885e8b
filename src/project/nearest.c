#include "project/nearest.h"

#include <string.h>

#define LONGEST 32

static size_t
smaller (size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Damerau-Levenshtein (optimal string alignment), in lower case. Too long words are far from all. */
static size_t
distance (const char *a, const char *b)
{
  size_t cost[LONGEST + 1][LONGEST + 1];
  size_t a_length = strlen (a), b_length = strlen (b);
  if (a_length > LONGEST || b_length > LONGEST)
    return LONGEST;
  for (size_t i = 0; i <= a_length; i++)
    cost[i][0] = i;
  for (size_t j = 0; j <= b_length; j++)
    cost[0][j] = j;
  for (size_t i = 1; i <= a_length; i++)
    for (size_t j = 1; j <= b_length; j++)
      {
        char x = g_ascii_tolower (a[i - 1]), y = g_ascii_tolower (b[j - 1]);
        size_t best = cost[i - 1][j - 1] + (x != y);
        best = smaller (best, cost[i - 1][j] + 1);
        best = smaller (best, cost[i][j - 1] + 1);
        if (i > 1 && j > 1 && x == g_ascii_tolower (b[j - 2]) && y == g_ascii_tolower (a[i - 2]))
          best = smaller (best, cost[i - 2][j - 2] + 1);
        cost[i][j] = best;
      }
  return cost[a_length][b_length];
}

const char *
nearest_word (const char *text, const char *const *words, size_t n)
{
  const char *nearest = NULL;
  size_t best = LONGEST;
  for (size_t i = 0; i < n; i++)
    {
      size_t d = distance (text, words[i]);
      if (d >= best)
        continue;
      best = d;
      nearest = words[i];
    }
  /* A third of the letters may differ, but one always may. */
  size_t allowed = strlen (text) / 3 > 1 ? strlen (text) / 3 : 1;
  return best <= allowed ? nearest : NULL;
}

char *
nearest_hint (const char *text, const char *what, const char *const *words, size_t n)
{
  const char *nearest = nearest_word (text, words, n);
  if (nearest != NULL)
    return g_strdup_printf ("Did you mean “%s”?", nearest);
  GString *hint = g_string_new (NULL);
  g_string_printf (hint, "Known %s: ", what);
  for (size_t i = 0; i < n; i++)
    g_string_append_printf (hint, "%s%s", i > 0 ? ", " : "", words[i]);
  g_string_append_c (hint, '.');
  return g_string_free (hint, FALSE);
}
