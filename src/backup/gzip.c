#include "backup/gzip.h"

#include <isa-l/igzip_lib.h>
#include <string.h>

/* Level 1 is as small as gzip -6, within a few per cent, at ten times its speed. */
#define LEVEL 1
#define LEVEL_BUFFER_BYTES ISAL_DEF_LVL1_EXTRA_LARGE
#define PIECE_BYTES (256 * 1024)

struct GzipCompressor
{
  struct isal_zstream stream;
  uint8_t *level_buffer;
  uint8_t *out;
  size_t out_size;
};

GzipCompressor *
gzip_compressor_new (void)
{
  GzipCompressor *compressor = g_new0 (GzipCompressor, 1);
  compressor->level_buffer = g_malloc (LEVEL_BUFFER_BYTES);
  return compressor;
}

void
gzip_compressor_free (GzipCompressor *compressor)
{
  if (compressor == NULL)
    return;
  g_free (compressor->level_buffer);
  g_free (compressor->out);
  g_free (compressor);
}

/* One pass of what ISA-L takes at once (32-bit lengths). */
static void
compress_piece (GzipCompressor *compressor, const uint8_t **next, size_t *left, size_t *used)
{
  struct isal_zstream *stream = &compressor->stream;
  size_t piece = MIN (*left, (size_t) 1 << 30);
  if (compressor->out_size - *used < 64 * 1024)
    {
      compressor->out_size += compressor->out_size / 2 + 128 * 1024;
      compressor->out = g_realloc (compressor->out, compressor->out_size);
    }
  size_t room = MIN (compressor->out_size - *used, (size_t) 1 << 30);
  stream->next_in = (uint8_t *) *next;
  stream->avail_in = (uint32_t) piece;
  stream->end_of_stream = piece == *left;
  stream->next_out = compressor->out + *used;
  stream->avail_out = (uint32_t) room;
  int result = isal_deflate (stream);
  g_assert (result == COMP_OK);
  *next += piece - stream->avail_in;
  *left -= piece - stream->avail_in;
  *used += room - stream->avail_out;
}

void
gzip_compress (GzipCompressor *compressor, const void *data, size_t length,
               const uint8_t **ret_member, size_t *ret_length)
{
  struct isal_zstream *stream = &compressor->stream;
  isal_deflate_init (stream);
  stream->level = LEVEL;
  stream->level_buf = compressor->level_buffer;
  stream->level_buf_size = LEVEL_BUFFER_BYTES;
  stream->gzip_flag = IGZIP_GZIP;
  const uint8_t *next = data;
  size_t left = length, used = 0;
  do
    compress_piece (compressor, &next, &left, &used);
  while (stream->internal_state.state != ZSTATE_END);
  *ret_member = compressor->out;
  *ret_length = used;
}

static bool
set_damaged (GError **error)
{
  return keel_error (error, KEEL_ERROR_CORRUPT, "Use an older backup; this one is damaged.",
                     "a compressed part is damaged");
}

bool
gzip_inflate (const uint8_t *member, size_t length, uint64_t max_bytes, GzipSinkFn sink,
              void *user_data, GError **error)
{
  g_autofree struct inflate_state *state = g_malloc (sizeof *state);
  g_autofree uint8_t *piece = g_malloc (PIECE_BYTES);
  isal_inflate_init (state);
  state->crc_flag = ISAL_GZIP;
  const uint8_t *next = member;
  size_t left = length;
  uint64_t total = 0;
  do
    {
      uint32_t count = (uint32_t) MIN (left, (size_t) 1 << 30);
      state->next_in = (uint8_t *) next;
      state->avail_in = count;
      state->next_out = piece;
      state->avail_out = PIECE_BYTES;
      int result = isal_inflate (state);
      next += count - state->avail_in;
      left -= count - state->avail_in;
      size_t produced = PIECE_BYTES - state->avail_out;
      total += produced;
      bool stuck = produced == 0 && count == state->avail_in;
      if (result != ISAL_DECOMP_OK || total > max_bytes
          || (stuck && state->block_state != ISAL_BLOCK_FINISH))
        return set_damaged (error);
      if (produced > 0 && !sink ((const char *) piece, produced, user_data, error))
        return false;
    }
  while (state->block_state != ISAL_BLOCK_FINISH);
  /* What the bit reader has taken beyond the end of the member counts as left. */
  if (left + (size_t) (state->read_in_length > 0 ? state->read_in_length / 8 : 0) != 0)
    return set_damaged (error);
  return true;
}

static bool
append_text (const char *data, size_t length, void *user_data, GError **error)
{
  (void) error;
  g_string_append_len (user_data, data, (gssize) length);
  return true;
}

bool
gzip_inflate_text (const uint8_t *member, size_t length, uint64_t max_bytes, char **ret_text,
                   size_t *ret_length, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  if (!gzip_inflate (member, length, max_bytes, append_text, text, error))
    return false;
  *ret_length = text->len;
  *ret_text = g_string_free (g_steal_pointer (&text), FALSE);
  return true;
}
