/*
 * One value of COPY's text format, as the bytes of COPY's binary format.
 *
 * Knows the built-in types whose binary format is the same in PostgreSQL 13 to 18 and whose text, as
 * a dump writes it (docs/backup-format.md, "The members"), says exactly which bytes those are. Takes
 * the canonical forms only: what the server would also understand, but never writes, is refused, and
 * so is a value out of its type's range. It never guesses.
 *
 * The formats, all integers big-endian (the types' _recv functions in PostgreSQL's sources):
 *
 *   int2 int4 int8 oid   the integer
 *   bool                 1 byte, 0 or 1
 *   float4 float8        IEEE 754
 *   uuid                 16 bytes
 *   date                 int4, days since 2000-01-01; the least and greatest are the infinities
 *   time                 int8, microseconds
 *   timestamp[tz]        int8, microseconds since 2000-01-01 00:00 (UTC); infinities as for date
 *   numeric              int2 groups, int2 weight, int2 sign, int2 scale, and groups of four decimal
 *                        digits as int2; value = sum of group[i] * 10000^(weight - i)
 *   text ... enums       the text
 *   jsonb                1 byte, 1, and the text
 *   bytea                the bytes
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum
{
  BINARY_NONE, /* stays text */
  BINARY_INT2,
  BINARY_INT4,
  BINARY_INT8,
  BINARY_OID,
  BINARY_BOOL,
  BINARY_FLOAT4,
  BINARY_FLOAT8,
  BINARY_UUID,
  BINARY_DATE,
  BINARY_TIME,
  BINARY_TIMESTAMP,
  BINARY_TIMESTAMPTZ,
  BINARY_NUMERIC,
  BINARY_TEXT, /* text, varchar, bpchar, json, enums */
  BINARY_JSONB,
  BINARY_BYTEA,
} BinaryKind;

/* The most that a value is longer than its text. */
#define BINARY_VALUE_MORE 16

/* The kind of the built-in type with this OID, which is not a domain. */
BinaryKind binary_kind_of_type (uint32_t type_oid);

/* How many nanoseconds of processor time a value of KIND saves server and client together, about, when it
 * goes as binary; negative: it costs that. */
int binary_kind_gain_ns (BinaryKind kind);

/* Writes the value at AT, which is not NULL and ends with a tab or at END, to *OUT and moves *OUT behind
 * it. END is the newline that ends the row: it can be read. Returns where the value's text ends, or
 * NULL when it is not the canonical text of a value of KIND; then what is at *OUT means nothing. */
const char *binary_value_write (BinaryKind kind, const char *at, const char *end, uint8_t **out);
