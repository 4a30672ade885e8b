/*
 * "Did you mean ...?": the nearest of a list of words.
 */
#pragma once

/* Edits (insert, remove, change, swap two neighbours) that turn A into B. Words past 64 bytes are
 * as far apart as the longer one is long. */
unsigned suggest_distance (const char *a, const char *b);

/* The word of the NULL-terminated WORDS nearest to TEXT, the first of equals; NULL when none is
 * near enough to be meant (a third of its length, at least one edit). Owned by WORDS. */
const char *suggest_nearest (const char *text, const char *const *words);
