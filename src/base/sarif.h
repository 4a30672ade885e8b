/* SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), as code hosts show it beside the lines. */
#pragma once

#include <jansson.h>

#include <stddef.h>

/* A rule of a linter: texts of one sentence each; LEVEL is "error", "warning" or "note". */
typedef struct
{
  const char *id, *title, *why, *change, *level;
} SarifRule;

/* Where a finding is, lines and columns from 1; END_LINE 0: its end is not known. */
typedef struct
{
  const char *path; /* relative, with slashes */
  size_t line, column, end_line, end_column;
} SarifPlace;

/* An object of `rules`. Bytes that are not UTF-8 are written as escapes, here and below. */
json_t *sarif_rule (const SarifRule *rule);

/* An object of `results`: of the rule at RULE_INDEX of `rules`. LEVEL may differ from the rule's.
 * SUPPRESSED_WHY: a comment in the source allows it, and gives this reason; NULL: nothing does. */
json_t *sarif_result (const char *rule_id, size_t rule_index, const char *level,
                      const char *message, const SarifPlace *place, const char *suppressed_why);

/* The whole log, of one run by pgkeel VERSION. Takes RULES and RESULTS, which are arrays, over. */
json_t *sarif_log (const char *version, json_t *rules, json_t *results);
