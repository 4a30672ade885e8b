#include "cli/complete.h"

#include "cli/parse.h"
#include "project/incident.h"

#include <string.h>

/* Where the line stands after the words before the one being typed. */
typedef struct
{
  const CliCommand *rows;       /* what a word could name; NULL after a command without children */
  const CliCommand *command;    /* NULL until one is named */
  const GOptionEntry *value_of; /* the option whose value comes next */
  bool is_lost;                 /* a word was not understood: nothing more can be said */
  bool only_words;              /* after "--" */
  int word_count;               /* arguments of the command so far */
  const char *folder, *environment;
} Position;

static bool
takes_value (const GOptionEntry *entry)
{
  return entry->arg != G_OPTION_ARG_NONE;
}

static const GOptionEntry *
find_in (const GOptionEntry *options, const char *name, size_t length, char short_name)
{
  for (const GOptionEntry *entry = options; entry != NULL && entry->long_name != NULL; entry++)
    if (name != NULL
            ? strlen (entry->long_name) == length && strncmp (entry->long_name, name, length) == 0
            : entry->short_name == short_name)
      return entry;
  return NULL;
}

/* By NAME of LENGTH bytes, or when that is NULL by SHORT_NAME. */
static const GOptionEntry *
find_option (const Position *at, const char *name, size_t length, char short_name)
{
  const GOptionEntry *entry = find_in (cli_global_options (), name, length, short_name);
  if (entry == NULL && at->command != NULL)
    entry = find_in (at->command->options, name, length, short_name);
  return entry;
}

/* The two global options that decide which project the values come from. */
static void
note_value (Position *at, const GOptionEntry *entry, const char *value)
{
  if (entry->short_name == 'C')
    at->folder = value;
  else if (entry->short_name == 'e')
    at->environment = value;
}

static void
pass_long_option (Position *at, const char *word)
{
  size_t length = strcspn (word, "=");
  const GOptionEntry *entry = find_option (at, word, length, 0);
  if (entry == NULL)
    at->is_lost = true;
  else if (takes_value (entry) && word[length] == '=')
    note_value (at, entry, word + length + 1);
  else if (takes_value (entry))
    at->value_of = entry;
}

/* GOption takes the value of a short option from the next word only. */
static void
pass_short_options (Position *at, const char *letters)
{
  for (const char *letter = letters; *letter != '\0' && !at->is_lost; letter++)
    {
      const GOptionEntry *entry = find_option (at, NULL, 0, *letter);
      if (entry == NULL)
        at->is_lost = true;
      else if (takes_value (entry))
        at->value_of = entry;
    }
}

static void
pass_word (Position *at, const char *word)
{
  if (at->value_of != NULL)
    {
      note_value (at, at->value_of, word);
      at->value_of = NULL;
    }
  else if (!at->only_words && strcmp (word, "--") == 0)
    at->only_words = true;
  else if (!at->only_words && g_str_has_prefix (word, "--"))
    pass_long_option (at, word + 2);
  else if (!at->only_words && word[0] == '-' && word[1] != '\0')
    pass_short_options (at, word + 1);
  else if (at->rows != NULL)
    {
      at->command = cli_resolve (cli_find (at->rows, word));
      at->is_lost = at->command == NULL;
      at->rows = at->is_lost ? NULL : at->command->children;
    }
  else
    {
      at->word_count++;
      at->only_words = at->only_words || at->command->stops_at_argument;
    }
}

/* Adds PREFIX WORD and its EXPLANATION (may be NULL) when it begins with what was TYPED. */
static void
offer (GPtrArray *lines, const char *typed, const char *prefix, const char *word,
       const char *explanation)
{
  if (!g_str_has_prefix (word, typed))
    return;
  g_ptr_array_add (lines,
                   g_strconcat (prefix, word, explanation != NULL ? "\t" : "", explanation, NULL));
}

static void
offer_commands (GPtrArray *lines, const CliCommand *rows, const char *typed)
{
  for (const CliCommand *row = rows; row != NULL && row->name != NULL; row++)
    offer (lines, typed, "", row->name,
           row->summary != NULL ? row->summary : cli_resolve (row)->summary);
}

static void
offer_options (GPtrArray *lines, const GOptionEntry *options, const char *typed)
{
  for (const GOptionEntry *entry = options; entry != NULL && entry->long_name != NULL; entry++)
    {
      if ((entry->flags & G_OPTION_FLAG_HIDDEN) || *entry->long_name == '\0')
        continue;
      g_autofree char *word
          = g_strconcat ("--", entry->long_name, takes_value (entry) ? "=" : "", NULL);
      offer (lines, typed, "", word, entry->description);
    }
}

static void
offer_environments (GPtrArray *lines, const Position *at, const char *typed, const char *prefix)
{
  g_auto (GStrv) names = NULL;
  g_autoptr (GError) ignored = NULL;
  if (!project_environment_names (at->folder, &names, &ignored))
    return;
  for (size_t i = 0; names[i] != NULL; i++)
    offer (lines, typed, prefix, names[i], NULL);
}

static int
compare_newest_first (const void *a, const void *b)
{
  return -g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

static void
offer_backups (GPtrArray *lines, const Position *at, const char *typed, const char *prefix)
{
  g_autoptr (Project) project = NULL;
  g_autoptr (GError) ignored = NULL;
  if (project_open (at->folder, at->environment, &project, &ignored))
    {
      g_autofree char *folder = project_backup_folder (project);
      g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
      g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
      const char *name;
      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        if (*name != '.' && g_str_has_suffix (name, ".sql.gz"))
          g_ptr_array_add (names, g_strdup (name));
      g_ptr_array_sort (names, compare_newest_first);
      offer (lines, typed, prefix, "latest", "the newest backup");
      for (guint i = 0; i < names->len; i++)
        offer (lines, typed, prefix, g_ptr_array_index (names, i), NULL);
    }
  g_ptr_array_add (lines, g_strdup (":files"));
}

/* The newest first, and which of them are open. */
static void
offer_incidents (GPtrArray *lines, const Position *at, const char *typed, const char *prefix)
{
  g_autoptr (Project) project = NULL;
  g_autoptr (GPtrArray) incidents = NULL;
  g_autoptr (GError) ignored = NULL;
  if (!project_open (at->folder, at->environment, &project, &ignored)
      || !incident_list (project, true, &incidents, &ignored))
    return;
  for (guint i = incidents->len; i > 0; i--)
    {
      const Incident *incident = incidents->pdata[i - 1];
      g_autofree char *what = g_strdup_printf ("%s, %s", incident->is_open ? "open" : "closed",
                                               incident->summary != NULL ? incident->summary : "?");
      offer (lines, typed, prefix, incident->id, what);
    }
}

/* The values that KIND, the name of an argument or of an option's value, stands for. */
static void
offer_values (GPtrArray *lines, const Position *at, const char *kind, const char *typed,
              const char *prefix)
{
  if (strcmp (kind, "ENV") == 0)
    offer_environments (lines, at, typed, prefix);
  else if (strcmp (kind, "BACKUP") == 0)
    offer_backups (lines, at, typed, prefix);
  else if (strcmp (kind, "INCIDENT") == 0)
    offer_incidents (lines, at, typed, prefix);
  else if (strcmp (kind, "FILE") == 0)
    g_ptr_array_add (lines, g_strdup (":files"));
  else if (strcmp (kind, "DIR") == 0)
    g_ptr_array_add (lines, g_strdup (":folders"));
  else if (strchr (kind, '|') != NULL)
    {
      g_auto (GStrv) words = g_strsplit (kind, "|", -1);
      for (size_t i = 0; words[i] != NULL; i++)
        offer (lines, typed, prefix, words[i], NULL);
    }
}

/* "[BACKUP]" and "NAME..." are BACKUP and NAME; the last one stands for all that follow it if it may
 * be given often. NULL when no more are taken. Caller frees. */
static char *
argument_kind (const CliCommand *command, int index)
{
  if (command->arguments == NULL)
    return NULL;
  g_auto (GStrv) names = g_strsplit (command->arguments, " ", -1);
  int count = (int) g_strv_length (names);
  if (index >= count && strstr (names[count - 1], "...") == NULL)
    return NULL;
  GString *kind = g_string_new (names[MIN (index, count - 1)]);
  g_string_replace (kind, "[", "", 0);
  g_string_replace (kind, "]", "", 0);
  g_string_replace (kind, "...", "", 0);
  return g_string_free (kind, FALSE);
}

/* COMMAND [COMMAND...]: the words of a command, given as arguments (to help). */
static void
offer_command_path (GPtrArray *lines, const CliCommand *tree, int count, char *const *words,
                    const char *typed)
{
  const CliCommand *rows = tree;
  for (int i = 0; i < count && rows != NULL; i++)
    {
      const CliCommand *command = cli_resolve (cli_find (rows, words[i]));
      rows = command != NULL ? command->children : NULL;
    }
  offer_commands (lines, rows, typed);
}

static void
offer_argument (GPtrArray *lines, const CliCommand *tree, const Position *at, int count,
                char *const *words, const char *typed)
{
  g_autofree char *kind = argument_kind (at->command, at->word_count);
  if (g_strcmp0 (kind, "COMMAND") == 0)
    offer_command_path (lines, tree, at->word_count, words + count - 1 - at->word_count, typed);
  else if (kind != NULL)
    offer_values (lines, at, kind, typed, "");
}

GPtrArray *
complete_words (const CliCommand *tree, int count, char *const *words)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  Position at = { .rows = tree };
  for (int i = 0; i < count - 1 && !at.is_lost; i++)
    pass_word (&at, words[i]);
  if (at.is_lost)
    return lines;

  const char *typed = words[count - 1];
  const char *equals = g_str_has_prefix (typed, "--") ? strchr (typed, '=') : NULL;
  if (at.value_of != NULL)
    offer_values (lines, &at, at.value_of->arg_description, typed, "");
  else if (equals != NULL && !at.only_words)
    {
      const GOptionEntry *entry = find_option (&at, typed + 2, (size_t) (equals - typed) - 2, 0);
      g_autofree char *prefix = g_strndup (typed, (size_t) (equals - typed) + 1);
      if (entry != NULL && takes_value (entry))
        offer_values (lines, &at, entry->arg_description, equals + 1, prefix);
    }
  else if (*typed == '-' && !at.only_words)
    {
      if (at.command != NULL)
        offer_options (lines, at.command->options, typed);
      offer_options (lines, cli_global_options (), typed);
    }
  else if (at.rows != NULL)
    offer_commands (lines, at.rows, typed);
  else if (at.command != NULL)
    offer_argument (lines, tree, &at, count, words, typed);
  return lines;
}
