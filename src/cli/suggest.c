#include "cli/suggest.h"

#include <glib.h>
#include <string.h>

#define WORD_MAX_BYTES 64

unsigned
suggest_distance (const char *a, const char *b)
{
  size_t a_length = strlen (a), b_length = strlen (b);
  if (a_length > WORD_MAX_BYTES || b_length > WORD_MAX_BYTES)
    return (unsigned) MAX (a_length, b_length);

  /* Optimal string alignment: cell [i][j] is the distance of the first i bytes of A and the first j
   * of B. */
  unsigned cells[WORD_MAX_BYTES + 1][WORD_MAX_BYTES + 1];
  for (size_t i = 0; i <= a_length; i++)
    for (size_t j = 0; j <= b_length; j++)
      {
        if (i == 0 || j == 0)
          {
            cells[i][j] = (unsigned) (i + j);
            continue;
          }
        unsigned change = cells[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
        unsigned best = MIN (change, MIN (cells[i - 1][j], cells[i][j - 1]) + 1);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
          best = MIN (best, cells[i - 2][j - 2] + 1);
        cells[i][j] = best;
      }
  return cells[a_length][b_length];
}

const char *
suggest_nearest (const char *text, const char *const *words)
{
  const char *nearest = NULL;
  unsigned nearest_distance = 0;
  for (size_t i = 0; words[i] != NULL; i++)
    {
      unsigned distance = suggest_distance (text, words[i]);
      if (distance > MAX (1, strlen (words[i]) / 3))
        continue;
      if (nearest == NULL || distance < nearest_distance)
        {
          nearest = words[i];
          nearest_distance = distance;
        }
    }
  return nearest;
}
