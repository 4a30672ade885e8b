#include "integrity/fix.h"

#include "base/clock.h"
#include "base/text.h"
#include "integrity/bring_back.h"
#include "integrity/quarantine.h"
#include "integrity/rule.h"
#include "integrity/sequence_state.h"

#include <string.h>

/* Tables that only turn out to be changed while the statements run: a few rounds find them all. */
#define ROUNDS_MAX 10

static const char settings_sql[]
    = "SET application_name = 'pgkeel integrity fix'; SET lock_timeout = '10s';"
      " SET default_transaction_read_only = off";

void
fix_result_clear (FixResult *result)
{
  g_clear_pointer (&result->id, g_free);
  g_clear_pointer (&result->tables, g_ptr_array_unref);
  g_clear_pointer (&result->lasting, g_ptr_array_unref);
  g_clear_pointer (&result->no_undo_reason, g_free);
}

void
undo_result_clear (UndoResult *result)
{
  g_clear_pointer (&result->fixed, g_free);
  g_clear_pointer (&result->lasting, g_ptr_array_unref);
  g_clear_pointer (&result->skipped, g_ptr_array_unref);
}

/* A fix at work. */
typedef struct
{
  const FixSpec *spec;
  Report *report;
  DbConn *conn;
  GPtrArray *watched; /* of QuarantineTable */
  json_t *sequences;  /* before; NULL: no statement moves any */
  json_t *moved;      /* sequences that the statements moved */
  FixResult result;
} Work;

static void
work_clear (Work *work)
{
  db_conn_free (work->conn);
  g_clear_pointer (&work->watched, g_ptr_array_unref);
  json_decref (work->sequences);
  json_decref (work->moved);
  fix_result_clear (&work->result);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

static bool
open_session (const char *url, DbConn **ret_conn, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  if (!db_connect (url, NULL, &db_retry_default, &conn, error)
      || !db_exec (conn, settings_sql, error))
    return false;
  *ret_conn = g_steal_pointer (&conn);
  return true;
}

/* --- the record ----------------------------------------------------------------------------------- */

static json_t *
statements_json (const FixSpec *spec)
{
  json_t *array = json_array ();
  for (guint i = 0; i < spec->items->len; i++)
    {
      const FixItem *item = spec->items->pdata[i];
      for (guint j = 0; item->applies && j < item->statements->len; j++)
        json_array_append_new (array,
                               json_pack ("{s:s, s:s, s:s, s:b}", "check", item->finding->check->id,
                                          "object", item->finding->object, "sql",
                                          (const char *) item->statements->pdata[j], "lasting",
                                          (int) !(item->changes_rows || item->uses_sequences)));
    }
  return array;
}

/* Two fixes of one second get different names. */
static bool
write_record (Work *work, GError **error)
{
  static const char sql[]
      = "INSERT INTO pgkeel.integrity_fix (id, run, environment, backup, statements)\n"
        "SELECT CASE WHEN x.same = 0 THEN $1 ELSE $1 || '_' || x.same + 1 END, $2, $3, $4, $5::jsonb\n"
        "  FROM (SELECT count(*) AS same FROM pgkeel.integrity_fix WHERE id = $1 OR id LIKE $1 || '\\_%') x\n"
        "RETURNING id";
  g_autofree char *stamp = clock_format_stamp (clock_now ());
  g_autofree char *id = g_strdup_printf ("fix_%s", stamp);
  g_autoptr (json_t) statements = statements_json (work->spec);
  g_autofree char *text = json_dumps (statements, JSON_COMPACT);
  const char *parameters[]
      = { id, work->spec->run_id, work->spec->environment, work->spec->backup, text };
  return db_query_text (work->conn, sql, 5, parameters, &work->result.id, error);
}

static json_t *
tables_json (const GPtrArray *tables)
{
  json_t *array = json_array ();
  for (guint i = 0; i < tables->len; i++)
    {
      const QuarantineTable *table = tables->pdata[i];
      json_array_append_new (
          array, json_pack ("{s:s, s:s, s:I, s:I, s:I}", "schema", table->schema, "name",
                            table->name, "inserted", (json_int_t) table->inserted, "updated",
                            (json_int_t) table->updated, "deleted", (json_int_t) table->deleted));
    }
  return array;
}

static bool
finish_record (Work *work, GError **error)
{
  static const char sql[]
      = "UPDATE pgkeel.integrity_fix SET tables = $2::jsonb, sequences = $3::jsonb,"
        " can_be_undone = $4::boolean WHERE id = $1 RETURNING id";
  g_autoptr (json_t) tables = tables_json (work->result.tables);
  g_autofree char *tables_text = json_dumps (tables, JSON_COMPACT);
  g_autofree char *moved_text
      = work->moved != NULL ? json_dumps (work->moved, JSON_COMPACT) : g_strdup ("[]");
  const char *parameters[]
      = { work->result.id, tables_text, moved_text, work->result.can_be_undone ? "true" : "false" };
  g_autofree char *done = NULL;
  return db_query_text (work->conn, sql, 4, parameters, &done, error);
}

/* --- the statements ------------------------------------------------------------------------------- */

static bool
run_item (Work *work, const FixItem *item, GError **error)
{
  const Check *check = item->finding->check;
  bool is_own = rule_of_check (check) != NULL;
  if (!quarantine_attribute (work->conn, check->id, work->spec->run_id, error)
      || (is_own && !rule_search_path (work->conn, true, error)))
    return false;
  for (guint i = 0; i < item->statements->len; i++)
    if (!db_exec (work->conn, item->statements->pdata[i], error))
      return prefix_error (error, "the fix of %s for %s", check->id, item->finding->object);
  return !is_own || rule_search_path (work->conn, false, error);
}

static bool
run_items (Work *work, GError **error)
{
  for (guint i = 0; i < work->spec->items->len; i++)
    {
      const FixItem *item = work->spec->items->pdata[i];
      if (item->applies && !run_item (work, item, error))
        return false;
    }
  return db_exec (work->conn, "SET CONSTRAINTS ALL IMMEDIATE", error);
}

/* Adds to WATCHED what CHANGED has beyond it. */
static unsigned int
add_unwatched (GPtrArray *watched, const GPtrArray *changed)
{
  unsigned int added = 0;
  for (guint i = 0; i < changed->len; i++)
    {
      const QuarantineTable *table = changed->pdata[i];
      if (quarantine_find (watched, table->schema, table->name) != NULL)
        continue;
      QuarantineTable *copy = g_new0 (QuarantineTable, 1);
      copy->schema = g_strdup (table->schema);
      copy->name = g_strdup (table->name);
      copy->oid = table->oid;
      g_ptr_array_add (watched, copy);
      added++;
    }
  return added;
}

static bool
check_all_held (const GPtrArray *changed, const GPtrArray *held, GError **error)
{
  for (guint i = 0; i < changed->len; i++)
    {
      const QuarantineTable *now = changed->pdata[i];
      const QuarantineTable *kept = quarantine_find (held, now->schema, now->name);
      if (kept == NULL || kept->inserted != now->inserted || kept->updated != now->updated
          || kept->deleted != now->deleted)
        return keel_error (error, KEEL_ERROR_REFUSED, "Run the fix yourself, after a backup.",
                           "not every row that the fix changes in “%s.%s” could be kept",
                           now->schema, now->name);
    }
  return true;
}

/* One try with the tables known so far watched. *RET_AGAIN: others were changed, too. */
static bool
run_round (Work *work, bool *ret_again, GError **error)
{
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (GPtrArray) after = NULL;
  g_autoptr (GPtrArray) held = NULL;
  if (!db_exec (work->conn, "SAVEPOINT pgkeel_fix", error)
      || !quarantine_watch (work->conn, work->result.id, work->watched, error)
      || !quarantine_count (work->conn, &before, error) || !run_items (work, error)
      || !quarantine_count (work->conn, &after, error))
    return false;
  g_autoptr (GPtrArray) changed = quarantine_difference (before, after);
  guint watched = work->watched->len;
  *ret_again = add_unwatched (work->watched, changed) > 0;
  if (*ret_again)
    return db_exec (work->conn, "ROLLBACK TO SAVEPOINT pgkeel_fix; RELEASE SAVEPOINT pgkeel_fix",
                    error);
  g_assert (watched == work->watched->len);
  if (!quarantine_held (work->conn, work->result.id, &held, error)
      || !check_all_held (changed, held, error)
      || !quarantine_unwatch (work->conn, work->watched, error))
    return false;
  work->result.tables = g_steal_pointer (&held);
  return true;
}

/* What the findings are about is watched from the beginning. */
static bool
watch_findings (Work *work, GError **error)
{
  static const char sql[] = "SELECT n.nspname, c.relname, c.oid FROM pg_catalog.pg_class c\n"
                            "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
                            " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r'";
  work->watched = g_ptr_array_new_with_free_func ((GDestroyNotify) quarantine_table_free);
  for (guint i = 0; i < work->spec->items->len; i++)
    {
      const FixItem *item = work->spec->items->pdata[i];
      const char *parameters[] = { item->finding->schema, item->finding->table };
      g_autoptr (DbResult) result = NULL;
      if (!item->applies || !item->changes_rows || item->finding->table == NULL
          || quarantine_find (work->watched, parameters[0], parameters[1]) != NULL)
        continue;
      if (!db_query (work->conn, sql, 2, parameters, &result, error))
        return false;
      if (db_result_rows (result) == 0)
        continue;
      QuarantineTable *table = g_new0 (QuarantineTable, 1);
      table->schema = g_strdup (parameters[0]);
      table->name = g_strdup (parameters[1]);
      g_ptr_array_add (work->watched, table);
    }
  return true;
}

static bool
run_statements (Work *work, GError **error)
{
  bool again = true;
  g_autoptr (json_t) after = NULL;
  if (!watch_findings (work, error))
    return false;
  for (int round = 0; again && round < ROUNDS_MAX; round++)
    if (!run_round (work, &again, error))
      return false;
  if (again)
    return keel_error (error, KEEL_ERROR_REFUSED, "Run the fix yourself, after a backup.",
                       "the fix changes more and more tables: its rows could not be kept");
  if (work->sequences == NULL)
    return true;
  if (!sequence_state_read (work->conn, &after, error))
    return false;
  work->moved = sequence_state_changes (work->sequences, after);
  return true;
}

/* --- is it fixed? can it be undone? --------------------------------------------------------------- */

static bool
is_same (const Finding *a, const Finding *b)
{
  return strcmp (a->check->id, b->check->id) == 0 && strcmp (a->object, b->object) == 0;
}

static bool
check_solved (const IntegrityRun *run, const FixItem *item, GError **error)
{
  for (guint i = 0; i < run->findings->len; i++)
    {
      const Finding *finding = run->findings->pdata[i];
      if (is_same (finding, item->finding))
        return keel_error (error, KEEL_ERROR_FAILED,
                           "Look at the fix and at the rows; nothing was changed.",
                           "%s of %s is still there after its fix: %s", finding->check->id,
                           finding->object, finding->message);
    }
  for (guint i = 0; i < run->coverage->len; i++)
    {
      const Coverage *coverage = run->coverage->pdata[i];
      if (coverage->check == item->finding->check && coverage->unknown_count > 0)
        {
          g_autofree char *reason = coverage_reason (coverage);
          return keel_error (error, KEEL_ERROR_FAILED, "Nothing was changed.",
                             "whether %s is fixed could not be found out: %s", coverage->check->id,
                             reason);
        }
    }
  return true;
}

static bool
check_again (Work *work, GError **error)
{
  const FixSpec *spec = work->spec;
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  g_autoptr (IntegrityRun) run = NULL;
  for (guint i = 0; i < spec->items->len; i++)
    {
      const FixItem *item = spec->items->pdata[i];
      const char *id = item->finding->check->id;
      if (item->applies && !g_ptr_array_find_with_equal_func (ids, id, g_str_equal, NULL))
        g_ptr_array_add (ids, (void *) id);
    }
  g_ptr_array_add (ids, NULL);
  IntegrityOptions options = { .ids = (const char *const *) ids->pdata,
                               .own_checks = spec->own_checks,
                               .aggregates = spec->aggregates };
  report_step (work->report, "checking again");
  if (!integrity_run_in (work->conn, &options, work->report, &run, error))
    return prefix_error (error, "checking again");
  for (guint i = 0; i < spec->items->len; i++)
    {
      const FixItem *item = spec->items->pdata[i];
      if (!item->applies)
        continue;
      if (!check_solved (run, item, error))
        return false;
      work->result.solved++;
    }
  return true;
}

/* The way back is gone there and back, so that nobody finds out later that it leads nowhere. */
static bool
try_undo (Work *work, GError **error)
{
  BringBackResult result;
  g_autoptr (GError) problem = NULL;
  if (!db_exec (work->conn, "SAVEPOINT pgkeel_undo", error))
    return false;
  report_step (work->report, "trying the way back");
  work->result.can_be_undone = bring_back (work->conn, work->result.id, &result, &problem);
  if (!work->result.can_be_undone && !work->spec->without_undo)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      keel_error_suggest (error, "--without-undo applies it all the same; the rows stay in"
                                 " pgkeel.quarantine.");
      return prefix_error (error, "the fix could not be undone later");
    }
  if (!work->result.can_be_undone)
    work->result.no_undo_reason = g_strdup (problem->message);
  return db_exec (work->conn, "ROLLBACK TO SAVEPOINT pgkeel_undo; RELEASE SAVEPOINT pgkeel_undo",
                  error);
}

static void
list_lasting (Work *work)
{
  work->result.lasting = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < work->spec->items->len; i++)
    {
      const FixItem *item = work->spec->items->pdata[i];
      bool is_lasting = item->applies && !item->changes_rows && !item->uses_sequences;
      for (guint j = 0; is_lasting && j < item->statements->len; j++)
        g_ptr_array_add (work->result.lasting, g_strdup (item->statements->pdata[j]));
    }
}

static bool
apply_in_transaction (Work *work, GError **error)
{
  bool uses_sequences = false;
  for (guint i = 0; i < work->spec->items->len; i++)
    {
      const FixItem *item = work->spec->items->pdata[i];
      uses_sequences |= item->applies && item->uses_sequences;
    }
  if (!db_exec (work->conn, "BEGIN", error) || !quarantine_create (work->conn, error)
      || !write_record (work, error)
      || (uses_sequences && !sequence_state_read (work->conn, &work->sequences, error)))
    return false;
  report_step (work->report, "applying %u fixes", fix_plan_count (work->spec->items));
  return run_statements (work, error) && check_again (work, error) && try_undo (work, error)
         && finish_record (work, error) && db_exec (work->conn, "COMMIT", error);
}

/* setval is not part of any transaction. */
static void
take_back_sequences (Work *work)
{
  g_autoptr (json_t) now = NULL;
  g_autoptr (json_t) moved = NULL;
  int64_t count;
  if (!db_rollback (work->conn) || work->sequences == NULL
      || !sequence_state_read (work->conn, &now, NULL))
    return;
  moved = sequence_state_changes (work->sequences, now);
  if (work->moved != NULL && !sequence_state_restore (work->conn, work->moved, NULL, &count, NULL))
    report_warning (work->report, "sequences that the fix moved stay where they are", NULL);
  else if (work->moved == NULL && json_array_size (moved) > 0)
    report_warning (work->report, "sequences that the fix moved stay where they are",
                    "That is harmless: the numbers between are only left out.");
}

bool
fix_apply (const FixSpec *spec, Report *report, FixResult *ret_result, GError **error)
{
  g_auto (Work) work = { .spec = spec, .report = report };
  if (!open_session (spec->url, &work.conn, error))
    return false;
  /* Without its counts nobody knows which tables cascades and triggers reach. */
  g_autofree char *counts = NULL;
  if (!db_query_text (work.conn, "SELECT pg_catalog.current_setting('track_counts')", 0, NULL,
                      &counts, error))
    return false;
  if (strcmp (counts, "on") != 0 && !db_exec (work.conn, "SET track_counts = on", error))
    return prefix_error (error, "a fix needs the server's count of changed rows");
  if (!apply_in_transaction (&work, error))
    {
      take_back_sequences (&work);
      return false;
    }
  list_lasting (&work);
  *ret_result = work.result;
  work.result = (FixResult){ 0 };
  return true;
}

/* --- undo ----------------------------------------------------------------------------------------- */

typedef struct
{
  json_t *sequences;
  GPtrArray *lasting;
  char *fixed;
} UndoRecord;

static void
undo_record_clear (UndoRecord *record)
{
  json_decref (record->sequences);
  g_clear_pointer (&record->lasting, g_ptr_array_unref);
  g_clear_pointer (&record->fixed, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UndoRecord, undo_record_clear)

static bool
read_record (DbConn *conn, const char *id, UndoRecord *record, GError **error)
{
  static const char sql[]
      = "SELECT sequences, to_char(fixed, 'YYYY-MM-DD HH24:MI:SS'), to_char(undone, 'YYYY-MM-DD HH24:MI:SS'),\n"
        "       (SELECT jsonb_agg(s -> 'sql') FROM jsonb_array_elements(statements) s"
        " WHERE (s ->> 'lasting')::boolean)\n"
        "  FROM pgkeel.integrity_fix WHERE id = $1 FOR UPDATE";
  g_autoptr (DbResult) result = NULL;
  g_autofree char *there = NULL;
  size_t i;
  json_t *text;
  if (!db_query_text (conn, "SELECT pg_catalog.to_regclass('pgkeel.integrity_fix')::text", 0, NULL,
                      &there, error)
      || (there != NULL && !db_query (conn, sql, 1, &id, &result, error)))
    return false;
  if (there == NULL || db_result_rows (result) == 0)
    return keel_error (error, KEEL_ERROR_MISSING,
                       "The table pgkeel.integrity_fix has all fixes of this database.",
                       "there is no fix “%s” in this database", id);
  if (!db_result_is_null (result, 0, 2))
    return keel_error (error, KEEL_ERROR_ANSWER_NO, NULL, "the fix “%s” was undone already, on %s",
                       id, db_result_text (result, 0, 2));
  record->sequences = json_loads (db_result_text (result, 0, 0), 0, NULL);
  record->fixed = g_strdup (db_result_text (result, 0, 1));
  record->lasting = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (json_t) lasting = json_loads (db_result_text (result, 0, 3), 0, NULL);
  json_array_foreach (lasting, i, text)
    g_ptr_array_add (record->lasting, g_strdup (json_string_value (text)));
  return true;
}

/* Sequences last: what setval does is not taken back by a rollback. */
static bool
undo_in_transaction (DbConn *conn, const char *id, bool dry_run, UndoResult *result, GError **error)
{
  static const char mark_sql[] = "UPDATE pgkeel.integrity_fix SET undone = clock_timestamp(),"
                                 " undone_by = session_user WHERE id = $1 RETURNING id";
  g_auto (UndoRecord) record = { 0 };
  BringBackResult back = { 0 };
  g_autofree char *done = NULL;
  if (!db_exec (conn, "BEGIN", error) || !read_record (conn, id, &record, error)
      || !bring_back (conn, id, &back, error)
      || !db_query_text (conn, mark_sql, 1, &id, &done, error))
    return false;
  result->skipped = g_ptr_array_new_with_free_func (g_free);
  if (!dry_run
      && !sequence_state_restore (conn, record.sequences, result->skipped, &result->sequences,
                                  error))
    return false;
  result->rows = back.rows;
  result->tables = back.tables;
  result->fixed = g_steal_pointer (&record.fixed);
  result->lasting = g_steal_pointer (&record.lasting);
  return db_exec (conn, dry_run ? "ROLLBACK" : "COMMIT", error);
}

bool
fix_undo (const char *url, const char *id, bool dry_run, UndoResult *ret_result, GError **error)
{
  g_autoptr (DbConn) conn = NULL;
  g_auto (UndoResult) result = { 0 };
  if (!open_session (url, &conn, error) || !undo_in_transaction (conn, id, dry_run, &result, error))
    return prefix_error (error, "nothing was undone");
  *ret_result = result;
  result = (UndoResult){ 0 };
  return true;
}
