#include "migrate/replay_files.h"

#include "base/error.h"
#include "sql/token.h"

#include <string.h>

/* More words of a statement than these say nothing new. */
#define WORDS_MAX 200

void
replay_files_clear (ReplayFiles *files)
{
  g_clear_pointer (&files->items, g_ptr_array_unref);
  g_clear_pointer (&files->roles, g_hash_table_unref);
  g_clear_pointer (&files->extensions, g_hash_table_unref);
  g_clear_pointer (&files->cluster_wide, g_free);
  g_clear_pointer (&files->reaching_out, g_free);
}

/* --- what statements need -------------------------------------------------------------------- */

typedef struct
{
  const char *text;
  GArray *words; /* of SqlToken: the statement's */
} Statement;

static bool
word_is (const Statement *statement, guint index, const char *word)
{
  return index < statement->words->len
         && sql_token_is (statement->text, &g_array_index (statement->words, SqlToken, index),
                          word);
}

static bool
word_is_one_of (const Statement *statement, guint index, const char *const *words)
{
  for (; *words != NULL; words++)
    if (word_is (statement, index, *words))
      return true;
  return false;
}

/* The index of WORD, from FIRST on; 0: it is not there. */
static guint
find_word (const Statement *statement, guint first, const char *word)
{
  for (guint i = first; i < statement->words->len; i++)
    if (word_is (statement, i, word))
      return i;
  return 0;
}

/* The name at INDEX as the server would know it; NULL: there is none. Caller frees. */
static char *
name_at (const Statement *statement, guint index)
{
  if (index >= statement->words->len)
    return NULL;
  const SqlToken *token = &g_array_index (statement->words, SqlToken, index);
  const char *text = statement->text + token->start;
  if (token->kind == SQL_TOKEN_WORD)
    return g_ascii_strdown (text, (gssize) token->length);
  if (token->kind != SQL_TOKEN_QUOTED || *text != '"' || token->length < 2)
    return NULL;
  g_autofree char *inner = g_strndup (text + 1, token->length - 2);
  g_auto (GStrv) parts = g_strsplit (inner, "\"\"", -1);
  return g_strjoinv ("\"", parts);
}

static void
add_name (GHashTable *names, char *name, const char *path)
{
  if (name != NULL)
    g_hash_table_replace (names, name, (char *) path);
}

static bool
is_about_role (const Statement *statement)
{
  static const char *const kinds[] = { "role", "user", "group", NULL };
  return word_is_one_of (statement, 1, kinds) && !word_is (statement, 2, "mapping");
}

static bool
is_cluster_wide (const Statement *statement)
{
  static const char *const verbs[] = { "create", "alter", "drop", NULL };
  static const char *const shared[] = { "database", "tablespace", "subscription", "system", NULL };
  static const char *const objects[] = { "role", "database", "tablespace", "parameter", NULL };
  if (word_is_one_of (statement, 0, verbs))
    return is_about_role (statement) || word_is_one_of (statement, 1, shared)
           || word_is (statement, 1, "owned");
  if (word_is (statement, 0, "reassign"))
    return true;
  if (word_is (statement, 0, "comment"))
    return word_is_one_of (statement, 2, objects);
  if (!word_is (statement, 0, "grant") && !word_is (statement, 0, "revoke"))
    return false;
  /* Without ON it is about membership in a role. */
  guint on = find_word (statement, 1, "on");
  return on == 0 || word_is_one_of (statement, on + 1, objects);
}

/* "NAME = false" among the options. */
static bool
is_turned_off (const Statement *statement, const char *name)
{
  static const char *const off[] = { "false", "off", NULL };
  guint index = find_word (statement, 2, name);
  return index > 0 && word_is_one_of (statement, index + 2, off);
}

/* A subscription makes slots on its publisher when it is made, and removes them when it is dropped. */
static bool
is_reaching_out (const Statement *statement)
{
  if (!word_is (statement, 1, "subscription"))
    return false;
  if (word_is (statement, 0, "create"))
    return !is_turned_off (statement, "connect");
  if (word_is (statement, 0, "alter"))
    return word_is (statement, 3, "enable") || word_is (statement, 3, "refresh")
           || (word_is (statement, 4, "publication") && !is_turned_off (statement, "refresh"));
  return word_is (statement, 0, "drop");
}

/* "migrations/3.up.sql: CREATE ROLE app"; caller frees. */
static char *
describe (const char *path, const Statement *statement)
{
  const SqlToken *first = &g_array_index (statement->words, SqlToken, 0);
  guint count = MIN (statement->words->len, 3);
  const SqlToken *last = &g_array_index (statement->words, SqlToken, count - 1);
  g_autofree char *words = sql_first_words (statement->text + first->start,
                                            last->start + last->length - first->start, count);
  return g_strdup_printf ("%s: %s", path, words);
}

static void
judge (ReplayFiles *files, const char *path, const Statement *statement)
{
  guint rename = find_word (statement, 2, "rename");
  if (word_is (statement, 0, "create") && is_about_role (statement))
    add_name (files->roles, name_at (statement, 2), path);
  else if (word_is (statement, 0, "alter") && is_about_role (statement) && rename > 0)
    add_name (files->roles, name_at (statement, rename + 2), path);
  else if (word_is (statement, 0, "create") && word_is (statement, 1, "extension"))
    add_name (files->extensions, name_at (statement, word_is (statement, 2, "if") ? 5 : 2), path);
  if (files->cluster_wide == NULL && is_cluster_wide (statement))
    files->cluster_wide = describe (path, statement);
  if (files->reaching_out == NULL && is_reaching_out (statement))
    files->reaching_out = describe (path, statement);
}

/* Behind the rows of a COPY ... FROM stdin, which are no SQL. */
static size_t
skip_rows (const Statement *statement, size_t at, size_t length)
{
  if (!word_is (statement, 0, "copy") || find_word (statement, 1, "stdin") == 0)
    return at;
  const char *end = g_strstr_len (statement->text + at, (gssize) (length - at), "\n\\.");
  return end != NULL ? (size_t) (end - statement->text) + strlen ("\n\\.") : length;
}

void
replay_files_scan (ReplayFiles *files, const char *path, const char *text, size_t length)
{
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (SqlToken));
  Statement statement = { text, words };
  SqlToken token;
  bool is_more = true;
  for (size_t at = 0; is_more;)
    {
      is_more = sql_token_next_word (text, length, &at, &token);
      if (is_more && token.kind != SQL_TOKEN_SEMICOLON)
        {
          if (words->len < WORDS_MAX)
            g_array_append_val (words, token);
          continue;
        }
      if (words->len > 0)
        judge (files, path, &statement);
      if (is_more)
        at = skip_rows (&statement, at, length);
      g_array_set_size (words, 0);
    }
}

/* --- which files ----------------------------------------------------------------------------- */

static bool
is_in_database (const PlanItem *item)
{
  return item->state == PLAN_APPLIED || item->state == PLAN_REFORMATTED
         || item->state == PLAN_CHANGED || item->state == PLAN_REPEAT;
}

/* A baseline script that ran stands for the versions it covers. One that did not run stands for
 * nothing: its versions ran one by one. */
static bool
is_replayed (const Plan *plan, const PlanItem *item)
{
  if (item->migration == NULL)
    return false;
  if (item->state != PLAN_COVERED)
    return is_in_database (item);
  if (item->migration->kind != MIGRATION_VERSIONED)
    return false;
  for (guint i = 0; i < plan->items->len; i++)
    {
      const PlanItem *other = plan->items->pdata[i];
      if (other->migration != NULL && other->migration->kind == MIGRATION_BASELINE
          && is_in_database (other))
        return false;
    }
  return true;
}

static bool
check_replayable (const PlanItem *item, GError **error)
{
  const Migration *migration = item->migration;
  if (migration->not_sql != NULL)
    return keel_error (error, KEEL_ERROR_FAILED,
                       "--files holds the files against the history only, without replaying them.",
                       "%s is %s, which cannot be replayed", migration->up.path,
                       migration->not_sql);
  return migration->up.text != NULL
         || keel_error (error, KEEL_ERROR_FAILED, NULL, "migration “%s” has no up script",
                        migration->version);
}

/* What was there when a baseline was declared must be in files, or nobody can tell what is drift. */
static bool
check_baselines (const Plan *plan, const GPtrArray *items, GError **error)
{
  for (guint i = 0; i < plan->history->entries->len; i++)
    {
      const HistoryEntry *entry = plan->history->entries->pdata[i];
      bool is_covered = entry->state != HISTORY_BASELINE;
      for (guint j = 0; j < items->len && !is_covered; j++)
        is_covered = ((const PlanItem *) items->pdata[j])->state == PLAN_COVERED;
      if (!is_covered)
        return keel_error (
            error, KEEL_ERROR_FAILED,
            "Write the schema as it was then (pg_dump --schema-only) into a migration of that version.",
            "the baseline “%s” stands for a schema that is in no file, so nothing can be replayed",
            entry->version);
    }
  return true;
}

bool
replay_files_find (const Plan *plan, ReplayFiles *ret_files, GError **error)
{
  g_auto (ReplayFiles) files = { .items = g_ptr_array_new () };
  files.roles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  files.extensions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < plan->items->len; i++)
    {
      PlanItem *item = plan->items->pdata[i];
      if (!is_replayed (plan, item))
        continue;
      if (!check_replayable (item, error))
        return false;
      const MigrationScript *up = &item->migration->up;
      g_ptr_array_add (files.items, item);
      replay_files_scan (&files, up->path, up->text, up->length);
    }
  if (!check_baselines (plan, files.items, error))
    return false;
  if (files.reaching_out != NULL)
    return keel_error_full (
        error, KEEL_ERROR_REFUSED, NULL, files.reaching_out,
        "Write CREATE SUBSCRIPTION WITH (connect = false), or hold the files against the "
        "history only, with --files.",
        "the files cannot be replayed: the server of a publication would be changed");
  *ret_files = files;
  files = (ReplayFiles){ 0 };
  return true;
}
