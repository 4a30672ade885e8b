/*
 * What the files of `pgkeel integrity` share, and what other commands run checks with.
 */
#pragma once

#include "cli/command.h"
#include "integrity/rule.h"
#include "integrity/run.h"

typedef struct
{
  CliContext *context;
  Project *project; /* the context's */
  char *url;
  GPtrArray *rules;      /* of Rule: the project's own checks */
  GPtrArray *aggregates; /* of IntegrityAggregate: declared ones */
  const char **ignore;   /* patterns, NULL-terminated, the project's */
  Report report;         /* as the context's, with progress in parts of the whole */
} IntegrityBase;

void integrity_base_clear (IntegrityBase *base);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (IntegrityBase, integrity_base_clear)

/* Reads the project's rules, declared aggregates and what it ignores; URL NULL: that of the environment. */
bool integrity_base_open (CliContext *context, const char *url, IntegrityBase *base, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What the options --check, --category, --jobs, --statement-timeout and --budget say. */
typedef struct
{
  char **checks;
  char **categories;
  char *statement_timeout;
  char *budget;
  int jobs;
} IntegrityFlags;

/* Fills in OPTIONS with FLAGS, the project's settings and its rules. KEEL_ERROR_USAGE. */
bool integrity_options (const IntegrityBase *base, const IntegrityFlags *flags,
                        IntegrityOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The table of findings, what is ignored, the coverage line and the totals. */
void integrity_print (const IntegrityBase *base, const IntegrityRun *run);

/* KEEL_ERROR_ANSWER_NO when there are findings of severity error or worse, or anything is unknown. */
bool integrity_answer (const IntegrityRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a proof looks at besides (ProofInspectFn): the checks of rows, in the restored copy. DATA is the
 * CliContext. What they find is recorded and does not spoil the proof: the copy is what the backup
 * says, and a fix of what they find wants a proven backup. */
bool integrity_inspect (const char *url, void *data, json_t **ret_report, bool *ret_passed,
                        GError **error);

extern const CliCommand integrity_report_command; /* cmd_integrity_report.c */
extern const CliCommand integrity_fix_command;    /* cmd_integrity_fix.c */
extern const CliCommand integrity_undo_command;   /* cmd_integrity_fix.c */
