#include "deploy/measurement.h"

#include <string.h>

#define TEXT_MAX_BYTES 400
#define COMMIT_SHOWN_US 1000

/* The modes in the order of their strength. */
static const struct
{
  const char *server, *words;
} modes[] = {
  { "AccessShareLock", "ACCESS SHARE" },
  { "RowShareLock", "ROW SHARE" },
  { "RowExclusiveLock", "ROW EXCLUSIVE" },
  { "ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE" },
  { "ShareLock", "SHARE" },
  { "ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE" },
  { "ExclusiveLock", "EXCLUSIVE" },
  { "AccessExclusiveLock", "ACCESS EXCLUSIVE" },
};

static void
lock_free (MeasuredLock *lock)
{
  g_free (lock->relation);
  g_free (lock->mode);
  g_free (lock);
}

static void
rows_free (MeasuredRows *rows)
{
  g_free (rows->table);
  g_free (rows);
}

void
measurement_free (Measurement *measurement)
{
  g_free (measurement->tag);
  g_free (measurement->text);
  g_ptr_array_unref (measurement->locks);
  g_ptr_array_unref (measurement->rewritten);
  g_ptr_array_unref (measurement->rebuilt);
  g_ptr_array_unref (measurement->touched);
  g_free (measurement);
}

/* Reports are read by more people than migrations are: the first literal behind such a word, and what
 * follows, is not in them. */
static void
hide_secrets (char *text)
{
  static const char *const words[] = { "password", "connection", "secret" };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    {
      char *found = strcasestr (text, words[i]);
      if (found != NULL)
        found[strcspn (found, "'$")] = '\0';
    }
}

char *
measurement_show_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  size_t whole = strlen (valid);
  hide_secrets (valid);
  size_t length = strlen (valid);
  if (length > TEXT_MAX_BYTES)
    length = (size_t) (g_utf8_find_prev_char (valid, valid + TEXT_MAX_BYTES) - valid);
  return g_strdup_printf ("%.*s%s", (int) length, valid, length < whole ? " ..." : "");
}

static Measurement *
make (void)
{
  Measurement *measurement = g_new0 (Measurement, 1);
  measurement->rows = -1;
  measurement->commit_us = -1;
  measurement->locks = g_ptr_array_new_with_free_func ((GDestroyNotify) lock_free);
  measurement->rewritten = g_ptr_array_new_with_free_func (g_free);
  measurement->rebuilt = g_ptr_array_new_with_free_func (g_free);
  measurement->touched = g_ptr_array_new_with_free_func ((GDestroyNotify) rows_free);
  return measurement;
}

Measurement *
measurement_new (const MigrateScript *script, guint index)
{
  const ScriptStatement *statement = migrate_script_at (script, index);
  Measurement *measurement = make ();
  g_autofree char *text = migrate_script_statement_text (script, index);
  measurement->index = index;
  measurement->line = statement->line;
  measurement->tag = g_strdup (statement->class.tag);
  measurement->text = measurement_show_text (text);
  return measurement;
}

Measurement *
measurement_new_command (const char *key, const char *text)
{
  Measurement *measurement = make ();
  measurement->line = 1;
  measurement->rounds = 1;
  measurement->is_alone = true;
  measurement->tag = g_strdup (key);
  measurement->text = measurement_show_text (text);
  return measurement;
}

static size_t
mode_rank (const char *words)
{
  size_t rank = 0;
  while (rank < G_N_ELEMENTS (modes) && strcmp (modes[rank].words, words) != 0)
    rank++;
  return rank;
}

const MeasuredLock *
measurement_strongest (const Measurement *measurement)
{
  const MeasuredLock *strongest = NULL;
  for (guint i = 0; i < measurement->locks->len; i++)
    {
      const MeasuredLock *lock = measurement->locks->pdata[i];
      if (strchr ("rmpf", lock->kind) != NULL && !lock->is_new
          && (strongest == NULL || mode_rank (lock->mode) > mode_rank (strongest->mode)))
        strongest = lock;
    }
  return strongest;
}

static bool
is_of_others (const char *relation, char kind)
{
  return kind == 't' || g_str_has_prefix (relation, "pg_toast.")
         || g_str_has_prefix (relation, "pgkeel.");
}

/* "ACCESS EXCLUSIVE" of "AccessExclusiveLock". */
static const char *
words_of_mode (const char *mode)
{
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++)
    if (strcmp (modes[i].server, mode) == 0)
      return modes[i].words;
  return mode;
}

static MeasuredLock *
find_lock (const Measurement *measurement, const char *relation, const char *words)
{
  for (guint i = 0; i < measurement->locks->len; i++)
    {
      MeasuredLock *lock = measurement->locks->pdata[i];
      if (strcmp (lock->relation, relation) == 0 && strcmp (lock->mode, words) == 0)
        return lock;
    }
  return NULL;
}

void
measurement_add_lock (Measurement *measurement, const char *relation, char kind, bool is_new,
                      const char *mode)
{
  const char *words = words_of_mode (mode);
  if (is_of_others (relation, kind) || find_lock (measurement, relation, words) != NULL)
    return;
  MeasuredLock *lock = g_new0 (MeasuredLock, 1);
  lock->relation = g_strdup (relation);
  lock->kind = kind;
  lock->mode = g_strdup (words);
  lock->is_new = is_new;
  g_ptr_array_add (measurement->locks, lock);
}

void
measurement_add_lock_time (Measurement *measurement, const char *relation, const char *mode,
                           int64_t held_us, int64_t waited_us)
{
  MeasuredLock *lock = find_lock (measurement, relation, words_of_mode (mode));
  if (lock == NULL)
    return;
  lock->held_us += held_us;
  lock->waited_us += waited_us;
}

static int
compare_locks (const void *a, const void *b)
{
  const MeasuredLock *const *first = a, *const *second = b;
  int order = strcmp ((*first)->relation, (*second)->relation);
  if (order != 0)
    return order;
  size_t one = mode_rank ((*first)->mode), other = mode_rank ((*second)->mode);
  return one > other ? -1 : one < other;
}

void
measurement_sort_locks (Measurement *measurement)
{
  g_ptr_array_sort (measurement->locks, compare_locks);
}

static void
note_text (GPtrArray *texts, const char *text)
{
  for (guint i = 0; i < texts->len; i++)
    if (strcmp (texts->pdata[i], text) == 0)
      return;
  g_ptr_array_add (texts, g_strdup (text));
}

void
measurement_add_file (Measurement *measurement, const char *relation, char kind)
{
  if (is_of_others (relation, kind))
    return;
  if (kind == 'r' || kind == 'm')
    note_text (measurement->rewritten, relation);
  else if (kind == 'i')
    note_text (measurement->rebuilt, relation);
}

void
measurement_add_rows (Measurement *measurement, const char *table, int64_t inserted,
                      int64_t updated, int64_t deleted)
{
  MeasuredRows *rows = NULL;
  if (is_of_others (table, 'r') || (inserted <= 0 && updated <= 0 && deleted <= 0))
    return;
  for (guint i = 0; i < measurement->touched->len && rows == NULL; i++)
    {
      rows = measurement->touched->pdata[i];
      if (strcmp (rows->table, table) != 0)
        rows = NULL;
    }
  if (rows == NULL)
    {
      rows = g_new0 (MeasuredRows, 1);
      rows->table = g_strdup (table);
      g_ptr_array_add (measurement->touched, rows);
    }
  rows->inserted += MAX (inserted, 0);
  rows->updated += MAX (updated, 0);
  rows->deleted += MAX (deleted, 0);
}

bool
measurement_shows_commit (const Measurement *measurement)
{
  return measurement->commit_failed || measurement->commit_us >= COMMIT_SHOWN_US;
}
