#include "seed/gen_guess.h"
#include "seed/gen_calendar.h"
#include "seed/gen_expr.h"
#include "seed/gen_text.h"

#include <string.h>

/* Days of 2023-01-01 and 2024-12-31 since 2000-01-01. */
const GenPeriod gen_period_default
    = { .from_us = 8401 * GEN_DAY_US, .until_us = 9131 * GEN_DAY_US + GEN_DAY_US - 1000000 };

/* Names as words: "createdAt" and "created-at" are "created_at". Caller frees. */
static char *
normal_name (const char *name)
{
  g_autoptr (GString) normal = g_string_new (NULL);
  for (const char *at = name; *at != '\0'; at++)
    {
      if (g_ascii_isupper (*at) && at > name && g_ascii_islower (at[-1]))
        g_string_append_c (normal, '_');
      g_string_append_c (normal, g_ascii_isalnum (*at) ? g_ascii_tolower (*at) : '_');
    }
  return g_string_free (g_steal_pointer (&normal), FALSE);
}

/* Whether one of WORDS (separated by blanks) is NAME, or a word or some words at its end. */
static bool
ends_with (const char *name, const char *words)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);
  size_t length = strlen (name);
  for (char **word = list; *word != NULL; word++)
    {
      size_t count = strlen (*word);
      if (g_str_has_suffix (name, *word) && (length == count || name[length - count - 1] == '_'))
        return true;
    }
  return false;
}

/* --- texts ------------------------------------------------------------------------------------ */

static const struct
{
  const char *words;
  const char *expression;
} text_guesses[] = {
  { "email mail email_address e_mail", "email()" },
  { "first_name firstname given_name forename", "first_name()" },
  { "last_name lastname surname family_name", "last_name()" },
  { "username user_name login handle nickname screen_name", "user_name()" },
  { "company company_name organization organisation employer business_name", "company()" },
  { "city town", "city()" },
  { "country_code country_iso", "country_code()" },
  { "country nationality", "country()" },
  { "currency currency_code", "currency()" },
  { "locale language lang language_code", "locale()" },
  { "timezone time_zone tz", "time_zone()" },
  { "phone phone_number mobile telephone tel fax msisdn", "phone()" },
  { "street address street_address address_line address_line1 address1 line1", "street()" },
  { "zip zipcode zip_code postcode postal_code plz", "postcode()" },
  { "url website link homepage avatar avatar_url image image_url", "url()" },
  { "host hostname domain", "host()" },
  { "file filename file_name path", "file()" },
  { "ip ip_address ip_addr", "concat('192.0.2.', between(1, 254))" },
  { "slug permalink", "slug()" },
  { "color colour", "colour()" },
  { "hash digest checksum password password_hash passwd token secret api_key fingerprint",
    "hash()" },
  { "code sku reference ref number no serial reference_number", "code()" },
  { "uuid guid", "concat(hex(8), '-', hex(4), '-', hex(4), '-', hex(4), '-', hex(12))" },
  { "gender sex", "one_of('female', 'male', 'other')" },
  { "status state", "one_of('active' 6, 'pending' 2, 'closed' 2)" },
  { "full_name display_name contact owner author name_of_user person customer_name", "name()" },
  { "title subject headline label", "title()" },
  { "description note notes comment comments body content message text summary bio reason remarks "
    "details",
    "sentence()" },
};

/* "name" alone is a person's in a table of persons. */
static bool
is_table_of_people (const GenTable *table)
{
  g_autofree char *name = normal_name (table->name);
  return ends_with (name,
                    "user users person people persons customer customers employee employees member "
                    "members author authors student students client clients contact contacts "
                    "patient patients account_holder account_holders profile profiles");
}

static char *
guess_text (const GenTable *table, const GenColumn *column, const char *name)
{
  const GenBounds *bounds = &column->bounds;
  int limit = column->type->max_chars;
  if (bounds->max_chars > 0 && (limit == 0 || bounds->max_chars < limit))
    limit = bounds->max_chars;
  if (column->type->is_fixed || bounds->min_chars > 0 || bounds->max_chars > 0)
    {
      int least = column->type->is_fixed ? limit : bounds->min_chars;
      bool is_code
          = column->type->is_fixed && limit == 2 && ends_with (name, "country country_code");
      bool is_money
          = column->type->is_fixed && limit == 3 && ends_with (name, "currency currency_code");
      if (is_code || is_money)
        return g_strdup (is_code ? "country_code()" : "currency()");
      if (column->type->is_fixed)
        return g_strdup_printf ("letters(%d)", limit);
      /* What the other functions make is 3 to 60 characters long. */
      if (least > 3 || (bounds->max_chars > 0 && limit < 60))
        return g_strdup_printf ("words(%d, %d)", limit > 0 ? MIN (MAX (least, 3), limit) : least,
                                limit > 0 ? limit : MAX (least * 2, 40));
    }
  for (size_t i = 0; i < G_N_ELEMENTS (text_guesses); i++)
    if (ends_with (name, text_guesses[i].words))
      return g_strdup (text_guesses[i].expression);
  if (ends_with (name, "name"))
    return g_strdup (is_table_of_people (table) ? "name()" : "title()");
  if (limit > 0 && limit < 12)
    return g_strdup_printf ("words(%d, %d)", MIN (3, limit), limit);
  return g_strdup ("title()");
}

/* --- numbers ---------------------------------------------------------------------------------- */

static const struct
{
  const char *words;
  int64_t low, high; /* whole numbers */
  bool is_skewed;
} number_guesses[] = {
  { "amount balance price total subtotal cost fee salary income revenue budget limit paid due tax "
    "discount value",
    1, 10000, true },
  { "quantity qty count items pieces stock attempts", 1, 100, true },
  { "age", 18, 90, false },
  { "year", 1990, 2024, false },
  { "month", 1, 12, false },
  { "day", 1, 28, false },
  { "hour", 0, 23, false },
  { "minute second", 0, 59, false },
  { "percent percentage rate ratio progress pct", 0, 100, false },
  { "rating stars", 1, 5, false },
  { "score points rank", 0, 100, false },
  { "latitude lat", -90, 90, false },
  { "longitude lng lon long", -180, 180, false },
  { "position sort sort_order ordinal priority level tier", 0, 10, false },
  { "version", 1, 20, false },
  { "port", 1024, 65535, false },
  { "size bytes length duration weight width height", 1, 100000, true },
};

static int64_t
type_max (const GenType *type)
{
  int64_t max = INT64_MAX / 4;
  switch (type->kind)
    {
    case GEN_TYPE_INT2: return INT16_MAX;
    case GEN_TYPE_INT4: return INT32_MAX;
    case GEN_TYPE_OID: return INT32_MAX;
    case GEN_TYPE_NUMERIC:
      if (type->precision > 0 && type->precision <= 18)
        {
          max = 1;
          for (int i = 0; i < type->precision; i++)
            max *= 10;
          return max - 1;
        }
      return max;
    default: return max;
    }
}

/* VALUE as the type writes it. Caller frees. */
static char *
literal_of (const GenType *type, int64_t number)
{
  g_autoptr (GByteArray) plain = g_byte_array_new ();
  const GenValue value = { .kind = GEN_NUMBER, .number = number, .scale = type->scale };
  gen_write_plain (type, &value, plain);
  g_autofree char *text = g_strndup ((const char *) plain->data, plain->len);
  return gen_expr_quote (text);
}

/* What the constraints leave of LOW .. HIGH; a range of the same length beside it where nothing is left. */
static char *
range_within (const GenColumn *column, int64_t low, int64_t high, bool is_skewed)
{
  const GenBounds *bounds = &column->bounds;
  int64_t length = high - low;
  if (bounds->has_low && bounds->low > high)
    {
      low = bounds->low;
      if (__builtin_add_overflow (low, length, &high))
        high = INT64_MAX;
    }
  if (bounds->has_high && bounds->high < low)
    {
      high = bounds->high;
      if (__builtin_sub_overflow (high, length, &low))
        low = INT64_MIN;
    }
  if (bounds->has_low)
    low = MAX (low, bounds->low);
  if (bounds->has_high)
    high = MIN (high, bounds->high);
  if (low > high)
    return NULL;
  g_autofree char *first = literal_of (column->type, low);
  g_autofree char *last = literal_of (column->type, high);
  bool are_plain = strpbrk (first, " :") == NULL && strpbrk (last, " :") == NULL;
  if (are_plain)
    {
      first[strlen (first) - 1] = last[strlen (last) - 1] = '\0';
      return g_strdup_printf ("%s(%s, %s)", is_skewed ? "skewed" : "between", first + 1, last + 1);
    }
  return g_strdup_printf ("%s(%s, %s)", is_skewed ? "skewed" : "between", first, last);
}

static char *
guess_number (const GenColumn *column, const char *name)
{
  int64_t low = 0, high = 1000, unit = 1, max = type_max (column->type);
  bool is_skewed = false;
  for (size_t i = 0; i < G_N_ELEMENTS (number_guesses); i++)
    if (ends_with (name, number_guesses[i].words))
      {
        low = number_guesses[i].low;
        high = number_guesses[i].high;
        is_skewed = number_guesses[i].is_skewed;
        break;
      }
  if (column->is_key_part)
    {
      low = 1;
      high = 1000000;
      is_skewed = false;
    }
  for (int i = 0; i < column->type->scale; i++)
    unit *= 10;
  low = MAX (MIN (low * unit, max), -max);
  high = MIN (high * unit, max);
  /* Constraints that say both ends say it better than any name. */
  if (column->bounds.has_low && column->bounds.has_high)
    {
      low = column->bounds.low;
      high = MIN (column->bounds.high, max);
      is_skewed = false;
    }
  return range_within (column, MIN (low, high), high, is_skewed);
}

/* Of a column whose values are unique: as many as there can be. */
static char *
guess_key_number (const GenColumn *column)
{
  int64_t max = type_max (column->type);
  return range_within (column, column->key_start, max, false);
}

/* --- times ------------------------------------------------------------------------------------ */

/* The column that begins what COLUMN ends: start_date for end_date, created_at for updated_at. */
static const char *
find_beginning (const GenTable *table, const GenColumn *column, const char *name)
{
  static const char *const pairs[][2]
      = { { "start", "end" },         { "starts", "ends" },         { "started", "ended" },
          { "start", "finish" },      { "started", "finished" },    { "from", "to" },
          { "from", "until" },        { "valid_from", "valid_to" }, { "opened", "closed" },
          { "begin", "end" },         { "started", "completed" },   { "created", "updated" },
          { "created", "modified" },  { "created", "deleted" },     { "created", "closed" },
          { "created", "completed" }, { "created", "approved" },    { "created", "paid" },
          { "created", "verified" },  { "created", "expires" },     { "created", "last_login" },
          { "issued", "expires" },    { "check_in", "check_out" },  { "arrival", "departure" } };
  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      const char *found = strstr (name, pairs[i][1]);
      if (found == NULL)
        continue;
      g_autofree char *head = g_strndup (name, (gsize) (found - name));
      g_autofree char *wanted = g_strconcat (head, pairs[i][0], found + strlen (pairs[i][1]), NULL);
      for (guint j = 0; j < table->columns->len; j++)
        {
          const GenColumn *other = gen_table_column (table, j);
          g_autofree char *other_name = normal_name (other->name);
          if (other != column && other->type->kind == column->type->kind && !other->is_generated
              && strcmp (other_name, wanted) == 0)
            return other->name;
        }
    }
  return NULL;
}

static char *
guess_after (const GenColumn *column, const char *beginning, bool may_be_equal)
{
  const char *least = may_be_equal ? "0" : "1";
  g_autofree char *quoted = gen_expr_quote (beginning);
  switch (column->type->kind)
    {
    case GEN_TYPE_DATE: return g_strdup_printf ("after(%s, %s, 90)", quoted, least);
    case GEN_TYPE_TIMESTAMP:
    case GEN_TYPE_TIMESTAMPTZ:
      return g_strdup_printf ("after(%s, '%s seconds', '30 days')", quoted, least);
    case GEN_TYPE_TIME: return g_strdup_printf ("after(%s, '%s seconds', '1 hour')", quoted, least);
    case GEN_TYPE_INTERVAL:
      return g_strdup_printf ("after(%s, '%s seconds', '1 day')", quoted, least);
    default: return g_strdup_printf ("after(%s, %s, 100)", quoted, least);
    }
}

static char *
guess_time (const GenTable *table, const GenColumn *column, const char *name,
            const GenPeriod *period)
{
  const char *beginning = find_beginning (table, column, name);
  GenTypeKind kind = column->type->kind;
  if (beginning != NULL)
    return guess_after (column, beginning, true);
  if (kind == GEN_TYPE_TIME)
    {
      /* What follows it on the same day must have room. */
      return range_within (column, 0, 22 * INT64_C (3600000000), false);
    }
  if (kind == GEN_TYPE_INTERVAL)
    return range_within (column, 0, 30 * GEN_DAY_US, false);
  int64_t from = period->from_us, until = period->until_us;
  if (ends_with (name, "birth_date birthdate birthday date_of_birth dob born born_on"))
    {
      from = gen_days_of_date (1950, 1, 1) * GEN_DAY_US;
      until = gen_days_of_date (2005, 12, 31) * GEN_DAY_US;
    }
  int64_t unit = kind == GEN_TYPE_DATE ? GEN_DAY_US : 1;
  return range_within (column, from / unit, until / unit, false);
}

/* --- all -------------------------------------------------------------------------------------- */

static char *
guess_labels (char **labels)
{
  g_autoptr (GString) text = g_string_new ("one_of(");
  for (char **label = labels; *label != NULL; label++)
    {
      g_autofree char *quoted = gen_expr_quote (*label);
      g_string_append_printf (text, "%s%s", label == labels ? "" : ", ", quoted);
    }
  return *labels == NULL ? NULL : g_strconcat (text->str, ")", NULL);
}

static char *
guess_json (const char *name)
{
  if (ends_with (name, "tags labels items list roles"))
    return g_strdup ("array(word(), 0, 4)");
  if (ends_with (name, "address location"))
    return g_strdup ("object('street', street(), 'city', city(), 'country', country_code())");
  if (ends_with (name, "settings preferences options config"))
    return g_strdup (
        "object('theme', one_of('light', 'dark'), 'locale', locale(), 'emails', chance(70))");
  return g_strdup ("object('source', word(), 'score', between(0, 100), 'checked', chance(50))");
}

static char *
guess_list (const GenTable *table, const GenColumn *column, const GenPeriod *period)
{
  GenColumn element
      = { .name = column->name, .type = column->type->element, .bounds = column->bounds };
  g_autofree char *inner = gen_guess (table, &element, period);
  if (inner != NULL && element.type->kind == GEN_TYPE_TEXT && element.type->max_chars == 0)
    {
      g_free (inner);
      inner = g_strdup ("word()");
    }
  return inner != NULL ? g_strdup_printf ("array(%s, 0, 4)", inner) : NULL;
}

static char *
guess_range (const GenType *element, const GenPeriod *period)
{
  g_autofree char *first = NULL, *last = NULL;
  switch (element->kind)
    {
    case GEN_TYPE_DATE:
      first = literal_of (element, period->from_us / GEN_DAY_US);
      last = literal_of (element, period->until_us / GEN_DAY_US);
      return g_strdup_printf ("span(%s, %s, 1, 30)", first, last);
    case GEN_TYPE_TIMESTAMP:
    case GEN_TYPE_TIMESTAMPTZ:
      first = literal_of (element, period->from_us);
      last = literal_of (element, period->until_us);
      return g_strdup_printf ("span(%s, %s, '1 minute', '1 day')", first, last);
    case GEN_TYPE_INT4:
    case GEN_TYPE_INT8:
    case GEN_TYPE_NUMERIC: return g_strdup ("span(0, 1000, 1, 100)");
    default: return NULL;
    }
}

static char *
guess_by_type (const GenTable *table, const GenColumn *column, const char *name,
               const GenPeriod *period)
{
  const GenType *type = column->type;
  switch (type->kind)
    {
    case GEN_TYPE_BOOL: return g_strdup ("chance(50)");
    case GEN_TYPE_INT2:
    case GEN_TYPE_INT4:
    case GEN_TYPE_INT8:
    case GEN_TYPE_OID:
      if (column->is_key)
        return guess_key_number (column);
      return guess_number (column, name);
    case GEN_TYPE_FLOAT4:
    case GEN_TYPE_FLOAT8:
    case GEN_TYPE_NUMERIC:
    case GEN_TYPE_MONEY:
      if (column->is_key)
        return guess_key_number (column);
      return guess_number (column, name);
    case GEN_TYPE_TEXT: return guess_text (table, column, name);
    case GEN_TYPE_JSON:
    case GEN_TYPE_JSONB: return guess_json (name);
    case GEN_TYPE_ENUM: return guess_labels (type->labels);
    case GEN_TYPE_UUID: return g_strdup ("uuid()");
    case GEN_TYPE_DATE:
    case GEN_TYPE_TIME:
    case GEN_TYPE_TIMESTAMP:
    case GEN_TYPE_TIMESTAMPTZ:
    case GEN_TYPE_INTERVAL: return guess_time (table, column, name, period);
    case GEN_TYPE_INET:
    case GEN_TYPE_CIDR: return g_strdup ("inet()");
    case GEN_TYPE_MACADDR: return g_strdup ("mac()");
    case GEN_TYPE_BYTEA: return g_strdup ("bytes(16, 32)");
    case GEN_TYPE_BIT: return g_strdup_printf ("bits(%d)", MAX (type->max_chars, 1));
    case GEN_TYPE_RANGE: return guess_range (type->element, period);
    case GEN_TYPE_ARRAY: return guess_list (table, column, period);
    case GEN_TYPE_OTHER: return NULL;
    }
  return NULL;
}

char *
gen_guess (const GenTable *table, const GenColumn *column, const GenPeriod *period)
{
  const GenBounds *bounds = &column->bounds;
  g_autofree char *name = normal_name (column->name);
  bool is_number = column->type->kind == GEN_TYPE_INT2 || column->type->kind == GEN_TYPE_INT4
                   || column->type->kind == GEN_TYPE_INT8 || column->type->kind == GEN_TYPE_NUMERIC;
  if (column->sequence != NULL || (column->is_primary && is_number))
    return g_strdup_printf ("sequence(%" G_GINT64_FORMAT ")", column->key_start);
  bool is_list = column->type->kind == GEN_TYPE_ARRAY;
  if (bounds->allowed != NULL && !is_list)
    return guess_labels (bounds->allowed);
  if ((bounds->after != NULL || bounds->not_less != NULL) && !is_list)
    return guess_after (column, bounds->after != NULL ? bounds->after : bounds->not_less,
                        bounds->after == NULL);
  return guess_by_type (table, column, name, period);
}
