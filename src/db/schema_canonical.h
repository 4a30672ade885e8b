/*
 * One spelling for expressions that PostgreSQL writes in two ways.
 *
 * What the server deparses is not always what it deparses again after reading it:
 *
 *   first     (ARRAY['a'::character varying, 'b'::character varying])::text[]
 *   then      ARRAY[('a'::character varying)::text, ('b'::character varying)::text]
 *
 * because a cast written after ARRAY[...] is pushed down to the elements when it is parsed
 * (transformTypeCast in PostgreSQL's parse_expr.c), and "FROM (VALUES ...)" gets a space after its
 * parenthesis. A restored database therefore describes the same constraint otherwise than its
 * source. This module turns both spellings into one; it never looks inside literals, quoted
 * identifiers and dollar-quoted bodies, and it does not parse SQL: text that is not an expression
 * comes out as it went in, but for white space inside of parentheses' ends.
 */
#pragma once

/* The canonical spelling of TEXT, any text. Caller frees. Canonical text is given back unchanged. */
char *db_schema_canonical (const char *text);
