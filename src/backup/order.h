/*
 * In which order tables must be filled while their foreign keys are in force.
 *
 * That is so in a backup of data alone, which is loaded over a schema that is there, and of the
 * configuration tables of extensions, whose keys CREATE EXTENSION makes. What a table refers to then
 * comes before it.
 */
#pragma once

#include "backup/scan.h"

/* Sets the level of each of TABLES (of ScanTable): 0 for those that refer to no other, else one above
 * the highest that it refers to. ALL_KEYS: of all tables, otherwise of extensions' only. RET_CIRCLES:
 * names (schema.name) of tables with which a circle of foreign keys was broken: no order satisfies
 * those. */
bool order_tables (DbConn *conn, GPtrArray *tables, bool all_keys, GPtrArray **ret_circles,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
