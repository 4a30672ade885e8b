/* Values as text, and in COPY's text format. */
#include "seed/gen_calendar.h"
#include "seed/gen_value.h"

#include <string.h>

static void
append (GByteArray *out, const char *text, size_t length)
{
  g_byte_array_append (out, (const guint8 *) text, (guint) length);
}

static void
append_text (GByteArray *out, const char *text)
{
  append (out, text, strlen (text));
}

static void G_GNUC_PRINTF (2, 3) append_format (GByteArray *out, const char *format, ...)
{
  char text[96];
  va_list args;
  va_start (args, format);
  int length = g_vsnprintf (text, sizeof text, format, args);
  va_end (args);
  append (out, text, (size_t) MIN (length, (int) sizeof text - 1));
}

static void
write_decimal (const GenValue *value, GByteArray *out)
{
  char digits[48];
  uint64_t number = value->number < 0 ? -(uint64_t) value->number : (uint64_t) value->number;
  char *at = digits + sizeof digits;
  int count = 0;
  do
    {
      if (count > 0 && count == value->scale)
        *--at = '.';
      *--at = (char) ('0' + number % 10);
      number /= 10;
      count++;
    }
  while (number > 0 || count <= value->scale);
  if (value->number < 0)
    *--at = '-';
  append (out, at, (size_t) (digits + sizeof digits - at));
}

static void
write_date (int64_t days, GByteArray *out)
{
  int64_t year;
  unsigned int month, day;
  gen_date_of_days (days, &year, &month, &day);
  append_format (out, "%04d-%02u-%02u", (int) year, month, day);
}

static void
write_time (int64_t us, GByteArray *out)
{
  int seconds = (int) (us / 1000000), rest = (int) (us % 1000000);
  append_format (out, "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (rest != 0)
    append_format (out, ".%06d", rest);
}

static void
write_timestamp (int64_t us, bool with_zone, GByteArray *out)
{
  int64_t days = us / GEN_DAY_US - (us % GEN_DAY_US < 0);
  write_date (days, out);
  append_text (out, " ");
  write_time (us - days * GEN_DAY_US, out);
  if (with_zone)
    append_text (out, "+00");
}

static void
write_interval (int64_t us, GByteArray *out)
{
  append_format (out, "%d days ", (int) (us / GEN_DAY_US));
  if (us % GEN_DAY_US < 0)
    append_text (out, "-");
  write_time (ABS (us % GEN_DAY_US), out);
}

/* BYTES as hexadecimal digits, SEPARATOR before those at each place that DASHES has a bit for. */
static void
write_hex (const GenValue *value, uint32_t places, char separator, GByteArray *out)
{
  for (uint32_t i = 0; i < value->length; i++)
    {
      if (i < 32 && places >> i & 1)
        append (out, &separator, 1);
      append_format (out, "%02x", (unsigned char) value->text[i]);
    }
}

static void
write_inet (const GenType *type, const GenValue *value, GByteArray *out)
{
  const unsigned char *bytes = (const unsigned char *) value->text;
  append_format (out, "%u.%u.%u.%u%s", bytes[0], bytes[1], bytes[2], bytes[3],
                 type->kind == GEN_TYPE_CIDR ? "/32" : "");
}

/* The element in double quotes, in which quotes and backslashes have a backslash before them. */
static void
write_quoted (const GenType *type, const GenValue *value, GByteArray *out)
{
  g_autoptr (GByteArray) plain = g_byte_array_new ();
  gen_write_plain (type, value, plain);
  append_text (out, "\"");
  for (guint i = 0; i < plain->len; i++)
    {
      const char byte = (char) plain->data[i];
      if (byte == '"' || byte == '\\')
        append_text (out, "\\");
      append (out, &byte, 1);
    }
  append_text (out, "\"");
}

static void
write_list (const GenType *type, const GenValue *value, const char *open, const char *close,
            GByteArray *out)
{
  append_text (out, open);
  for (uint32_t i = 0; i < value->length; i++)
    {
      if (i > 0)
        append_text (out, ",");
      if (value->items[i].kind == GEN_NULL)
        append_text (out, "NULL");
      else
        write_quoted (type->element, &value->items[i], out);
    }
  append_text (out, close);
}

void
gen_write_plain (const GenType *type, const GenValue *value, GByteArray *out)
{
  switch (type->kind)
    {
    case GEN_TYPE_BOOL: append_text (out, value->number != 0 ? "t" : "f"); return;
    case GEN_TYPE_INT2:
    case GEN_TYPE_INT4:
    case GEN_TYPE_INT8:
    case GEN_TYPE_OID:
    case GEN_TYPE_FLOAT4:
    case GEN_TYPE_FLOAT8:
    case GEN_TYPE_NUMERIC:
    case GEN_TYPE_MONEY: write_decimal (value, out); return;
    case GEN_TYPE_DATE: write_date (value->number, out); return;
    case GEN_TYPE_TIME: write_time (value->number, out); return;
    case GEN_TYPE_TIMESTAMP: write_timestamp (value->number, false, out); return;
    case GEN_TYPE_TIMESTAMPTZ: write_timestamp (value->number, true, out); return;
    case GEN_TYPE_INTERVAL: write_interval (value->number, out); return;
    case GEN_TYPE_UUID: write_hex (value, 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10, '-', out); return;
    case GEN_TYPE_MACADDR: write_hex (value, 0x3E, ':', out); return;
    case GEN_TYPE_BYTEA:
      append_text (out, "\\x");
      write_hex (value, 0, '\0', out);
      return;
    case GEN_TYPE_INET:
    case GEN_TYPE_CIDR: write_inet (type, value, out); return;
    case GEN_TYPE_ARRAY: write_list (type, value, "{", "}", out); return;
    case GEN_TYPE_RANGE: write_list (type, value, "[", ")", out); return;
    case GEN_TYPE_OTHER:
    case GEN_TYPE_TEXT:
    case GEN_TYPE_JSON:
    case GEN_TYPE_JSONB:
    case GEN_TYPE_ENUM:
    case GEN_TYPE_BIT: append (out, value->text, value->length); return;
    }
}

static char
escape_of (char byte)
{
  switch (byte)
    {
    case '\\': return '\\';
    case '\t': return 't';
    case '\n': return 'n';
    case '\r': return 'r';
    default: return '\0';
    }
}

void
gen_write_text (const GenType *type, const GenValue *value, GByteArray *out)
{
  guint start = out->len, escapes = 0;
  if (value->kind == GEN_NULL)
    {
      append_text (out, "\\N");
      return;
    }
  gen_write_plain (type, value, out);
  for (guint i = start; i < out->len; i++)
    escapes += escape_of ((char) out->data[i]) != '\0';
  if (escapes == 0)
    return;
  guint from = out->len;
  g_byte_array_set_size (out, out->len + escapes);
  for (guint to = out->len; from > start; from--)
    {
      char escape = escape_of ((char) out->data[from - 1]);
      out->data[--to] = escape != '\0' ? (guint8) escape : out->data[from - 1];
      if (escape != '\0')
        out->data[--to] = '\\';
    }
}
