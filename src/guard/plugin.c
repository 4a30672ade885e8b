#include "guard/plugin.h"

#include "base/memory.h"
#include "base/text.h"
#include "guard/probe.h"
#include "guard/request.h"
#include "net/server.h"

#include <string.h>

#define PLUGIN_TYPE "application/vnd.docker.plugins.v1.2+json"
/* The newest Engines show bodies of up to 4 MB; in base64, with headers beside. */
#define BODY_MAX ((size_t) 8 << 20)
#define LARGE_BYTES (256 * 1024)
#define JUDGES 8
/* Who waits holds a connection, and judging needs more of them (server.c has 512). */
#define WAITING_MAX 256

/* A policy may be exchanged while somebody judges by it. */
typedef struct
{
  GuardPolicy *policy;
  gatomicrefcount count;
} Shared;

struct GuardPlugin
{
  GuardPluginSpec spec;
  GMutex mutex;
  Shared *shared;
  GThreadPool *judges; /* NULL: it is stopping */
  NetServer *server;
};

typedef struct
{
  NetExchange *exchange;
  GuardOperation operation;
  char *nonce;   /* of `guard status`, which asks no more; NULL: there is an operation to judge */
  bool is_large; /* its memory is worth giving back */
} Question;

static void
question_free (Question *question)
{
  guard_operation_clear (&question->operation);
  g_free (question->nonce);
  g_free (question);
}

static Shared *
shared_take (GuardPlugin *plugin)
{
  g_mutex_lock (&plugin->mutex);
  Shared *shared = plugin->shared;
  g_atomic_ref_count_inc (&shared->count);
  g_mutex_unlock (&plugin->mutex);
  return shared;
}

static void
shared_drop (Shared *shared)
{
  if (!g_atomic_ref_count_dec (&shared->count))
    return;
  guard_policy_free (shared->policy);
  g_free (shared);
}

void
guard_plugin_set_policy (GuardPlugin *plugin, GuardPolicy *policy)
{
  Shared *shared = g_new0 (Shared, 1);
  shared->policy = policy;
  g_atomic_ref_count_init (&shared->count);
  g_mutex_lock (&plugin->mutex);
  Shared *before = plugin->shared;
  plugin->shared = shared;
  g_mutex_unlock (&plugin->mutex);
  if (before != NULL)
    shared_drop (before);
}

static void
allow (NetExchange *exchange)
{
  net_exchange_reply (exchange, 200, PLUGIN_TYPE, "{\"Allow\":true}");
}

static void
refuse (NetExchange *exchange, const char *reason, const char *hint)
{
  g_autofree char *joined
      = hint != NULL ? g_strconcat (reason, ". ", hint, NULL) : g_strdup (reason);
  g_autofree char *message = text_escape_invalid (joined);
  g_autoptr (json_t) answer = json_pack ("{s:b, s:s}", "Allow", 0, "Msg", message);
  char *text = json_dumps (answer, JSON_COMPACT);
  net_exchange_reply (exchange, 200, PLUGIN_TYPE, text);
  free (text);
}

static void
count_volumes (GuardPlugin *plugin, GuardProbe *probe)
{
  g_autoptr (GPtrArray) volumes = NULL;
  g_autoptr (GError) error = NULL;
  Shared *shared = shared_take (plugin);
  bool is_read = guard_volumes_read (shared->policy, plugin->spec.engine, &volumes, &error);
  shared_drop (shared);
  probe->volumes = probe->guarded = probe->unreadable = is_read ? 0 : -1;
  probe->problem = is_read ? NULL : text_escape_invalid (error->message);
  for (guint i = 0; is_read && i < volumes->len; i++)
    {
      const GuardVolume *volume = volumes->pdata[i];
      probe->volumes++;
      probe->guarded += guard_volume_is_protected (volume) ? 1 : 0;
      probe->unreadable += volume->is_readable ? 0 : 1;
    }
}

/* Answers `guard status`: with a refusal, which shows that the Engine heeds us. */
static void
answer_probe (GuardPlugin *plugin, const Question *question)
{
  g_auto (GuardProbe) probe = { .version = g_strdup (plugin->spec.version) };
  count_volumes (plugin, &probe);
  g_autofree char *reason = guard_probe_answer (question->nonce, &probe);
  refuse (question->exchange, reason, NULL);
}

static void
answer_operation (GuardPlugin *plugin, const Question *question)
{
  g_auto (GuardVerdict) verdict = { 0 };
  Shared *shared = shared_take (plugin);
  guard_judge (shared->policy, plugin->spec.engine, &question->operation, true, &verdict);
  shared_drop (shared);
  if (!verdict.is_allowed)
    {
      refuse (question->exchange, verdict.reason, verdict.hint);
      (void) plugin->spec.notice (&question->operation, &verdict, plugin->spec.data);
    }
  else if (verdict.is_released
           && !plugin->spec.notice (&question->operation, &verdict, plugin->spec.data))
    refuse (question->exchange, "the deletion is released, but cannot be logged",
            "Look at the guard's log.");
  else
    allow (question->exchange);
}

static void
take_question (void *question_pointer, void *plugin_pointer)
{
  Question *question = question_pointer;
  if (question->nonce != NULL)
    answer_probe (plugin_pointer, question);
  else
    answer_operation (plugin_pointer, question);
  bool is_large = question->is_large;
  question_free (question);
  if (is_large)
    memory_give_back ();
}

/* NONCE is taken over, and what OPERATION holds. */
static void
put_question (GuardPlugin *plugin, NetExchange *exchange, char *nonce, GuardOperation *operation)
{
  size_t length;
  bool is_cut;
  Question *question = g_new0 (Question, 1);
  (void) net_exchange_body (exchange, &length, &is_cut);
  question->is_large = length > LARGE_BYTES;
  question->exchange = exchange;
  question->nonce = nonce;
  question->operation = *operation;
  *operation = (GuardOperation){ 0 };
  net_exchange_defer (exchange);
  g_mutex_lock (&plugin->mutex);
  bool is_stopping = plugin->judges == NULL;
  bool is_pushed = !is_stopping && g_thread_pool_unprocessed (plugin->judges) < WAITING_MAX
                   && g_thread_pool_push (plugin->judges, question, NULL);
  g_mutex_unlock (&plugin->mutex);
  if (is_pushed)
    return;
  refuse (exchange,
          is_stopping ? "the guard is about to stop" : "the guard is asked too much at once",
          "Try again in a moment.");
  question_free (question);
}

static void
answer_question (GuardPlugin *plugin, NetExchange *exchange)
{
  g_autoptr (GError) error = NULL;
  g_auto (GuardRequest) request = { 0 };
  g_auto (GuardOperation) operation = { 0 };
  g_autofree char *nonce = NULL;
  size_t length;
  bool is_cut;
  const char *body = net_exchange_body (exchange, &length, &is_cut);
  /* Engines that try again after a plugin has died have nothing left to say. */
  if (length == 0)
    {
      refuse (exchange, "the guard was restarted in the middle of this call", "Try again.");
      return;
    }
  if (is_cut || !guard_request_parse (body, length, &request, &error))
    {
      refuse (exchange, is_cut ? "the request is too large to be looked into" : error->message,
              NULL);
      return;
    }
  if (strcmp (request.method, "GET") == 0)
    nonce = guard_probe_find (request.uri);
  if (nonce == NULL)
    guard_request_operation (&request, &operation);
  if (nonce == NULL && operation.act == GUARD_OTHER)
    allow (exchange);
  else
    put_question (plugin, exchange, g_steal_pointer (&nonce), &operation);
}

static void
handle (NetExchange *exchange, void *plugin_pointer)
{
  const char *path = net_exchange_path (exchange);
  if (strcmp (path, "/Plugin.Activate") == 0)
    net_exchange_reply (exchange, 200, PLUGIN_TYPE, "{\"Implements\":[\"authz\"]}");
  else if (strcmp (path, "/AuthZPlugin.AuthZRes") == 0)
    allow (exchange); /* what was done is done */
  else if (strcmp (path, "/AuthZPlugin.AuthZReq") == 0)
    answer_question (plugin_pointer, exchange);
  else
    net_exchange_reply (exchange, 404, "text/plain", "not found\n");
}

bool
guard_plugin_start (const GuardPluginSpec *spec, GuardPolicy *policy, GuardPlugin **ret_plugin,
                    GError **error)
{
  g_autoptr (GuardPlugin) plugin = g_new0 (GuardPlugin, 1);
  plugin->spec = *spec;
  g_mutex_init (&plugin->mutex);
  guard_plugin_set_policy (plugin, policy);
  plugin->judges = g_thread_pool_new (take_question, plugin, JUDGES, FALSE, error);
  const NetServerSpec server
      = { .socket = spec->socket, .max_bytes = BODY_MAX, .handler = handle, .data = plugin };
  if (plugin->judges == NULL || !net_server_start (&server, &plugin->server, error))
    return false;
  *ret_plugin = g_steal_pointer (&plugin);
  return true;
}

void
guard_plugin_stop (GuardPlugin *plugin)
{
  if (plugin == NULL)
    return;
  /* First those who judge: the server does not end while an answer is owed. */
  g_mutex_lock (&plugin->mutex);
  GThreadPool *judges = g_steal_pointer (&plugin->judges);
  g_mutex_unlock (&plugin->mutex);
  if (judges != NULL)
    g_thread_pool_free (judges, FALSE, TRUE);
  net_server_stop (plugin->server);
  shared_drop (plugin->shared);
  g_mutex_clear (&plugin->mutex);
  g_free (plugin);
}
