/*
 * What CHECK constraints say in words that a generator can follow: x > 0, x BETWEEN a AND b, x IN (...),
 * length(x) <= n, a < b, and these joined by AND. Anything else is left to the trial on the server
 * (gen_trial.h).
 */
#pragma once

#include "seed/gen_model.h"
#include "sql/parse.h"

/* Adds what CHECK, an expression as pg_get_expr writes it, says to the bounds of TABLE's columns. COLUMN is whom
 * VALUE means (a domain's check), or -1. False only when no parser can be started. */
bool gen_check_learn (GenTable *table, const char *check, int column, SqlParser *parser,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
