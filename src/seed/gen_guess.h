/*
 * What a column is likely to hold, told from its name, its type and its constraints: an expression as a
 * user could have written it, so that `seed --dry-run -v` can show it and seeds.yaml can begin from it.
 */
#pragma once

#include "seed/gen_model.h"

typedef struct
{
  int64_t from_us, until_us; /* the times that dates are taken from, since 2000-01-01 */
} GenPeriod;

/* 2023-01-01 to 2024-12-31: nothing depends on the day it is made on. */
extern const GenPeriod gen_period_default;

/* NULL when nothing is known that COLUMN of TABLE could hold. Caller frees. */
char *gen_guess (const GenTable *table, const GenColumn *column, const GenPeriod *period);
