/*
 * Reads a repository for what will cost somebody a database: compose files whose volumes are not
 * protected, scripts that remove volumes, secrets that are committed.
 *
 * Reads files only: it asks neither Docker nor a server, and writes nothing. What it could not read is
 * reported, never passed over. Rules and their reasons: docs/guard-scan.md.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>

typedef enum
{
  SCAN_NOTE, /* shown; no reason to fail */
  SCAN_WARNING,
  SCAN_ERROR,
} ScanSeverity;

/* "error", "warning", "note": SARIF's words, too. */
const char *scan_severity_name (ScanSeverity severity);

typedef struct
{
  const char *id; /* "down-volumes"; never changes its meaning */
  ScanSeverity severity;
  const char *title;  /* what is wrong, in general */
  const char *why;    /* what it costs */
  const char *change; /* what to write instead */
} ScanRule;

/* All rules, in the order of docs/guard-scan.md; *RET_COUNT of them. */
const ScanRule *scan_rules (size_t *ret_count);

/* NULL: there is none. */
const ScanRule *scan_rule_find (const char *id);

/* What kinds of files are looked at. */
typedef enum
{
  SCAN_KIND_NONE, /* not looked at */
  SCAN_KIND_COMPOSE,
  SCAN_KIND_MAKEFILE,
  SCAN_KIND_SHELL,
  SCAN_KIND_PACKAGE_JSON,
  SCAN_KIND_WORKFLOW, /* GitHub Actions: workflows and composite actions */
  SCAN_KIND_PIPELINE, /* GitLab, CircleCI, Bitbucket, Azure, Drone, Woodpecker, Task */
  SCAN_KIND_ENV,
} ScanKind;

/* PATH's kind, by its name and, where that says nothing, by how TEXT (may be NULL) begins. */
ScanKind scan_kind_of (const char *path, const char *text);

typedef struct
{
  const ScanRule *rule;
  ScanSeverity severity; /* the rule's, or another where the place makes it so */
  char *file;
  unsigned int line, column; /* from 1; the column counts characters */
  unsigned int first_line;   /* of the command it is in: comments before that count */
  char *message;             /* what is wrong with this one */
  char *reason;              /* why a comment allows it; NULL: none does */
} ScanFinding;

typedef struct
{
  const char *folder;            /* what is scanned, and what paths are seen from */
  bool is_staged;                /* the index of git instead of the files */
  const char *label;             /* that protects a volume: "name=value", or "name" */
  const char *const *protect;    /* volumes that are protected by name, with * and ? */
  const char *const *production; /* names of compose files that are production, with * and ? */
  const char *const *compose;    /* -f: merged in this order, and nothing else; NULL: found */
  const char *const *paths;      /* files and folders, seen from the current folder; NULL: all */
} ScanSettings;

typedef struct
{
  GPtrArray *findings;     /* of ScanFinding, by file and line */
  GPtrArray *allowed;      /* of ScanFinding, with their reasons */
  GPtrArray *skipped;      /* of char *: "PATH: why", files of a known kind that were not read */
  unsigned int file_count; /* that were looked at */
} ScanResult;

void scan_result_free (ScanResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScanResult, scan_result_free)

/* False when what was asked for cannot be read at all (no such file, no git for is_staged). */
bool guard_scan_run (const ScanSettings *settings, ScanResult **ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct
{
  const char *path, *text; /* the text is NUL-terminated */
  size_t length;
} ScanInput;

/* As guard_scan_run, of COUNT texts in memory instead of files; the folder and paths of SETTINGS do not
 * count. Caller frees. */
ScanResult *guard_scan_texts (const ScanSettings *settings, const ScanInput *inputs, size_t count);

/* How many findings have this severity. */
unsigned int scan_result_count (const ScanResult *result, ScanSeverity severity);

/* The result in SARIF 2.1.0. VERSION: of pgkeel. The caller owns it. */
json_t *scan_sarif (const ScanResult *result, const char *version);
