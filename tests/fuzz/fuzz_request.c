/*
 * Any bytes as the Engine's question to its plugin, and as the request in it ("METHOD URI", lines of headers, an
 * empty line, a body): what is read of it is judged against an Engine made of a table. Nothing that could destroy
 * passes unseen: a protected volume is never removed, and every refusal has a reason that can be shown.
 */
#include "base/text.h"
#include "guard/policy.h"
#include "guard/probe.h"
#include "guard/request.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const char engine_text[]
    = "{\"/info\": {\"DockerRootDir\": \"/nonexistent/docker\"},"
      "\"/volumes\": {\"Volumes\": [{\"Name\": \"p\", \"Driver\": \"local\", \"Labels\": "
      "{\"com.ledgerflow.protect\": \"true\"}, \"Mountpoint\": \"/nonexistent/docker/volumes/p/_data\"},"
      " {\"Name\": \"q\", \"Driver\": \"local\", \"Mountpoint\": \"/nonexistent/q\"}]},"
      "\"/volumes/p\": {\"Name\": \"p\", \"Driver\": \"local\", \"Labels\": "
      "{\"com.ledgerflow.protect\": \"true\"}, \"Mountpoint\": \"/nonexistent/docker/volumes/p/_data\"},"
      "\"/containers/json\": [{\"Id\": \"1\", \"Names\": [\"/c\"], \"State\": \"running\", \"Labels\": "
      "{\"com.docker.compose.project\": \"s\"}, \"Mounts\": [{\"Type\": \"volume\", \"Name\": \"p\", "
      "\"Destination\": \"/d\", \"RW\": true}]}],"
      "\"/containers/c/json\": {\"Name\": \"/c\", \"Config\": {\"Image\": \"i\", \"Labels\": "
      "{\"com.docker.compose.project\": \"s\"}}, \"HostConfig\": {\"AutoRemove\": true}, \"Mounts\": "
      "[{\"Type\": \"volume\", \"Name\": \"p\", \"Destination\": \"/d\", \"RW\": true}]},"
      "\"/images/i/json\": {\"Config\": {\"Env\": [\"PGDATA=/d\"]}}}";

static bool
fake_get (GuardEngine *engine, const char *path, json_t **ret, GError **error)
{
  static json_t *answers = NULL;
  if (answers == NULL)
    answers = json_loads (engine_text, 0, NULL);
  g_assert (answers != NULL);
  g_autofree char *plain = g_strndup (path, strcspn (path, "?"));
  *ret = json_incref (json_object_get (answers, plain));
  return true;
}

/* The settings of a project that says nothing, and of one that is strict. */
static const GuardPolicy *
policy_of (bool is_strict)
{
  static GuardPolicy *policies[2];
  static const char *const paths[] = { "/nonexistent/state", NULL };
  char *none[] = { NULL }, *production[] = { NULL };
  const ProjectGuard settings = { .label = (char *) "com.ledgerflow.protect=true",
                                  .protect = none,
                                  .is_strict = is_strict,
                                  .production = production };
  if (policies[is_strict] == NULL)
    {
      policies[is_strict] = guard_policy_new (&settings, NULL);
      guard_policy_protect_self (policies[is_strict], "pgkeel", paths);
    }
  return policies[is_strict];
}

static void
check_verdict (const GuardOperation *operation, const GuardVerdict *verdict)
{
  g_assert (!verdict->is_released);
  g_assert (verdict->is_allowed || (verdict->rule != NULL && verdict->reason != NULL));
  g_assert (verdict->reason == NULL || strchr (verdict->reason, '\n') == NULL);
  bool is_removal = operation->act == GUARD_VOLUME_REMOVE;
  g_assert (!is_removal || strcmp (operation->name, "p") != 0 || !verdict->is_allowed);
}

static void
judge (const GuardRequest *request)
{
  static GuardEngine engine = { .get = fake_get };
  g_auto (GuardOperation) operation = { 0 };
  guard_request_operation (request, &operation);
  g_assert (operation.given != NULL && g_utf8_validate (operation.given, -1, NULL));
  g_assert (operation.act != GUARD_OPAQUE || operation.detail != NULL);
  g_autofree char *nonce = guard_probe_find (request->uri);
  for (int strict = 0; strict < 2; strict++)
    {
      g_auto (GuardVerdict) verdict = { 0 };
      guard_judge (policy_of (strict == 1), &engine, &operation, true, &verdict);
      check_verdict (&operation, &verdict);
    }
}

static void
read_envelope (const char *text, size_t length)
{
  g_autoptr (GError) error = NULL;
  g_auto (GuardRequest) request = { 0 };
  if (guard_request_parse (text, length, &request, &error))
    judge (&request);
  else
    g_assert (error != NULL);
}

/* The line up to END or a newline, which is passed; NULL at the end. Caller frees. */
static char *
next_line (const char **at, const char *end)
{
  if (*at >= end)
    return NULL;
  const char *newline = memchr (*at, '\n', (size_t) (end - *at));
  const char *stop = newline != NULL ? newline : end;
  char *line = g_strndup (*at, (gsize) (stop - *at));
  *at = newline != NULL ? newline + 1 : end;
  return line;
}

/* As the Engine puts it into its question. */
static void
read_request (const char *text, size_t length)
{
  const char *at = text, *end = text + length;
  g_autofree char *first = next_line (&at, end);
  char *space = first != NULL ? strchr (first, ' ') : NULL;
  if (space == NULL)
    return;
  *space = '\0';
  g_autoptr (json_t) headers = json_object ();
  for (;;)
    {
      g_autofree char *line = next_line (&at, end);
      char *colon = line != NULL ? strstr (line, ": ") : NULL;
      if (colon == NULL)
        break;
      *colon = '\0';
      json_object_set_new (headers, line, json_string (colon + 2));
    }
  g_autofree char *body = g_base64_encode ((const guchar *) at, (gsize) (end - at));
  g_autoptr (json_t) envelope
      = json_pack ("{s:s, s:s, s:s, s:O}", "RequestMethod", first, "RequestUri", space + 1,
                   "RequestBody", body, "RequestHeaders", headers);
  g_autofree char *question = envelope != NULL ? json_dumps (envelope, JSON_COMPACT) : NULL;
  if (question != NULL)
    read_envelope (question, strlen (question));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_malloc0 (size + 1);
  if (size > 0)
    memcpy (text, data, size);
  read_envelope (text, size);
  read_request (text, size);
  g_auto (GuardProbe) probe = { 0 };
  (void) guard_probe_read (text, "nonce", &probe);
  return 0;
}
