/*
 * The command tree as data. One table per command drives parsing, --help, completion and the check
 * that the man page is complete.
 *
 * Who adds a command: CONTRIBUTING.md, "Adding a command". Options are GOptionEntry tables whose
 * storage is static variables of the command's file; a flag's variable is an `int` (GOption writes
 * a gboolean, which is wider than a `bool`), a text's a `char *`. What an argument or an option's
 * value is called decides how shells complete it:
 *   BACKUP        a name from `backup list`, or a file     FILE, DIR   a file, a folder
 *   ENV           an environment of pgkeel.yaml            COMMAND     a command
 *   INCIDENT      an incident, the newest first
 *   one|two|three one of these words                       else        nothing
 */
#pragma once

#include "base/error.h"
#include "base/report.h"
#include "project/project.h"

#include <jansson.h>

/* What the global options said, and what commands share. */
typedef struct
{
  const char *folder;      /* -C, absolute, and the current folder by then; NULL when not given */
  const char *environment; /* -e, --env */
  bool json, yes, quiet, verbose;
  const char *confirm; /* --confirm: the word that a question would want typed; NULL */
  Project *project;    /* opened on first use by context_project */
  bool has_child;      /* the command has run another program, and ends as that ended: */
  int child_status;    /* what waitpid said of it (base/foreground.h) */
  Report report;       /* shows warnings, steps and progress on standard error */
  /* What confirm.h decided last; NULL before. */
  const char *confirm_level, *confirmed_by;
} CliContext;

typedef struct CliCommand CliCommand;
struct CliCommand
{
  const char *name;      /* "create" */
  const char *arguments; /* "BACKUP"; "[BACKUP]", "NAME..."; NULL: none */
  int min_arguments;
  int max_arguments;   /* -1: no limit */
  bool takes_words;    /* what follows its name belongs to another program: no word of it is read */
  const char *summary; /* one line, imperative, no stop */
  const char *description;     /* paragraphs for --help and the manual; may be NULL */
  const char *example;         /* one command line; may be NULL */
  const GOptionEntry *options; /* NULL-terminated, may be NULL; they write to static variables */
  bool stops_at_argument;      /* what follows the first argument is another program's */
  bool (*run) (CliContext *context, int argc, char **argv,
               GError **error); /* argv: arguments only */
  const CliCommand *children;   /* ends with a row without a name; then run is NULL */
  const CliCommand *same_as;    /* everything but the name stands there: a row of another file, or
                                   an alias; NULL: here */
};

/* The whole tree, in src/cli/commands.c. */
extern const CliCommand cli_commands[];

/* The project of the context, opened once. */
bool context_project (CliContext *context, Project **ret_project, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Lets go of what the context opened. */
void context_clear (CliContext *context);

/* Parses ARGV, runs the command, reports the error if any, returns the exit code. */
int cli_main (int argc, char **argv);
