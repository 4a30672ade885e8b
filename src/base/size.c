#include "base/size.h"

#include <math.h>
#include <string.h>

/* Reads the leading number of TEXT and leaves *RET_UNIT at what follows, spaces skipped. */
static bool
parse_number (const char *text, double *ret_number, const char **ret_unit)
{
  if (text == NULL || !g_ascii_isdigit (text[0]))
    return false;
  char *end = NULL;
  double number = g_ascii_strtod (text, &end);
  if (memchr (text, 'x', (size_t) (end - text)) != NULL || !isfinite (number))
    return false;
  while (*end == ' ')
    end++;
  *ret_number = number;
  *ret_unit = end;
  return true;
}

bool
size_parse (const char *text, uint64_t *ret_bytes)
{
  static const struct
  {
    const char *name;
    double factor;
  } units[] = { { "", 1 },
                { "B", 1 },
                { "KB", 1024.0 },
                { "MB", 1048576.0 },
                { "GB", 1073741824.0 },
                { "TB", 1099511627776.0 } };
  double number;
  const char *unit;
  if (!parse_number (text, &number, &unit))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_strcasecmp (unit, units[i].name) == 0)
      {
        double bytes = number * units[i].factor;
        if (bytes >= 9.2e18)
          return false;
        *ret_bytes = (uint64_t) llround (bytes);
        return true;
      }
  return false;
}

char *
size_format (uint64_t bytes)
{
  static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB" };
  double value = (double) bytes;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < G_N_ELEMENTS (units))
    {
      value /= 1024;
      unit++;
    }
  return g_strdup_printf (unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

bool
duration_parse (const char *text, int64_t *ret_seconds)
{
  double number;
  const char *unit;
  if (!parse_number (text, &number, &unit) || strlen (unit) != 1)
    return false;
  int64_t factor;
  switch (unit[0])
    {
    case 's': factor = 1; break;
    case 'm': factor = 60; break;
    case 'h': factor = 3600; break;
    case 'd': factor = 86400; break;
    case 'w': factor = 604800; break;
    default: return false;
    }
  if (number * (double) factor > 1e12)
    return false;
  *ret_seconds = llround (number * (double) factor);
  return true;
}

char *
duration_format (int64_t seconds)
{
  if (seconds < 120)
    return g_strdup_printf ("%" G_GINT64_FORMAT " s", seconds);
  if (seconds < 2 * 3600)
    return g_strdup_printf ("%" G_GINT64_FORMAT " min", seconds / 60);
  if (seconds < 2 * 86400)
    return g_strdup_printf ("%" G_GINT64_FORMAT " h", seconds / 3600);
  return g_strdup_printf ("%" G_GINT64_FORMAT " d", seconds / 86400);
}
