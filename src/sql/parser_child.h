/*
 * The process that libpg_query runs in, and the words it and its parent exchange.
 *
 *   request   uint32 length, then that many bytes of SQL
 *   reply     SqlReplyHead, then head.length bytes: the tree's JSON, or the parser's message
 *
 * Both ends are the same program, so numbers are in the machine's own order.
 */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

/* What is larger is not parsed: trees take a hundred times the memory of their text. */
#define SQL_PARSE_MAX_BYTES (8u * 1024 * 1024)
#define SQL_TREE_MAX_BYTES (16u * 1024 * 1024)

#define SQL_PARSE_SECONDS 10

typedef enum
{
  SQL_REPLY_TREE,
  SQL_REPLY_ERROR,
  SQL_REPLY_TOO_LARGE,
} SqlReplyKind;

typedef struct
{
  uint32_t kind;     /* SqlReplyKind */
  uint32_t position; /* of an error: the character, counted from 1; 0: not known */
  uint32_t length;
} SqlReplyHead;

/* Answers on FD until its other end is closed. To be called in a process that was just forked, by
 * PARENT; calls nothing that another thread of the parent could have held a lock of, but malloc,
 * which the C library keeps usable after fork. */
void sql_parser_child (int fd, pid_t parent) G_GNUC_NORETURN;
