/*
 * The generators' part of `pgkeel seed`: rows for volume after the files' rows, or one table's rows written
 * to a file. cmd_seed.c has the command.
 */
#pragma once

#include "cli/command.h"
#include "db/conn.h"
#include "seed/config.h"

/* What the options of `pgkeel seed` that are about generators say; cmd_seed.c lists them. */
typedef struct
{
  int no_generate;
  int jobs; /* 0: by the number of rows */
  char *scale, *table, *output, *format;
} SeedGenerateOptions;

extern SeedGenerateOptions seed_generate_options;

#define SEED_GENERATE_ENTRIES                                                                      \
  { "no-generate",                                                                                 \
    0,                                                                                             \
    0,                                                                                             \
    G_OPTION_ARG_NONE,                                                                             \
    &seed_generate_options.no_generate,                                                            \
    "Load the files only, no generated rows",                                                      \
    NULL },                                                                                        \
      { "scale",                                                                                   \
        0,                                                                                         \
        0,                                                                                         \
        G_OPTION_ARG_STRING,                                                                       \
        &seed_generate_options.scale,                                                              \
        "Multiply the generated rows, by 0.001 to 1000000 (default: 1)",                           \
        "NUMBER" },                                                                                \
      { "jobs",                                                                                    \
        'j',                                                                                       \
        0,                                                                                         \
        G_OPTION_ARG_INT,                                                                          \
        &seed_generate_options.jobs,                                                               \
        "Sessions that load generated rows (default: by their number)",                            \
        "N" },                                                                                     \
      { "table",                                                                                   \
        0,                                                                                         \
        0,                                                                                         \
        G_OPTION_ARG_STRING,                                                                       \
        &seed_generate_options.table,                                                              \
        "The table whose generated rows --output writes",                                          \
        "TABLE" },                                                                                 \
      { "output",                                                                                  \
        'o',                                                                                       \
        0,                                                                                         \
        G_OPTION_ARG_FILENAME,                                                                     \
        &seed_generate_options.output,                                                             \
        "Write generated rows to a file (-: standard output) and load nothing",                    \
        "FILE" },                                                                                  \
  {                                                                                                \
    "format", 0, 0, G_OPTION_ARG_STRING, &seed_generate_options.format,                            \
        "How --output writes: COPY's formats (default: text)", "text|binary"                       \
  }

typedef struct
{
  CliContext *context;
  const char *url;
  DbConn *conn;
  const SeedConfig *config;
  bool dry_run;
  bool (*inspect) (DbConn *conn, void *data, GError **error); /* as GenLoadSpec has it */
  void *inspect_data;
} SeedGenerate;

/* False, with KEEL_ERROR_USAGE, for options that do not go together. */
bool seed_generate_check_options (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether --output asks for rows of a table instead of a loading. */
bool seed_generate_wants_output (void);

/* Writes the rows of --table to --output. */
bool seed_generate_write (const SeedGenerate *spec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether there is something to generate, and --no-generate does not say otherwise. */
bool seed_generate_is_wanted (const SeedGenerate *spec);

/* Writes PHASE of "seed generate" to the audit log. */
bool seed_generate_audit (const SeedGenerate *spec, const Project *project, const char *phase,
                          const char *message, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Generates what seeds.yaml declares, and shows it unless under --json. *RET_JSON is what to show there. */
bool seed_generate_run (const SeedGenerate *spec, json_t **ret_json, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
