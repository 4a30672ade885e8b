#include "base/clock.h"

#include <string.h>
#include <time.h>

int64_t
clock_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

int64_t
clock_monotonic_us (void)
{
  return g_get_monotonic_time ();
}

static char *
format_utc (int64_t unix_seconds, const char *format)
{
  g_autoptr (GDateTime) moment = g_date_time_new_from_unix_utc (unix_seconds);
  return moment != NULL ? g_date_time_format (moment, format) : g_strdup ("?");
}

char *
clock_format_stamp (int64_t unix_seconds)
{
  return format_utc (unix_seconds, "%Y%m%d_%H%M%S");
}

char *
clock_format_iso (int64_t unix_seconds)
{
  return format_utc (unix_seconds, "%Y-%m-%dT%H:%M:%SZ");
}

/* Parses by FORMAT and insists that formatting the result gives TEXT again, so that no sloppy form
 * (a 31st of February, a sign, a space) passes. */
static bool
parse_utc (const char *text, const char *format, int64_t *ret_unix_seconds)
{
  struct tm fields = { 0 };
  const char *end = strptime (text, format, &fields);
  if (end == NULL || *end != '\0')
    return false;
  int64_t seconds = timegm (&fields);
  g_autofree char *again = format_utc (seconds, format);
  if (strcmp (again, text) != 0)
    return false;
  *ret_unix_seconds = seconds;
  return true;
}

bool
clock_parse_stamp (const char *text, int64_t *ret_unix_seconds)
{
  return parse_utc (text, "%Y%m%d_%H%M%S", ret_unix_seconds);
}

bool
clock_parse_iso (const char *text, int64_t *ret_unix_seconds)
{
  return parse_utc (text, "%Y-%m-%dT%H:%M:%SZ", ret_unix_seconds);
}
