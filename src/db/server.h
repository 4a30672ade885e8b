/*
 * What embedded and scratch clusters have in common: making the data folder, the socket's folder and
 * its URL, asking whether a server answers, finding its processes, reading the end of its log.
 */
#pragma once

#include "db/server_user.h"

#include <stddef.h>

/* Every server of ours listens on this "port" of its own socket folder. */
#define SERVER_PORT "5432"

typedef struct
{
  const ServerUser *user;
  const char *bin_folder;
  const char *parent;    /* folder to make the data folder in */
  const char *name;      /* of the data folder */
  const char *superuser; /* name of the bootstrap superuser */
  bool is_scratch;       /* nothing is synced, no checksums: for data that is thrown away */
} ServerInit;

/* Runs initdb: UTF-8, locale C.UTF-8 (C where the system lacks it), trust, messages in English. */
bool server_init (const ServerInit *init, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "PATH" as one element of a list setting, for unix_socket_directories; caller frees. */
char *server_quote_list_element (const char *path);
/* TEXT as a quoted value of postgresql.conf. Caller frees. */
char *server_quote_setting (const char *text);

/* True when a socket in FOLDER has a path that the system takes (107 bytes; it has no newline). */
bool server_socket_fits (const char *folder);

/* postgresql://USER@/DATABASE?host=FOLDER&port=5432; caller frees. */
char *server_url (const char *socket_folder, const char *user, const char *database);

typedef enum
{
  SERVER_SILENT,  /* nothing listens, or it does not answer */
  SERVER_NOT_YET, /* it answers, but takes no sessions: starting, recovering, stopping */
  SERVER_ACCEPTS,
} ServerAnswer;

/* Asks the server behind the socket in FOLDER; waits at most 2 s. */
ServerAnswer server_ask (const char *socket_folder);

/* Whether the two functions below can tell: where the system has no /proc they cannot. */
bool server_can_find_processes (void);

/* True when process PID is a server whose working folder is DATA_FOLDER. Without /proc: when there is
 * such a process. */
bool server_works_in (pid_t pid, const char *data_folder);

/* Process ids of the servers whose working folder is DATA_FOLDER: its postmaster and the children, whatever postmaster.pid says. Empty where the system has no /proc. Free with
 * g_array_unref; elements are pid_t. */
GArray *server_find_processes (const char *data_folder);

/* The last lines of the log that say why (FATAL, PANIC, ERROR and what follows), else its last line;
 * NULL when there is none. One line; caller frees. */
char *server_log_reason (const char *log_path);
