/*
 * "backup create" as a whole: one run at a time, the name, the dump, the comparison with the backup
 * before, the log, and retention when it is configured and the new backup is good.
 */
#pragma once

#include "backup/dump.h"
#include "project/project.h"

typedef struct
{
  const Project *project;
  const char *url;
  DumpType type;
  unsigned int job_count;
  bool keep_all; /* no retention afterwards, whatever is configured */
  bool
      is_emergency; /* named "emergency" instead of its type: never "latest", never removed, of any size;
                        no retention afterwards */
} CreateSpec;

typedef struct
{
  char *name;
  char *path;
  DumpResult dump;
  GPtrArray *warnings; /* of text: what fell by more than half, and others */
  bool is_shrunken;    /* something fell; nothing old was removed then */
  GPtrArray *removed;  /* of text: names that retention removed */
} CreateResult;

void create_result_clear (CreateResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CreateResult, create_result_clear)

/* KEEL_ERROR_ANSWER_NO: what came out is not larger than backup.min_size. */
bool backup_create (const CreateSpec *spec, Report *report, CreateResult *ret_result,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
