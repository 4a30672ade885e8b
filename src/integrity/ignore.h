/*
 * What the project knows of and does not want to hear: `integrity.ignore` in pgkeel.yaml.
 *
 * Everything is looked at all the same. What matches a pattern is counted and shown as ignored, and
 * has no say in whether the run has passed; a pattern that matches nothing any more is told.
 */
#pragma once

#include "integrity/check.h"
#include "project/project.h"

/* What came of one pattern. */
typedef struct
{
  char *pattern;
  int64_t finding_count;
  int64_t unknown_count; /* what could not be looked at */
  bool is_unused;        /* it matched nothing, and all that it could match was looked at */
} IgnoreUse;

void ignore_use_free (IgnoreUse *use);

/* Holds the patterns against the built-in checks and RULES (of Rule). *RET_PATTERNS: the texts, borrowed
 * from SETTINGS and NULL-terminated; caller frees the array with g_free. An id that no check has is
 * KEEL_ERROR_CONFIG with its line and column. */
bool ignore_read (const ProjectIntegrity *settings, const GPtrArray *rules,
                  const char ***ret_patterns, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* PATTERN: "id", "id:object" or "*:object", with * and ?. OBJECT NULL: the check as a whole, which only
 * a pattern without an object matches. */
bool ignore_matches (const char *pattern, const char *id, const char *object);

/* True when PATTERN may match something that the check ID finds. */
bool ignore_may_match (const char *pattern, const char *id);
