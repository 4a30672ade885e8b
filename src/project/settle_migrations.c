#include "base/size.h"
#include "project/check.h"
#include "project/settle.h"

#include <string.h>

#define LOCK_TIMEOUT_DEFAULT_MS 2000
#define REHEARSAL_MAX_AGE_DEFAULT_S (24 * 3600)
#define TIMEOUT_MAX_MS (7 * 86400 * (int64_t) 1000)
#define IDENTIFIER_MAX_BYTES 63

/* As duration_parse, and also "500ms". */
static bool
parse_milliseconds (const char *text, int64_t *ret_ms)
{
  int64_t seconds;
  const char *end = NULL;
  if (g_str_has_suffix (text, "ms"))
    {
      guint64 number = g_ascii_strtoull (text, (char **) &end, 10);
      if (!g_ascii_isdigit (text[0]) || strcmp (end, "ms") != 0
          || number > (guint64) TIMEOUT_MAX_MS)
        return false;
      *ret_ms = (int64_t) number;
      return true;
    }
  if (!duration_parse (text, &seconds) || seconds > TIMEOUT_MAX_MS / 1000)
    return false;
  *ret_ms = seconds * 1000;
  return true;
}

bool
settle_timeout (const Settle *settle, const char *path, const char *written, bool can_be_none,
                int64_t *ret_ms, GError **error)
{
  const Node *node;
  int64_t timeout_ms;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, path, written, &text, &node, error) || text == NULL)
    return written == NULL;
  if (!parse_milliseconds (text, &timeout_ms) || (timeout_ms == 0 && !can_be_none))
    return settle_refuse_value (settle, node, text, "a duration of at most 7d",
                                "Write a number and ms, s, m or h, as in 2s or 500ms.", error);
  *ret_ms = timeout_ms;
  return true;
}

/* 0: however old. */
static bool
settle_age (const Settle *settle, const char *path, const char *written, int64_t *ret_seconds,
            GError **error)
{
  const Node *node;
  int64_t seconds;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, path, written, &text, &node, error) || text == NULL)
    return written == NULL;
  if (strcmp (text, "0") == 0)
    seconds = 0;
  else if (!duration_parse (text, &seconds) || seconds < 0)
    return settle_refuse_value (settle, node, text, "a duration",
                                "Write a number and m, h, d or w, as in 24h; 0 for any age.",
                                error);
  *ret_seconds = seconds;
  return true;
}

/* The layouts are not known here: whoever reads the files says when there is none of that name. */
static bool
settle_word (const Settle *settle, const char *path, const char *written, char **ret_text,
             GError **error)
{
  const Node *node;
  g_autofree char *text = NULL;
  if (!settle_expanded (settle, path, written, &text, &node, error))
    return false;
  if (text != NULL && *text == '\0')
    return check_refuse (settle->file, node, "Write a value, or remove the key.", error,
                         "“%s” is empty", node->key);
  *ret_text = g_steal_pointer (&text);
  return true;
}

static bool
is_pattern (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ".", -1);
  guint count = g_strv_length (parts);
  for (guint i = 0; i < count; i++)
    if (*parts[i] == '\0' || strlen (parts[i]) > IDENTIFIER_MAX_BYTES)
      return false;
  return count == 1 || count == 2;
}

static bool
settle_ignore (const Settle *settle, const ConfigMigrations *migrations, GError **error)
{
  const Node *list = node_find (settle->config->root, "migrations.ignore");
  if (!settle_list (settle, "migrations.ignore", migrations->ignore, migrations->ignore_count,
                    &settle->project->migrations.ignore, error))
    return false;
  char **patterns = settle->project->migrations.ignore;
  for (guint i = 0; patterns[i] != NULL; i++)
    if (!is_pattern (patterns[i]))
      return settle_refuse_value (settle, list->children->pdata[i], patterns[i],
                                  "a pattern for schemas or tables",
                                  "Write it as schema or schema.table; * and ? stand for any "
                                  "characters and for one.",
                                  error);
  return true;
}

/* Not expanded: the shell that runs it does that, and a password stays out of the arguments. */
static void
settle_command (const Settle *settle, const char *path, const char *written, char **ret_command)
{
  if (written == NULL)
    return;
  settle_remember_origin (settle, path,
                          node_place (node_find (settle->config->root, path), settle->file));
  *ret_command = g_strdup (written);
}

bool
settle_migrations (const Settle *settle, GError **error)
{
  static const ConfigMigrations none = { 0 };
  static const ConfigCommand no_command = { 0 };
  const ConfigMigrations *written = settle->config->migrations;
  ProjectMigrations *migrations = &settle->project->migrations;
  if (written == NULL)
    written = &none;
  const ConfigCommand *command = written->command != NULL ? written->command : &no_command;
  migrations->lock_timeout_ms = LOCK_TIMEOUT_DEFAULT_MS;
  migrations->rehearsal_max_age_s = REHEARSAL_MAX_AGE_DEFAULT_S;
  settle_command (settle, "migrations.command.status", command->status,
                  &migrations->status_command);
  settle_command (settle, "migrations.command.up", command->up, &migrations->up_command);
  settle_command (settle, "migrations.command.down", command->down, &migrations->down_command);
  return settle_word (settle, "migrations.dir", written->dir, &migrations->dir, error)
         && settle_word (settle, "migrations.layout", written->layout, &migrations->layout, error)
         && settle_timeout (settle, "migrations.lock_timeout", written->lock_timeout, false,
                            &migrations->lock_timeout_ms, error)
         && settle_timeout (settle, "migrations.statement_timeout", written->statement_timeout,
                            true, &migrations->statement_timeout_ms, error)
         && settle_age (settle, "migrations.rehearsal_max_age", written->rehearsal_max_age,
                        &migrations->rehearsal_max_age_s, error)
         && settle_ignore (settle, written, error);
}
