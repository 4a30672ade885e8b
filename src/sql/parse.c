#include "sql/parse.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "sql/parser_child.h"

#include <errno.h>
#include <pg_query.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct SqlParser
{
  pid_t pid; /* 0: there is no child */
  int fd;
};

typedef enum
{
  EXCHANGE_DONE,
  EXCHANGE_DIED,
  EXCHANGE_TIMED_OUT,
} Exchange;

SqlParser *
sql_parser_new (void)
{
  SqlParser *parser = g_new0 (SqlParser, 1);
  parser->fd = -1;
  return parser;
}

static void
end_child (SqlParser *parser)
{
  if (parser->pid == 0)
    return;
  close (parser->fd);
  kill (parser->pid, SIGKILL);
  while (waitpid (parser->pid, NULL, 0) < 0 && errno == EINTR)
    ;
  parser->pid = 0;
  parser->fd = -1;
}

void
sql_parser_free (SqlParser *parser)
{
  if (parser == NULL)
    return;
  end_child (parser);
  g_free (parser);
}

int
sql_parser_version (void)
{
  return PG_VERSION_NUM / 10000;
}

static bool
start_child (SqlParser *parser, GError **error)
{
  int fds[2];
  pid_t us = getpid ();
  if (parser->pid != 0)
    return true;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return keel_error_errno (error, errno, "cannot start the SQL parser");
  pid_t pid = fork ();
  if (pid == 0)
    sql_parser_child (fds[1], us);
  int saved = errno;
  close (fds[1]);
  if (pid < 0)
    {
      close (fds[0]);
      return keel_error_errno (error, saved, "cannot start the SQL parser");
    }
  parser->pid = pid;
  parser->fd = fds[0];
  return true;
}

static Exchange
wait_for (SqlParser *parser, short events, int64_t deadline)
{
  while (true)
    {
      int64_t left_ms = (deadline - g_get_monotonic_time ()) / 1000;
      struct pollfd poll_fd = { .fd = parser->fd, .events = events };
      int ready = left_ms > 0 ? poll (&poll_fd, 1, (int) left_ms) : 0;
      if (ready > 0)
        return EXCHANGE_DONE;
      if (ready == 0)
        return EXCHANGE_TIMED_OUT;
      if (errno != EINTR)
        return EXCHANGE_DIED;
    }
}

static Exchange
send_all (SqlParser *parser, const void *data, size_t length, int64_t deadline)
{
  for (size_t done = 0; done < length;)
    {
      Exchange waited = wait_for (parser, POLLOUT, deadline);
      if (waited != EXCHANGE_DONE)
        return waited;
      ssize_t sent = send (parser->fd, (const char *) data + done, length - done,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EINTR && errno != EAGAIN)
        return EXCHANGE_DIED;
      done += (size_t) MAX (sent, 0);
    }
  return EXCHANGE_DONE;
}

static Exchange
receive_all (SqlParser *parser, void *buffer, size_t length, int64_t deadline)
{
  for (size_t done = 0; done < length;)
    {
      Exchange waited = wait_for (parser, POLLIN, deadline);
      if (waited != EXCHANGE_DONE)
        return waited;
      ssize_t got = recv (parser->fd, (char *) buffer + done, length - done, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
        return EXCHANGE_DIED;
      done += (size_t) MAX (got, 0);
    }
  return EXCHANGE_DONE;
}

static Exchange
exchange (SqlParser *parser, const char *text, size_t length, SqlReplyHead *ret_head,
          char **ret_reply)
{
  int64_t deadline = g_get_monotonic_time () + SQL_PARSE_SECONDS * G_USEC_PER_SEC;
  uint32_t size = (uint32_t) length;
  Exchange result = send_all (parser, &size, sizeof size, deadline);
  if (result == EXCHANGE_DONE)
    result = send_all (parser, text, length, deadline);
  if (result == EXCHANGE_DONE)
    result = receive_all (parser, ret_head, sizeof *ret_head, deadline);
  if (result != EXCHANGE_DONE)
    return result;
  /* The child's memory may be anything by now: its word is not taken for how much ours should be. */
  if (ret_head->length > SQL_TREE_MAX_BYTES)
    return EXCHANGE_DIED;
  g_autofree char *body = g_malloc (ret_head->length + 1);
  result = receive_all (parser, body, ret_head->length, deadline);
  if (result != EXCHANGE_DONE)
    return result;
  body[ret_head->length] = '\0';
  *ret_reply = g_steal_pointer (&body);
  return EXCHANGE_DONE;
}

/* A child that died may have been killed for another reason than this statement (it dies with the
 * thread that started it): a fresh one decides. */
static bool
ask (SqlParser *parser, const char *text, size_t length, Exchange *ret_result,
     SqlReplyHead *ret_head, char **ret_reply, GError **error)
{
  Exchange result = EXCHANGE_DIED;
  for (int attempt = 0; attempt < 2 && result == EXCHANGE_DIED; attempt++)
    {
      if (!start_child (parser, error))
        return false;
      result = exchange (parser, text, length, ret_head, ret_reply);
      if (result != EXCHANGE_DONE)
        end_child (parser);
    }
  *ret_result = result;
  return true;
}

/* The byte of character NUMBER, counted from 1. */
static size_t
byte_of_character (const char *text, size_t length, uint32_t number)
{
  size_t at = 0;
  while (number > 1 && at < length)
    {
      at++;
      while (at < length && ((unsigned char) text[at] & 0xc0) == 0x80)
        at++;
      number--;
    }
  return at;
}

/* The only statement's tree, or NULL and what is wrong with it. */
static json_t *
statement_of (const char *reply, const char **ret_problem)
{
  g_autoptr (json_t) parsed = json_loads (reply, 0, NULL);
  json_t *statements = json_object_get (parsed, "stmts");
  if (parsed == NULL)
    *ret_problem = "nested too deeply";
  else if (json_array_size (statements) == 0)
    *ret_problem = "no statement";
  else if (json_array_size (statements) > 1)
    *ret_problem = "more than one statement";
  else
    {
      json_t *tree = json_object_get (json_array_get (statements, 0), "stmt");
      *ret_problem = tree != NULL ? NULL : "no statement";
      return json_incref (tree);
    }
  return NULL;
}

static void
give (json_t *tree, const char *problem, size_t position, json_t **ret_tree, char **ret_message,
      size_t *ret_position)
{
  *ret_tree = tree;
  if (ret_message != NULL)
    *ret_message = g_strdup (problem);
  if (ret_position != NULL)
    *ret_position = position;
}

bool
sql_parse (SqlParser *parser, const char *text, size_t length, json_t **ret_tree,
           char **ret_message, size_t *ret_position, GError **error)
{
  Exchange result;
  SqlReplyHead head;
  g_autofree char *reply = NULL;
  const char *problem = NULL;
  json_t *tree = NULL;
  size_t position = 0;
  if (length > SQL_PARSE_MAX_BYTES)
    problem = "too large to be parsed";
  else if (memchr (text, '\0', length) != NULL)
    problem = "a zero byte in it";
  else if (!ask (parser, text, length, &result, &head, &reply, error))
    return false;
  else if (result == EXCHANGE_TIMED_OUT)
    problem = "parsing took too long";
  else if (result == EXCHANGE_DIED)
    problem = "nested too deeply or too large to be parsed";
  else if (head.kind == SQL_REPLY_TOO_LARGE)
    problem = "too large to be parsed";
  else if (head.kind == SQL_REPLY_TREE)
    tree = statement_of (reply, &problem);
  else
    {
      problem = reply;
      position = byte_of_character (text, length, head.position);
    }
  give (tree, problem, position, ret_tree, ret_message, ret_position);
  return true;
}
