/*
 * What `generate:` in seeds.yaml says, before the database is asked. docs/generators.md has its keys.
 */
#pragma once

#include "seed/gen_guess.h"

typedef struct
{
  char *name;
  const Node *node; /* the value of its key; borrowed from the tree */
  uint64_t rows;    /* without `per` */
  char *per;        /* whose children the rows are; NULL */
  const Node *per_node;
  GenChildrenKind kind;
  uint64_t low, high;
  unsigned int exponent;
  const Node *columns; /* a mapping of texts; NULL */
} GenTableSettings;

typedef struct
{
  const char *file; /* borrowed */
  uint64_t seed;
  GenPeriod period;
  GPtrArray *tables; /* of GenTableSettings, as written */
} GenSettings;

/* GENERATE and FILE must live as long as the settings. */
bool gen_settings_read (const Node *generate, const char *file, GenSettings **ret_settings,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void gen_settings_free (GenSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenSettings, gen_settings_free)

/* Those of the table that stands at NODE. */
const GenTableSettings *gen_settings_find (const GenSettings *settings, const Node *node);
