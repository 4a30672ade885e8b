/*
 * Migrations that are Python programs: what can be told of Alembic's and Django's without running
 * them. Two branches that both end are the conflict that their tools refuse to go on from.
 */
#pragma once

#include "migrate/folder.h"

typedef struct
{
  char *revision;  /* Alembic's, or the file's name without .py */
  char *name;      /* the first line of Alembic's docstring; "" */
  char *file;      /* in the folder */
  char **needs;    /* revisions that come before it */
  char **depends;  /* of other branches, which Alembic applies before it too */
  char **replaces; /* Django's squashed ones */
} PythonMigration;

typedef struct
{
  const char *tool;   /* "Alembic", "Django" */
  GPtrArray *all;     /* of PythonMigration */
  GPtrArray *heads;   /* of PythonMigration, borrowed: those that nothing comes after */
  GPtrArray *orphans; /* of char *: "REVISION (FILE)": what is needed and not there, and by whom */
} PythonHistory;

void python_history_free (PythonHistory *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PythonHistory, python_history_free)

/* Reads the .py files of NAME, a folder in FOLDER ("": itself). *RET_HISTORY becomes NULL when they are
 * nobody's migrations. */
bool python_history_read (Folder *folder, const char *name, PythonHistory **ret_history,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What stands against going on, a line each: several heads, a revision that is missing. The caller
 * frees with g_ptr_array_unref. */
GPtrArray *python_history_problems (const PythonHistory *history);

/* The revisions up to HEAD, the oldest first: of PythonMigration, borrowed; the caller frees with
 * g_ptr_array_unref. Empty when HEAD is not there. */
GPtrArray *python_history_up_to (const PythonHistory *history, const char *head);
