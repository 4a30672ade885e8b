#include "seed/gen_calendar.h"

#include <glib.h>
#include <string.h>

#define EPOCH_SHIFT 730425 /* days from 0000-03-01 to 2000-01-01 */

int64_t
gen_days_of_date (int64_t year, unsigned int month, unsigned int day)
{
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  unsigned int of_era = (unsigned int) (year - era * 400);
  unsigned int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_SHIFT;
}

void
gen_date_of_days (int64_t days, int64_t *ret_year, unsigned int *ret_month, unsigned int *ret_day)
{
  days += EPOCH_SHIFT;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  unsigned int of_era = (unsigned int) (days - era * 146097);
  unsigned int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  unsigned int of_year = of_era - (365 * year + year / 4 - year / 100);
  unsigned int month = (5 * of_year + 2) / 153;
  *ret_day = of_year - (153 * month + 2) / 5 + 1;
  *ret_month = month < 10 ? month + 3 : month - 9;
  *ret_year = (int64_t) year + era * 400 + (*ret_month <= 2);
}

/* COUNT digits at *AT. */
static bool
read_digits (const char **at, int count, unsigned int *ret_number)
{
  unsigned int number = 0;
  for (int i = 0; i < count; i++, (*at)++)
    {
      if (!g_ascii_isdigit (**at))
        return false;
      number = number * 10 + (unsigned int) (**at - '0');
    }
  *ret_number = number;
  return true;
}

static bool
skip (const char **at, char wanted)
{
  if (**at != wanted)
    return false;
  (*at)++;
  return true;
}

static bool
read_date (const char **at, int64_t *ret_days)
{
  unsigned int year, month, day, back_month, back_day;
  int64_t back_year;
  if (!read_digits (at, 4, &year) || !skip (at, '-') || !read_digits (at, 2, &month)
      || !skip (at, '-') || !read_digits (at, 2, &day) || month < 1 || month > 12 || day < 1)
    return false;
  *ret_days = gen_days_of_date (year, month, day);
  gen_date_of_days (*ret_days, &back_year, &back_month, &back_day);
  return back_year == year && back_month == month && back_day == day;
}

/* HH:MM, HH:MM:SS, HH:MM:SS.ffffff */
static bool
read_time (const char **at, int64_t *ret_us)
{
  unsigned int hour, minute, second = 0, unit = 1000000;
  int64_t us = 0;
  if (!read_digits (at, 2, &hour) || !skip (at, ':') || !read_digits (at, 2, &minute)
      || (skip (at, ':') && !read_digits (at, 2, &second)))
    return false;
  if (skip (at, '.'))
    for (; g_ascii_isdigit (**at) && unit > 1; (*at)++)
      us += (int64_t) (unit /= 10) * (**at - '0');
  *ret_us = us + (int64_t) ((hour * 60 + minute) * 60 + second) * 1000000;
  return hour < 24 && minute < 60 && second < 60;
}

bool
gen_parse_time (const char *text, int64_t *ret_us)
{
  return read_time (&text, ret_us) && *text == '\0';
}

bool
gen_parse_timestamp (const char *text, int64_t *ret_us)
{
  int64_t days, us = 0;
  if (!read_date (&text, &days))
    return false;
  if ((skip (&text, ' ') || skip (&text, 'T')) && !read_time (&text, &us))
    return false;
  if (!skip (&text, 'Z') && g_str_has_prefix (text, "+00"))
    text += strlen ("+00");
  *ret_us = days * GEN_DAY_US + us;
  return *text == '\0';
}
