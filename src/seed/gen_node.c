#include "seed/gen_node.h"
#include "seed/gen_random.h"

#include <string.h>

/* Texts this short hold nothing but a code when they must be unique. */
#define CODE_ONLY_CHARS 8
#define CODE_CHARS 12
#define EMAIL_TAIL "@example.com"

static const char code_alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static GenNode *
node_new (GenEvalFn eval, const GenType *type)
{
  GenNode *node = g_new0 (GenNode, 1);
  node->eval = eval;
  node->type = type;
  return node;
}

/* BASE to the power of COUNT, at most GEN_PERMUTE_MAX. */
static uint64_t
power (uint64_t base, int count)
{
  uint64_t result = 1;
  for (int i = 0; i < count; i++)
    result = result > GEN_PERMUTE_MAX / base ? GEN_PERMUTE_MAX : result * base;
  return result;
}

/* NUMBER in COUNT characters of ALPHABET. */
static void
put_code (uint64_t number, const char *alphabet, size_t letters, int count, char *out)
{
  for (int i = count; i > 0; number /= letters)
    out[--i] = alphabet[number % letters];
}

/* --- constants and ranges --------------------------------------------------------------------- */

static void
eval_constant (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
               GenValue *value)
{
  *value = node->constant;
}

GenNode *
gen_node_null (const GenType *type)
{
  return node_new (eval_constant, type);
}

GenNode *
gen_node_constant (const GenType *type, const GenValue *value)
{
  GenNode *node = node_new (eval_constant, type);
  node->constant = *value;
  node->is_constant = true;
  node->domain = 1;
  return node;
}

static void
eval_sequence (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
               GenValue *value)
{
  *value = (GenValue){ .kind = GEN_NUMBER,
                       .scale = node->type->scale,
                       .number = node->low + node->step * (int64_t) row->row };
}

GenNode *
gen_node_sequence (const GenType *type, int64_t low, int64_t step)
{
  GenNode *node = node_new (eval_sequence, type);
  node->low = low;
  node->step = step;
  node->is_unique = step != 0;
  return node;
}

/* The cube of an even number in 0 .. 2^64: an eighth of it for half of the words. */
static uint64_t
skew (uint64_t word)
{
  uint64_t part = word >> 32;
  uint64_t cube = (part * part >> 32) * part >> 32;
  return cube << 32 | (word & UINT32_MAX);
}

static void
eval_range (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  uint64_t number
      = index != NULL ? *index : gen_reduce (node->is_skewed ? skew (word) : word, node->count);
  *value = (GenValue){ .kind = GEN_NUMBER,
                       .scale = node->type->scale,
                       .number = node->low + node->step * (int64_t) number };
}

GenNode *
gen_node_range (const GenType *type, int64_t low, int64_t high, int64_t step, bool is_skewed)
{
  GenNode *node = node_new (eval_range, type);
  node->low = low;
  node->step = step;
  node->count = ((uint64_t) high - (uint64_t) low) / (uint64_t) step + 1;
  node->is_skewed = is_skewed;
  node->domain = node->count == 0 ? GEN_PERMUTE_MAX : MIN (node->count, GEN_PERMUTE_MAX);
  return node;
}

static void
eval_chance (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
             GenValue *value)
{
  bool is_true = index != NULL ? *index != 0 : gen_reduce (word, 100) < node->count;
  *value = (GenValue){ .kind = GEN_NUMBER, .number = is_true };
}

GenNode *
gen_node_chance (const GenType *type, unsigned int percent)
{
  GenNode *node = node_new (eval_chance, type);
  node->count = percent;
  node->domain = 2;
  return node;
}

/* --- texts ------------------------------------------------------------------------------------ */

/* What is put where the real text does not fit: a code that begins with 0, as no other text does. */
static size_t
write_short (const GenNode *node, uint64_t number, char *out)
{
  int room = node->max_chars, tail = 0;
  if (node->is_skewed) /* of mail addresses */
    tail = room >= CODE_ONLY_CHARS + (int) strlen (EMAIL_TAIL) - 2 ? (int) strlen (EMAIL_TAIL) : 0;
  int count = MIN (room - tail, CODE_CHARS);
  put_code (number, code_alphabet, strlen (code_alphabet), count, out);
  memcpy (out + count, EMAIL_TAIL, (size_t) tail);
  return (size_t) (count + tail);
}

/* How many codes of write_short there are. */
static uint64_t
short_domain (const GenNode *node)
{
  int room = node->max_chars == 0 ? CODE_CHARS : node->max_chars;
  if (node->is_skewed && room >= CODE_ONLY_CHARS + (int) strlen (EMAIL_TAIL) - 2)
    room -= (int) strlen (EMAIL_TAIL);
  room = MIN (room, CODE_CHARS);
  return power (strlen (code_alphabet), room < CODE_ONLY_CHARS ? room : room - 1);
}

static size_t
pad_text (const GenNode *node, uint64_t word, size_t length, char *out)
{
  if (length >= (size_t) node->min_chars)
    return length;
  if ((size_t) node->min_chars - length > 1)
    out[length++] = ' ';
  gen_text_words (word, (size_t) node->min_chars - length, out + length);
  return (size_t) node->min_chars;
}

static void
eval_text (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  const GenTextKind *kind = node->function;
  size_t room = (size_t) GEN_TEXT_MAX + (size_t) node->min_chars, limit = (size_t) node->max_chars;
  char *text = gen_arena_take (row->arena, room), number[24] = "";
  size_t length;
  if (index != NULL)
    g_snprintf (number, sizeof number, "%" G_GUINT64_FORMAT, *index + 1);
  if (index != NULL && limit > 0 && limit < CODE_ONLY_CHARS)
    length = write_short (node, *index, text);
  else
    {
      length = kind->write (word, number, text);
      if (limit > 0 && length > limit)
        length = index != NULL || node->is_skewed
                     ? write_short (node, index != NULL ? *index : word % short_domain (node), text)
                     : limit;
      while (length > 0 && text[length - 1] == ' ')
        length--;
      length = pad_text (node, word, length, text);
    }
  *value = gen_text_value (text, length);
}

GenNode *
gen_node_text (const GenType *type, const GenTextKind *kind, int min_chars, int max_chars)
{
  GenNode *node = node_new (eval_text, type);
  node->function = (void *) kind;
  node->min_chars = min_chars;
  node->max_chars = max_chars;
  node->is_text = true;
  node->is_skewed = strcmp (kind->name, "email") == 0;
  node->domain = short_domain (node);
  return node;
}

static void
eval_words (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  size_t least = (size_t) node->min_chars, most = (size_t) node->max_chars;
  size_t length = least + gen_reduce (gen_next (word), most - least + 1);
  char *text = gen_arena_take (row->arena, most + 1), number[24];
  *value = gen_text_value (text, length);
  if (index == NULL)
    {
      gen_text_words (word, length, text);
      return;
    }
  if (most < 24)
    {
      int count = (int) MIN (most, MAX (least, CODE_CHARS));
      put_code (*index, code_alphabet, strlen (code_alphabet), count, text);
      value->length = (uint32_t) count;
      return;
    }
  size_t digits = (size_t) g_snprintf (number, sizeof number, " %" G_GUINT64_FORMAT, *index + 1);
  value->length = (uint32_t) MAX (length, digits + 1);
  gen_text_words (word, value->length - digits, text);
  memcpy (text + value->length - digits, number, digits);
}

GenNode *
gen_node_words (const GenType *type, int min_chars, int max_chars)
{
  GenNode *node = node_new (eval_words, type);
  node->min_chars = min_chars;
  node->max_chars = max_chars;
  node->is_text = true;
  node->domain = max_chars < 24 ? power (strlen (code_alphabet), MIN (max_chars, CODE_CHARS))
                                : GEN_PERMUTE_MAX;
  return node;
}

static void
eval_chars (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  const char *alphabet = node->function;
  size_t letters = strlen (alphabet), width = (size_t) node->max_chars;
  char *text = gen_arena_take (row->arena, width);
  for (size_t i = 0; i < width; i++)
    {
      if (i % 8 == 7)
        word = gen_next (word);
      text[i] = alphabet[gen_reduce (word, letters)];
      word = word * letters;
    }
  if (index != NULL)
    {
      int count = (int) MIN (width, node->count);
      put_code (*index, alphabet, letters, count, text + width - count);
      memset (text, alphabet[0], width - (size_t) count);
    }
  *value = gen_text_value (text, width);
}

GenNode *
gen_node_chars (const GenType *type, const char *alphabet, int width)
{
  GenNode *node = node_new (eval_chars, type);
  node->function = (void *) alphabet;
  node->max_chars = width;
  node->domain = power (strlen (alphabet), width);
  node->count = 1; /* characters that say the index */
  while (node->count < (uint64_t) width
         && power (strlen (alphabet), (int) node->count) < GEN_PERMUTE_MAX)
    node->count++;
  return node;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static GenValue
bytes_value (const char *bytes, size_t length)
{
  return (GenValue){ .kind = GEN_BYTES, .text = bytes, .length = (uint32_t) length };
}

/* Version 4 of RFC 9562: 122 bits of chance, or 60 of them and an index in the last 62. */
static void
eval_uuid (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  uint8_t *bytes = gen_arena_take (row->arena, 16);
  uint64_t second = index != NULL ? *index : gen_next (word) >> 2;
  word = GUINT64_TO_BE ((word & ~UINT64_C (0xF000)) | UINT64_C (0x4000));
  second = GUINT64_TO_BE (second | UINT64_C (1) << 63);
  memcpy (bytes, &word, 8);
  memcpy (bytes + 8, &second, 8);
  *value = bytes_value ((char *) bytes, 16);
}

GenNode *
gen_node_uuid (const GenType *type)
{
  GenNode *node = node_new (eval_uuid, type);
  node->domain = GEN_PERMUTE_MAX;
  return node;
}

/* 10.x.y.z, which is nobody's. */
static void
eval_inet (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  uint8_t *bytes = gen_arena_take (row->arena, 4);
  uint32_t address = GUINT32_TO_BE (10u << 24 | (uint32_t) (index != NULL ? *index : word >> 40));
  memcpy (bytes, &address, 4);
  *value = bytes_value ((char *) bytes, 4);
}

GenNode *
gen_node_inet (const GenType *type)
{
  GenNode *node = node_new (eval_inet, type);
  node->domain = 1 << 24;
  return node;
}

/* 02:..., locally administered. */
static void
eval_mac (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  uint8_t *bytes = gen_arena_take (row->arena, 6);
  uint32_t rest = GUINT32_TO_BE ((uint32_t) (index != NULL ? *index : word >> 32));
  bytes[0] = 2;
  bytes[1] = 0;
  memcpy (bytes + 2, &rest, 4);
  *value = bytes_value ((char *) bytes, 6);
}

GenNode *
gen_node_mac (const GenType *type)
{
  GenNode *node = node_new (eval_mac, type);
  node->domain = UINT64_C (1) << 32;
  return node;
}

static void
eval_bytes (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index, GenValue *value)
{
  size_t least = (size_t) node->min_chars, most = (size_t) node->max_chars;
  size_t length = least + gen_reduce (gen_next (word), most - least + 1);
  char *bytes = gen_arena_take (row->arena, (length + 7) / 8 * 8);
  for (size_t i = 0; i < length; i += 8, word = gen_next (word))
    memcpy (bytes + i, &(uint64_t){ GUINT64_TO_LE (word) }, 8);
  if (index != NULL)
    for (size_t i = 0; i < MIN (length, 8); i++)
      bytes[i] = (char) (*index >> (8 * i));
  *value = bytes_value (bytes, length);
}

GenNode *
gen_node_bytes (const GenType *type, int min_bytes, int max_bytes)
{
  GenNode *node = node_new (eval_bytes, type);
  node->min_chars = min_bytes;
  node->max_chars = max_bytes;
  node->domain = power (256, min_bytes);
  return node;
}
