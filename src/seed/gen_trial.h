/*
 * Whether generated rows will pass the constraints of their tables, asked of the server before anything is
 * loaded: a sample goes into a temporary table without constraints, and every CHECK, those of domains
 * included, and every NOT NULL is counted over it.
 */
#pragma once

#include "db/conn.h"
#include "seed/gen_plan.h"

/* Rows that are tried, spread over the whole table. */
#define GEN_TRIAL_ROWS 2000

/* Tries all tables of MODEL whose is_done is false, in a transaction of CONN that is rolled back.
 * KEEL_ERROR_CONFIG names the table, the column and the rule, and shows a row that breaks it; what else was found
 * is in the detail. */
bool gen_trial (DbConn *conn, const GenModel *model, const char *file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
