/*
 * Adding to texts that somebody else wrote: lines to .gitignore, scripts to package.json, the
 * environment lock to manage.py. Every byte that was there stays; what is there already is not added
 * again. Texts only, no files.
 *
 * *RET_TEXT (caller frees) is the new text, NULL when nothing is missing. When it cannot be done, the
 * error says why: KEEL_ERROR_ANSWER_NO.
 */
#pragma once

#include "base/error.h"

/* Appends the lines of WANTED that TEXT lacks. */
char *init_merge_lines (const char *text, const char *wanted);

/* Adds the members of "scripts" in WANTED, the text of a package.json, that TEXT lacks, laid out as the
 * ones that are there. *RET_TAKEN: the names that TEXT has with another command, separated by ", "; NULL:
 * none. */
bool init_merge_scripts (const char *text, const char *wanted, char **ret_text, char **ret_taken,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Puts the lines ADDITION as the first ones under `if __name__ == "__main__":`, unless the word MARK is
 * anywhere in the text. */
bool init_merge_main (const char *text, const char *addition, const char *mark, char **ret_text,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
