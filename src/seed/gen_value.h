/*
 * What a generator makes: one value, its type, and how it is written.
 *
 * A value is an integer in disguise wherever that is possible (dates are days, timestamps microseconds,
 * numerics an integer and a scale), so that ranges and permutations work alike for all types. Texts and
 * lists live in an arena that is emptied for each row.
 *
 * Written as COPY's binary format (PostgreSQL's _recv functions; the same in 13 to 18) or as its text
 * format. A type that we do not know in binary (GEN_TYPE_OTHER) is text, and makes its whole table text.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum
{
  GEN_TYPE_OTHER,
  GEN_TYPE_BOOL,
  GEN_TYPE_INT2,
  GEN_TYPE_INT4,
  GEN_TYPE_INT8,
  GEN_TYPE_OID,
  GEN_TYPE_FLOAT4,
  GEN_TYPE_FLOAT8,
  GEN_TYPE_NUMERIC,
  GEN_TYPE_MONEY,
  GEN_TYPE_TEXT, /* text, varchar, bpchar, name, citext, xml */
  GEN_TYPE_JSON,
  GEN_TYPE_JSONB,
  GEN_TYPE_ENUM,
  GEN_TYPE_UUID,
  GEN_TYPE_DATE,
  GEN_TYPE_TIME,
  GEN_TYPE_TIMESTAMP,
  GEN_TYPE_TIMESTAMPTZ,
  GEN_TYPE_INTERVAL,
  GEN_TYPE_INET,
  GEN_TYPE_CIDR,
  GEN_TYPE_MACADDR,
  GEN_TYPE_BYTEA,
  GEN_TYPE_BIT, /* bit and varbit */
  GEN_TYPE_RANGE,
  GEN_TYPE_ARRAY,
} GenTypeKind;

typedef struct GenType GenType;
struct GenType
{
  GenTypeKind kind;
  uint32_t oid; /* of the base type */
  uint32_t
      element_oid;  /* of arrays: what elements are marked with, a domain's for one of a domain */
  char *name;       /* as format_type gives it: "numeric(10,2)" */
  int max_chars;    /* of texts and bits; 0: none */
  int precision;    /* of numerics; 0: none */
  int scale;        /* digits behind the point; 0 for integers */
  bool is_fixed;    /* char(n), bit(n): all have max_chars */
  char **labels;    /* of enums, NULL-terminated */
  GenType *element; /* of arrays and ranges */
};

void gen_type_free (GenType *type);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenType, gen_type_free)

typedef enum
{
  GEN_NULL,
  GEN_NUMBER, /* number, with scale digits behind the point */
  GEN_TEXT,   /* text, length */
  GEN_BYTES,  /* text, length: uuid, bytea, inet (4 bytes), macaddr */
  GEN_LIST,   /* items, length */
} GenValueKind;

typedef struct GenValue GenValue;
struct GenValue
{
  GenValueKind kind;
  int scale;
  uint32_t length;
  int64_t number;
  union
  {
    const char *text;
    const GenValue *items;
  };
};

/* --- arena ------------------------------------------------------------------------------------ */

typedef struct GenArena GenArena;

GenArena *gen_arena_new (void);
void gen_arena_free (GenArena *arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenArena, gen_arena_free)

/* LENGTH bytes, aligned for anything, until the next reset. */
void *gen_arena_take (GenArena *arena, size_t length);
void gen_arena_reset (GenArena *arena);

/* A text under construction, used as a stack: whoever appends to it cuts it back to where it was
 * (gen_arena_keep does). */
GByteArray *gen_arena_text (GenArena *arena);
/* What was appended to it since START, as a value. */
GenValue gen_arena_keep (GenArena *arena, guint start);

/* A text of LENGTH bytes. */
static inline GenValue
gen_text_value (const char *text, size_t length)
{
  return (GenValue){ .kind = GEN_TEXT, .text = text, .length = (uint32_t) length };
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The value that TEXT, as SQL would write it, has in TYPE. What it holds besides numbers is in ARENA.
 * KEEL_ERROR_CONFIG: 'x' is no value of type y; arrays and ranges have no literals. Other types are not read:
 * they stay texts, which gen_write_text can write. */
bool gen_value_parse (const GenType *type, const char *text, GenArena *arena, GenValue *ret_value,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- writing ---------------------------------------------------------------------------------- */

/* Whether all values of TYPE can be written in binary. */
bool gen_type_has_binary (const GenType *type);

/* Appends the field: its length (4 bytes, big-endian, -1 for NULL) and its bytes. */
void gen_write_binary (const GenType *type, const GenValue *value, GByteArray *out);

/* Appends the field as COPY's text format has it, escaped, "\N" for NULL. */
void gen_write_text (const GenType *type, const GenValue *value, GByteArray *out);

/* Appends the value as text, unescaped: as a cast to text would. Not for NULL. */
void gen_write_plain (const GenType *type, const GenValue *value, GByteArray *out);
