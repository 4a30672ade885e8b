#include "seed/gen_value.h"

#include <stdalign.h>
#include <string.h>

#define CHUNK_BYTES (64 * 1024)

struct GenArena
{
  GPtrArray *chunks; /* of char *; all but the first are larger values' own */
  size_t used;       /* of the last */
  size_t size;
  GByteArray *text;
};

GenArena *
gen_arena_new (void)
{
  GenArena *arena = g_new0 (GenArena, 1);
  arena->chunks = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (arena->chunks, g_malloc (CHUNK_BYTES));
  arena->size = CHUNK_BYTES;
  arena->text = g_byte_array_new ();
  return arena;
}

void
gen_arena_free (GenArena *arena)
{
  if (arena == NULL)
    return;
  g_ptr_array_unref (arena->chunks);
  g_byte_array_unref (arena->text);
  g_free (arena);
}

void *
gen_arena_take (GenArena *arena, size_t length)
{
  const size_t alignment = alignof (max_align_t);
  length = (length + alignment - 1) / alignment * alignment;
  if (arena->used + length > arena->size)
    {
      arena->size = MAX (length, CHUNK_BYTES);
      arena->used = 0;
      g_ptr_array_add (arena->chunks, g_malloc (arena->size));
    }
  char *taken = (char *) arena->chunks->pdata[arena->chunks->len - 1] + arena->used;
  arena->used += length;
  return taken;
}

void
gen_arena_reset (GenArena *arena)
{
  if (arena->chunks->len > 1)
    g_ptr_array_set_size (arena->chunks, 1);
  arena->used = 0;
  arena->size = CHUNK_BYTES;
}

GByteArray *
gen_arena_text (GenArena *arena)
{
  return arena->text;
}

GenValue
gen_arena_keep (GenArena *arena, guint start)
{
  size_t length = arena->text->len - start;
  char *text = gen_arena_take (arena, length + 1);
  memcpy (text, arena->text->data + start, length);
  text[length] = '\0';
  g_byte_array_set_size (arena->text, start);
  return gen_text_value (text, length);
}

void
gen_type_free (GenType *type)
{
  if (type == NULL)
    return;
  g_free (type->name);
  g_strfreev (type->labels);
  gen_type_free (type->element);
  g_free (type);
}
