/*
 * The definition of one table out of a backup's schema, as pg_dump --table gives it, and how it is
 * made elsewhere. What other tables, functions or parents the table refers to may be missing there:
 * its rows come back all the same, and what could not be made is told.
 */
#pragma once

#include "backup/restore_internal.h"

typedef struct
{
  char *before; /* SQL for an empty table */
  char *after;  /* SQL once the rows are there: keys, indexes, triggers, policies */
  char *
      not_included; /* what needs the table in the backup and does not come with it; NULL: nothing */
  GPtrArray *at_end; /* of text: statements that are put off to the end */
} TableDefinition;

void table_definition_clear (TableDefinition *definition);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TableDefinition, table_definition_clear)

/* Reads the definition of PLAN's table through a database that is made for it and dropped again, with
 * the backup's schema in it. AS is NULL, or the name of a copy in the same schema: with columns,
 * defaults, checks and indexes as the backup has them, and nothing that reaches to other tables. */
bool table_definition_read (RestorePlan *plan, const char *as, TableDefinition *ret_definition,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the empty table in CONN's open transaction. */
bool table_definition_run_before (TableDefinition *definition, DbConn *conn, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Adds the rest when the rows are there. What needs something that is not there is left out, and
 * REPORT warns of it. */
bool table_definition_run_after (TableDefinition *definition, DbConn *conn, Report *report,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
