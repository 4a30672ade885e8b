#include "integrity/bring_back.h"

#include "integrity/quarantine.h"

#include <string.h>

/* The table's own row in the statements below; nobody calls a column so. */
#define ROW "pgkeel_row"

typedef struct
{
  char *schema, *name, *quoted;
  char *insertable; /* columns, quoted: all but generated ones */
  char *values;     /* (k.r).a, (k.r).b: the same of a row that was kept */
  char *settings;   /* a = (m.r).a, ...: without identities that cannot be set */
  char *key_match;  /* the primary key of ROW and of k.r; NULL: there is none */
} Target;

static void
target_free (Target *target)
{
  g_free (target->schema);
  g_free (target->name);
  g_free (target->quoted);
  g_free (target->insertable);
  g_free (target->values);
  g_free (target->settings);
  g_free (target->key_match);
  g_free (target);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Target, target_free)

static char *
copy_text (const DbResult *result, int column)
{
  return db_result_is_null (result, 0, column) ? NULL
                                               : g_strdup (db_result_text (result, 0, column));
}

static bool
target_read (DbConn *conn, const char *schema, const char *name, Target **ret_target,
             GError **error)
{
  static const char sql[]
      = "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attgenerated ="
        " ''),\n"
        "       string_agg(format('(k.r).%I', a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE"
        " a.attgenerated = ''),\n"
        "       string_agg(format('%I = (m.r).%I', a.attname, a.attname), ', ' ORDER BY a.attnum)\n"
        "         FILTER (WHERE a.attgenerated = '' AND a.attidentity <> 'a'),\n"
        /* By the index's own equality, wherever its operator stands. */
        "       (SELECT string_agg(format('" ROW
        ".%I OPERATOR(%I.%s) (k.r).%I', ka.attname, opn.nspname,"
        " op.oprname, ka.attname), ' AND ' ORDER BY u.place)\n"
        "          FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[])\n"
        "               WITH ORDINALITY u(attnum, class, place)\n"
        "          JOIN pg_attribute ka ON ka.attrelid = c.oid AND ka.attnum = u.attnum\n"
        "          JOIN pg_opclass oc ON oc.oid = u.class\n"
        "          JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3\n"
        "           AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype\n"
        "          JOIN pg_operator op ON op.oid = ao.amopopr\n"
        "          JOIN pg_namespace opn ON opn.oid = op.oprnamespace\n"
        "         WHERE i.indrelid = c.oid AND i.indisprimary)\n"
        "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
        "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
        " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r' GROUP BY c.oid";
  const char *parameters[] = { schema, name };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 2, parameters, &result, error))
    return false;
  if (db_result_rows (result) != 1)
    return keel_error (error, KEEL_ERROR_ANSWER_NO, "Its rows are in pgkeel.quarantine.",
                       "the table “%s.%s” is no longer there", schema, name);
  Target *target = g_new0 (Target, 1);
  target->schema = g_strdup (schema);
  target->name = g_strdup (name);
  target->quoted = db_quote_name (schema, name);
  target->insertable = copy_text (result, 0);
  target->values = copy_text (result, 1);
  target->settings = copy_text (result, 2);
  target->key_match = copy_text (result, 3);
  *ret_target = target;
  return true;
}

/* --- one step: changes of one kind to one table --------------------------------------------------- */

typedef struct
{
  char *schema, *name, *operation;
  char *first, *last, *count; /* numbers in the quarantine, as text */
} Step;

static void
step_free (Step *step)
{
  g_free (step->schema);
  g_free (step->name);
  g_free (step->operation);
  g_free (step->first);
  g_free (step->last);
  g_free (step->count);
  g_free (step);
}

/* The kept rows of a step, IMAGE being what the table holds now: as the table's own type, and numbered
 * among those that are alike, since a table without a key may hold the same row twice. */
#define KEPT                                                                                       \
  "WITH k AS MATERIALIZED (SELECT q.number, q.before_row, q.%s AS image, q.%s::%s AS r,\n"         \
  "                        q.before_row::%s AS b,\n"                                               \
  "                        row_number() OVER (PARTITION BY q.%s ORDER BY q.number) AS nth\n"       \
  "             FROM pgkeel.quarantine q\n"                                                        \
  "            WHERE q.fix_id = $1 AND q.number BETWEEN $2::bigint AND $3::bigint\n"               \
  "              AND q.table_schema = $4 AND q.table_name = $5 AND q.operation = $6),\n"

/* Which rows of the table they are, of rows that are alike any. */
static char *
places_sql (const Target *target)
{
  if (target->key_match != NULL)
    return g_strdup_printf (
        "p AS MATERIALIZED (SELECT " ROW ".ctid AS place, " ROW "::text AS image,\n"
        "       row_number() OVER (PARTITION BY " ROW "::text ORDER BY " ROW ".ctid) AS nth\n"
        "  FROM k JOIN ONLY %s AS " ROW " ON %s WHERE " ROW "::text = k.image),\n",
        target->quoted, target->key_match);
  return g_strdup_printf (
      "p AS MATERIALIZED (SELECT " ROW ".ctid AS place, " ROW "::text AS image,\n"
      "       row_number() OVER (PARTITION BY " ROW "::text ORDER BY " ROW ".ctid) AS nth\n"
      "  FROM ONLY %s AS " ROW " WHERE " ROW "::text IN (SELECT k.image FROM k)),\n",
      target->quoted);
}

static char *
step_sql (const Target *target, const Step *step)
{
  const char *image = strcmp (step->operation, "delete") == 0 ? "before_row" : "after_row";
  g_autofree char *kept
      = g_strdup_printf (KEPT, image, image, target->quoted, target->quoted, image);
  if (strcmp (step->operation, "delete") == 0)
    return g_strdup_printf (
        "%s"
        "back AS (INSERT INTO %s AS " ROW " (%s) OVERRIDING SYSTEM VALUE\n"
        "         SELECT %s FROM k ORDER BY k.number RETURNING " ROW "::text AS image)\n"
        "SELECT (SELECT count(*) FROM back), (SELECT count(*) FROM\n"
        "       (SELECT image FROM back EXCEPT ALL SELECT k.before_row FROM k) x)",
        kept, target->quoted, target->insertable, target->values);
  g_autofree char *places = places_sql (target);
  const char *match = "m AS MATERIALIZED (SELECT p.place, k.before_row, k.b AS r FROM k JOIN p"
                      " USING (image, nth)),\n";
  if (strcmp (step->operation, "insert") == 0)
    return g_strdup_printf ("%s%s%s"
                            "back AS (DELETE FROM ONLY %s AS " ROW " USING m WHERE " ROW
                            ".ctid = m.place RETURNING 1)\n"
                            "SELECT (SELECT count(*) FROM back), 0",
                            kept, places, match, target->quoted);
  return g_strdup_printf (
      "%s%s%s"
      "back AS (UPDATE ONLY %s AS " ROW " SET %s FROM m WHERE " ROW ".ctid = m.place RETURNING " ROW
      "::text AS image, m.before_row)\n"
      "SELECT count(*), count(*) FILTER (WHERE image IS DISTINCT FROM before_row)"
      " FROM back",
      kept, places, match, target->quoted, target->settings);
}

static bool
run_step (DbConn *conn, const char *fix_id, const Step *step, GError **error)
{
  g_autoptr (Target) target = NULL;
  g_autoptr (DbResult) result = NULL;
  const char *parameters[]
      = { fix_id, step->first, step->last, step->schema, step->name, step->operation };
  if (!target_read (conn, step->schema, step->name, &target, error))
    return false;
  g_autofree char *sql = step_sql (target, step);
  if (!db_query (conn, sql, 6, parameters, &result, error))
    return prefix_error (error, "bringing back rows of “%s.%s”", step->schema, step->name);
  int64_t wanted = g_ascii_strtoll (step->count, NULL, 10);
  int64_t done = db_result_int64 (result, 0, 0);
  int64_t different = db_result_int64 (result, 0, 1);
  if (done != wanted)
    return keel_error (
        error, KEEL_ERROR_ANSWER_NO,
        "Look at pgkeel.quarantine: it has the rows as they were, and as the fix left them.",
        "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
        " rows of “%s.%s” are no longer as the fix left them",
        wanted - done, wanted, step->schema, step->name);
  if (different > 0)
    return keel_error (error, KEEL_ERROR_ANSWER_NO,
                       "A generated column or a column's type gives another value now.",
                       "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                       " rows of “%s.%s” would not come back as they were",
                       different, wanted, step->schema, step->name);
  return true;
}

/* --- the order ------------------------------------------------------------------------------------ */

/* The last change is taken back first. Changes of one kind to one table go together, but where a row was
 * changed twice each goes by itself; where every table saw one kind of change only, all of a table goes
 * at once, the table whose changes ended last (a parent, after its cascades) first. */
static const char steps_sql[]
    = "WITH q AS (SELECT number, table_schema, table_name, operation, before_row, after_row\n"
      "             FROM pgkeel.quarantine WHERE fix_id = $1),\n"
      "chained AS (SELECT DISTINCT a.table_schema, a.table_name FROM q a JOIN q b USING (table_schema, table_name)\n"
      "             WHERE a.after_row = b.before_row AND a.number < b.number),\n"
      "simple AS (SELECT NOT EXISTS (SELECT 1 FROM chained) AND NOT EXISTS (\n"
      "             SELECT 1 FROM q GROUP BY table_schema, table_name HAVING count(DISTINCT operation) > 1) AS yes),\n"
      "runs AS (SELECT q.*, sum(CASE WHEN before THEN 0 ELSE 1 END) OVER (ORDER BY number) AS run\n"
      "           FROM (SELECT q.*, coalesce(\n"
      "                   (table_schema, table_name, operation) = (lag(table_schema) OVER w, lag(table_name) OVER w,\n"
      "                    lag(operation) OVER w)\n"
      "                   AND NOT EXISTS (SELECT 1 FROM chained c WHERE c.table_schema = q.table_schema\n"
      "                                      AND c.table_name = q.table_name), false) AS before\n"
      "                   FROM q WINDOW w AS (ORDER BY number)) q)\n"
      "SELECT table_schema, table_name, operation, min(number), max(number), count(*)\n"
      "  FROM runs CROSS JOIN simple\n"
      " GROUP BY table_schema, table_name, operation, CASE WHEN simple.yes THEN 0 ELSE run END\n"
      " ORDER BY max(number) DESC";

static bool
read_steps (DbConn *conn, const char *fix_id, GPtrArray **ret_steps, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, steps_sql, 1, &fix_id, &result, error))
    return false;
  GPtrArray *steps = g_ptr_array_new_with_free_func ((GDestroyNotify) step_free);
  for (int row = 0; row < db_result_rows (result); row++)
    {
      Step *step = g_new0 (Step, 1);
      step->schema = g_strdup (db_result_text (result, row, 0));
      step->name = g_strdup (db_result_text (result, row, 1));
      step->operation = g_strdup (db_result_text (result, row, 2));
      step->first = g_strdup (db_result_text (result, row, 3));
      step->last = g_strdup (db_result_text (result, row, 4));
      step->count = g_strdup (db_result_text (result, row, 5));
      g_ptr_array_add (steps, step);
    }
  *ret_steps = steps;
  return true;
}

/* --- triggers and locks --------------------------------------------------------------------------- */

static bool
lock_tables (DbConn *conn, const GPtrArray *held, GError **error)
{
  for (guint i = 0; i < held->len; i++)
    {
      const QuarantineTable *table = held->pdata[i];
      g_autofree char *name = db_quote_name (table->schema, table->name);
      g_autofree char *sql
          = g_strdup_printf ("LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE", name);
      if (table->oid == 0)
        return keel_error (error, KEEL_ERROR_ANSWER_NO, "Its rows are in pgkeel.quarantine.",
                           "the table “%s.%s” is no longer there", table->schema, table->name);
      if (!db_exec (conn, sql, error))
        return prefix_error (error, "locking “%s.%s”", table->schema, table->name);
    }
  return true;
}

/* Only a superuser, or who was granted it, may leave foreign keys unasked. */
static bool
leave_keys_unasked (DbConn *conn, bool *ret_unasked, GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (!db_exec (conn, "SAVEPOINT pgkeel_role", error))
    return false;
  *ret_unasked = db_exec (conn, "SET LOCAL session_replication_role = replica", &problem);
  return db_exec (conn,
                  *ret_unasked ? "RELEASE SAVEPOINT pgkeel_role"
                               : "ROLLBACK TO SAVEPOINT pgkeel_role; RELEASE SAVEPOINT pgkeel_role",
                  error);
}

/* The statements that silence the users' triggers on what the fix touched, and those that put them back as
 * they were. ROLE: which of them would fire. */
static bool
read_triggers (DbConn *conn, const char *fix_id, bool unasked, char **ret_off, char **ret_on,
               GError **error)
{
  static const char sql[]
      = "SELECT string_agg(format('ALTER TABLE %I.%I DISABLE TRIGGER %I', n.nspname, c.relname, t.tgname), '; '),\n"
        "       string_agg(format('ALTER TABLE %I.%I ENABLE %s TRIGGER %I', n.nspname, c.relname,\n"
        "                         CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END,\n"
        "                         t.tgname), '; ')\n"
        "  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace\n"
        " WHERE NOT t.tgisinternal AND t.tgenabled = ANY ($2::\"char\"[])\n"
        /* A partition's copy of its parent's trigger is switched all the same, by itself. */
        "   AND (n.nspname, c.relname) IN (SELECT q.table_schema, q.table_name FROM pgkeel.quarantine q"
        " WHERE q.fix_id = $1)";
  const char *parameters[] = { fix_id, unasked ? "{A,R}" : "{O,A}" };
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 2, parameters, &result, error))
    return false;
  *ret_off = copy_text (result, 0);
  *ret_on = copy_text (result, 1);
  return true;
}

/* --- all of it ------------------------------------------------------------------------------------ */

static bool
run_steps (DbConn *conn, const char *fix_id, const GPtrArray *steps, BringBackResult *result,
           GError **error)
{
  for (guint i = 0; i < steps->len; i++)
    {
      const Step *step = steps->pdata[i];
      if (!run_step (conn, fix_id, step, error))
        return false;
      result->rows += g_ascii_strtoll (step->count, NULL, 10);
    }
  return true;
}

/* What cascades and rules changed besides would not be as it was before the fix. */
static bool
check_nothing_else (const GPtrArray *changed, const GPtrArray *held, GError **error)
{
  for (guint i = 0; i < changed->len; i++)
    {
      const QuarantineTable *now = changed->pdata[i];
      const QuarantineTable *then = quarantine_find (held, now->schema, now->name);
      if (then == NULL || now->inserted != then->deleted || now->deleted != then->inserted
          || now->updated != then->updated)
        return keel_error (error, KEEL_ERROR_ANSWER_NO,
                           "Undo it as a superuser: then no key cascades.",
                           "bringing the rows back would change other rows of “%s.%s”, too",
                           now->schema, now->name);
    }
  return true;
}

static bool
run_counted (DbConn *conn, const char *fix_id, const GPtrArray *held, BringBackResult *result,
             GError **error)
{
  g_autoptr (GPtrArray) steps = NULL;
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;
  if (!read_steps (conn, fix_id, &steps, error) || !quarantine_count (conn, &before, error)
      || !run_steps (conn, fix_id, steps, result, error)
      || !db_exec (conn, "SET CONSTRAINTS ALL IMMEDIATE", error)
      || !quarantine_count (conn, &after, error))
    return false;
  g_autoptr (GPtrArray) changed = quarantine_difference (before, after);
  return check_nothing_else (changed, held, error);
}

bool
bring_back (DbConn *conn, const char *fix_id, BringBackResult *ret_result, GError **error)
{
  g_autoptr (GPtrArray) held = NULL;
  g_autofree char *off = NULL;
  g_autofree char *on = NULL;
  bool unasked;
  BringBackResult result = { 0 };
  if (!quarantine_held (conn, fix_id, &held, error) || !lock_tables (conn, held, error)
      || !leave_keys_unasked (conn, &unasked, error)
      || !read_triggers (conn, fix_id, unasked, &off, &on, error)
      || (off != NULL && !db_exec (conn, off, error)))
    return false;
  if (!run_counted (conn, fix_id, held, &result, error))
    {
      if (!unasked)
        keel_error_suggest (error, "Undo it as a superuser: then no foreign key refuses it.");
      return false;
    }
  if ((on != NULL && !db_exec (conn, on, error))
      || (unasked && !db_exec (conn, "SET LOCAL session_replication_role = DEFAULT", error)))
    return false;
  result.tables = held->len;
  *ret_result = result;
  return true;
}
