/* Literals: what a text says as a value of a type. */
#include "seed/gen_calendar.h"
#include "seed/gen_value.h"

#include <string.h>

/* "-12.50" as -1250 with SCALE 2: digits beyond SCALE must be zero, and there must be no more than 18. */
static bool
parse_decimal (const char *text, int scale, int64_t *ret_number)
{
  bool is_negative = *text == '-';
  int behind = -1, digits = 0;
  int64_t number = 0;
  if (*text == '-' || *text == '+')
    text++;
  if (!g_ascii_isdigit (*text) && *text != '.')
    return false;
  for (; *text != '\0'; text++)
    {
      if (*text == '.' && behind < 0)
        {
          behind = 0;
          continue;
        }
      if (!g_ascii_isdigit (*text))
        return false;
      if (behind >= 0 && behind++ >= scale)
        {
          behind = scale;
          if (*text != '0')
            return false;
          continue;
        }
      if (__builtin_mul_overflow (number, 10, &number)
          || __builtin_add_overflow (number, *text - '0', &number))
        return false;
      digits++;
    }
  for (int i = MAX (behind, 0); i < scale; i++)
    if (__builtin_mul_overflow (number, 10, &number))
      return false;
  *ret_number = is_negative ? -number : number;
  return digits > 0;
}

static bool
parse_bool (const char *text, int64_t *ret_number)
{
  static const char *const words[]
      = { "false", "f", "no", "off", "0", "true", "t", "yes", "on", "1" };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (text, words[i]) == 0)
      {
        *ret_number = i >= G_N_ELEMENTS (words) / 2;
        return true;
      }
  return false;
}

static bool
parse_date (const char *text, int64_t *ret_number)
{
  int64_t us;
  if (!gen_parse_timestamp (text, &us) || us % GEN_DAY_US != 0)
    return false;
  *ret_number = us / GEN_DAY_US;
  return true;
}

/* "3 days" at *AT: microseconds. */
static bool
parse_units (const char **at, int64_t *ret_us)
{
  static const struct
  {
    const char *name;
    int64_t us;
  } units[]
      = { { "second", 1000000 },       { "minute", 60000000 },     { "hour", 3600000000 },
          { "day", GEN_DAY_US },       { "week", 7 * GEN_DAY_US }, { "month", 30 * GEN_DAY_US },
          { "year", 365 * GEN_DAY_US } };
  char *end;
  int64_t count = g_ascii_strtoll (*at, &end, 10);
  if (end == *at || ABS (count) > 1000000)
    return false;
  while (*end == ' ')
    end++;
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_str_has_prefix (end, units[i].name))
      {
        end += strlen (units[i].name);
        end += *end == 's';
        *ret_us = count * units[i].us;
        *at = end;
        return *end == '\0' || *end == ' ';
      }
  return false;
}

/* "90 seconds", "2 days 12 hours", "1 day 06:30:00", "-02:00:00": microseconds. */
static bool
parse_interval (const char *text, int64_t *ret_number)
{
  int64_t sum = 0, part;
  while (*text != '\0')
    {
      bool is_negative = *text == '-';
      if (!parse_units (&text, &part))
        {
          if (!gen_parse_time (text + is_negative, &part))
            return false;
          *ret_number = sum + (is_negative ? -part : part);
          return true;
        }
      sum += part;
      while (*text == ' ')
        text++;
    }
  *ret_number = sum;
  return true;
}

/* Pairs of hexadecimal digits between which SKIPPED may stand. */
static bool
parse_hex (const char *text, char skipped, GenArena *arena, GenValue *value)
{
  uint8_t *bytes = gen_arena_take (arena, strlen (text) / 2 + 1);
  uint32_t length = 0;
  while (*text != '\0')
    {
      if (*text == skipped)
        {
          text++;
          continue;
        }
      if (!g_ascii_isxdigit (text[0]) || !g_ascii_isxdigit (text[1]))
        return false;
      bytes[length++]
          = (uint8_t) (g_ascii_xdigit_value (text[0]) << 4 | g_ascii_xdigit_value (text[1]));
      text += 2;
    }
  *value = (GenValue){ .kind = GEN_BYTES, .text = (char *) bytes, .length = length };
  return true;
}

static bool
parse_inet (const char *text, GenArena *arena, GenValue *value)
{
  uint8_t *bytes = gen_arena_take (arena, 4);
  for (int i = 0; i < 4; i++)
    {
      char *end;
      uint64_t part = g_ascii_strtoull (text, &end, 10);
      if (end == text || part > 255 || *end != (i < 3 ? '.' : '\0'))
        return false;
      bytes[i] = (uint8_t) part;
      text = end + 1;
    }
  *value = (GenValue){ .kind = GEN_BYTES, .text = (char *) bytes, .length = 4 };
  return true;
}

static bool
is_label (const GenType *type, const char *text)
{
  return g_strv_contains ((const char *const *) type->labels, text);
}

static bool
fits_type (const GenType *type, int64_t number)
{
  switch (type->kind)
    {
    case GEN_TYPE_INT2: return number >= INT16_MIN && number <= INT16_MAX;
    case GEN_TYPE_INT4: return number >= INT32_MIN && number <= INT32_MAX;
    case GEN_TYPE_OID: return number >= 0 && number <= UINT32_MAX;
    default: return true;
    }
}

static bool
parse_any (const GenType *type, const char *text, GenArena *arena, GenValue *value)
{
  *value = (GenValue){ .kind = GEN_NUMBER, .scale = type->scale };
  switch (type->kind)
    {
    case GEN_TYPE_BOOL: return parse_bool (text, &value->number);
    case GEN_TYPE_INT2:
    case GEN_TYPE_INT4:
    case GEN_TYPE_INT8:
    case GEN_TYPE_OID:
    case GEN_TYPE_FLOAT4:
    case GEN_TYPE_FLOAT8:
    case GEN_TYPE_NUMERIC:
    case GEN_TYPE_MONEY:
      return parse_decimal (text, type->scale, &value->number) && fits_type (type, value->number);
    case GEN_TYPE_DATE: return parse_date (text, &value->number);
    case GEN_TYPE_TIMESTAMP:
    case GEN_TYPE_TIMESTAMPTZ: return gen_parse_timestamp (text, &value->number);
    case GEN_TYPE_TIME: return gen_parse_time (text, &value->number);
    case GEN_TYPE_INTERVAL: return parse_interval (text, &value->number);
    case GEN_TYPE_UUID: return parse_hex (text, '-', arena, value) && value->length == 16;
    case GEN_TYPE_MACADDR: return parse_hex (text, ':', arena, value) && value->length == 6;
    case GEN_TYPE_BYTEA:
      return g_str_has_prefix (text, "\\x") && parse_hex (text + 2, '\0', arena, value);
    case GEN_TYPE_ARRAY:
    case GEN_TYPE_RANGE: return false;
    case GEN_TYPE_INET:
    case GEN_TYPE_CIDR: return parse_inet (text, arena, value);
    case GEN_TYPE_ENUM:
      if (!is_label (type, text))
        return false;
      break;
    case GEN_TYPE_TEXT:
      if (type->max_chars > 0 && g_utf8_strlen (text, -1) > type->max_chars)
        return false;
      break;
    default: break;
    }
  size_t length = strlen (text);
  *value = gen_text_value (memcpy (gen_arena_take (arena, length + 1), text, length + 1), length);
  return true;
}

bool
gen_value_parse (const GenType *type, const char *text, GenArena *arena, GenValue *ret_value,
                 GError **error)
{
  GenValue value;
  if (!parse_any (type, text, arena, &value))
    return keel_error (error, KEEL_ERROR_CONFIG, NULL, "“%s” is no value of type %s", text,
                       type->name);
  *ret_value = value;
  return true;
}
