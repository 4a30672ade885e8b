/*
 * The templates of `pgkeel init --template`: which files each has, and their texts.
 *
 * The texts are src/cli/templates/, embedded. A file is looked for in the template's own folder, then in
 * common/; names there have no leading dots. In a text, @PROJECT@ and the like are replaced, and a line
 * "@include NAME@" by the text NAME. Nothing here reads or writes the project's folder, but
 * init_template_guess.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What is done about a file that is there already. */
typedef enum
{
  INIT_LEAVE_IT,     /* nothing */
  INIT_ADD_LINES,    /* lines that are missing are appended, always: .gitignore */
  INIT_ADD_SCRIPTS,  /* scripts that are missing are added, with --merge: package.json */
  INIT_ADD_THE_LOCK, /* two lines are put in, with --merge: manage.py, which is never made */
} InitExisting;

typedef struct
{
  const char *path; /* seen from the project's folder, with slashes */
  InitExisting existing;
  const char *unless; /* not made when one of these is there, separated by spaces; may be NULL */
} InitFile;

typedef struct
{
  const char *name;
  const char *summary;   /* for messages: "Django with its database in containers" */
  const char *next;      /* what to do then, one command a line */
  const InitFile *files; /* ends with a row without a path */
} InitTemplate;

/* All, ending with a row without a name. */
extern const InitTemplate init_templates[];

/* NULL when there is none. */
const InitTemplate *init_template_find (const char *name);

/* The template that FOLDER looks like, and in *RET_WHY (static) what says so; NULL: none. */
const InitTemplate *init_template_guess (const char *folder, const char **ret_why);

/* The text of PATH for the project PROJECT (value_is_project_name); caller frees. */
char *init_template_render (const InitTemplate *template, const char *path, const char *project);
