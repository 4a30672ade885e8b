/*
 * SQL files of this folder, embedded at build time.
 */
#pragma once

/* The text of src/integrity/sql/NAME. The name must exist: anything else is our own bug. Owned by the
 * program. */
const char *integrity_sql (const char *name);
