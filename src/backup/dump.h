/*
 * Dumps one database into a backup file. Knows nothing of projects, names or retention.
 */
#pragma once

#include "backup/index.h"
#include "base/report.h"
#include "store/store.h"

typedef enum
{
  DUMP_ALL,         /* "db": schema and data */
  DUMP_SCHEMA_ONLY, /* "schema" */
  DUMP_DATA_ONLY,   /* "data" */
} DumpType;

typedef struct
{
  const char *url;
  DumpType type;
  unsigned int job_count;  /* connections that read data; 0: one for each processor, at most 8 */
  uint64_t min_size_bytes; /* a file as small is a failure */
  const char *project;     /* for the index */
  const char *environment;
} DumpSpec;

typedef struct
{
  uint64_t size_bytes; /* of the file */
  int64_t elapsed_us;
  BackupIndex *index; /* owned */
} DumpResult;

void dump_result_clear (DumpResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DumpResult, dump_result_clear)

/* Writes NAME in STORE. On failure no object of that name exists. */
bool dump_run (const DumpSpec *spec, Store *store, const char *name, Report *report,
               DumpResult *ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "db", "schema", "data". */
const char *dump_type_name (DumpType type);
