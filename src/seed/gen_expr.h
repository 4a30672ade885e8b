/*
 * The expressions that seeds.yaml says about columns, as trees: `null(20, between(1, 10))`.
 *
 *   expression = NAME [ "(" [ argument { "," argument } ] ")" ] | literal
 *   argument   = expression [ NUMBER ]                            the number is a weight
 *   literal    = 'text' ('' within it is a quote) | what begins with a digit, a sign or a point
 *                | true | false
 *
 * Knows no functions: gen_compile.h does.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

typedef struct
{
  char *name;      /* of a function; NULL: a literal */
  char *text;      /* of a literal; NULL: a function */
  bool is_bare;    /* a literal without quotes */
  uint64_t weight; /* 1 when none is written */
  GPtrArray *args; /* of GenExpr; empty for a literal */
} GenExpr;

void gen_expr_free (GenExpr *expr);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenExpr, gen_expr_free)

/* KEEL_ERROR_CONFIG says at which character. */
bool gen_expr_parse (const char *text, GenExpr **ret_expr, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* TEXT as a literal of an expression; caller frees. */
char *gen_expr_quote (const char *text);
