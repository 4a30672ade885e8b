/*
 * Which known word someone meant who wrote another one.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/* The one of the N WORDS that is nearest to TEXT by letters left out, added, changed or swapped; NULL
 * when none is near enough to be what was meant. Owned by WORDS. */
const char *nearest_word (const char *text, const char *const *words, size_t n);

/* A hint: "Did you mean “X”?", or without a near one "Known WHAT: a, b, c." Caller frees. */
char *nearest_hint (const char *text, const char *what, const char *const *words, size_t n);
