/* What kind a file is of: by its name, else by how it begins. */
#include "guard/scan_internal.h"

#include <string.h>

/* Patterns of the whole path where they have a /, of the file's name elsewhere. The first that fits. */
static const struct
{
  const char *pattern;
  ScanKind kind;
} patterns[] = {
  { "docker-compose*.yml", SCAN_KIND_COMPOSE },
  { "docker-compose*.yaml", SCAN_KIND_COMPOSE },
  { "compose*.yml", SCAN_KIND_COMPOSE },
  { "compose*.yaml", SCAN_KIND_COMPOSE },
  { "*.compose.yml", SCAN_KIND_COMPOSE },
  { "*.compose.yaml", SCAN_KIND_COMPOSE },
  { "*.docker-compose.yml", SCAN_KIND_COMPOSE },
  { "podman-compose*.yml", SCAN_KIND_COMPOSE },
  { "Makefile", SCAN_KIND_MAKEFILE },
  { "makefile", SCAN_KIND_MAKEFILE },
  { "GNUmakefile", SCAN_KIND_MAKEFILE },
  { "Makefile.*", SCAN_KIND_MAKEFILE },
  { "*.mk", SCAN_KIND_MAKEFILE },
  { "*.sh", SCAN_KIND_SHELL },
  { "*.bash", SCAN_KIND_SHELL },
  { "*.zsh", SCAN_KIND_SHELL },
  { "*.ksh", SCAN_KIND_SHELL },
  { ".envrc", SCAN_KIND_SHELL },
  { "package.json", SCAN_KIND_PACKAGE_JSON },
  { "*.github/workflows/*.yml", SCAN_KIND_WORKFLOW },
  { "*.github/workflows/*.yaml", SCAN_KIND_WORKFLOW },
  { "action.yml", SCAN_KIND_WORKFLOW },
  { "action.yaml", SCAN_KIND_WORKFLOW },
  { ".gitlab-ci*.yml", SCAN_KIND_PIPELINE },
  { "*.gitlab-ci.yml", SCAN_KIND_PIPELINE },
  { "*.circleci/config.yml", SCAN_KIND_PIPELINE },
  { "bitbucket-pipelines.yml", SCAN_KIND_PIPELINE },
  { "azure-pipelines*.yml", SCAN_KIND_PIPELINE },
  { ".drone.yml", SCAN_KIND_PIPELINE },
  { ".woodpecker*.yml", SCAN_KIND_PIPELINE },
  { "Taskfile*.yml", SCAN_KIND_PIPELINE },
  { "Taskfile*.yaml", SCAN_KIND_PIPELINE },
  { ".env", SCAN_KIND_ENV },
  { ".env.*", SCAN_KIND_ENV },
  { "*.env", SCAN_KIND_ENV },
};

static const char *
name_of (const char *path)
{
  const char *slash = strrchr (path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* "#!/bin/sh", "#!/usr/bin/env bash". */
static bool
has_shell_line (const char *text)
{
  return g_regex_match_simple ("^#![^\\n]*\\b(ba|da|z|k|a)?sh\\b", text, G_REGEX_RAW, 0);
}

ScanKind
scan_kind_of (const char *path, const char *text)
{
  const char *name = name_of (path);
  for (size_t i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      const char *subject = strchr (patterns[i].pattern, '/') != NULL ? path : name;
      if (g_pattern_match_simple (patterns[i].pattern, subject))
        return patterns[i].kind;
    }
  if (text != NULL && has_shell_line (text))
    return SCAN_KIND_SHELL;
  return SCAN_KIND_NONE;
}

/* A word of NAME, cut at what is neither letter nor digit, is one of WORDS. */
static bool
has_word (const char *name, const char *const *words)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);
  g_auto (GStrv) parts = g_strsplit_set (lower, "-_./:@${} \t0123456789", -1);
  for (char **part = parts; *part != NULL; part++)
    if (**part != '\0' && g_strv_contains (words, *part))
      return true;
  return false;
}

bool
scan_is_throwaway (const char *name)
{
  static const char *const words[] = { "test",    "tests",     "testing", "ci",    "tmp", "temp",
                                       "scratch", "throwaway", "spec",    "smoke", NULL };
  return strstr (name, "e2e") != NULL || has_word (name, words);
}

bool
scan_is_database_name (const char *name)
{
  static const char *const words[] = { "db",           "dbdata",
                                       "database",     "pg",
                                       "pgdata",       "pgsql",
                                       "postgres",     "postgresql",
                                       "postgresdata", "postgresqldata",
                                       "postgis",      "timescale",
                                       "timescaledb",  NULL };
  return has_word (name, words);
}
