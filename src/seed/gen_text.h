/*
 * Texts that look like what a column's name promises. Plain ASCII, so that every encoding can hold them;
 * mail addresses, hosts and telephone numbers are of the ranges that are reserved for examples (RFC 2606,
 * RFC 5737; 555-01xx), so that nothing that is sent to them arrives at anybody.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The longest text that a function makes without a number. */
#define GEN_TEXT_MAX 256

/* Writes a text of WORD to OUT (GEN_TEXT_MAX bytes, not terminated) and returns its length. NUMBER ("" for
 * none) makes it unique: it is put where it separates from the rest, so that different numbers give
 * different texts; at most 20 digits. */
typedef size_t (*GenTextFn) (uint64_t word, const char *number, char *out);

typedef struct
{
  const char *name; /* in expressions: "email" */
  GenTextFn write;
  const char *example;
} GenTextKind;

/* Ends with a row without a name. */
extern const GenTextKind gen_text_kinds[];

/* NULL when there is none. */
const GenTextKind *gen_text_kind (const char *name);

/* LENGTH characters of words, without a blank at either end. */
void gen_text_words (uint64_t word, size_t length, char *out);
