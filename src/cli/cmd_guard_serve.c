/*
 * pgkeel guard serve: the authorization plugin of the Docker Engine, until it is stopped.
 */
#include "base/cancel.h"
#include "cli/cmds.h"
#include "cli/emergency.h"
#include "cli/guard_notice.h"
#include "cli/label_watch.h"
#include "guard/plugin.h"
#include "guard/release.h"
#include "guard/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

/* How often it is looked whether a protected volume is gone. */
#define WATCH_MS (60 * 1000)
#define PLUGIN_FOLDER "/run/docker/plugins"

static char *socket_text, *name_text, *docker_text;
static int reload_fd = -1;

static void
ask_for_reload (int signal_number)
{
  int saved = errno;
  uint64_t one = 1;
  if (write (reload_fd, &one, sizeof one) < 0)
    errno = saved;
  errno = saved;
}

/* The log and the incident of what was refused; the log of what a release allows, without which it is not. */
static bool
notice (const GuardOperation *operation, const GuardVerdict *verdict, void *project)
{
  g_autoptr (GError) error = NULL;
  bool is_noted = guard_notice_write (project, operation, verdict, false, &error);
  fprintf (stderr, "%s (%s): %s\n", verdict->is_allowed ? "released" : "refused", verdict->rule,
           verdict->is_allowed ? verdict->volume : verdict->reason);
  if (!is_noted)
    fprintf (stderr, "error: it could not be logged: %s\n", error->message);
  return is_noted;
}

static GuardPolicy *
make_policy (const Project *project, const char *name, const char *socket)
{
  g_autofree char *releases = guard_release_folder ();
  g_autofree char *state = g_path_get_dirname (releases);
  const char *own[] = { state, socket, "/etc/docker", NULL };
  GuardPolicy *policy = guard_policy_new (&project->guard, releases);
  guard_policy_protect_self (policy, name, own);
  return policy;
}

/* A configuration that cannot be read leaves the one before. */
static void
reload (CliContext *context, GuardPlugin *plugin, const char *name, const char *socket)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Project) project = NULL;
  if (!project_open (context->folder, context->environment, &project, &error))
    {
      fprintf (stderr, "error: the old configuration stays: %s\n", error->message);
      return;
    }
  guard_plugin_set_policy (plugin, make_policy (project, name, socket));
  fprintf (stderr, "the configuration was read again\n");
}

static bool
raise_aside (const IncidentSpec *spec, void *project, GError **error)
{
  fprintf (stderr, "lost: %s\n", spec->summary);
  return emergency_open_aside (project, spec, false, error);
}

/* An Engine that is not there has lost nothing. */
static void
watch (CliContext *context, GuardEngine *engine)
{
  Project *project = context->project;
  g_autoptr (GError) error = NULL;
  g_autoptr (GuardPolicy) policy = guard_policy_new (&project->guard, NULL);
  /* Files of another host are not here to be looked into. */
  guard_policy_set_remote (policy, !g_str_has_prefix (guard_engine_host (docker_text), "unix://"));
  if (!label_watch_look (project, policy, engine, raise_aside, project, NULL, &error)
      && !keel_error_is (error, KEEL_ERROR_UNREACHABLE))
    fprintf (stderr, "error: the volumes could not be compared with those before: %s\n",
             error->message);
}

static void
serve_until_stopped (CliContext *context, GuardPlugin *plugin, GuardEngine *engine,
                     const char *name, const char *socket)
{
  struct pollfd waits[]
      = { { .fd = cancel_fd (), .events = POLLIN }, { .fd = reload_fd, .events = POLLIN } };
  uint64_t count;
  while (!cancel_requested ())
    {
      watch (context, engine);
      if (poll (waits, G_N_ELEMENTS (waits), WATCH_MS) < 0 && errno != EINTR)
        return;
      if (read (reload_fd, &count, sizeof count) == sizeof count)
        reload (context, plugin, name, socket);
    }
}

static bool
run_serve (CliContext *context, int argc, char **argv, GError **error)
{
  const char *name = name_text != NULL ? name_text : "pgkeel";
  g_autofree char *usual = g_strconcat (PLUGIN_FOLDER, "/", name, ".sock", NULL);
  const char *socket = socket_text != NULL ? socket_text : usual;
  Project *project = NULL;
  g_autoptr (GuardEngine) engine = NULL;
  g_autoptr (GuardPlugin) plugin = NULL;
  if (!context_project (context, &project, error)
      || !guard_engine_open (docker_text, &engine, error))
    return false;
  reload_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action = { .sa_handler = ask_for_reload, .sa_flags = SA_RESTART };
  sigaction (SIGHUP, &action, NULL);
  const GuardPluginSpec spec = {
    .socket = socket, .version = PGKEEL_VERSION, .engine = engine, .notice = notice, .data = project
  };
  if (!guard_plugin_start (&spec, make_policy (project, name, socket), &plugin, error))
    return false;
  fprintf (stderr, "guarding as “%s” at %s\n", name, socket);
  g_autoptr (GuardWatchdog) watchdog = guard_watchdog_start (socket);
  serve_until_stopped (context, plugin, engine, name, socket);
  return true;
}

static const GOptionEntry serve_options[] = {
  { "socket", 0, 0, G_OPTION_ARG_FILENAME, &socket_text,
    "Listen there (default: /run/docker/plugins/NAME.sock)", "FILE" },
  { "name", 0, 0, G_OPTION_ARG_STRING, &name_text, "The plugin's name (default: pgkeel)", "NAME" },
  { "docker", 0, 0, G_OPTION_ARG_STRING, &docker_text,
    "The Engine to ask about volumes (default: DOCKER_HOST, or the usual socket)", "HOST" },
  { NULL },
};

const CliCommand guard_serve_command = {
  .summary = "Be the Docker Engine's authorization plugin that protects database volumes",
  .description
  = "Runs until it is stopped; SIGHUP reads pgkeel.yaml again. The Engine consults it when started "
    "with --authorization-plugin=NAME, or with “authorization-plugins” in its daemon.json.",
  .example = "pgkeel guard serve",
  .options = serve_options,
  .run = run_serve,
};
