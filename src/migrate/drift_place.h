/*
 * Where an object of a schema reading (db/schema.h) belongs: told from its kind, name and definition.
 */
#pragma once

#include "db/schema.h"

typedef struct
{
  char *
      owner; /* the table, view, domain ... that it is a part of, as SQL would write it; NULL: none */
  char *schema; /* unquoted; of an object outside of schemas its own name; NULL: not known */
  char
      *relation; /* unquoted: of the table, or its own name; NULL: of a schema, or outside of any */
} DriftPlace;

void drift_place_clear (DriftPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DriftPlace, drift_place_clear)

/* Fills in PLACE, which must be empty. */
void drift_place_find (const DbSchemaObject *object, DriftPlace *place);

/* The last name of a qualified one, quoted as it is, and what stands before it: of s."a.b".c the parts
 * s."a.b" and c. *RET_LENGTH is that of the first part; 0: there is only one. */
const char *drift_place_last_name (const char *name, size_t *ret_length);

/* True when PLACE is in one of PATTERNS ("schema" or "schema.relation", with * and ?). */
bool drift_place_matches (const DriftPlace *place, const char *const *patterns);
