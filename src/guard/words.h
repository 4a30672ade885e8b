/*
 * Words of a command line as Docker's client reads them (Go's pflag), by a table of options. For the
 * command lines of others, which GOption cannot read: "-fv=false", "--volumes=0", options that
 * nobody here has heard of.
 *
 * What is not certain is read so that nothing that destroys is overlooked: an option that is not in the
 * table takes no value where every word matters, and takes one where the first plain word ends the
 * options.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct
{
  const char *name; /* without dashes; NULL: only a letter */
  char letter;      /* 0: none */
  bool takes_value;
} WordOption;

typedef struct
{
  const WordOption *options; /* ends with { NULL, 0, false } */
  bool stops_at_word;        /* what follows the first plain word belongs to it: run, exec */
  bool may_abbreviate;       /* docker-compose 1.x: any beginning of a long option's name */
} WordRules;

typedef struct
{
  const WordOption *option;
  char *value; /* as given; a switch without one: "true" */
} WordGiven;

typedef struct
{
  GPtrArray *given;     /* of WordGiven, in order */
  GPtrArray *arguments; /* of const char *, the caller's */
} Words;

void words_clear (Words *words);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

/* Reads ARGV (NULL-terminated, must outlive RET_WORDS) from its first word on. */
void words_read (const WordRules *rules, char *const *argv, Words *ret_words);

/* Whether the switch NAME is on; the last one counts, and what Go does not take for a truth value is
 * on. NAME: the long name, or the letter of an option without one. */
bool words_has (const Words *words, const char *name);

/* The last value of NAME; NULL: not given. */
const char *words_value (const Words *words, const char *name);

/* All values of NAME, in order; caller frees the array, not the texts. */
GPtrArray *words_values (const Words *words, const char *name);
