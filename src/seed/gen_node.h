/*
 * The nodes that compiled expressions are made of. Each function makes one; gen_compile.c puts them
 * together. What a node does with a word and with an index stands beside it in gen_node.c.
 */
#pragma once

#include "seed/gen_model.h"
#include "seed/gen_text.h"

GenNode *gen_node_null (const GenType *type);
GenNode *gen_node_constant (const GenType *type, const GenValue *value);
/* LOW + STEP * ROW. */
GenNode *gen_node_sequence (const GenType *type, int64_t low, int64_t step);
/* LOW, LOW + STEP, ..., HIGH; skewed: small ones are more frequent. */
GenNode *gen_node_range (const GenType *type, int64_t low, int64_t high, int64_t step,
                         bool is_skewed);
GenNode *gen_node_text (const GenType *type, const GenTextKind *kind, int min_chars, int max_chars);
/* Words, MIN_CHARS to MAX_CHARS in all. */
GenNode *gen_node_words (const GenType *type, int min_chars, int max_chars);
/* WIDTH characters of ALPHABET (static). */
GenNode *gen_node_chars (const GenType *type, const char *alphabet, int width);
GenNode *gen_node_uuid (const GenType *type);
GenNode *gen_node_inet (const GenType *type);
GenNode *gen_node_mac (const GenType *type);
GenNode *gen_node_bytes (const GenType *type, int min_bytes, int max_bytes);
/* True in PERCENT of the rows. */
GenNode *gen_node_chance (const GenType *type, unsigned int percent);
/* NULL in PERCENT of the rows, else CHILD (taken over). */
GenNode *gen_node_sometimes (unsigned int percent, GenNode *child);
/* CHILDREN (of GenNode, taken over) by WEIGHTS, one each. */
GenNode *gen_node_one_of (const GenType *type, GPtrArray *children, const uint64_t *weights);
/* The texts of CHILDREN one after the other. */
GenNode *gen_node_concat (const GenType *type, GPtrArray *children);
/* A JSON object; CHILDREN are names and values in turn. */
GenNode *gen_node_object (const GenType *type, GPtrArray *children);
/* MIN to MAX values of CHILD (taken over): an array or, of a JSON type, a JSON array. */
GenNode *gen_node_list (const GenType *type, GenNode *child, int min, int max);
/* From a lower bound of CHILD, as far as LENGTH says: a range type's value. Both are taken over. */
GenNode *gen_node_span (const GenType *type, GenNode *child, GenNode *length);
/* The value of COLUMN of the same row times NUMERATOR / DENOMINATOR, which makes one type's number
 * another's (days microseconds), plus what CHILD (taken over) says. Without a CHILD: just the value. */
GenNode *gen_node_relative (const GenType *type, unsigned int column, GenNode *child,
                            int64_t numerator, int64_t denominator);
