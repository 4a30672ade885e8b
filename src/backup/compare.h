/*
 * Compares a live database with the index of a backup: what was restored with what the snapshot held.
 *
 * Tables, row counts, row digests, large objects, sequence positions, the schema's fingerprint and
 * the validity of indexes. What could not be compared is said, never counted as equal.
 */
#pragma once

#include "backup/index.h"
#include "base/report.h"
#include "db/conn.h"

typedef struct
{
  const char *url;
  const char *database;
  DbConn *single; /* when set: in this session and its open transaction */
  unsigned int job_count;
  bool expect_schema;                  /* compare the fingerprint */
  bool expect_data;                    /* compare rows, sequences and large objects */
  const BackupTable *only;             /* this table only, and nothing else ... */
  const char *only_schema, *only_name; /* ... under this name in the database; NULL: its own */
} CompareSpec;

typedef struct
{
  uint64_t tables_equal, tables_total;
  uint64_t sequences_equal, sequences_total;
  uint64_t rows; /* read and digested */
  bool schema_compared;
  bool schema_equal;
  bool large_objects_equal;
  uint64_t indexes_valid, indexes_total;
  GPtrArray *differences; /* of text: one line each */
} CompareResult;

void compare_result_clear (CompareResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CompareResult, compare_result_clear)

/* True when the comparison could be made; it is equal if there are no differences. */
bool compare_run (const CompareSpec *spec, const BackupIndex *index, Report *report,
                  CompareResult *ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;
