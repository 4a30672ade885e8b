/*
 * Single values of pgkeel.yaml: whether a project's name can stand in file names, whether a schedule
 * is one.
 */
#pragma once

#include <stdbool.h>

/* Letters, digits, - and _, beginning with a letter or digit, at most 63. */
bool value_is_project_name (const char *name);

/* NAME with everything else made _, for a folder whose name becomes the project's; caller frees. */
char *value_make_project_name (const char *name);

/* Five fields of numbers, *, ranges, lists and steps, as crontab(5) has them: minute 0-59, hour 0-23,
 * day 1-31, month 1-12, weekday 0-7. No names of days or months. */
bool value_is_schedule (const char *text);
