#include "base/digest.h"

#include <openssl/evp.h>
#include <string.h>
#include <xxhash.h>

struct Sha256
{
  EVP_MD_CTX *context;
};

/* Looked up once: OpenSSL would search its providers for every hash. */
static const EVP_MD *
algorithm (void)
{
  static EVP_MD *sha256;
  if (g_once_init_enter (&sha256))
    {
      EVP_MD *found = EVP_MD_fetch (NULL, "SHA256", NULL);
      /* Fails only without memory or without any crypto provider: nothing to go on with. */
      if (found == NULL)
        g_error ("OpenSSL offers no SHA-256");
      g_once_init_leave (&sha256, found);
    }
  return sha256;
}

Sha256 *
sha256_new (void)
{
  Sha256 *hash = g_new0 (Sha256, 1);
  hash->context = EVP_MD_CTX_new ();
  if (hash->context == NULL || EVP_DigestInit_ex (hash->context, algorithm (), NULL) != 1)
    g_error ("SHA-256 failed");
  return hash;
}

void
sha256_update (Sha256 *hash, const void *data, size_t length)
{
  if (EVP_DigestUpdate (hash->context, data, length) != 1)
    g_error ("SHA-256 failed");
}

void
sha256_finish (Sha256 *hash, uint8_t ret_sum[SHA256_BYTES])
{
  if (EVP_DigestFinal_ex (hash->context, ret_sum, NULL) != 1)
    g_error ("SHA-256 failed");
}

void
sha256_free (Sha256 *hash)
{
  if (hash == NULL)
    return;
  EVP_MD_CTX_free (hash->context);
  g_free (hash);
}

void
sha256_of (const void *data, size_t length, uint8_t ret_sum[SHA256_BYTES])
{
  g_autoptr (Sha256) hash = sha256_new ();
  sha256_update (hash, data, length);
  sha256_finish (hash, ret_sum);
}

static char *
hex_of (const uint8_t *bytes, size_t count)
{
  static const char digits[] = "0123456789abcdef";
  char *text = g_malloc (count * 2 + 1);
  for (size_t i = 0; i < count; i++)
    {
      text[2 * i] = digits[bytes[i] >> 4];
      text[2 * i + 1] = digits[bytes[i] & 15];
    }
  text[count * 2] = '\0';
  return text;
}

static bool
bytes_of_hex (const char *text, uint8_t *bytes, size_t count)
{
  if (text == NULL || strlen (text) != count * 2)
    return false;
  for (size_t i = 0; i < count * 2; i++)
    if (!g_ascii_isxdigit (text[i]) || g_ascii_isupper (text[i]))
      return false;
  for (size_t i = 0; i < count; i++)
    bytes[i] = (uint8_t) (g_ascii_xdigit_value (text[2 * i]) * 16
                          + g_ascii_xdigit_value (text[2 * i + 1]));
  return true;
}

char *
sha256_hex (const uint8_t sum[SHA256_BYTES])
{
  return hex_of (sum, SHA256_BYTES);
}

bool
sha256_from_hex (const char *text, uint8_t ret_sum[SHA256_BYTES])
{
  return bytes_of_hex (text, ret_sum, SHA256_BYTES);
}

static void
add_128 (RowDigest *digest, uint64_t high, uint64_t low)
{
  digest->low += low;
  digest->high += high + (digest->low < low);
}

void
row_digest_add (RowDigest *digest, const char *line, size_t length)
{
  XXH128_hash_t hash = XXH3_128bits (line, length);
  add_128 (digest, hash.high64, hash.low64);
  digest->rows++;
}

void
row_digest_merge (RowDigest *digest, const RowDigest *other)
{
  add_128 (digest, other->high, other->low);
  digest->rows += other->rows;
}

bool
row_digest_equal (const RowDigest *a, const RowDigest *b)
{
  return a->high == b->high && a->low == b->low && a->rows == b->rows;
}

char *
row_digest_hex (const RowDigest *digest)
{
  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", digest->high,
                          digest->low);
}

bool
row_digest_from_hex (const char *text, RowDigest *ret_digest)
{
  uint8_t bytes[16];
  if (!bytes_of_hex (text, bytes, sizeof bytes))
    return false;
  ret_digest->high = ret_digest->low = 0;
  for (int i = 0; i < 8; i++)
    {
      ret_digest->high = ret_digest->high << 8 | bytes[i];
      ret_digest->low = ret_digest->low << 8 | bytes[i + 8];
    }
  return true;
}

#define CRC32C_REFLECTED 0x82f63b78

uint32_t
crc32c_of (const void *data, size_t length)
{
  const uint8_t *bytes = data;
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < length; i++)
    {
      crc ^= bytes[i];
      for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC32C_REFLECTED : 0);
    }
  return ~crc;
}
