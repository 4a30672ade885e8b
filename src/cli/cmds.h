/*
 * The rows and tables that the command files give to the tree in commands.c.
 */
#pragma once

#include "cli/command.h"

extern const CliCommand help_command;       /* help.c */
extern const CliCommand version_command;    /* cmd_version.c */
extern const CliCommand completion_command; /* completion.c */
