#include "guard/probe.h"

#include "base/digest.h"
#include "base/text.h"
#include "guard/uri.h"

#include <stdlib.h>
#include <string.h>

#define NONCE_MAX 64
#define ANSWER "pgkeel guards this Engine "

void
guard_probe_clear (GuardProbe *probe)
{
  g_free (probe->version);
  g_free (probe->problem);
}

char *
guard_probe_nonce (void)
{
  return g_uuid_string_random ();
}

char *
guard_probe_find (const char *uri)
{
  const char *query = strchr (uri, '?');
  if (query == NULL || strstr (query, GUARD_PROBE) == NULL)
    return NULL;
  g_autoptr (GPtrArray) values = guard_query_values (query + 1, GUARD_PROBE);
  if (values->len != 1 || strlen (values->pdata[0]) > NONCE_MAX)
    return NULL;
  return g_strdup (values->pdata[0]);
}

/* Another text than the nonce, which others may repeat. */
static char *
sign (const char *nonce)
{
  uint8_t sum[SHA256_BYTES];
  g_autofree char *text = g_strconcat (GUARD_PROBE ":", nonce, NULL);
  sha256_of (text, strlen (text), sum);
  return sha256_hex (sum);
}

char *
guard_probe_answer (const char *nonce, const GuardProbe *probe)
{
  g_autofree char *sign_of_nonce = sign (nonce);
  g_autoptr (json_t) object = json_pack (
      "{s:s, s:s?, s:I, s:I, s:I, s:s?}", "probe", sign_of_nonce, "version", probe->version,
      "volumes", (json_int_t) probe->volumes, "guarded", (json_int_t) probe->guarded, "unreadable",
      (json_int_t) probe->unreadable, "problem", probe->problem);
  char *text = json_dumps (object, JSON_COMPACT);
  char *answer = g_strconcat (ANSWER, text, NULL);
  free (text);
  return answer;
}

static int64_t
count_of (const json_t *object, const char *key)
{
  const json_t *value = json_object_get (object, key);
  return json_is_integer (value) ? json_integer_value (value) : -1;
}

bool
guard_probe_read (const char *message, const char *nonce, GuardProbe *ret_probe)
{
  const char *found = strstr (message, ANSWER);
  if (found == NULL)
    return false;
  const char *text = found + strlen (ANSWER);
  g_autoptr (json_t) object = json_loadb (text, strlen (text), JSON_DISABLE_EOF_CHECK, NULL);
  const char *given = json_string_value (json_object_get (object, "probe"));
  g_autofree char *wanted = sign (nonce);
  if (given == NULL || strcmp (given, wanted) != 0)
    return false;
  *ret_probe = (GuardProbe){
    .version = g_strdup (json_string_value (json_object_get (object, "version"))),
    .volumes = count_of (object, "volumes"),
    .guarded = count_of (object, "guarded"),
    .unreadable = count_of (object, "unreadable"),
    .problem = g_strdup (json_string_value (json_object_get (object, "problem"))),
  };
  return true;
}
