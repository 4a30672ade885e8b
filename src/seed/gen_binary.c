/* Values in COPY's binary format: what the types' _recv functions take. All numbers are big-endian. */
#include "seed/gen_calendar.h"
#include "seed/gen_value.h"

#include <string.h>

/* COUNT more bytes of OUT. */
static uint8_t *
grow (GByteArray *out, size_t count)
{
  guint at = out->len;
  g_byte_array_set_size (out, at + (guint) count);
  return out->data + at;
}

static inline uint8_t *
put16 (uint8_t *at, uint16_t number)
{
  number = GUINT16_TO_BE (number);
  memcpy (at, &number, sizeof number);
  return at + sizeof number;
}

static inline uint8_t *
put32 (uint8_t *at, uint32_t number)
{
  number = GUINT32_TO_BE (number);
  memcpy (at, &number, sizeof number);
  return at + sizeof number;
}

static inline uint8_t *
put64 (uint8_t *at, uint64_t number)
{
  number = GUINT64_TO_BE (number);
  memcpy (at, &number, sizeof number);
  return at + sizeof number;
}

/* The length, room for LENGTH bytes, of which the first is returned. */
static uint8_t *
field (GByteArray *out, uint32_t length)
{
  return put32 (grow (out, 4 + (size_t) length), length);
}

static const int64_t powers_of_ten[] = { 1,
                                         10,
                                         100,
                                         1000,
                                         10000,
                                         100000,
                                         1000000,
                                         10000000,
                                         100000000,
                                         1000000000,
                                         10000000000,
                                         100000000000,
                                         1000000000000,
                                         10000000000000,
                                         100000000000000,
                                         1000000000000000,
                                         10000000000000000,
                                         100000000000000000,
                                         1000000000000000000 };

/* Groups of four decimal digits, counted from the point, without zero groups at either end. */
static void
write_numeric (const GenValue *value, GByteArray *out)
{
  uint16_t groups[16];
  bool is_negative = value->number < 0;
  uint64_t number = is_negative ? -(uint64_t) value->number : (uint64_t) value->number;
  uint64_t unit = (uint64_t) powers_of_ten[value->scale];
  uint64_t whole = number / unit, fraction = number % unit;
  int count = 0, whole_count = 0;
  uint16_t reversed[8];
  for (; whole > 0; whole /= 10000)
    reversed[whole_count++] = (uint16_t) (whole % 10000);
  for (int i = whole_count; i > 0; i--)
    groups[count++] = reversed[i - 1];
  for (int left = value->scale; left > 0; left -= 4)
    {
      uint64_t below = left > 4 ? (uint64_t) powers_of_ten[left - 4] : 1;
      uint64_t group = fraction / below;
      fraction %= below;
      groups[count++] = (uint16_t) (left >= 4 ? group : group * (uint64_t) powers_of_ten[4 - left]);
    }
  int first = 0, weight = whole_count - 1;
  for (; first < count && groups[first] == 0; first++)
    weight--;
  while (count > first && groups[count - 1] == 0)
    count--;
  uint8_t *at = field (out, (uint32_t) (8 + 2 * (count - first)));
  at = put16 (at, (uint16_t) (count - first));
  at = put16 (at, (uint16_t) (count > first ? weight : 0));
  at = put16 (at, is_negative && count > first ? 0x4000 : 0);
  at = put16 (at, (uint16_t) value->scale);
  for (int i = first; i < count; i++)
    at = put16 (at, groups[i]);
}

/* One rounding of IEEE 754's division: the same everywhere. */
static double
double_of (const GenValue *value)
{
  return (double) value->number / (double) powers_of_ten[value->scale];
}

static void
write_float (GenTypeKind kind, const GenValue *value, GByteArray *out)
{
  if (kind == GEN_TYPE_FLOAT4)
    {
      float number = (float) double_of (value);
      uint32_t bits;
      memcpy (&bits, &number, sizeof bits);
      put32 (field (out, 4), bits);
      return;
    }
  double number = double_of (value);
  uint64_t bits;
  memcpy (&bits, &number, sizeof bits);
  put64 (field (out, 8), bits);
}

static void
write_bits (const GenValue *value, GByteArray *out)
{
  uint32_t bytes = (value->length + 7) / 8;
  uint8_t *at = put32 (field (out, 4 + bytes), value->length);
  memset (at, 0, bytes);
  for (uint32_t i = 0; i < value->length; i++)
    if (value->text[i] == '1')
      at[i / 8] |= (uint8_t) (0x80 >> (i % 8));
}

static void
write_array (const GenType *type, const GenValue *value, GByteArray *out)
{
  guint start = out->len;
  bool has_null = false;
  for (uint32_t i = 0; i < value->length; i++)
    has_null |= value->items[i].kind == GEN_NULL;
  uint8_t *at = field (out, value->length > 0 ? 20 : 12);
  at = put32 (at, value->length > 0);
  at = put32 (at, has_null);
  at = put32 (at, type->element_oid);
  if (value->length > 0)
    put32 (put32 (at, value->length), 1);
  for (uint32_t i = 0; i < value->length; i++)
    gen_write_binary (type->element, &value->items[i], out);
  put32 (out->data + start, out->len - start - 4);
}

/* Lower bound included, upper not: flags 0x02. */
static void
write_range (const GenType *type, const GenValue *value, GByteArray *out)
{
  guint start = out->len;
  *field (out, 1) = 0x02;
  gen_write_binary (type->element, &value->items[0], out);
  gen_write_binary (type->element, &value->items[1], out);
  put32 (out->data + start, out->len - start - 4);
}

static void
write_inet (const GenType *type, const GenValue *value, GByteArray *out)
{
  uint8_t *at = field (out, 8);
  at[0] = 2; /* PGSQL_AF_INET */
  at[1] = 32;
  at[2] = type->kind == GEN_TYPE_CIDR;
  at[3] = 4;
  memcpy (at + 4, value->text, 4);
}

static void
write_interval (int64_t us, GByteArray *out)
{
  uint8_t *at = put64 (field (out, 16), (uint64_t) (us % GEN_DAY_US));
  put32 (put32 (at, (uint32_t) (us / GEN_DAY_US)), 0);
}

void
gen_write_binary (const GenType *type, const GenValue *value, GByteArray *out)
{
  if (value->kind == GEN_NULL)
    {
      put32 (grow (out, 4), UINT32_MAX);
      return;
    }
  switch (type->kind)
    {
    case GEN_TYPE_BOOL: *field (out, 1) = value->number != 0; return;
    case GEN_TYPE_INT2: put16 (field (out, 2), (uint16_t) value->number); return;
    case GEN_TYPE_INT4:
    case GEN_TYPE_OID:
    case GEN_TYPE_DATE: put32 (field (out, 4), (uint32_t) value->number); return;
    case GEN_TYPE_INT8:
    case GEN_TYPE_MONEY:
    case GEN_TYPE_TIME:
    case GEN_TYPE_TIMESTAMP:
    case GEN_TYPE_TIMESTAMPTZ: put64 (field (out, 8), (uint64_t) value->number); return;
    case GEN_TYPE_FLOAT4:
    case GEN_TYPE_FLOAT8: write_float (type->kind, value, out); return;
    case GEN_TYPE_NUMERIC: write_numeric (value, out); return;
    case GEN_TYPE_INTERVAL: write_interval (value->number, out); return;
    case GEN_TYPE_INET:
    case GEN_TYPE_CIDR: write_inet (type, value, out); return;
    case GEN_TYPE_BIT: write_bits (value, out); return;
    case GEN_TYPE_ARRAY: write_array (type, value, out); return;
    case GEN_TYPE_RANGE: write_range (type, value, out); return;
    case GEN_TYPE_JSONB:
      {
        uint8_t *at = field (out, value->length + 1);
        at[0] = 1;
        memcpy (at + 1, value->text, value->length);
        return;
      }
    case GEN_TYPE_OTHER:
    case GEN_TYPE_TEXT:
    case GEN_TYPE_JSON:
    case GEN_TYPE_ENUM:
    case GEN_TYPE_UUID:
    case GEN_TYPE_MACADDR:
    case GEN_TYPE_BYTEA: memcpy (field (out, value->length), value->text, value->length); return;
    }
}

bool
gen_type_has_binary (const GenType *type)
{
  if (type->kind == GEN_TYPE_ARRAY || type->kind == GEN_TYPE_RANGE)
    return gen_type_has_binary (type->element);
  return type->kind != GEN_TYPE_OTHER;
}
