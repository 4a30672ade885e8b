/*
 * What can follow a command line that is being typed: commands, options, and the values of both,
 * from the command tables. The shells' scripts (completion/) ask for it at every TAB, so it reads at
 * most pgkeel.yaml, the backup folder and the incidents, never a server, and is silent about what is wrong there.
 */
#pragma once

#include "cli/command.h"

/* WORDS: what stands after "pgkeel", the last one being typed (perhaps empty); COUNT at least 1.
 * Returns lines: "word" or "word TAB explanation"; ":files" or ":folders" ask the shell for those
 * too. Caller frees with g_ptr_array_unref. */
GPtrArray *complete_words (const CliCommand *tree, int count, char *const *words);
