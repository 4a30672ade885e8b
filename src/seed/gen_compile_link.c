/* What expressions say of foreign keys: parent(...), alone or in null(...). */
#include "seed/gen_compile.h"

static bool
refuse (const char *message, GError **error)
{
  return keel_error (error, KEEL_ERROR_CONFIG, "docs/generators.md lists what can be written.",
                     "%s", message);
}

static const GenExpr *
arg_of (const GenExpr *expr, guint number)
{
  return number < expr->args->len ? expr->args->pdata[number] : NULL;
}

/* The percentage of null(20, ...). */
static bool
read_percent (const GenExpr *expr, int *ret_percent, GError **error)
{
  const GenExpr *arg = arg_of (expr, 0);
  char *end = NULL;
  int64_t value = arg->text != NULL ? g_ascii_strtoll (arg->text, &end, 10) : -1;
  if (value < 0 || value > 100 || end == arg->text || *end != '\0')
    return refuse ("argument 1 of null() must be a whole number from 0 to 100", error);
  *ret_percent = (int) value;
  return true;
}

bool
gen_parse_exponent (const char *text, unsigned int *ret_exponent)
{
  static const GenType type
      = { .kind = GEN_TYPE_NUMERIC, .name = (char *) "numeric(4,3)", .scale = 3 };
  g_autoptr (GenArena) arena = gen_arena_new ();
  GenValue value;
  if (!gen_value_parse (&type, text, arena, &value, NULL) || value.number < 0
      || value.number > 4000)
    return false;
  *ret_exponent = (unsigned int) value.number;
  return true;
}

static bool
read_parent (const GenExpr *expr, GenLink *link, GError **error)
{
  const GenExpr *how = arg_of (expr, 0);
  if (how == NULL || g_strcmp0 (how->name, "uniform") == 0)
    return true;
  link->mode = GEN_LINK_ZIPF;
  link->exponent = 1000;
  if (g_strcmp0 (how->name, "zipf") != 0 || expr->args->len > 1)
    return refuse ("parent() takes uniform, zipf or zipf(exponent)", error);
  const GenExpr *exponent = arg_of (how, 0);
  if (exponent != NULL
      && (exponent->text == NULL || !gen_parse_exponent (exponent->text, &link->exponent)))
    return refuse ("the exponent of zipf() is a number from 0 to 4, as 1.1", error);
  return true;
}

bool
gen_compile_link (const char *text, GenLink *link, GError **error)
{
  g_autoptr (GenExpr) expr = NULL;
  int percent = 0;
  if (!gen_expr_parse (text, &expr, error))
    return false;
  const GenExpr *parent = expr;
  if (g_strcmp0 (expr->name, "null") == 0)
    {
      if (expr->args->len == 0)
        link->is_null = true;
      if (expr->args->len < 2)
        return expr->args->len == 0
               || refuse ("null() takes a percentage and an expression", error);
      if (!read_percent (expr, &percent, error))
        return false;
      parent = expr->args->pdata[1];
    }
  link->null_percent = (unsigned int) percent;
  if (g_strcmp0 (parent->name, "parent") != 0)
    return false;
  return read_parent (parent, link, error);
}
