/*
 * From `generate:` in seeds.yaml and the catalogue to a GenModel: which tables, how many rows, what each
 * column computes, how unique columns stay unique, and in which order tables are loaded.
 *
 * Reads the database and writes nothing. Everything that can be known to be impossible is refused here,
 * with the place in seeds.yaml, the table and the column.
 */
#pragma once

#include "base/report.h"
#include "db/conn.h"
#include "seed/gen_guess.h"
#include "seed/gen_model.h"
#include "sql/parse.h"

typedef struct
{
  uint64_t seed;
  GenPeriod period;
  GPtrArray *tables; /* of GenTable, parents first */
  GenArena *arena;   /* constants */
} GenModel;

typedef struct
{
  DbConn *conn;
  const char *file;     /* as messages call seeds.yaml */
  const Node *generate; /* its section */
  uint64_t scale;       /* rows are multiplied by it, in thousandths */
  bool dry_run; /* tables that rows of others are missing for are left out, with a warning */
} GenPlanSpec;

/* REPORT is warned of keys that stay empty. */
bool gen_plan_make (const GenPlanSpec *spec, Report *report, GenModel **ret_model, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void gen_model_free (GenModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenModel, gen_model_free)

/* The table that NAME ("users", "app.users") means, or NULL. */
GenTable *gen_model_find (const GenModel *model, const char *name);

/* The rows of all tables. */
uint64_t gen_model_rows (const GenModel *model);

/* "sha256:..." of everything that decides what rows are made. Caller frees. */
char *gen_table_digest (const GenModel *model, const GenTable *table);

/* Puts the tables of MODEL in the order of their foreign keys. In a circle a key that may be empty stays empty
 * (REPORT is warned); FILE is for messages (gen_order.c). */
bool gen_order_tables (GenModel *model, const char *file, Report *report, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* --- the steps, for tests --------------------------------------------------------------------- */

/* Compiles the columns of TABLE, guessing where nothing is written, and finds what makes its keys unique.
 * Its links and rows must be set. FILE is for messages. */
bool gen_plan_columns (GenModel *model, GenTable *table, const char *file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The second half of it (gen_unique.c). */
bool gen_plan_unique (GenModel *model, GenTable *table, const char *file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
