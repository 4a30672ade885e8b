/*
 * The command line: which command of a tree, its arguments, and what the global options say.
 *
 * GOption reads the options; this module finds the command among them, since global options may
 * stand before it, between its words and after it. Nothing is run or printed here.
 */
#pragma once

#include "cli/command.h"

/* GOption writes int. */
typedef struct
{
  char *folder;
  char *environment;
  char *confirm;
  int json, yes, quiet, verbose, help, version;
} CliGlobals;

typedef struct
{
  CliGlobals globals;
  const CliCommand *command; /* resolved; NULL: none was named */
  char *path;                /* "pgkeel backup create" */
  char **argv;               /* the arguments only, NULL-terminated */
  int argc;
} CliCall;

void cli_call_clear (CliCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliCall, cli_call_clear)

/* Reads ARGV against TREE. The options of the command are written to its static variables. With
 * --help or --version the number of arguments is not looked at. A group without a word after it is
 * not an error here: RET_CALL's command then has children. Errors: KEEL_ERROR_USAGE with a hint. */
bool cli_parse (const CliCommand *tree, int argc, char **argv, CliCall *ret_call, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Whether --json stands among ARGV before a "--": for command lines that cannot be parsed. */
bool cli_wants_json (int argc, char **argv);

/* The row NAME of ROWS, or NULL. */
const CliCommand *cli_find (const CliCommand *rows, const char *name);

/* ROW itself, or the row it is the same as. */
const CliCommand *cli_resolve (const CliCommand *row);

/* Sets KEEL_ERROR_USAGE for a word that is not in ROWS, with the nearest one in the hint. PATH:
 * what stood before it ("pgkeel backup"). Always returns false. */
bool cli_unknown_command (const CliCommand *rows, const char *path, const char *word,
                          GError **error);

/* The global options, for --help and completion; they write to a variable of parse.c. */
const GOptionEntry *cli_global_options (void);
