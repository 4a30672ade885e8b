#include "net/client.h"

#include "base/cancel.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_DEFAULT_MS 5000
#define TIMEOUT_DEFAULT_MS 30000
#define MAX_BYTES_DEFAULT ((size_t) 16 << 20)
#define IDLE_MAX 4 /* connections that are kept when nobody uses them */

struct NetClient
{
  char *base, *socket, *ca_file, *cert_file, *key_file;
  int64_t connect_ms, timeout_ms;
  size_t max_bytes;
  GMutex mutex;
  GPtrArray *idle; /* of CURL */
};

void
net_answer_clear (NetAnswer *answer)
{
  g_free (answer->body);
}

NetClient *
net_client_new (const NetClientSpec *spec)
{
  static gsize initialised = 0;
  if (g_once_init_enter (&initialised))
    {
      /* Of TLS only when it is needed: setting it up costs every small program its memory. */
      bool wants_tls = g_str_has_prefix (spec->base, "https:");
      curl_global_init (wants_tls ? CURL_GLOBAL_ALL : CURL_GLOBAL_NOTHING);
      g_once_init_leave (&initialised, 1);
    }
  NetClient *client = g_new0 (NetClient, 1);
  client->base = g_strdup (spec->base);
  client->socket = g_strdup (spec->socket);
  client->ca_file = g_strdup (spec->ca_file);
  client->cert_file = g_strdup (spec->cert_file);
  client->key_file = g_strdup (spec->key_file);
  client->connect_ms = spec->connect_ms > 0 ? spec->connect_ms : CONNECT_DEFAULT_MS;
  client->timeout_ms = spec->timeout_ms > 0 ? spec->timeout_ms : TIMEOUT_DEFAULT_MS;
  client->max_bytes = spec->max_bytes > 0 ? spec->max_bytes : MAX_BYTES_DEFAULT;
  g_mutex_init (&client->mutex);
  client->idle = g_ptr_array_new_with_free_func (curl_easy_cleanup);
  return client;
}

void
net_client_free (NetClient *client)
{
  if (client == NULL)
    return;
  g_ptr_array_unref (client->idle);
  g_mutex_clear (&client->mutex);
  g_free (client->base);
  g_free (client->socket);
  g_free (client->ca_file);
  g_free (client->cert_file);
  g_free (client->key_file);
  g_free (client);
}

static CURL *
handle_take (NetClient *client)
{
  g_mutex_lock (&client->mutex);
  CURL *handle = client->idle->len > 0
                     ? g_ptr_array_steal_index (client->idle, client->idle->len - 1)
                     : NULL;
  g_mutex_unlock (&client->mutex);
  if (handle != NULL)
    curl_easy_reset (handle); /* the connection stays */
  return handle != NULL ? handle : curl_easy_init ();
}

static void
handle_give_back (NetClient *client, CURL *handle)
{
  g_mutex_lock (&client->mutex);
  bool is_kept = client->idle->len < IDLE_MAX;
  if (is_kept)
    g_ptr_array_add (client->idle, handle);
  g_mutex_unlock (&client->mutex);
  if (!is_kept)
    curl_easy_cleanup (handle);
}

typedef struct
{
  GByteArray *bytes;
  size_t max_bytes;
  bool is_too_long;
} Receiver;

static size_t
receive (char *data, size_t size, size_t count, void *receiver_pointer)
{
  Receiver *receiver = receiver_pointer;
  size_t length = size * count;
  if (length > receiver->max_bytes - receiver->bytes->len)
    {
      receiver->is_too_long = true;
      return 0;
    }
  g_byte_array_append (receiver->bytes, (const guint8 *) data, (guint) length);
  return length;
}

static int
check_cancelled (void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
  return cancel_requested () ? 1 : 0;
}

static void
set_connection (const NetClient *client, CURL *handle)
{
  curl_easy_setopt (handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt (handle, CURLOPT_CONNECTTIMEOUT_MS, (long) client->connect_ms);
  curl_easy_setopt (handle, CURLOPT_TIMEOUT_MS, (long) client->timeout_ms);
  curl_easy_setopt (handle, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
  curl_easy_setopt (handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (handle, CURLOPT_XFERINFOFUNCTION, check_cancelled);
  if (client->socket != NULL)
    {
      curl_easy_setopt (handle, CURLOPT_UNIX_SOCKET_PATH, client->socket);
      curl_easy_setopt (handle, CURLOPT_NOPROXY, "*");
    }
  if (client->ca_file != NULL)
    curl_easy_setopt (handle, CURLOPT_CAINFO, client->ca_file);
  if (client->cert_file != NULL)
    curl_easy_setopt (handle, CURLOPT_SSLCERT, client->cert_file);
  if (client->key_file != NULL)
    curl_easy_setopt (handle, CURLOPT_SSLKEY, client->key_file);
}

static struct curl_slist *
set_call (CURL *handle, const NetCall *call)
{
  if (call->body == NULL)
    {
      if (call->method != NULL)
        curl_easy_setopt (handle, CURLOPT_CUSTOMREQUEST, call->method);
      return NULL;
    }
  g_autofree char *type = g_strdup_printf (
      "Content-Type: %s", call->content_type != NULL ? call->content_type : "application/json");
  /* No "Expect: 100-continue": it makes large bodies wait for a second where nobody knows it. */
  struct curl_slist *headers = curl_slist_append (curl_slist_append (NULL, type), "Expect:");
  curl_easy_setopt (handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt (handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) call->body_length);
  curl_easy_setopt (handle, CURLOPT_POSTFIELDS, call->body);
  if (call->method != NULL)
    curl_easy_setopt (handle, CURLOPT_CUSTOMREQUEST, call->method);
  return headers;
}

static bool
explain (const NetClient *client, const Receiver *receiver, CURLcode code, GError **error)
{
  const char *place = client->socket != NULL ? client->socket : client->base;
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return keel_error (error, KEEL_ERROR_CANCELLED, NULL, "interrupted while waiting for %s",
                       place);
  if (receiver->is_too_long)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "the answer of %s is larger than %zu bytes",
                       place, receiver->max_bytes);
  return keel_error (error, KEEL_ERROR_UNREACHABLE, NULL, "%s: %s", place,
                     curl_easy_strerror (code));
}

bool
net_client_call (NetClient *client, const NetCall *call, NetAnswer *ret_answer, GError **error)
{
  CURL *handle = handle_take (client);
  if (handle == NULL)
    return keel_error (error, KEEL_ERROR_FAILED, NULL, "libcurl cannot be set up");
  g_autofree char *url = g_strconcat (client->base, call->path, NULL);
  Receiver receiver = { .bytes = g_byte_array_new (), .max_bytes = client->max_bytes };
  set_connection (client, handle);
  struct curl_slist *headers = set_call (handle, call);
  curl_easy_setopt (handle, CURLOPT_URL, url);
  curl_easy_setopt (handle, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt (handle, CURLOPT_WRITEDATA, &receiver);
  CURLcode code = curl_easy_perform (handle);
  long status = 0;
  curl_easy_getinfo (handle, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all (headers);
  handle_give_back (client, handle);
  if (code != CURLE_OK)
    {
      (void) explain (client, &receiver, code, error);
      g_byte_array_unref (receiver.bytes);
      return false;
    }
  ret_answer->status = status;
  ret_answer->body_length = receiver.bytes->len;
  g_byte_array_append (receiver.bytes, (const guint8 *) "", 1);
  ret_answer->body = (char *) g_byte_array_free (receiver.bytes, FALSE);
  return true;
}

char *
net_escape (const char *text)
{
  GString *escaped = g_string_new (NULL);
  for (const char *c = text; *c != '\0'; c++)
    {
      if (g_ascii_isalnum (*c) || strchr ("-._~", *c) != NULL)
        g_string_append_c (escaped, *c);
      else
        g_string_append_printf (escaped, "%%%02X", (unsigned int) (unsigned char) *c);
    }
  return g_string_free (escaped, FALSE);
}
