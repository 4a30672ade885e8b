/*
 * The project that a command of compose is about: its folder, files, name, and the volumes that the files declare.
 *
 * Follows compose 1.x and 2.x at once. Where they differ (what a folder's name is cut down to, which .env
 * counts) both answers are kept: who guards a project guards it under all names that it may have.
 */
#pragma once

#include "guard/arguments.h"
#include "project/node.h"

typedef struct
{
  char *key;  /* in the section `volumes` */
  char *name; /* as written in `name`, expanded; NULL: the project's name, "_" and the key */
  bool is_external;
} ComposeVolume;

typedef struct
{
  char *folder;         /* absolute: where relative paths begin */
  GPtrArray *names;     /* of char *: what it may be called at the Engine; the likeliest first */
  GPtrArray *files;     /* of char *: absolute, in order, included ones as well */
  GPtrArray *documents; /* of Node: what stands in the files */
  GPtrArray *volumes;   /* of ComposeVolume */
  char **variables;     /* NAME=value of its .env files, the first of a name counts; never NULL */
  GPtrArray *env_files; /* of char *: those that were read, as named */
  char *problem;        /* what could not be read: one line; NULL */
} ComposeProject;

void compose_project_clear (ComposeProject *project);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ComposeProject, compose_project_clear)

/* Of a command with `is_compose`, run in FOLDER (absolute). Never fails: see `problem`. */
void compose_project_read (const GuardCommand *command, const char *folder,
                           ComposeProject *ret_project);

/* What VOLUME is called at the Engine when the project is called NAME; caller frees. */
char *compose_project_volume_name (const ComposeVolume *volume, const char *name);

/* A variable as compose sees it: the process's environment, then the .env files; NULL: not set. */
const char *compose_variable (const ComposeProject *project, const char *name);

/* TEXT with $NAME, ${NAME}, ${NAME:-x}, ${NAME-x}, ${NAME:?x}, ${NAME?x}, ${NAME:+x}, ${NAME+x} and $$ replaced
 * as compose does it; caller frees. NULL when compose would refuse it. */
char *compose_expand (const ComposeProject *project, const char *text);

/* A project's name as compose cuts it down; IS_NEW: as 2.x does it. Caller frees. */
char *compose_normalise_name (const char *name, bool is_new);
