#include "guard/environment_ask.h"

#include "base/cancel.h"
#include "base/parallel.h"
#include "base/text.h"
#include "db/conn.h"
#include "project/environment.h"
#include "project/stamp.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 8

typedef struct
{
  const Project *project;
  char *url;
  EnvLockDatabase database;
  GPtrArray *texts; /* of the database */
} Question;

struct EnvLockAsk
{
  const Project *project;
  GPtrArray *questions; /* of Question */
};

static void
question_free (Question *question)
{
  g_free (question->url);
  g_ptr_array_unref (question->texts);
  g_free (question);
}

EnvLockAsk *
env_lock_ask_new (const Project *project)
{
  EnvLockAsk *ask = g_new0 (EnvLockAsk, 1);
  ask->project = project;
  ask->questions = g_ptr_array_new_with_free_func ((GDestroyNotify) question_free);
  return ask;
}

void
env_lock_ask_free (EnvLockAsk *ask)
{
  g_ptr_array_unref (ask->questions);
  g_free (ask);
}

static Question *
find_question (const EnvLockAsk *ask, const char *url)
{
  for (guint i = 0; i < ask->questions->len; i++)
    {
      Question *question = ask->questions->pdata[i];
      if (strcmp (question->url, url) == 0)
        return question;
    }
  return NULL;
}

/* TEXT, which from now on is the question's. */
static const char *
keep (Question *question, char *text)
{
  if (text != NULL)
    g_ptr_array_add (question->texts, text);
  return text;
}

/* --- what the URL says ---------------------------------------------------------------------------- */

static bool
is_this_machine (const char *host)
{
  return host[0] == '/' || host[0] == '@' || g_str_has_prefix (host, "localhost")
         || g_str_has_prefix (host, "127.") || g_str_has_prefix (host, "::1");
}

/* A host that it leaves out is that of PGHOST, or this machine. */
static void
read_url (Question *question)
{
  EnvLockDatabase *database = &question->database;
  g_autofree char *host = NULL;
  if (!db_url_parts (question->url, NULL, NULL, &host, NULL))
    return;
  if (strcmp (host, "local socket") == 0)
    {
      const char *variable = g_getenv ("PGHOST");
      g_free (host);
      host = g_strdup (variable != NULL && *variable != '\0' ? variable : "/");
    }
  database->is_local_host = is_this_machine (host);
  database->has_many_hosts = strchr (host, ',') != NULL;
  const char *port = strrchr (host, ':');
  if (port != NULL && !database->has_many_hosts)
    database->port_asked = atoi (port + 1);
  database->url_says = environment_of_url (question->url);
  database->host = keep (question, g_steal_pointer (&host));
}

void
env_lock_ask_add (EnvLockAsk *ask, const char *url)
{
  if (find_question (ask, url) != NULL)
    return;
  Question *question = g_new0 (Question, 1);
  question->project = ask->project;
  question->url = g_strdup (url);
  question->texts = g_ptr_array_new_with_free_func (g_free);
  question->database.shown = keep (question, text_mask_url (url));
  read_url (question);
  g_ptr_array_add (ask->questions, question);
}

/* --- what the server says ------------------------------------------------------------------------- */

static const char *
ask_cluster (Question *question, DbConn *conn)
{
  char *identifier = NULL;
  if (!db_query_text (conn, "SELECT system_identifier::text FROM pg_catalog.pg_control_system ()",
                      0, NULL, &identifier, NULL))
    return NULL;
  return keep (question, identifier);
}

/* The database's name as the server has it: a pooler may know it by another one. */
static bool
ask_server (Question *question, DbConn *conn, GError **error)
{
  EnvLockDatabase *database = &question->database;
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn,
                 "SELECT pg_catalog.pg_is_in_recovery (), pg_catalog.inet_server_port (),\n"
                 "       coalesce ((SELECT r.rolsuper FROM pg_catalog.pg_roles r\n"
                 "                   WHERE r.rolname = current_user), false),\n"
                 "       pg_catalog.current_database (),\n"
                 "       extract (epoch FROM pg_catalog.pg_postmaster_start_time ())::text",
                 0, NULL, &result, error))
    return false;
  database->is_replica = db_result_bool (result, 0, 0);
  database->port_found = (int) db_result_int64 (result, 0, 1);
  database->is_superuser = db_result_bool (result, 0, 2);
  database->name = keep (question, g_strdup (db_result_text (result, 0, 3)));
  database->started = keep (question, g_strdup (db_result_text (result, 0, 4)));
  database->cluster = ask_cluster (question, conn);
  return true;
}

static bool
ask_stamp (Question *question, DbConn *conn, GError **error)
{
  static const EnvLockStamp stamps[] = {
    [STAMP_UNKNOWN] = ENV_LOCK_STAMP_UNKNOWN, [STAMP_NONE] = ENV_LOCK_STAMP_NONE,
    [STAMP_MATCHES] = ENV_LOCK_STAMP_HERE,    [STAMP_MISMATCH] = ENV_LOCK_STAMP_HERE,
    [STAMP_COPY] = ENV_LOCK_STAMP_COPY,
  };
  EnvLockDatabase *database = &question->database;
  g_auto (Stamp) stamp = { 0 };
  if (!stamp_read (conn, question->project, &stamp, error))
    return false;
  database->stamp = stamps[stamp.verdict];
  database->stamp_project = keep (question, g_steal_pointer (&stamp.project));
  database->stamp_environment = keep (question, g_steal_pointer (&stamp.environment));
  return true;
}

/* Whether nobody answered, at any of the addresses that were tried, by libpq's words for each. Who answers but
 * does not let us in may let the command in, which has a password from elsewhere. */
static bool
is_silence (const char *text)
{
  static const char *const reasons[] = { "Connection refused",
                                         "timeout expired",
                                         "No route to host",
                                         "Network is unreachable",
                                         "No such file or directory",
                                         "Connection timed out",
                                         "Host is down" };
  g_auto (GStrv) parts = g_strsplit (text, "failed: ", -1);
  if (parts[1] == NULL)
    return strstr (text, "could not translate host name") != NULL;
  for (size_t i = 1; parts[i] != NULL; i++)
    {
      bool is_known = g_str_has_prefix (parts[i], "FATAL:  database \"")
                      && strstr (parts[i], "does not exist");
      for (size_t j = 0; j < G_N_ELEMENTS (reasons) && !is_known; j++)
        is_known = g_str_has_prefix (parts[i], reasons[j]);
      if (!is_known)
        return false;
    }
  return true;
}

static bool
ask_one (Question *question, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_autoptr (GError) problem = NULL;
  if (db_connect (question->url, NULL, &db_retry_none, &conn, &problem)
      && ask_server (question, conn, &problem) && ask_stamp (question, conn, &problem))
    {
      question->database.state = ENV_LOCK_DATABASE_REACHED;
      return true;
    }
  if (keel_error_is (problem, KEEL_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return false;
    }
  const char *detail = keel_error_detail (problem);
  g_autofree char *text = g_strconcat (problem->message, " ", detail, NULL);
  question->database.state
      = is_silence (text) ? ENV_LOCK_DATABASE_UNREACHABLE : ENV_LOCK_DATABASE_CLOSED;
  question->database.problem = keep (question, g_strdup (problem->message));
  return true;
}

static bool
work (Parallel *parallel, unsigned int worker, void *data, GError **error)
{
  (void) worker;
  const EnvLockAsk *ask = data;
  for (;;)
    {
      unsigned int i = parallel_next (parallel);
      if (i >= ask->questions->len)
        return true;
      if (!parallel_check (parallel, error) || !ask_one (ask->questions->pdata[i], error))
        return false;
    }
}

bool
env_lock_ask_run (EnvLockAsk *ask, GError **error)
{
  unsigned int count = MIN (ask->questions->len, SESSIONS_MAX);
  return cancel_check (error) && (count == 0 || parallel_run (count, work, ask, error));
}

EnvLockDatabase
env_lock_ask_answer (const EnvLockAsk *ask, const char *url)
{
  const Question *question = find_question (ask, url);
  return question != NULL ? question->database : (EnvLockDatabase){ 0 };
}
