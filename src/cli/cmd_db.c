/* pgkeel db: the database of an environment, and the server of a local one. */
#include "cli/cmd_db.h"
#include "base/clock.h"
#include "base/size.h"
#include "base/text.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "project/audit.h"
#include "project/stamp.h"
#include "project/target.h"

#include <string.h>

#define LATENCY_ROUNDS 5

static int show_password;

static const GOptionEntry url_options[] = {
  { "show-password", 0, 0, G_OPTION_ARG_NONE, &show_password,
    "Print the password of a remote URL instead of ***", NULL },
  { 0 },
};

bool
db_open_cluster (const Project *project, Cluster **ret_cluster, GError **error)
{
  g_autofree char *folder = project_state_path (project, project->environment->name);
  return cluster_open (folder, ret_cluster, error);
}

/* The cluster of a local environment; others have a server that is not ours to start or stop. */
static bool
open_local (CliContext *context, const char *verb, Project **ret_project, Cluster **ret_cluster,
            GError **error)
{
  Project *project = NULL;
  if (!context_project (context, &project, error))
    return false;
  if (!project->environment->is_local)
    return keel_error (
        error, KEEL_ERROR_USAGE,
        "Only an environment with “local: true” in pgkeel.yaml has a server of pgkeel's own; "
        "choose one with -e.",
        "cannot %s the server of “%s”, which is not local", verb, project->environment->name);
  *ret_project = project;
  return db_open_cluster (project, ret_cluster, error);
}

static bool
database_exists (DbConn *conn, const char *name, bool *ret_exists, GError **error)
{
  g_autofree char *found = NULL;
  if (!db_query_text (conn, "SELECT 'yes' FROM pg_catalog.pg_database WHERE datname = $1", 1, &name,
                      &found, error))
    return false;
  *ret_exists = found != NULL;
  return true;
}

/* Makes the environment's database. Another start may make it at the same moment. */
static bool
ensure_database (const Cluster *cluster, const char *name, GError **error)
{
  g_autofree char *url = cluster_url (cluster, "postgres");
  g_autoptr (DbConn) conn = NULL;
  bool exists = false;
  if (!db_connect (url, NULL, &db_retry_default, &conn, error)
      || !database_exists (conn, name, &exists, error))
    return false;
  if (exists)
    return true;
  g_autofree char *quoted = db_quote_ident (name);
  g_autofree char *sql = g_strdup_printf ("CREATE DATABASE %s", quoted);
  g_autoptr (GError) problem = NULL;
  if (db_exec (conn, sql, &problem))
    return true;
  if (database_exists (conn, name, &exists, NULL) && exists)
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* Another start may write the stamp at the same moment. */
static bool
write_stamp (DbConn *conn, const Project *project, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_auto (Stamp) stamp = { 0 };
  if (stamp_write (conn, project, &problem))
    return true;
  if (db_rollback (conn) && stamp_read (conn, project, &stamp, NULL)
      && stamp.verdict == STAMP_MATCHES)
    return true;
  g_propagate_error (error, g_steal_pointer (&problem));
  return false;
}

/* Stamps a database that carries no stamp. One of another environment, or a copy, is left as it is:
 * saying otherwise is a decision. */
static bool
ensure_stamp (CliContext *context, const Project *project, const char *url, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (Stamp) stamp = { 0 };
  if (!db_connect (url, NULL, &db_retry_default, &conn, error)
      || !stamp_read (conn, project, &stamp, error))
    return false;
  if (stamp.verdict == STAMP_NONE)
    return write_stamp (conn, project, error);
  if (stamp.verdict == STAMP_MISMATCH || stamp.verdict == STAMP_COPY)
    {
      g_autofree char *message = g_strdup_printf (
          "the database says it is “%s” of “%s”%s", stamp.environment, stamp.project,
          stamp.verdict == STAMP_COPY ? ", copied from another cluster" : "");
      report_warning (&context->report, message, "Look at it before you write to it.");
    }
  return true;
}

static json_t *
cluster_json (const Project *project, const Cluster *cluster, const char *url)
{
  return json_pack ("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:o}", "environment",
                    project->environment->name, "state", "running", "url", url, "database",
                    project->environment->database, "project", project->name, "pid",
                    cluster_pid (cluster), "major", cluster_major (cluster), "data_folder",
                    output_json_string (cluster_data_folder (cluster)), "log",
                    output_json_string (cluster_log_path (cluster)));
}

static bool
run_start (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  g_autoptr (Cluster) cluster = NULL;
  if (!open_local (context, "start", &project, &cluster, error))
    return false;
  const ProjectEnvironment *environment = project->environment;
  ClusterState before = cluster_state (cluster);
  if (before == CLUSTER_ABSENT)
    report_step (&context->report, "making a cluster for “%s”", environment->name);
  if (!cluster_start (cluster, environment->postgres_major, error))
    return false;
  g_autofree char *url = cluster_url (cluster, environment->database);
  if (!ensure_database (cluster, environment->database, error)
      || !ensure_stamp (context, project, url, error))
    return false;
  if (before != CLUSTER_RUNNING && !audit_write (project, "db start", "done", NULL, error))
    return false;
  report_step (&context->report, "PostgreSQL %d %s, process %d", cluster_major (cluster),
               before == CLUSTER_RUNNING ? "was running" : "is running", cluster_pid (cluster));
  if (!context->json)
    {
      output_line ("%s", url);
      return true;
    }
  json_t *object = cluster_json (project, cluster, url);
  json_object_set_new (object, "made", json_boolean (before == CLUSTER_ABSENT));
  json_object_set_new (object, "started", json_boolean (before != CLUSTER_RUNNING));
  output_json (object);
  return true;
}

static bool
run_stop (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  g_autoptr (Cluster) cluster = NULL;
  if (!open_local (context, "stop", &project, &cluster, error))
    return false;
  bool was_running = cluster_pid (cluster) != 0;
  if (was_running && !audit_write (project, "db stop", "intent", NULL, error))
    return false;
  if (!cluster_stop (cluster, error))
    return false;
  if (was_running && !audit_write (project, "db stop", "done", NULL, error))
    return false;
  if (!context->json)
    output_line (was_running ? "stopped" : "was not running");
  else
    output_json (json_pack ("{s:s, s:s, s:b}", "environment", project->environment->name, "state",
                            "stopped", "stopped", was_running));
  return true;
}

/* What `db status` shows; what could not be asked stays NULL or negative. */
typedef struct
{
  const char
      *state; /* "running", "stopped", "absent"; of a remote server "reachable", "unreachable" */
  char *version, *user, *url, *checksums;
  int64_t size_bytes;
  int64_t latency_us;
  bool has_database;
  Stamp stamp;
} Status;

static void
status_clear (Status *status)
{
  g_free (status->version);
  g_free (status->user);
  g_free (status->url);
  g_free (status->checksums);
  stamp_clear (&status->stamp);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Status, status_clear)

/* The shortest of some round trips: what the network takes, not what the machine was doing. */
static bool
measure_latency (DbConn *conn, int64_t *ret_us, GError **error)
{
  int64_t shortest = INT64_MAX;
  for (int i = 0; i < LATENCY_ROUNDS; i++)
    {
      int64_t begin = clock_monotonic_us ();
      if (!db_exec (conn, "SELECT", error))
        return false;
      shortest = MIN (shortest, clock_monotonic_us () - begin);
    }
  *ret_us = shortest;
  return true;
}

static bool
ask_server (DbConn *conn, const Project *project, Status *status, GError **error)
{
  g_autofree char *size = NULL;
  status->user = g_strdup (db_user (conn));
  status->has_database = true;
  if (!db_query_text (conn, "SHOW server_version", 0, NULL, &status->version, error)
      || !db_query_text (conn, "SHOW data_checksums", 0, NULL, &status->checksums, error)
      || !db_query_text (conn,
                         "SELECT pg_catalog.pg_database_size (pg_catalog.current_database ())", 0,
                         NULL, &size, error)
      || !measure_latency (conn, &status->latency_us, error)
      || !stamp_read (conn, project, &status->stamp, error))
    return false;
  status->size_bytes = size != NULL ? g_ascii_strtoll (size, NULL, 10) : -1;
  return true;
}

/* A running local server may have lost its database (dropped by someone): that is a finding. */
static bool
ask_local (const Project *project, const Cluster *cluster, Status *status, GError **error)
{
  const char *name = project->environment->database;
  g_autofree char *maintenance_url = cluster_url (cluster, "postgres");
  g_autoptr (DbConn) maintenance = NULL, conn = NULL;
  bool exists = false;
  if (!db_connect (maintenance_url, NULL, &db_retry_default, &maintenance, error)
      || !database_exists (maintenance, name, &exists, error)
      || !db_query_text (maintenance, "SHOW server_version", 0, NULL, &status->version, error))
    return false;
  if (!exists)
    return keel_error (error, KEEL_ERROR_ANSWER_NO,
                       "“pgkeel db start” makes it; a backup brings its data back.",
                       "the server runs, and there is no database “%s”", name);
  g_clear_pointer (&status->version, g_free);
  return db_connect (status->url, NULL, &db_retry_default, &conn, error)
         && ask_server (conn, project, status, error);
}

static bool
find_local_status (const Project *project, const Cluster *cluster, Status *status, GError **error)
{
  static const char *const names[] = {
    [CLUSTER_ABSENT] = "absent", [CLUSTER_STOPPED] = "stopped", [CLUSTER_RUNNING] = "running"
  };
  ClusterState state = cluster_state (cluster);
  status->state = names[state];
  status->url = cluster_url (cluster, project->environment->database);
  if (state == CLUSTER_RUNNING)
    return ask_local (project, cluster, status, error);
  return keel_error (error, KEEL_ERROR_ANSWER_NO, "Start it with “pgkeel db start”.",
                     "the local cluster of “%s” %s", project->environment->name,
                     state == CLUSTER_ABSENT ? "has not been made yet" : "is not running");
}

static bool
find_remote_status (const Project *project, Status *status, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  const char *url = NULL;
  status->state = "unreachable";
  if (!project_url (project, &url, error))
    return false;
  status->url = text_mask_url (url);
  if (!db_connect (url, NULL, &db_retry_none, &conn, error))
    return false;
  status->state = "reachable";
  return ask_server (conn, project, status, error);
}

static json_t *
status_json (const Project *project, const Cluster *cluster, const Status *status)
{
  const ProjectEnvironment *environment = project->environment;
  json_t *object = json_pack (
      "{s:s, s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o}", "project", project->name, "environment",
      environment->name, "local", environment->is_local, "protected", environment->is_protected,
      "state", status->state, "url", output_json_string (status->url), "version",
      output_json_string (status->version), "user", output_json_string (status->user), "stamp",
      status->has_database ? json_string (stamp_verdict_name (status->stamp.verdict))
                           : json_null ());
  json_object_set_new (object, "size_bytes",
                       status->size_bytes >= 0 ? json_integer (status->size_bytes) : json_null ());
  json_object_set_new (object, "latency_ms",
                       status->latency_us >= 0 ? json_real ((double) status->latency_us / 1000.0)
                                               : json_null ());
  json_object_set_new (object, "checksums",
                       status->checksums != NULL
                           ? json_boolean (strcmp (status->checksums, "on") == 0)
                           : json_null ());
  if (cluster == NULL)
    return object;
  int pid = cluster_pid (cluster), major = cluster_major (cluster);
  json_object_set_new (object, "pid", pid != 0 ? json_integer (pid) : json_null ());
  json_object_set_new (object, "major", major != 0 ? json_integer (major) : json_null ());
  json_object_set_new (object, "data_folder", output_json_string (cluster_data_folder (cluster)));
  json_object_set_new (object, "log", output_json_string (cluster_log_path (cluster)));
  return object;
}

static void
add_pair (OutputTable *table, const char *name, const char *value)
{
  if (value != NULL)
    output_pair (table, name, "%s", value);
}

static void
add_stamp (OutputTable *table, const Stamp *stamp)
{
  bool good = stamp->verdict == STAMP_MATCHES;
  if (good || stamp->environment == NULL)
    output_pair (table, "stamp", "%s", stamp_verdict_name (stamp->verdict));
  else
    output_pair (table, "stamp", "%s: it says “%s” of “%s”", stamp_verdict_name (stamp->verdict),
                 stamp->environment, stamp->project);
  output_table_style (table, 1, good ? OUTPUT_GOOD : OUTPUT_WARN);
}

static void
print_status (const Project *project, const Cluster *cluster, const Status *status)
{
  const ProjectEnvironment *environment = project->environment;
  g_autoptr (OutputTable) table = output_pairs_new ();
  output_pair (table, "environment", "%s/%s%s%s", project->name, environment->name,
               environment->is_local ? ", local" : "",
               environment->is_protected ? ", protected" : "");
  bool good = strcmp (status->state, "running") == 0 || strcmp (status->state, "reachable") == 0;
  output_pair (table, "state", "%s", status->state);
  output_table_style (table, 1, good ? OUTPUT_GOOD : OUTPUT_BAD);
  if (status->version != NULL)
    output_pair (table, "version", "PostgreSQL %s", status->version);
  add_pair (table, "url", status->url);
  add_pair (table, "user", environment->is_local ? NULL : status->user);
  if (cluster != NULL && cluster_pid (cluster) != 0)
    output_pair (table, "process", "%d", cluster_pid (cluster));
  if (cluster != NULL && cluster_major (cluster) != 0)
    {
      add_pair (table, "data", cluster_data_folder (cluster));
      add_pair (table, "log", cluster_log_path (cluster));
    }
  if (status->size_bytes >= 0)
    {
      g_autofree char *size = size_format ((uint64_t) status->size_bytes);
      add_pair (table, "size", size);
    }
  add_pair (table, "checksums", status->checksums);
  if (status->latency_us >= 0)
    output_pair (table, "latency", "%.2f ms", (double) status->latency_us / 1000.0);
  if (status->has_database)
    add_stamp (table, &status->stamp);
  output_table_print (table);
}

/* The picture is printed whatever it is; that the server does not answer is then the error. */
static bool
run_status (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  g_autoptr (Cluster) cluster = NULL;
  g_auto (Status) status = { .size_bytes = -1, .latency_us = -1 };
  if (!context_project (context, &project, error))
    return false;
  bool is_local = project->environment->is_local;
  if (is_local && !db_open_cluster (project, &cluster, error))
    return false;
  bool good = is_local ? find_local_status (project, cluster, &status, error)
                       : find_remote_status (project, &status, error);
  if (context->json)
    output_json (status_json (project, cluster, &status));
  else
    print_status (project, cluster, &status);
  return good;
}

/* A local URL is always the same, so it is printed for a stopped server too. */
static bool
run_url (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  g_autoptr (Cluster) cluster = NULL;
  g_autofree char *shown = NULL;
  const char *url = NULL;
  if (!context_project (context, &project, error))
    return false;
  if (!project->environment->is_local)
    {
      if (!project_url (project, &url, error))
        return false;
      shown = show_password ? g_strdup (url) : text_mask_url (url);
    }
  else
    {
      if (!db_open_cluster (project, &cluster, error))
        return false;
      shown = cluster_url (cluster, project->environment->database);
      if (cluster_state (cluster) != CLUSTER_RUNNING)
        report_warning (&context->report, "the server is not running",
                        "Start it with “pgkeel db start”.");
    }
  bool masked = url != NULL && strcmp (url, shown) != 0;
  if (!context->json)
    output_line ("%s", shown);
  else
    output_json (json_pack ("{s:s, s:s, s:b}", "environment", project->environment->name, "url",
                            shown, "masked", masked));
  return true;
}

const CliCommand db_commands[] = {
  { .name = "start",
    .summary = "Start the embedded server of a local environment",
    .description
    = "The first start makes the cluster (under .pgkeel/, or in /var/lib/pgkeel when the server's user "
      "cannot enter the project) with checksums on, and in it the environment's database with its identity "
      "stamp. It listens on a Unix socket only. Root's server runs as the user “postgres”. A server that is "
      "running is left as it is. Prints the URL.",
    .example = "psql \"$(pgkeel db start)\"",
    .run = run_start },
  { .name = "stop",
    .summary = "Stop the embedded server of a local environment",
    .description
    = "Sessions are ended, their open transactions rolled back (fast mode). The data stays.",
    .example = "pgkeel db stop",
    .run = run_stop },
  { .name = "status",
    .summary = "Show the server of the environment",
    .description
    = "State, version, URL, size, checksums, latency and the identity stamp; for a local "
      "environment also process, data folder and log. Exit code 0 when the database answers, 1 "
      "when a local server is not running, 4 when a remote one cannot be reached.",
    .example = "pgkeel -e production db status --json",
    .run = run_status },
  { .name = "url",
    .summary = "Print the URL of the environment's database",
    .description
    = "For libpq and everything built on it. The password of a remote URL is masked unless "
      "--show-password is given.",
    .example = "psql \"$(pgkeel db url)\"",
    .options = url_options,
    .run = run_url },
  { .name = "shell",
    .arguments = "[-- PSQL-ARGUMENT...]",
    .max_arguments = -1,
    .summary = "Open psql with the environment in its prompt",
    .description
    = "Production and protected environments are red. What follows -- goes to psql as it is. "
      "Your own psqlrc is read, but the prompt stays. A database whose stamp says that it is "
      "another environment's is refused.",
    .example = "pgkeel db shell -- -c 'SELECT count(*) FROM ledger_transaction'",
    .run = db_run_shell },
  { 0 },
};
