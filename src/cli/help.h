/*
 * --help, `pgkeel help` and the tree as JSON, all from the command tables.
 */
#pragma once

#include "cli/command.h"

/* How the command at PATH ("pgkeel backup create") is used; COMMAND NULL: the whole program, whose
 * commands are TREE. Caller frees. */
char *help_text (const CliCommand *tree, const CliCommand *command, const char *path);

/* The same as an object; groups carry "commands". The caller owns it. */
json_t *help_json (const CliCommand *tree, const CliCommand *command, const char *path);

/* Prints either. */
void help_print (const CliContext *context, const CliCommand *command, const char *path);

extern const CliCommand help_command;
