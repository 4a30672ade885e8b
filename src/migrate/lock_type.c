/*
 * Which changes of a column's type keep the table as it is, and which expressions have to be
 * evaluated for each row.
 *
 * After ATColumnChangeRequiresRewrite and the planner's support functions of the length coercions
 * (varchar_support, numeric_support, temporal_simplify and their like).
 */
#include "migrate/lock_model.h"
#include "sql/tree.h"

#include <string.h>

#define VARCHAR "varchar"

static bool
is_one_of (const char *name, const char *const *names)
{
  return name != NULL && g_strv_contains (names, name);
}

/* Casts of pg_cast that need no function, beside those to a type itself. */
static bool
is_binary_coercible (const char *old, const char *new)
{
  static const char *const pairs[][2] = {
    { "text", VARCHAR },   { VARCHAR, "text" },   { "cidr", "inet" },     { "int4", "oid" },
    { "oid", "int4" },     { "xml", "text" },     { "xml", VARCHAR },     { "varbit", "bit" },
    { "bit", "varbit" },   { "oid", "regclass" }, { "regclass", "oid" },  { "oid", "regproc" },
    { "oid", "regtype" },  { "regtype", "oid" },  { "int4", "regclass" }, { "regclass", "int4" },
    { "text", "bpchar" },  { VARCHAR, "bpchar" }, { "text", "citext" },   { "citext", "text" },
    { "citext", VARCHAR }, { VARCHAR, "citext" }, { "regproc", "oid" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (strcmp (old, pairs[i][0]) == 0 && strcmp (new, pairs[i][1]) == 0)
      return true;
  return false;
}

/* Whether every value under the old modifiers is one under the new, and the server sees it. */
static bool
is_wider (const char *name, const LockType *old, const LockType *new)
{
  static const char *const temporal[]
      = { "timestamp", "timestamptz", "time", "timetz", "interval", NULL };
  static const char *const lengths[] = { VARCHAR, "varbit", NULL };
  if (new->modifier_count == 0)
    return true;
  if (is_one_of (name, lengths))
    return old->modifier_count > 0 && old->modifiers[0] <= new->modifiers[0];
  /* Six digits are all there are. */
  if (is_one_of (name, temporal))
    return new->modifiers[0] >= 6
           || (old->modifier_count > 0 && old->modifiers[0] <= new->modifiers[0]);
  if (strcmp (name, "numeric") == 0)
    return old->modifier_count > 0 && old->modifiers[1] == new->modifiers[1]
           && old->modifiers[0] <= new->modifiers[0];
  return false;
}

static bool
same_modifiers (const LockType *a, const LockType *b)
{
  return a->modifier_count == b->modifier_count
         && memcmp (a->modifiers, b->modifiers, sizeof (int) * (size_t) a->modifier_count) == 0;
}

/* Types whose length coercion keeps nothing when it is left out. */
static bool
has_modifiers (const char *name)
{
  static const char *const names[]
      = { VARCHAR,  "varbit",   "numeric", "timestamp", "timestamptz", "time",
          "timetz", "interval", "bpchar",  "bit",       NULL };
  return is_one_of (name, names);
}

/* What only a server could say: types of extensions, domains that no file made. */
static bool
is_known_type (const char *name)
{
  static const char *const names[]
      = { "int2",   "int4",  "int8",     "float4",    "float8",      "numeric",
          "bool",   "text",  VARCHAR,    "bpchar",    "name",        "bytea",
          "date",   "time",  "timetz",   "timestamp", "timestamptz", "interval",
          "json",   "jsonb", "uuid",     "inet",      "cidr",        "macaddr",
          "xml",    "bit",   "varbit",   "oid",       "money",       "tsvector",
          "citext", "point", "smallint", "bigint",    "integer",     NULL };
  g_autofree char *element
      = g_str_has_suffix (name, "[]") ? g_strndup (name, strlen (name) - 2) : g_strdup (name);
  return is_one_of (element, names);
}

static LockAnswer
change_of_modifiers (const LockType *old, const LockType *new)
{
  const char *name = old->name;
  if (same_modifiers (old, new))
    return LOCK_NO;
  if (g_str_has_suffix (name, "[]"))
    return new->modifier_count == 0 ? LOCK_NO : LOCK_YES;
  if (!has_modifiers (name))
    return LOCK_MAYBE;
  return is_wider (name, old, new) ? LOCK_NO : LOCK_YES;
}

LockAnswer
lock_type_change_rewrites (const LockSchema *schema, const LockType *old, const LockType *new)
{
  bool is_constrained;
  if (lock_schema_is_domain (schema, new->name, &is_constrained))
    return is_constrained ? LOCK_YES : LOCK_MAYBE;
  if (strcmp (old->name, new->name) == 0)
    return change_of_modifiers (old, new);
  if (lock_schema_is_enum (schema, old->name) || lock_schema_is_enum (schema, new->name))
    return LOCK_YES;
  /* Between UTC alone, and whose time zone it will be is not known here. */
  if ((strcmp (old->name, "timestamp") == 0 && strcmp (new->name, "timestamptz") == 0)
      || (strcmp (old->name, "timestamptz") == 0 && strcmp (new->name, "timestamp") == 0))
    return LOCK_MAYBE;
  if (!is_binary_coercible (old->name, new->name))
    return is_known_type (old->name) && is_known_type (new->name) ? LOCK_YES : LOCK_MAYBE;
  if (new->modifier_count == 0)
    return LOCK_NO;
  /* varchar(10) to text to varchar(20) does not remember the 10. */
  if (strcmp (new->name, VARCHAR) == 0 && strcmp (old->name, VARCHAR) == 0)
    return change_of_modifiers (old, new);
  return LOCK_YES;
}

/* Functions of PostgreSQL and its extensions: whether each row needs a value of its own. Names between
 * blanks. */
static const struct
{
  LockAnswer is_volatile;
  const char *names;
} functions[] = {
  { LOCK_NO,
    " now transaction_timestamp statement_timestamp age timezone extract date_part date_trunc "
    "make_date make_interval make_timestamp make_timestamptz to_timestamp to_date " },
  { LOCK_NO,
    " lower upper initcap length char_length concat concat_ws format replace reverse repeat "
    "left right lpad rpad trim btrim ltrim rtrim substr substring split_part to_char to_number "
    "md5 sha256 encode decode hashtext to_tsvector " },
  { LOCK_NO, " abs round floor ceil trunc power sqrt greatest least coalesce nullif " },
  { LOCK_NO, " array_append array_cat array_to_string string_to_array int4range int8range numrange "
             "tsrange tstzrange daterange inet " },
  { LOCK_NO,
    " json_build_array json_build_object jsonb_build_array jsonb_build_object to_json to_jsonb "
    "row_to_json " },
  { LOCK_NO, " current_setting current_schema current_database pg_backend_pid " },
  { LOCK_YES, " random random_normal gen_random_bytes gen_salt gen_random_uuid uuid_generate_v1 "
              "uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7 " },
  { LOCK_YES, " clock_timestamp timeofday pg_sleep txid_current nextval setval currval lastval " },
};

/* LOCK_MAYBE for one that is not in the table. */
static LockAnswer
is_volatile_function (const char *name)
{
  g_autofree char *word = g_strdup_printf (" %s ", name != NULL ? name : "");
  for (size_t i = 0; i < G_N_ELEMENTS (functions); i++)
    if (strstr (functions[i].names, word) != NULL)
      return functions[i].is_volatile;
  return LOCK_MAYBE;
}

typedef struct
{
  const LockSchema *schema;
  LockAnswer answer;
} Volatility;

static bool
visit_function (const json_t *call, void *data)
{
  Volatility *volatility = data;
  const char *name = sql_tree_last_name (json_object_get (call, "funcname"));
  char declared = name != NULL ? lock_schema_volatility (volatility->schema, name) : '\0';
  LockAnswer answer = declared == 'v'    ? LOCK_YES
                      : declared != '\0' ? LOCK_NO
                                         : is_volatile_function (name);
  if (answer == LOCK_YES || volatility->answer == LOCK_NO)
    volatility->answer = answer;
  return volatility->answer == LOCK_YES;
}

LockAnswer
lock_expression_is_volatile (const LockSchema *schema, const json_t *expression)
{
  Volatility volatility = { schema, LOCK_NO };
  sql_tree_visit (expression, "FuncCall", visit_function, &volatility);
  return volatility.answer;
}
