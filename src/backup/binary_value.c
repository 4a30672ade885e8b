#include "backup/binary_value.h"

#include <glib.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any float's text: 1 sign, 17 digits, 1 point, "e-308". */
#define FLOAT_MAX_CHARS 40

#define USECS_PER_DAY (INT64_C (86400) * 1000000)
/* Days since 2000-01-01 of 4714-11-24 BC, of the day after 5874897-12-31, and of 294277-01-01: the
 * ranges of date and timestamp. */
#define FIRST_DAY INT64_C (-2451545)
#define DATE_END_DAY INT64_C (2145031949)
#define TIMESTAMP_END_DAY INT64_C (106751983)

/* Of numeric: limits of what the server takes, and its special signs. */
#define NUMERIC_MAX_DIGITS 131072
#define NUMERIC_MAX_SCALE 16383
#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_NAN 0xC000
#define NUMERIC_INFINITY 0xD000
#define NUMERIC_NEGATIVE_INFINITY 0xF000
#define NUMERIC_HEADER_BYTES 8

static const struct
{
  uint32_t oid;
  BinaryKind kind;
} types[] = {
  { 16, BINARY_BOOL },          { 17, BINARY_BYTEA },     { 20, BINARY_INT8 },
  { 21, BINARY_INT2 },          { 23, BINARY_INT4 },      { 25, BINARY_TEXT },
  { 26, BINARY_OID },           { 114, BINARY_TEXT },     { 700, BINARY_FLOAT4 },
  { 701, BINARY_FLOAT8 },       { 1042, BINARY_TEXT },    { 1043, BINARY_TEXT },
  { 1082, BINARY_DATE },        { 1083, BINARY_TIME },    { 1114, BINARY_TIMESTAMP },
  { 1184, BINARY_TIMESTAMPTZ }, { 1700, BINARY_NUMERIC }, { 2950, BINARY_UUID },
  { 3802, BINARY_JSONB },
};

BinaryKind
binary_kind_of_type (uint32_t type_oid)
{
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].oid == type_oid)
      return types[i].kind;
  return BINARY_NONE;
}

/* What the server saves (PostgreSQL 15, COPY FROM of five such columns) less what converting costs. */
int
binary_kind_gain_ns (BinaryKind kind)
{
  switch (kind)
    {
    case BINARY_TIMESTAMP:
    case BINARY_TIMESTAMPTZ:
    case BINARY_UUID: return 200;
    case BINARY_TIME:
    case BINARY_BYTEA: return 120;
    case BINARY_DATE: return 80;
    case BINARY_FLOAT4:
    case BINARY_FLOAT8: return 20;
    case BINARY_INT4:
    case BINARY_INT8:
    case BINARY_OID:
    case BINARY_NUMERIC: return 5;
    case BINARY_TEXT: return -10;
    default: return 0;
    }
}

static inline void
put_16 (uint8_t *out, uint16_t value)
{
  value = GUINT16_TO_BE (value);
  memcpy (out, &value, sizeof value);
}

static inline void
put_32 (uint8_t **out, uint32_t value)
{
  value = GUINT32_TO_BE (value);
  memcpy (*out, &value, sizeof value);
  *out += sizeof value;
}

static inline void
put_64 (uint8_t **out, uint64_t value)
{
  value = GUINT64_TO_BE (value);
  memcpy (*out, &value, sizeof value);
  *out += sizeof value;
}

/* True when the value at AT is exactly WORD. */
static inline bool
is_word (const char *at, const char *end, const char *word, size_t length)
{
  return (size_t) (end - at) >= length && memcmp (at, word, length) == 0
         && (at + length == end || at[length] == '\t');
}

#define IS_WORD(at, end, word) is_word (at, end, word, sizeof (word) - 1)

static inline const char *
field_end (const char *at, const char *end)
{
  const char *tab = memchr (at, '\t', (size_t) (end - at));
  return tab != NULL ? tab : end;
}

static inline unsigned
digit (char c)
{
  return (unsigned) (unsigned char) c - '0';
}

/* Two digits; more than 99 when they are none. */
static inline unsigned
two_digits (const char *at)
{
  unsigned tens = digit (at[0]), ones = digit (at[1]);
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* The row's newline, which is no digit, ends this too. */
static inline const char *
read_integer (const char *at, int64_t min, int64_t max, int64_t *ret_value)
{
  const unsigned max_digits = 19; /* as many always fit into 64 bits */
  bool is_negative = *at == '-';
  const char *start = at + is_negative;
  uint64_t value = 0;
  for (at = start; digit (*at) <= 9; at++)
    value = value * 10 + digit (*at);
  if (at == start || at - start > max_digits || value > (uint64_t) INT64_MAX + is_negative)
    return NULL;
  *ret_value = is_negative ? (int64_t) (0 - value) : (int64_t) value;
  return *ret_value >= min && *ret_value <= max ? at : NULL;
}

static inline const char *
write_integer (BinaryKind kind, const char *at, uint8_t **out)
{
  int64_t value;
  switch (kind)
    {
    case BINARY_INT2:
      at = read_integer (at, INT16_MIN, INT16_MAX, &value);
      if (at != NULL)
        {
          put_16 (*out, (uint16_t) value);
          *out += sizeof (uint16_t);
        }
      return at;
    case BINARY_INT8:
      at = read_integer (at, INT64_MIN, INT64_MAX, &value);
      if (at != NULL)
        put_64 (out, (uint64_t) value);
      return at;
    default:
      at = kind == BINARY_OID ? read_integer (at, 0, UINT32_MAX, &value)
                              : read_integer (at, INT32_MIN, INT32_MAX, &value);
      if (at != NULL)
        put_32 (out, (uint32_t) value);
      return at;
    }
}

static inline const char *
write_bool (const char *at, const char *end, uint8_t **out)
{
  if (!IS_WORD (at, end, "t") && !IS_WORD (at, end, "f"))
    return NULL;
  *(*out)++ = *at == 't';
  return at + 1;
}

/* Two hexadecimal digits. */
static inline bool
put_hex (const char *at, uint8_t *out)
{
  /* One more than the digit's value; 0: none. */
  static const uint8_t digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
  };
  unsigned high = digits[(unsigned char) at[0]], low = digits[(unsigned char) at[1]];
  *out = (uint8_t) ((high - 1) << 4 | (low - 1));
  return high != 0 && low != 0;
}

static const char *
write_uuid (const char *at, const char *end, uint8_t **out)
{
  static const uint8_t places[] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };
  const size_t length = 36;
  if ((size_t) (end - at) < length || at[8] != '-' || at[13] != '-' || at[18] != '-'
      || at[23] != '-')
    return NULL;
  bool is_hex = true;
  for (size_t i = 0; i < sizeof places; i++)
    is_hex &= put_hex (at + places[i], *out + i);
  *out += sizeof places;
  return is_hex ? at + length : NULL;
}

/* Backslash is escaped in COPY's text: "\\x01ff". */
static const char *
write_bytea (const char *at, const char *end, uint8_t **out)
{
  const char *stop = field_end (at, end);
  static const char prefix[] = "\\\\x";
  const size_t prefix_length = sizeof prefix - 1;
  if ((size_t) (stop - at) < prefix_length || memcmp (at, prefix, prefix_length) != 0
      || (stop - at - prefix_length) % 2 != 0)
    return NULL;
  bool is_hex = true;
  for (at += prefix_length; at < stop; at += 2)
    is_hex &= put_hex (at, (*out)++);
  return is_hex ? stop : NULL;
}

/* Of the characters after a backslash only those that the server writes. */
static inline int
unescape (char c)
{
  switch (c)
    {
    case '\\': return '\\';
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'v': return '\v';
    default: return -1;
    }
}

static const char *
write_text (const char *at, const char *end, uint8_t **out)
{
  const char *stop = field_end (at, end);
  for (;;)
    {
      const char *backslash = memchr (at, '\\', (size_t) (stop - at));
      size_t plain = (size_t) ((backslash != NULL ? backslash : stop) - at);
      memcpy (*out, at, plain);
      *out += plain;
      if (backslash == NULL)
        return stop;
      int c = backslash + 1 < stop ? unescape (backslash[1]) : -1;
      if (c < 0)
        return NULL;
      *(*out)++ = (uint8_t) c;
      at = backslash + 2;
    }
}

static locale_t
c_locale (void)
{
  static gsize once;
  static locale_t locale;
  if (g_once_init_enter (&once))
    {
      locale = newlocale (LC_ALL_MASK, "C", (locale_t) 0);
      g_assert (locale != (locale_t) 0); /* "C" is always there */
      g_once_init_leave (&once, 1);
    }
  return locale;
}

/* The number in TEXT as the server's own strtof and strtod understand it. What becomes 0 or infinite
 * without being so is left to the server. */
static bool
read_float (const char *text, bool is_double, double *ret_value)
{
  char *stop;
  *ret_value = is_double ? strtod_l (text, &stop, c_locale ())
                         : (double) strtof_l (text, &stop, c_locale ());
  return *stop == '\0' && isfinite (*ret_value)
         && (*ret_value != 0 || text[strspn (text, "-0.")] == '\0');
}

static const char *
write_float (bool is_double, const char *at, const char *end, uint8_t **out)
{
  char text[FLOAT_MAX_CHARS + 1];
  const char *stop = field_end (at, end);
  size_t length = (size_t) (stop - at);
  if (length == 0 || length > FLOAT_MAX_CHARS)
    return NULL;
  memcpy (text, at, length);
  text[length] = '\0';
  double value;
  /* The sign of a NaN is not told by its text: the server reads it as the positive one. */
  if (strcmp (text, "NaN") == 0)
    value = copysign (NAN, 1);
  else if (strcmp (text, "Infinity") == 0)
    value = INFINITY;
  else if (strcmp (text, "-Infinity") == 0)
    value = -INFINITY;
  else if (strspn (text, "0123456789+-.e") != length || !read_float (text, is_double, &value))
    return NULL;
  union
  {
    double number;
    uint64_t bits;
  } eight = { .number = value };
  union
  {
    float number;
    uint32_t bits;
  } four = { .number = (float) value };
  if (is_double)
    put_64 (out, eight.bits);
  else
    put_32 (out, four.bits);
  return stop;
}

typedef struct
{
  int64_t year; /* 0 is 1 BC */
  unsigned month, day;
} Date;

/* "YYYY-MM-DD", with more digits for later years. */
static inline const char *
read_date (const char *at, const char *end, Date *ret_date)
{
  const char *start = at;
  int64_t year = 0;
  for (; digit (*at) <= 9 && at - start < 8; at++)
    year = year * 10 + digit (*at);
  if (at - start < 4 || (at - start > 4 && *start == '0') || end - at < 6 || at[0] != '-'
      || at[3] != '-')
    return NULL;
  *ret_date = (Date){ year, two_digits (at + 1), two_digits (at + 4) };
  return at + 6;
}

static inline bool
is_date (const Date *date)
{
  static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  bool is_leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
  return date->month >= 1 && date->month <= 12 && date->day >= 1
         && date->day <= days[date->month - 1] + (unsigned) (date->month == 2 && is_leap);
}

/* Days since 2000-01-01. Years are counted from March, so that the leap day is a year's last, and from a
 * multiple of 400 years before all others. */
static inline int64_t
days_of_date (const Date *date)
{
  const int64_t shift_eras = 12, days_per_era = 146097, epoch_days = 730425;
  int64_t year = date->year + shift_eras * 400 - (date->month <= 2);
  int64_t month = date->month <= 2 ? date->month + 9 : date->month - 3;
  int64_t era = year / 400, of_era = year % 400;
  int64_t day_of_year = (153 * month + 2) / 5 + date->day - 1;
  return (era - shift_eras) * days_per_era + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year
         - epoch_days;
}

/* " BC" may follow date and time; then the date is complete. */
static inline const char *
read_era (const char *at, const char *end, Date *date, int64_t *ret_days)
{
  if (date->year == 0)
    return NULL;
  if (IS_WORD (at, end, " BC"))
    {
      date->year = 1 - date->year;
      at += 3;
    }
  if (!is_date (date) || date->year < -4713)
    return NULL;
  *ret_days = days_of_date (date);
  return *ret_days >= FIRST_DAY ? at : NULL;
}

/* "HH:MM:SS", and up to six digits of a fraction. */
static inline const char *
read_time (const char *at, const char *end, int64_t *ret_usecs)
{
  if (end - at < 8 || at[2] != ':' || at[5] != ':')
    return NULL;
  unsigned hour = two_digits (at), minute = two_digits (at + 3), second = two_digits (at + 6);
  uint32_t fraction = 0, unit = 1000000;
  at += 8;
  if (*at == '.')
    {
      for (at++; digit (*at) <= 9 && unit > 1; at++)
        fraction += digit (*at) * (unit /= 10);
      if (unit == 1000000)
        return NULL;
    }
  int64_t usecs = ((hour * INT64_C (60) + minute) * 60 + second) * 1000000 + fraction;
  *ret_usecs = usecs;
  return minute < 60 && second < 60 && usecs <= USECS_PER_DAY ? at : NULL;
}

static const char *
write_date (const char *at, const char *end, uint8_t **out)
{
  Date date;
  int64_t days = 0;
  if (IS_WORD (at, end, "infinity"))
    {
      put_32 (out, INT32_MAX);
      return at + strlen ("infinity");
    }
  if (IS_WORD (at, end, "-infinity"))
    {
      put_32 (out, (uint32_t) INT32_MIN);
      return at + strlen ("-infinity");
    }
  if ((at = read_date (at, end, &date)) == NULL || (at = read_era (at, end, &date, &days)) == NULL
      || days >= DATE_END_DAY)
    return NULL;
  put_32 (out, (uint32_t) days);
  return at;
}

static const char *
write_time (const char *at, const char *end, uint8_t **out)
{
  int64_t usecs;
  if ((at = read_time (at, end, &usecs)) != NULL)
    put_64 (out, (uint64_t) usecs);
  return at;
}

/* The dump's session has the time zone UTC: another one's offset is not in the file. */
static const char *
write_timestamp (bool has_zone, const char *at, const char *end, uint8_t **out)
{
  Date date;
  int64_t days = 0, usecs = 0;
  if (IS_WORD (at, end, "infinity"))
    {
      put_64 (out, INT64_MAX);
      return at + strlen ("infinity");
    }
  if (IS_WORD (at, end, "-infinity"))
    {
      put_64 (out, (uint64_t) INT64_MIN);
      return at + strlen ("-infinity");
    }
  if ((at = read_date (at, end, &date)) == NULL || *at != ' '
      || (at = read_time (at + 1, end, &usecs)) == NULL)
    return NULL;
  if (has_zone)
    {
      if (end - at < 3 || memcmp (at, "+00", 3) != 0)
        return NULL;
      at += 3;
    }
  if ((at = read_era (at, end, &date, &days)) == NULL || days >= TIMESTAMP_END_DAY
      || usecs >= USECS_PER_DAY)
    return NULL;
  put_64 (out, (uint64_t) (days * USECS_PER_DAY + usecs));
  return at;
}

static const char *
put_numeric (const char *at, uint8_t **out, size_t groups, int weight, unsigned sign, size_t scale)
{
  put_16 (*out, (uint16_t) groups);
  put_16 (*out + 2, (uint16_t) weight);
  put_16 (*out + 4, (uint16_t) sign);
  put_16 (*out + 6, (uint16_t) scale);
  *out += NUMERIC_HEADER_BYTES + groups * sizeof (uint16_t);
  return at;
}

static const char *
write_numeric_word (const char *at, const char *end, uint8_t **out)
{
  if (IS_WORD (at, end, "NaN"))
    return put_numeric (at + strlen ("NaN"), out, 0, 0, NUMERIC_NAN, 0);
  if (IS_WORD (at, end, "Infinity"))
    return put_numeric (at + strlen ("Infinity"), out, 0, 0, NUMERIC_INFINITY, 0);
  if (IS_WORD (at, end, "-Infinity"))
    return put_numeric (at + strlen ("-Infinity"), out, 0, 0, NUMERIC_NEGATIVE_INFINITY, 0);
  return NULL;
}

static inline const char *
skip_digits (const char *at)
{
  while (digit (*at) <= 9)
    at++;
  return at;
}

/* The groups of a number on their way: zeros before the first other group are left out. */
typedef struct
{
  uint8_t *out;
  size_t count;
  size_t count_to_last; /* without zeros at the end */
  int weight;           /* of the first group */
} Groups;

static inline void
add_group (Groups *groups, unsigned value)
{
  if (value == 0 && groups->count == 0)
    {
      groups->weight--;
      return;
    }
  put_16 (groups->out + groups->count * sizeof (uint16_t), (uint16_t) value);
  groups->count++;
  if (value != 0)
    groups->count_to_last = groups->count;
}

/* Digits from AT to STOP in groups of four, the first one of FIRST digits; zeros fill the last. */
static inline void
add_digits (Groups *groups, const char *at, const char *stop, size_t first)
{
  static const unsigned powers[] = { 1, 10, 100, 1000, 10000 };
  for (size_t size = first; at < stop; size = 4)
    {
      size_t count = MIN (size, (size_t) (stop - at));
      unsigned value = 0;
      for (size_t i = 0; i < count; i++)
        value = value * 10 + digit (*at++);
      add_group (groups, value * powers[size - count]);
    }
}

static const char *
write_numeric (const char *at, const char *end, uint8_t **out)
{
  const char *start = at + (*at == '-');
  bool is_negative = *at == '-';
  const char *point = skip_digits (start);
  if (point == start)
    return write_numeric_word (at, end, out);
  const char *fraction = *point == '.' ? point + 1 : point;
  const char *stop = *point == '.' ? skip_digits (fraction) : point;
  size_t digits = (size_t) (point - start), scale = (size_t) (stop - fraction);
  if (digits > NUMERIC_MAX_DIGITS || scale > NUMERIC_MAX_SCALE || (*point == '.' && scale == 0))
    return NULL;
  Groups groups = { .out = *out + NUMERIC_HEADER_BYTES, .weight = (int) ((digits + 3) / 4) - 1 };
  add_digits (&groups, start, point, (digits - 1) % 4 + 1);
  add_digits (&groups, fraction, stop, 4);
  if (groups.count_to_last == 0)
    return put_numeric (stop, out, 0, 0, 0, scale);
  return put_numeric (stop, out, groups.count_to_last, groups.weight,
                      is_negative ? NUMERIC_NEGATIVE : 0, scale);
}

const char *
binary_value_write (BinaryKind kind, const char *at, const char *end, uint8_t **out)
{
  switch (kind)
    {
    case BINARY_INT2:
    case BINARY_INT4:
    case BINARY_INT8:
    case BINARY_OID: return write_integer (kind, at, out);
    case BINARY_BOOL: return write_bool (at, end, out);
    case BINARY_FLOAT4: return write_float (false, at, end, out);
    case BINARY_FLOAT8: return write_float (true, at, end, out);
    case BINARY_UUID: return write_uuid (at, end, out);
    case BINARY_DATE: return write_date (at, end, out);
    case BINARY_TIME: return write_time (at, end, out);
    case BINARY_TIMESTAMP: return write_timestamp (false, at, end, out);
    case BINARY_TIMESTAMPTZ: return write_timestamp (true, at, end, out);
    case BINARY_NUMERIC: return write_numeric (at, end, out);
    case BINARY_TEXT: return write_text (at, end, out);
    case BINARY_JSONB: *(*out)++ = 1; return write_text (at, end, out);
    case BINARY_BYTEA: return write_bytea (at, end, out);
    case BINARY_NONE: break;
    }
  return NULL;
}
