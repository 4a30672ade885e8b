#include "seed/gen_infer.h"
#include "seed/gen_calendar.h"

#include <string.h>

static GenType *
type_new (GenTypeKind kind, int scale)
{
  static const struct
  {
    GenTypeKind kind;
    const char *name;
  } names[] = { { GEN_TYPE_TEXT, "text" },
                { GEN_TYPE_INT8, "bigint" },
                { GEN_TYPE_NUMERIC, "numeric" },
                { GEN_TYPE_DATE, "date" },
                { GEN_TYPE_BOOL, "boolean" },
                { GEN_TYPE_UUID, "uuid" },
                { GEN_TYPE_JSON, "json" },
                { GEN_TYPE_INET, "inet" },
                { GEN_TYPE_TIMESTAMPTZ, "timestamp with time zone" },
                { GEN_TYPE_MACADDR, "macaddr" },
                { GEN_TYPE_BYTEA, "bytea" } };
  GenType *type = g_new0 (GenType, 1);
  type->kind = kind;
  type->scale = scale;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].kind == kind)
      type->name = g_strdup (names[i].name);
  if (type->name == NULL)
    type->name = g_strdup ("this");
  return type;
}

static GenType *
infer_literal (const GenExpr *expr)
{
  const char *point = strchr (expr->text, '.');
  int64_t us;
  if (!expr->is_bare)
    return type_new (GEN_TYPE_TEXT, 0);
  if (strspn (expr->text + (*expr->text == '-'), "0123456789.")
      == strlen (expr->text) - (*expr->text == '-'))
    return type_new (point != NULL ? GEN_TYPE_NUMERIC : GEN_TYPE_INT8,
                     point != NULL ? (int) strlen (point + 1) : 0);
  if (*expr->text == 't' || *expr->text == 'f')
    return type_new (GEN_TYPE_BOOL, 0);
  if (gen_parse_timestamp (expr->text, &us))
    return type_new (us % GEN_DAY_US == 0 ? GEN_TYPE_DATE : GEN_TYPE_TIMESTAMPTZ, 0);
  return type_new (GEN_TYPE_TEXT, 0);
}

static GenType *
copy_column_type (const GenTable *table, const char *name)
{
  int column = gen_table_find (table, name);
  const GenType *type = column >= 0 ? gen_table_column (table, column)->type : NULL;
  if (type == NULL || type->kind == GEN_TYPE_ARRAY || type->kind == GEN_TYPE_RANGE)
    return type_new (GEN_TYPE_TEXT, 0);
  GenType *copy = type_new (type->kind, type->scale);
  g_free (copy->name);
  copy->name = g_strdup (type->name);
  return copy;
}

/* Of several, the first when all are of its kind, with the most digits; else text. */
GenType *
gen_infer (const GenTable *table, const GenExpr *expr, GenMakesFn makes)
{
  if (expr->text != NULL)
    return infer_literal (expr);
  GenTypeKind made = GEN_TYPE_TEXT;
  bool is_known = makes (expr->name, &made);
  if (!is_known || expr->args->len == 0)
    return type_new (made != GEN_TYPE_OTHER ? made : GEN_TYPE_TEXT, 0);
  if (made != GEN_TYPE_OTHER)
    return type_new (made, 0);
  guint first = strcmp (expr->name, "null") == 0, end = expr->args->len;
  if (first >= end)
    return type_new (GEN_TYPE_TEXT, 0);
  const GenExpr *argument = expr->args->pdata[first];
  if (g_strv_contains ((const char *const[]){ "same", "after", "before", NULL }, expr->name)
      && argument->name != NULL)
    return copy_column_type (table, argument->name);
  GenType *type = gen_infer (table, argument, makes);
  for (guint i = first + 1; i < end; i++)
    {
      g_autoptr (GenType) other = gen_infer (table, expr->args->pdata[i], makes);
      bool are_numbers = (type->kind == GEN_TYPE_INT8 || type->kind == GEN_TYPE_NUMERIC)
                         && (other->kind == GEN_TYPE_INT8 || other->kind == GEN_TYPE_NUMERIC);
      if (are_numbers && other->scale > type->scale)
        {
          gen_type_free (type);
          type = g_steal_pointer (&other);
        }
      else if (!are_numbers && other->kind != type->kind)
        {
          gen_type_free (type);
          return type_new (GEN_TYPE_TEXT, 0);
        }
    }
  return type;
}
