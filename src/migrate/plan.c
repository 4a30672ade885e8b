#include "migrate/plan.h"

#include "base/error.h"

#include <string.h>

/* How many files a refusal names. */
#define NAMED_MAX 10

static const char *const state_names[] = { [PLAN_APPLIED] = "applied",
                                           [PLAN_REFORMATTED] = "applied, reformatted since",
                                           [PLAN_COVERED] = "in baseline",
                                           [PLAN_PENDING] = "pending",
                                           [PLAN_UNFINISHED] = "unfinished",
                                           [PLAN_REPEAT] = "pending, changed",
                                           [PLAN_LATE] = "late",
                                           [PLAN_CHANGED] = "changed",
                                           [PLAN_MISSING] = "missing",
                                           [PLAN_REVERTING] = "half undone" };

const char *
plan_state_name (PlanState state)
{
  return state_names[state];
}

void
plan_free (Plan *plan)
{
  if (plan == NULL)
    return;
  g_ptr_array_unref (plan->items);
  g_free (plan);
}

char *
plan_item_title (const PlanItem *item)
{
  const char *version = item->migration != NULL ? item->migration->version : item->entry->version;
  const char *name = item->migration != NULL ? item->migration->name : item->entry->name;
  return *name != '\0' && strcmp (name, version) != 0 ? g_strdup_printf ("%s %s", version, name)
                                                      : g_strdup (version);
}

/* --- where each stands ----------------------------------------------------------------------- */

static bool
is_done (const HistoryEntry *entry)
{
  return entry != NULL && (entry->state == HISTORY_APPLIED || entry->state == HISTORY_ADOPTED);
}

/* The version that a baseline covers everything up to; NULL: there is none. */
static const char *
find_baseline (const MigrationSet *set, const History *history)
{
  const char *version = NULL;
  bool is_new = true;
  for (guint i = 0; i < history->entries->len; i++)
    {
      const HistoryEntry *entry = history->entries->pdata[i];
      bool covers = entry->state == HISTORY_BASELINE
                    || (entry->kind == MIGRATION_BASELINE && entry->state == HISTORY_APPLIED);
      is_new &= entry->state == HISTORY_REVERTED || (entry->kind == MIGRATION_BASELINE && !covers);
      if (covers
          && (version == NULL || migration_set_compare_versions (set, version, entry->version) < 0))
        version = entry->version;
    }
  if (version != NULL || !is_new)
    return version;
  /* An empty database: the newest baseline script stands for what came before it. */
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      if (migration->kind == MIGRATION_BASELINE
          && (version == NULL
              || migration_set_compare_versions (set, version, migration->version) < 0))
        version = migration->version;
    }
  return version;
}

/* The last version that was applied; NULL: none was. */
static const char *
find_last_applied (const MigrationSet *set, const History *history)
{
  const char *version = NULL;
  for (guint i = 0; i < history->entries->len; i++)
    {
      const HistoryEntry *entry = history->entries->pdata[i];
      if (entry->kind == MIGRATION_VERSIONED && is_done (entry)
          && (version == NULL || migration_set_compare_versions (set, version, entry->version) < 0))
        version = entry->version;
    }
  return version;
}

/* Same bytes, else the same meaning; adopted ones may have neither to compare with. */
static bool
compare_file (const Migration *migration, const HistoryEntry *entry, SqlParser *parser,
              PlanState *ret_state, GError **error)
{
  g_autofree char *now = NULL;
  PlanState changed = migration->kind == MIGRATION_REPEATABLE ? PLAN_REPEAT : PLAN_CHANGED;
  *ret_state = PLAN_APPLIED;
  if (entry->checksum == NULL || strcmp (entry->checksum, migration->checksum) == 0)
    return true;
  if (entry->fingerprint == NULL || migration->up.text == NULL)
    {
      *ret_state = changed;
      return true;
    }
  if (!sql_fingerprint (parser, migration->up.text, migration->up.length, &now, error))
    return false;
  *ret_state = sql_fingerprint_equal (entry->fingerprint, now) ? PLAN_REFORMATTED : changed;
  return true;
}

typedef struct
{
  const MigrationSet *set;
  const History *history;
  SqlParser *parser;
  const char *baseline, *last_applied;
} Judge;

static bool
judge (const Judge *judge, const Migration *migration, const HistoryEntry *entry,
       PlanState *ret_state, GError **error)
{
  if (entry != NULL)
    switch (entry->state)
      {
      case HISTORY_RUNNING:
      case HISTORY_FAILED:
        if (entry->statement_done == 0 && entry->statement_begun == 0)
          break;
        *ret_state = PLAN_UNFINISHED;
        return true;
      case HISTORY_REVERTING: *ret_state = PLAN_REVERTING; return true;
      case HISTORY_BASELINE: *ret_state = PLAN_COVERED; return true;
      default: return compare_file (migration, entry, judge->parser, ret_state, error);
      }
  *ret_state = PLAN_PENDING;
  if (migration->kind == MIGRATION_REPEATABLE)
    return true;
  int to_baseline
      = judge->baseline == NULL
            ? 1
            : migration_set_compare_versions (judge->set, migration->version, judge->baseline);
  /* Of a baseline and a versioned one with the same number the baseline runs. */
  if (migration->kind == MIGRATION_BASELINE ? to_baseline != 0 : to_baseline <= 0)
    *ret_state = PLAN_COVERED;
  else if (judge->last_applied != NULL && migration->kind == MIGRATION_VERSIONED
           && migration_set_compare_versions (judge->set, migration->version, judge->last_applied)
                  < 0)
    *ret_state = PLAN_LATE;
  return true;
}

static void
add_item (Plan *plan, PlanState state, const Migration *migration, const HistoryEntry *entry)
{
  PlanItem *item = g_new (PlanItem, 1);
  *item = (PlanItem){ state, migration, entry };
  g_ptr_array_add (plan->items, item);
  plan->counts[state]++;
}

static int
compare_entries (const void *a, const void *b, void *data)
{
  const HistoryEntry *first = *(HistoryEntry *const *) a, *second = *(HistoryEntry *const *) b;
  return migration_set_compare_versions (data, first->version, second->version);
}

/* Rows without a file, in the order of their versions; a baseline that was declared never had one. */
static GPtrArray *
list_missing (const MigrationSet *set, const History *history)
{
  GPtrArray *missing = g_ptr_array_new ();
  for (guint i = 0; i < history->entries->len; i++)
    {
      HistoryEntry *entry = history->entries->pdata[i];
      if (history_find (history, entry->version) == entry && entry->state != HISTORY_BASELINE
          && migration_set_find (set, entry->version) == NULL)
        g_ptr_array_add (missing, entry);
    }
  g_ptr_array_sort_with_data (missing, compare_entries, (void *) set);
  return missing;
}

static bool
is_before (const MigrationSet *set, const HistoryEntry *entry, const Migration *migration)
{
  if (migration->kind == MIGRATION_REPEATABLE)
    return entry->kind != MIGRATION_REPEATABLE;
  return entry->kind != MIGRATION_REPEATABLE
         && migration_set_compare_versions (set, entry->version, migration->version) < 0;
}

bool
plan_new (const MigrationSet *set, const History *history, SqlParser *parser, Plan **ret_plan,
          GError **error)
{
  g_autoptr (Plan) plan = g_new0 (Plan, 1);
  g_autoptr (GPtrArray) missing = list_missing (set, history);
  const Judge how
      = { set, history, parser, find_baseline (set, history), find_last_applied (set, history) };
  guint next = 0;
  plan->set = set;
  plan->history = history;
  plan->items = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < set->migrations->len; i++)
    {
      const Migration *migration = set->migrations->pdata[i];
      const HistoryEntry *entry = history_find (history, migration->version);
      PlanState state;
      for (; next < missing->len && is_before (set, missing->pdata[next], migration); next++)
        add_item (plan, PLAN_MISSING, NULL, missing->pdata[next]);
      if (!judge (&how, migration, entry, &state, error))
        return prefix_error (error, "%s", migration->up.path);
      add_item (plan, state, migration, entry);
    }
  for (; next < missing->len; next++)
    add_item (plan, PLAN_MISSING, NULL, missing->pdata[next]);
  *ret_plan = g_steal_pointer (&plan);
  return true;
}

guint
plan_pending_count (const Plan *plan)
{
  return plan->counts[PLAN_PENDING] + plan->counts[PLAN_LATE] + plan->counts[PLAN_UNFINISHED]
         + plan->counts[PLAN_REPEAT];
}

/* --- what a run would do --------------------------------------------------------------------- */

/* The items of STATE as lines, not too many; caller frees. */
static char *
name_items (const GPtrArray *items, PlanState state)
{
  GString *names = g_string_new (NULL);
  guint count = 0;
  for (guint i = 0; i < items->len; i++)
    {
      const PlanItem *item = items->pdata[i];
      if (item->state != state || ++count > NAMED_MAX)
        continue;
      g_autofree char *title = plan_item_title (item);
      g_string_append_printf (names, "%s%s", names->len > 0 ? "\n" : "",
                              item->migration != NULL ? item->migration->up.path : title);
    }
  if (count > NAMED_MAX)
    g_string_append_printf (names, "\nand %u more", count - NAMED_MAX);
  return g_string_free (names, FALSE);
}

static bool
refuse_state (const GPtrArray *items, PlanState state, const char *message, const char *hint,
              GError **error)
{
  g_autofree char *names = name_items (items, state);
  return *names == '\0'
         || keel_error_full (error, KEEL_ERROR_REFUSED, NULL, names, hint, "%s", message);
}

static bool
check_version (const Plan *plan, const char *version, GError **error)
{
  return version == NULL || migration_set_find (plan->set, version) != NULL
         || history_find (plan->history, version) != NULL
         || keel_error (error, KEEL_ERROR_USAGE, "“pgkeel migrate status” lists them.",
                        "there is no migration “%s”", version);
}

static bool
is_runnable (const PlanItem *item, GError **error)
{
  const Migration *migration = item->migration;
  if (migration->not_sql != NULL)
    return keel_error (
        error, KEEL_ERROR_REFUSED,
        "Apply it with its own tool, then adopt the history again; or set migrations.command.",
        "pgkeel cannot run %s: %s", migration->up.path, migration->not_sql);
  return migration->up.text != NULL
         || keel_error (error, KEEL_ERROR_REFUSED, "Write its up part, or remove the file.",
                        "migration “%s” has no up script", migration->version);
}

static bool
is_wanted (const Plan *plan, const PlanUp *spec, const PlanItem *item)
{
  switch (item->state)
    {
    case PLAN_PENDING:
    case PLAN_LATE:
    case PLAN_UNFINISHED:
      return spec->to == NULL || item->migration->kind == MIGRATION_REPEATABLE
             || migration_set_compare_versions (plan->set, item->migration->version, spec->to) <= 0;
    case PLAN_REPEAT: return true;
    default: return false;
    }
}

bool
plan_up (const Plan *plan, const PlanUp *spec, GPtrArray **ret_items, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  if (!check_version (plan, spec->to, error)
      || !refuse_state (plan->items, PLAN_REVERTING, "a down migration stopped half way",
                        "Run “pgkeel migrate down”, which goes on where it stopped.", error)
      || !refuse_state (
          plan->items, PLAN_CHANGED, "files of applied migrations mean something else now",
          "Bring the files back as they were; what is to change belongs into a new migration.",
          error))
    return false;
  for (guint i = 0; i < plan->items->len; i++)
    if (is_wanted (plan, spec, plan->items->pdata[i]))
      {
        if (!is_runnable (plan->items->pdata[i], error))
          return false;
        g_ptr_array_add (items, plan->items->pdata[i]);
      }
  if (!spec->allow_late
      && !refuse_state (
          items, PLAN_LATE, "there are late migrations: later ones are applied already",
          "Give them a newer version, or apply them now with --allow-out-of-order.", error))
    return false;
  *ret_items = g_steal_pointer (&items);
  return true;
}

static bool
check_down (const PlanItem *item, GError **error)
{
  g_autofree char *title = plan_item_title (item);
  if (item->migration == NULL)
    return keel_error (error, KEEL_ERROR_REFUSED, "Bring the file back from version control.",
                       "migration “%s” cannot be undone: its file is missing", title);
  if (item->entry->kind == MIGRATION_REPEATABLE || item->entry->kind == MIGRATION_BASELINE)
    return keel_error (error, KEEL_ERROR_REFUSED, "Restore a backup, or write a new migration.",
                       "migration “%s” cannot be undone", title);
  return item->migration->down.text != NULL
         || keel_error (
             error, KEEL_ERROR_REFUSED,
             "Write its down script, write a new migration that undoes it, or restore a backup.",
             "migration “%s” is irreversible: it has no down script", title);
}

static bool
can_be_undone (const PlanItem *item)
{
  return item->entry != NULL && (is_done (item->entry) || item->entry->state == HISTORY_REVERTING)
         && item->entry->kind == MIGRATION_VERSIONED;
}

/* What stopped half way comes first, then the last one that was applied. */
static int
compare_newest_first (const void *a, const void *b)
{
  const PlanItem *first = *(PlanItem *const *) a, *second = *(PlanItem *const *) b;
  bool first_open = first->state == PLAN_REVERTING, second_open = second->state == PLAN_REVERTING;
  if (first_open != second_open)
    return first_open ? -1 : 1;
  return first->entry->id < second->entry->id ? 1 : -1;
}

bool
plan_down (const Plan *plan, const PlanDown *spec, GPtrArray **ret_items, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  if (!check_version (plan, spec->to, error)
      || !refuse_state (plan->items, PLAN_UNFINISHED, "a migration stopped half way",
                        "Run “pgkeel migrate up”, which goes on where it stopped.", error))
    return false;
  for (guint i = 0; i < plan->items->len; i++)
    {
      PlanItem *item = plan->items->pdata[i];
      const char *version = item->entry != NULL ? item->entry->version : NULL;
      if (can_be_undone (item)
          && (spec->to == NULL
              || migration_set_compare_versions (plan->set, version, spec->to) > 0))
        g_ptr_array_add (items, item);
    }
  g_ptr_array_sort (items, compare_newest_first);
  if (spec->to == NULL && items->len > spec->steps)
    g_ptr_array_set_size (items, (int) spec->steps);
  for (guint i = 0; i < items->len; i++)
    if (!check_down (items->pdata[i], error))
      return false;
  *ret_items = g_steal_pointer (&items);
  return true;
}
