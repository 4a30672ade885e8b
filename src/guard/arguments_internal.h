/*
 * What the files of arguments.h share. Nobody else includes this.
 */
#pragma once

#include "guard/arguments.h"
#include "guard/words.h"

/* What is known while one command line is read. */
typedef struct
{
  GuardCommand *command;
  const char *folder;
  const char *given; /* the whole line, for messages */
} Arguments;

/* A command, its options and what it does. */
typedef struct
{
  const char *path;          /* "volume rm" */
  const WordOption *options; /* NULL: only common ones */
  bool stops_at_word;
  bool is_reading;
  void (*collect) (Arguments *arguments, const Words *words); /* NULL: nothing that is guarded */
} ArgumentRow;

/* An operation of the line's command, added; owned by the command. */
GuardOperation *arguments_add (Arguments *arguments, GuardAct act, const char *name);

/* Whether one of the options --tls... is given. */
bool arguments_say_tls (const Words *words);

/* arguments_container.c */
extern const WordOption arguments_run_options[];
extern const WordOption arguments_exec_options[];
extern const WordOption arguments_service_options[];
void arguments_collect_run (Arguments *arguments, const Words *words);
void arguments_collect_exec (Arguments *arguments, const Words *words);
void arguments_collect_cp (Arguments *arguments, const Words *words);
void arguments_collect_service (Arguments *arguments, const Words *words);

/* The mount of --mount (a line of CSV) as the Engine's API spells it. */
json_t *arguments_mount (const char *text, const char *folder);

/* The binds and anonymous volumes of -v, added to HOST ("Binds") and VOLUMES. */
void arguments_add_volume (json_t *binds, json_t *volumes, const char *text, const char *folder);

/* arguments_compose.c: ARGV begins after "compose". */
void arguments_read_compose (Arguments *arguments, char *const *argv);
