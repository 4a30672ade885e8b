/* Values that no constraint forbids and nobody meant. */
#include "integrity/checks.h"
#include "integrity/checks_common.h"
#include "integrity/names.h"

#include <string.h>

/* Tables with fewer rows say nothing about what a column usually holds. */
#define ROWS_MIN 1000
/* Text with at most so many different values may be meant as an enum. */
#define LABELS_MAX 12

typedef void (*ColumnFn) (CheckContext *context, const Check *check, const CatalogueTable *table,
                          const CatalogueColumn *column);

/* Calls FUNCTION for every column of every table that holds rows of its own. */
static void
each_column (CheckContext *context, const Check *check, ColumnFn function)
{
  const Catalogue *catalogue = check_catalogue (context);
  check_expect (context, check, "columns", 0);
  for (guint i = 0; i < catalogue->tables->len; i++)
    {
      const CatalogueTable *table = catalogue->tables->pdata[i];
      for (guint j = 0; catalogue_table_has_rows (table) && j < table->columns->len; j++)
        {
          const CatalogueColumn *column = table->columns->pdata[j];
          if (!column->is_virtual)
            function (context, check, table, column);
        }
    }
}

/* FORMAT: a condition with %1$s for the column. */
static void G_GNUC_PRINTF (6, 0)
    probe_column (CheckContext *context, const Check *check, const CatalogueTable *table,
                  const CatalogueColumn *column, const char *message, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *condition = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *object = catalogue_display (table, column);
  CheckProbe probe = { .check = check,
                       .table = table,
                       .object = object,
                       .condition = condition,
                       .message = message,
                       .is_inferred = true };
  check_expect (context, check, NULL, 1);
  check_probe (context, &probe);
}

static bool
has_check_on (const CatalogueTable *table, const CatalogueColumn *column)
{
  for (guint i = 0; i < table->constraints->len; i++)
    {
      const CatalogueConstraint *constraint = table->constraints->pdata[i];
      for (guint j = 0; constraint->kind == 'c' && j < constraint->columns->len; j++)
        if (g_array_index (constraint->columns, int, j) == column->number)
          return true;
    }
  return false;
}

/* --- ranges ---------------------------------------------------------------------------------------- */

/* What begins and what ends a range, in names. */
static const struct
{
  const char *start, *end;
} range_words[] = {
  { "start", "end" },
  { "starts", "ends" },
  { "started", "ended" },
  { "started", "finished" },
  { "begin", "end" },
  { "begins", "ends" },
  { "from", "to" },
  { "min", "max" },
  { "minimum", "maximum" },
  { "valid_from", "valid_to" },
  { "valid_from", "valid_until" },
  { "opened", "closed" },
  { "check_in", "check_out" },
  { "low", "high" },
  { "lower", "upper" },
  { "created", "expires" },
  { "issued", "expires" },
  { "opens", "closes" },
  { "hired", "terminated" },
  { "departure", "arrival" },
};

/* NAME with the word AT..AT+LENGTH replaced. */
static char *
swap_word (const char *name, const char *at, size_t length, const char *by)
{
  return g_strdup_printf ("%.*s%s%s", (int) (at - name), name, by, at + length);
}

/* The column of TABLE that ends the range which COLUMN begins; NULL: none. */
static const CatalogueColumn *
find_end (const CatalogueTable *table, const CatalogueColumn *column)
{
  for (size_t i = 0; i < G_N_ELEMENTS (range_words); i++)
    {
      const char *word = range_words[i].start;
      size_t length = strlen (word);
      const char *at = strstr (column->name, word);
      bool is_word = at != NULL && (at == column->name || at[-1] == '_')
                     && (at[length] == '\0' || at[length] == '_');
      if (!is_word)
        continue;
      g_autofree char *other = swap_word (column->name, at, length, range_words[i].end);
      const CatalogueColumn *end = catalogue_column_named (table, other);
      if (end != NULL && end->base_oid == column->base_oid
          && (check_is_time (end) || check_is_numeric (end)))
        return end;
    }
  return NULL;
}

static void
look_at_range (CheckContext *context, const Check *check, const CatalogueTable *table,
               const CatalogueColumn *column)
{
  const CatalogueColumn *end = find_end (table, column);
  if (end == NULL)
    return;
  g_autofree char *message = g_strdup_printf (
      "%%s rows begin after they end: %s is greater than %s", column->name, end->name);
  probe_column (context, check, table, column, message, "%s > %s", column->quoted, end->quoted);
}

static bool
run_ranges (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_at_range);
  return true;
}

/* --- points in time -------------------------------------------------------------------------------- */

/* Ends of names: "kyc_verified_at" is past like "verified_at". What may be planned is not here: "starts_at",
 * "date", "valid_until". */
static const char *const past_names[]
    = { "created_at",  "created_on",  "created",       "updated_at",   "updated_on",
        "modified_at", "inserted_at", "deleted_at",    "signed_up_at", "registered_at",
        "joined_at",   "last_login",  "last_login_at", "last_seen_at", "logged_at",
        "recorded_at", "received_at", "completed_at",  "paid_at",      "imported_at",
        "uploaded_at", "upload_date", "date_of_birth", "birth_date",   "birthday",
        "dob",         "createdAt",   "updatedAt",     "placed_at",    "ordered_at",
        "posted_at",   "moved_at",    "shipped_at",    "delivered_at", "sent_at",
        "viewed_at",   "verified_at", "approved_at",   "reviewed_at",  "requested_at",
        "granted_at",  "refunded_at", "cancelled_at",  "confirmed_at", NULL };

/* A day of patience: clocks differ, and a date has no time zone. */
static void
look_for_future (CheckContext *context, const Check *check, const CatalogueTable *table,
                 const CatalogueColumn *column)
{
  if (check_is_time (column) && check_name_ends (column->name, past_names))
    probe_column (context, check, table, column, "%s rows have a time that is still to come",
                  "%1$s > now() + interval '1 day' AND isfinite(%1$s)", column->quoted);
}

static bool
run_future (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_future);
  return true;
}

static void
look_for_far_dates (CheckContext *context, const Check *check, const CatalogueTable *table,
                    const CatalogueColumn *column)
{
  if (check_is_time (column))
    probe_column (
        context, check, table, column,
        "%s rows have a date before 1000 or after 2999 (9999-12-31, which stands for ever,"
        " apart)",
        "isfinite(%1$s) AND (%1$s < date '1000-01-01' OR (%1$s >= date '3000-01-01' AND"
        " %1$s::date <> date '9999-12-31'))",
        column->quoted);
}

static bool
run_far_dates (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_far_dates);
  return true;
}

static void
look_for_epoch (CheckContext *context, const Check *check, const CatalogueTable *table,
                const CatalogueColumn *column)
{
  bool is_birth = strstr (column->name, "birth") != NULL || strcmp (column->name, "dob") == 0;
  if (check_is_time (column) && !is_birth)
    probe_column (context, check, table, column, "%s rows are of 1970-01-01, the zero of clocks",
                  "%1$s >= date '1970-01-01' AND %1$s < date '1970-01-02'", column->quoted);
}

static bool
run_epoch (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_epoch);
  return true;
}

/* "Until infinity" is how a range without an end is written; nothing begins or happened there. */
static void
look_for_infinity (CheckContext *context, const Check *check, const CatalogueTable *table,
                   const CatalogueColumn *column)
{
  static const char *const ends[]
      = { "until",  "to",      "end",        "ends_at", "end_date", "ended_at",
          "end_at", "expires", "expires_at", "expiry",  "thru",     NULL };
  if (check_is_time (column) && !check_name_ends (column->name, ends)
      && strstr (column->name, "valid") == NULL)
    probe_column (context, check, table, column, "%s rows have a time that is infinite",
                  "NOT isfinite(%s)", column->quoted);
}

static bool
run_infinity (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_infinity);
  return true;
}

static void
look_at_order (CheckContext *context, const Check *check, const CatalogueTable *table,
               const CatalogueColumn *column)
{
  static const char *const created[]
      = { "created_at", "created_on", "created", "inserted_at", "createdAt", NULL };
  static const char *const later[]
      = { "updated_at", "updated_on", "updated",      "modified_at", "updatedAt", "deleted_at",
          "deletedAt",  "paid_at",    "completed_at", "shipped_at",  "closed_at", NULL };
  if (!check_is_time (column) || !g_strv_contains (later, column->name))
    return;
  for (guint i = 0; created[i] != NULL; i++)
    {
      const CatalogueColumn *before = catalogue_column_named (table, created[i]);
      if (before == NULL || before->base_oid != column->base_oid)
        continue;
      g_autofree char *message
          = g_strdup_printf ("%%s rows have %s before %s", column->name, before->name);
      probe_column (context, check, table, column, message, "%s < %s", column->quoted,
                    before->quoted);
      return;
    }
}

static bool
run_order (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_at_order);
  return true;
}

/* --- numbers --------------------------------------------------------------------------------------- */

static const char *const counted_names[]
    = { "quantity", "qty",      "count",   "stock",    "price",       "unit_price",
        "age",      "weight",   "height",  "width",    "length",      "size",
        "bytes",    "duration", "seconds", "minutes",  "percent",     "percentage",
        "rating",   "views",    "likes",   "capacity", "total_price", NULL };

static void
look_for_negative (CheckContext *context, const Check *check, const CatalogueTable *table,
                   const CatalogueColumn *column)
{
  if (check_is_numeric (column) && strcmp (column->base_name, "money") != 0
      && check_name_ends (column->name, counted_names) && !has_check_on (table, column))
    probe_column (context, check, table, column, "%s rows have a negative number where none can be",
                  "%s < 0", column->quoted);
}

static bool
run_negative (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_negative);
  return true;
}

/* numeric knows infinity since PostgreSQL 14. */
static void
look_for_nan (CheckContext *context, const Check *check, const CatalogueTable *table,
              const CatalogueColumn *column)
{
  static const char *const types[] = { "numeric", "float4", "float8", NULL };
  if (!g_strv_contains (types, column->base_name))
    return;
  bool has_infinity
      = strcmp (column->base_name, "numeric") != 0 || check_server_major (context) >= 14;
  probe_column (context, check, table, column, "%s rows hold NaN or infinity",
                has_infinity ? "%1$s IN ('NaN', 'Infinity', '-Infinity')" : "%1$s = 'NaN'",
                column->quoted);
}

static bool
run_nan (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_nan);
  return true;
}

static const char *const money_names[]
    = { "amount",   "price",   "balance",  "total",   "cost",   "fee",   "salary", "tax",
        "discount", "revenue", "subtotal", "payment", "credit", "debit", NULL };

static void
look_for_float_money (CheckContext *context, const Check *check, const CatalogueTable *table,
                      const CatalogueColumn *column)
{
  if (!check_name_ends (column->name, money_names))
    return;
  check_expect (context, check, NULL, 1);
  check_covered (context, check, 1, 0);
  if (!g_str_has_prefix (column->base_name, "float"))
    return;
  g_autofree char *object = catalogue_display (table, column);
  Finding *finding
      = finding_new (check, object, "by its name it holds money, and it is %s", column->type);
  finding->is_inferred = true;
  check_found (context, finding);
}

static bool
run_float_money (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_float_money);
  return true;
}

/* --- text ------------------------------------------------------------------------------------------ */

/* Valid UTF-8 is checked where text comes in; what came in another way (SQL_ASCII, a changed encoding,
 * a flipped bit) is not. convert_to() reads every character. */
static void
look_at_encoding (CheckContext *context, const Check *check, const CatalogueTable *table,
                  const CatalogueColumn *column)
{
  if (check_is_text (column))
    probe_column (context, check, table, column, "%s rows hold control characters",
                  "%s::text ~ E'[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]'", column->quoted);
}

static bool
run_control (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_at_encoding);
  return true;
}

/* UTF-8 that was taken for Latin-1 and stored as UTF-8 once more. */
static void
look_for_mojibake (CheckContext *context, const Check *check, const CatalogueTable *table,
                   const CatalogueColumn *column)
{
  if (!check_is_text (column) || strcmp (check_catalogue (context)->encoding, "UTF8") != 0)
    return;
  probe_column (context, check, table, column,
                "%s rows hold text that was decoded with the wrong character set",
                "%s::text ~ U&'[\\00C3\\00C2][\\0080-\\00BF]|\\00E2\\20AC|\\FFFD'", column->quoted);
}

static bool
run_mojibake (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_mojibake);
  return true;
}

static void
look_at_email (CheckContext *context, const Check *check, const CatalogueTable *table,
               const CatalogueColumn *column)
{
  static const char *const names[] = { "email", "e_mail", "email_address", "mail", NULL };
  if (check_is_text (column) && check_name_ends (column->name, names))
    probe_column (context, check, table, column, "%s rows hold what is no e-mail address",
                  "%1$s::text <> '' AND %1$s::text !~ '^[^@[:space:]]+@[^@[:space:]]+$'",
                  column->quoted);
}

static bool
run_email (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_at_email);
  return true;
}

static void
look_for_blank_key (CheckContext *context, const Check *check, const CatalogueTable *table,
                    const CatalogueColumn *column)
{
  if (check_is_text (column) && strcmp (column->base_name, "bpchar") != 0
      && check_is_in_unique (table, column))
    probe_column (context, check, table, column, "%s rows have blanks around a key",
                  "%1$s::text <> btrim(%1$s::text, E' \\t\\r\\n')", column->quoted);
}

static bool
run_blank_keys (CheckContext *context, const Check *check, GError **error)
{
  (void) error;
  each_column (context, check, look_for_blank_key);
  return true;
}

const Check checks_values[] = {
  {
      .id = "range-inverted",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_RULES,
      .title = "Ranges that begin after they end",
      .why = "Such a row is in no period, or every length computed from it is negative.",
      .advice = "Swap or repair the two, then add a CHECK constraint.",
      .run = run_ranges,
  },
  {
      .id = "date-in-future",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "What has happened, dated in the future",
      .why = "It sorts above all that comes, and shows that a clock or an import was wrong.",
      .advice = "Put the times right, and look for where they came from.",
      .run = run_future,
  },
  {
      .id = "date-out-of-era",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Dates of another era",
      .why = "Years such as 0022 or 20225 are years with a digit missing or too many.",
      .advice = "Put the dates right, then add a CHECK constraint.",
      .run = run_far_dates,
  },
  {
      .id = "date-at-epoch",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Dates at the zero of clocks",
      .why = "1970-01-01 is what a program writes that has no time: it means null.",
      .advice = "Set them to null, or find out the real times.",
      .run = run_epoch,
  },
  {
      .id = "date-infinite",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Infinite times of what has happened",
      .why = "Most programming languages fail to read it.",
      .advice = "Set them to null, or find out the real times.",
      .run = run_infinity,
  },
  {
      .id = "updated-before-created",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Rows changed before they were made",
      .why = "One of the two times is wrong, so neither can be trusted.",
      .advice = "Put the times right, and look for the program or import that wrote them.",
      .run = run_order,
  },
  {
      .id = "number-negative",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Negative numbers where none can be",
      .why = "A price, a count or a size below zero spoils every sum that it is in.",
      .advice = "Put the rows right, then add a CHECK constraint.",
      .run = run_negative,
  },
  {
      .id = "number-not-finite",
      .severity = CHECK_SEVERITY_ERROR,
      .category = CHECK_CATEGORY_RULES,
      .title = "Numbers that are none",
      .why = "One NaN makes every sum and average NaN, and it sorts above all numbers.",
      .advice = "Set them to null, or find out the real numbers.",
      .run = run_nan,
  },
  {
      .id = "money-in-float",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_SCHEMA,
      .title = "Money in floating point",
      .why = "Binary fractions cannot hold cents: sums come out wrong in the last digit.",
      .advice = "Change the column to numeric with a scale.",
      .run = run_float_money,
  },
  {
      .id = "text-control-character",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Control characters in text",
      .why = "XML and CSV cannot carry them, and screens do not show them.",
      .advice = "Remove them, and look for the import that let them in.",
      .run = run_control,
  },
  {
      .id = "text-mojibake",
      .severity = CHECK_SEVERITY_INFO,
      .category = CHECK_CATEGORY_CONSISTENCY,
      .title = "Text decoded with the wrong character set",
      .why = "People read nonsense, and what they look for is not found.",
      .advice = "convert_from(convert_to(text, 'LATIN1'), 'UTF8') gives most of it back.",
      .run = run_mojibake,
  },
  {
      .id = "email-malformed",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "E-mail addresses that are none",
      .why = "Whoever is behind them hears nothing.",
      .advice = "Ask for the addresses again, then add a CHECK constraint.",
      .run = run_email,
  },
  {
      .id = "key-with-blanks",
      .severity = CHECK_SEVERITY_WARNING,
      .category = CHECK_CATEGORY_RULES,
      .title = "Blanks around keys",
      .why = "Nobody who types the key will find the row.",
      .advice = "Trim them, then add a CHECK constraint.",
      .run = run_blank_keys,
  },
  { .id = NULL },
};
