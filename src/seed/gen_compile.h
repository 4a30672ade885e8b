/*
 * From an expression (gen_expr.h) to the node that computes it for a column of a type.
 *
 * docs/generators.md lists the functions; the table is in gen_compile.c.
 */
#pragma once

#include "seed/gen_expr.h"
#include "seed/gen_model.h"

/* Compiles TEXT for a value of TYPE in TABLE, to whose columns it may refer. Constants live in ARENA, which
 * must live as long as the node. KEEL_ERROR_CONFIG says what is wrong, not where. */
bool gen_compile (const GenTable *table, const GenType *type, const char *text, GenArena *arena,
                  GenNode **ret_node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What `parent(...)`, alone or in null(...), says of a foreign key's column. False without an error when TEXT is
 * no such expression. */
bool gen_compile_link (const char *text, GenLink *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "1.25" as 1250: an exponent of gen_zipf_new; false when it is none. */
bool gen_parse_exponent (const char *text, unsigned int *ret_exponent) G_GNUC_WARN_UNUSED_RESULT;

/* Whether values of TYPE are numbers that between() can choose from, and in which steps (timestamps:
 * seconds). */
bool gen_type_is_number (const GenType *type, int64_t *ret_step);
