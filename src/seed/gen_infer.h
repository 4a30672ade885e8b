/*
 * The type of an expression where no column gives it one: within object(), array() and concat().
 */
#pragma once

#include "seed/gen_expr.h"
#include "seed/gen_model.h"

/* What the function NAME makes: GEN_TYPE_OTHER is what its arguments make. False when there is none. */
typedef bool (*GenMakesFn) (const char *name, GenTypeKind *ret_kind);

/* Caller frees. */
GenType *gen_infer (const GenTable *table, const GenExpr *expr, GenMakesFn makes);
