#include "guard/status.h"

#include "base/text.h"
#include "guard/engine.h"

#include <string.h>

/* An Engine tries a dead plugin for half a minute, and there may be several. */
#define TIMEOUT_MS 100000

void
guard_status_clear (GuardStatus *status)
{
  g_free (status->host);
  g_free (status->version);
  g_strfreev (status->plugins);
  g_free (status->plugin);
  guard_probe_clear (&status->answer);
  g_free (status->problem);
  g_free (status->change);
}

static void G_GNUC_PRINTF (3, 4)
    say (GuardStatus *status, const char *change, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_free (status->problem);
  g_free (status->change);
  status->problem = g_strdup_vprintf (format, args);
  status->change = g_strdup (change);
  va_end (args);
}

/* What stands between the first BEFORE in TEXT and the next AFTER; NULL: nothing. Caller frees. */
static char *
text_between (const char *text, const char *before, const char *after)
{
  const char *start = strstr (text, before);
  if (start == NULL)
    return NULL;
  start += strlen (before);
  const char *end = strstr (start, after);
  return end != NULL ? g_strndup (start, (gsize) (end - start)) : NULL;
}

static bool
ask (NetClient *client, const char *path, NetAnswer *ret_answer, GError **error)
{
  return net_client_call (client, &(NetCall){ .path = path }, ret_answer, error)
         || prefix_error (error, "asking the Docker Engine");
}

/* Sets TARGET to the text KEY of OBJECT, if there is one. */
static void
take_text (const json_t *object, const char *key, char **target)
{
  const char *text = json_string_value (json_object_get (object, key));
  if (text == NULL)
    return;
  g_free (*target);
  *target = g_strdup (text);
}

static void
take_plugins (GuardStatus *status, const json_t *info)
{
  const json_t *names = json_object_get (json_object_get (info, "Plugins"), "Authorization");
  if (!json_is_array (names) && !json_is_null (names))
    return;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  size_t i;
  json_t *name;
  json_array_foreach (names, i, name)
    if (json_is_string (name))
      g_strv_builder_add (builder, json_string_value (name));
  status->plugins = g_strv_builder_end (builder);
}

/* What the Engine says of itself; another plugin may forbid that. */
static bool
read_info (NetClient *client, GuardStatus *status, GError **error)
{
  g_auto (NetAnswer) answer = { 0 };
  if (!ask (client, "/info", &answer, error))
    return false;
  if (answer.status != 200)
    return true;
  g_autoptr (json_t) info = json_loadb (answer.body, answer.body_length, 0, NULL);
  take_text (info, "ServerVersion", &status->version);
  if (info != NULL)
    take_plugins (status, info);
  return true;
}

static const char add_it[]
    = "Add the plugin's name to “authorization-plugins” in the Engine's daemon.json and reload the "
      "Engine; `pgkeel guard install` says the line.";

/* The probe came through. */
static void
explain_pass (GuardStatus *status, const char *name)
{
  if (status->plugins != NULL && g_strv_contains ((const char *const *) status->plugins, name))
    say (
        status,
        "Look at what listens at the plugin's socket: it is not this version of `pgkeel guard serve`.",
        "the plugin “%s” let the probe pass", name);
  else
    say (status, add_it, "the Engine does not consult “%s”", name);
}

/* Somebody else refused it, or nobody could be asked. */
static void
explain_refusal (GuardStatus *status, const char *name, long code, const char *message)
{
  g_autofree char *failed = text_between (message, "plugin ", " failed with error");
  if (failed != NULL)
    {
      bool is_ours = strcmp (failed, name) == 0;
      say (status,
           is_ours ? "Start it: systemctl start pgkeel-guard.socket, or `pgkeel guard serve`."
                   : "Start that plugin, or take it out of “authorization-plugins”.",
           "the plugin “%s” does not answer, so the Engine refuses everything", failed);
    }
  else if (status->plugin != NULL && strcmp (status->plugin, name) == 0)
    say (
        status,
        "Look at what listens at the plugin's socket: it is not this version of `pgkeel guard serve`.",
        "the plugin “%s” refused the probe with other words than pgkeel's: %s", name, message);
  else if (status->plugin != NULL)
    say (status,
         "Put pgkeel before it in “authorization-plugins”; the first refusal is the last word.",
         "the plugin “%s” refused the probe, so whether pgkeel is consulted cannot be told",
         status->plugin);
  else
    say (status, "Look at the Engine's log.", "the Engine answered the probe with %ld: %s", code,
         message);
}

/* What is wrong although it is guarded. */
static void
explain_guarded (GuardStatus *status)
{
  const GuardProbe *answer = &status->answer;
  if (answer->volumes < 0)
    say (status, "Look at the plugin's log; its option --docker must name this Engine.",
         "the plugin cannot list the volumes, so it refuses what might destroy one: %s",
         answer->problem != NULL ? answer->problem : "it does not say why");
  else if (answer->unreadable > 0)
    say (status, "Run the plugin as root, where it sees the Engine's files.",
         "the plugin cannot look into %" G_GINT64_FORMAT
         " volumes and refuses what might destroy them",
         answer->unreadable);
}

static bool
probe (NetClient *client, const char *name, GuardStatus *status, GError **error)
{
  g_auto (NetAnswer) answer = { 0 };
  g_autofree char *nonce = guard_probe_nonce ();
  g_autofree char *path = g_strconcat ("/version?" GUARD_PROBE "=", nonce, NULL);
  if (!ask (client, path, &answer, error))
    return false;
  if (answer.status == 200)
    {
      g_autoptr (json_t) version = json_loadb (answer.body, answer.body_length, 0, NULL);
      take_text (version, "Version", &status->version);
      return read_info (client, status, error);
    }
  g_autofree char *message = guard_engine_message (&answer);
  status->plugin = text_between (message, "denied by plugin ", ": ");
  status->is_guarded = answer.status == 403 && guard_probe_read (message, nonce, &status->answer);
  if (status->is_guarded)
    return read_info (client, status, error);
  explain_refusal (status, name, answer.status, message);
  return true;
}

bool
guard_status_read (const char *host, const char *name, GuardStatus *ret_status, GError **error)
{
  g_autoptr (NetClient) client = NULL;
  g_auto (GuardStatus) status = { .host = g_strdup (guard_engine_host (host)) };
  if (!guard_engine_client (host, TIMEOUT_MS, &client, error)
      || !probe (client, name, &status, error))
    return false;
  if (status.is_guarded)
    explain_guarded (&status);
  else if (status.problem == NULL)
    explain_pass (&status, name);
  *ret_status = status;
  status = (GuardStatus){ 0 };
  return true;
}
