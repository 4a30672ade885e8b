/*
 * What stands in migration files and is no SQL: psql's commands and variables, templates.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/* Why a server cannot run TEXT, e.g. "psql's \i on line 3"; NULL when nothing speaks against it.
 * Commands of psql that have no effect on a database (\echo, \set ON_ERROR_STOP on, ...) are blanked
 * in TEXT, whose length and lines stay. LINE is that of its first byte. Caller frees. */
char *runnable_problem (char *text, size_t length, unsigned int line);
