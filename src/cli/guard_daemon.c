#include "cli/guard_daemon.h"

#include "base/fs.h"
#include "base/text.h"

#include <string.h>

#define DAEMON_FILE "/etc/docker/daemon.json"
#define KEY "authorization-plugins"
#define MAX_BYTES (1024 * 1024)

void
guard_daemon_clear (GuardDaemon *daemon)
{
  g_free (daemon->path);
  g_free (daemon->line);
  g_free (daemon->problem);
}

/* Before the others: the first refusal is the last word, and `guard status` wants ours. */
static void
add_line (GuardDaemon *daemon, const json_t *names, const char *name)
{
  size_t i;
  json_t *other;
  g_autoptr (json_t) wanted = json_array ();
  json_array_append_new (wanted, json_string (name));
  json_array_foreach (names, i, other)
    {
      const char *text = json_string_value (other);
      if (text != NULL && strcmp (text, name) == 0)
        daemon->state = GUARD_DAEMON_NAMES_IT;
      else
        json_array_append (wanted, other);
    }
  g_autofree char *dumped = json_dumps (wanted, 0);
  daemon->line = g_strdup_printf ("\"" KEY "\": %s", dumped);
}

void
guard_daemon_read (const char *root, const char *name, GuardDaemon *ret_daemon)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) object = NULL;
  g_autofree char *text = NULL;
  GuardDaemon daemon = { .path = g_strconcat (root, DAEMON_FILE, NULL) };
  json_error_t problem = { 0 };
  if (!g_file_test (daemon.path, G_FILE_TEST_EXISTS))
    daemon.state = GUARD_DAEMON_ABSENT;
  else if (!fs_read_text (daemon.path, MAX_BYTES, &text, NULL, &error))
    daemon.problem = g_strdup (error->message);
  else if ((object = json_loads (text, 0, &problem)) == NULL)
    daemon.problem = g_strdup_printf ("%s:%d: %s", daemon.path, problem.line, problem.text);
  else
    daemon.state = GUARD_DAEMON_NAMES_IT_NOT;
  if (daemon.problem != NULL)
    daemon.state = GUARD_DAEMON_UNREADABLE;
  add_line (&daemon, json_object_get (object, KEY), name);
  *ret_daemon = daemon;
}
