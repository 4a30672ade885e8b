#include "backup/large_objects.h"
#include "db/copy.h"

#include <string.h>

#define METADATA_BATCH "2000"

/* One pass over all objects: each is opened, measured and closed, then cut into chunks. OFFSET 0
 * keeps lo_open from being evaluated twice. 262144 is INV_READ, and the chunk's size. */
static const char rows_sql[]
    = "COPY (SELECT s.oid, c.start, pg_catalog.lo_get(s.oid, c.start, 262144)"
      "        FROM (SELECT o.oid, pg_catalog.lo_lseek64(o.fd, 0, 2) AS size,"
      "                     pg_catalog.lo_close(o.fd)"
      "                FROM (SELECT m.oid, pg_catalog.lo_open(m.oid, 262144) AS fd"
      "                        FROM pg_catalog.pg_largeobject_metadata m"
      "                       ORDER BY m.oid OFFSET 0) o OFFSET 0) s,"
      "             LATERAL pg_catalog.generate_series(0, GREATEST(s.size - 1, 0), 262144)"
      "                     AS c (start)) TO STDOUT";

/* Owner, grants (when they are not the default) and comment of each, as statements, by pages. */
static const char metadata_sql[]
    = "SELECT m.oid, pg_catalog.format(E'ALTER LARGE OBJECT %s OWNER TO %I;\\n', m.oid, r.rolname)"
      "    || CASE WHEN m.lomacl IS NULL THEN '' ELSE"
      "         pg_catalog.format(E'REVOKE ALL ON LARGE OBJECT %s FROM PUBLIC, %I;\\n', m.oid, r.rolname)"
      "      || coalesce((SELECT pg_catalog.string_agg(CASE WHEN a.grantor = m.lomowner THEN g.sql"
      "                       ELSE pg_catalog.format("
      "                              E'SET SESSION AUTHORIZATION %I;\\n%sRESET SESSION AUTHORIZATION;\\n',"
      "                              pg_catalog.pg_get_userbyid(a.grantor), g.sql) END,"
      "                       '' ORDER BY a.ordinality)"
      "                     FROM pg_catalog.aclexplode(m.lomacl) WITH ORDINALITY AS a,"
      "                     LATERAL pg_catalog.format(E'GRANT %s ON LARGE OBJECT %s TO %s%s;\\n',"
      "                         a.privilege_type, m.oid,"
      "                         CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident("
      "                           pg_catalog.pg_get_userbyid(a.grantee)) END,"
      "                         CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
      "                       AS g (sql)), '') END"
      "    || coalesce(pg_catalog.format(E'COMMENT ON LARGE OBJECT %s IS %L;\\n', m.oid,"
      "                  pg_catalog.obj_description(m.oid, 'pg_largeobject')), '')"
      "  FROM pg_catalog.pg_largeobject_metadata m"
      "  JOIN pg_catalog.pg_roles r ON r.oid = m.lomowner"
      " WHERE m.oid > $1::oid ORDER BY m.oid LIMIT " METADATA_BATCH;

typedef struct
{
  LargeObjectSinkFn sink; /* NULL: only the digest */
  void *data;
  GString *sql;
  uint64_t count;
  RowDigest digest;
} Dump;

/* "16425 <tab> 0 <tab> \\x0102..." becomes statements. Offset 0 is the first row of its object. */
static bool
on_row (const char *line, size_t length, void *data, GError **error)
{
  Dump *dump = data;
  size_t text_length = length > 0 && line[length - 1] == '\n' ? length - 1 : length;
  row_digest_add (&dump->digest, line, text_length);
  const char *end = line + text_length;
  const char *offset = memchr (line, '\t', text_length);
  const char *chunk
      = offset != NULL ? memchr (offset + 1, '\t', (size_t) (end - offset - 1)) : NULL;
  if (chunk == NULL || end - chunk < 4 || memcmp (chunk, "\t\\\\x", 4) != 0)
    return keel_error (error, KEEL_ERROR_FAILED, NULL,
                       "the server sent a large object in no known form");
  int oid_length = (int) (offset - line);
  int offset_length = (int) (chunk - offset - 1);
  bool is_first = offset_length == 1 && offset[1] == '0';
  dump->count += is_first;
  if (dump->sink == NULL)
    return true;
  g_string_truncate (dump->sql, 0);
  if (is_first)
    g_string_append_printf (dump->sql, "SELECT pg_catalog.lo_create('%.*s');\n", oid_length, line);
  if (end - chunk > 4)
    {
      g_string_append_printf (dump->sql, "SELECT pg_catalog.lo_put('%.*s', %.*s, '\\x", oid_length,
                              line, offset_length, offset + 1);
      g_string_append_len (dump->sql, chunk + 4, end - chunk - 4);
      g_string_append (dump->sql, "');\n");
    }
  return dump->sql->len == 0 || dump->sink (dump->sql->str, dump->sql->len, dump->data, error);
}

static bool
dump_metadata (DbConn *conn, Dump *dump, GError **error)
{
  g_autofree char *after = g_strdup ("0");
  for (;;)
    {
      g_autoptr (DbResult) result = NULL;
      const char *const params[] = { after };
      if (!db_query (conn, metadata_sql, 1, params, &result, error))
        return false;
      int rows = db_result_rows (result);
      if (rows == 0)
        return true;
      for (int row = 0; row < rows; row++)
        {
          const char *sql = db_result_text (result, row, 1);
          if (!dump->sink (sql, strlen (sql), dump->data, error))
            return false;
        }
      g_free (after);
      after = g_strdup (db_result_text (result, rows - 1, 0));
    }
}

bool
large_objects_dump (DbConn *conn, LargeObjectSinkFn sink, void *data, uint64_t *ret_count,
                    RowDigest *ret_digest, GError **error)
{
  g_autoptr (GString) sql = g_string_new (NULL);
  Dump dump = { .sink = sink, .data = data, .sql = sql };
  if (!db_copy_out (conn, rows_sql, on_row, &dump, error)
      || (sink != NULL && dump.count > 0 && !dump_metadata (conn, &dump, error)))
    return prefix_error (error, "large objects");
  *ret_count = dump.count;
  *ret_digest = dump.digest;
  return true;
}

bool
large_objects_digest (DbConn *conn, uint64_t *ret_count, RowDigest *ret_digest, GError **error)
{
  return large_objects_dump (conn, NULL, NULL, ret_count, ret_digest, error);
}
