#include "guard/words.h"

#include <string.h>

static void
given_free (WordGiven *given)
{
  g_free (given->value);
  g_free (given);
}

void
words_clear (Words *words)
{
  g_clear_pointer (&words->given, g_ptr_array_unref);
  g_clear_pointer (&words->arguments, g_ptr_array_unref);
}

static const WordOption *
find_long (const WordRules *rules, const char *name, size_t length)
{
  const WordOption *abbreviated = NULL;
  for (const WordOption *option = rules->options; option->name != NULL || option->letter != 0;
       option++)
    {
      if (option->name == NULL || strncmp (option->name, name, length) != 0)
        continue;
      if (option->name[length] == '\0')
        return option;
      if (rules->may_abbreviate && length > 0 && abbreviated == NULL)
        abbreviated = option;
    }
  return abbreviated;
}

static const WordOption *
find_letter (const WordRules *rules, char letter)
{
  for (const WordOption *option = rules->options; option->name != NULL || option->letter != 0;
       option++)
    if (option->letter == letter)
      return option;
  return NULL;
}

static void
note (Words *words, const WordOption *option, const char *value)
{
  WordGiven *given = g_new0 (WordGiven, 1);
  given->option = option;
  given->value = g_strdup (value);
  g_ptr_array_add (words->given, given);
}

/* "--name", "--name=value", "--name value". How many words it took. */
static size_t
read_long (const WordRules *rules, char *const *argv, Words *words)
{
  const char *name = argv[0] + 2;
  const char *equals = strchr (name, '=');
  size_t length = equals != NULL ? (size_t) (equals - name) : strlen (name);
  const WordOption *option = find_long (rules, name, length);
  bool wants_value = option != NULL ? option->takes_value
                                    : rules->stops_at_word && argv[1] != NULL && *argv[1] != '-';
  if (option != NULL && (equals != NULL || !wants_value))
    note (words, option, equals != NULL ? equals + 1 : "true");
  if (equals != NULL || !wants_value || argv[1] == NULL)
    return 1;
  if (option != NULL)
    note (words, option, argv[1]);
  return 2;
}

/* "-abc", "-abc=value" and "-abcvalue", where c takes one. How many words it took. */
static size_t
read_letters (const WordRules *rules, char *const *argv, Words *words)
{
  for (const char *letter = argv[0] + 1; *letter != '\0'; letter++)
    {
      const WordOption *option = find_letter (rules, *letter);
      const char *rest = letter[1] == '=' ? letter + 2 : letter + 1;
      if (option != NULL && option->takes_value)
        {
          bool is_next = *rest == '\0' && letter[1] != '=';
          if (!is_next || argv[1] != NULL)
            note (words, option, is_next ? argv[1] : rest);
          return is_next && argv[1] != NULL ? 2 : 1;
        }
      if (option != NULL)
        note (words, option, letter[1] == '=' ? rest : "true");
      if (letter[1] == '=')
        return 1;
    }
  return 1;
}

void
words_read (const WordRules *rules, char *const *argv, Words *ret_words)
{
  Words words
      = { g_ptr_array_new_with_free_func ((GDestroyNotify) given_free), g_ptr_array_new () };
  while (*argv != NULL)
    {
      const char *word = *argv;
      bool is_end = strcmp (word, "--") == 0;
      if (!is_end && word[0] == '-' && word[1] == '-')
        argv += read_long (rules, argv, &words);
      else if (!is_end && word[0] == '-' && word[1] != '\0')
        argv += read_letters (rules, argv, &words);
      else
        {
          if (!is_end)
            g_ptr_array_add (words.arguments, (char *) word);
          argv++;
          if (is_end || rules->stops_at_word)
            break;
        }
    }
  for (; *argv != NULL; argv++)
    g_ptr_array_add (words.arguments, *argv);
  *ret_words = words;
}

static bool
is_called (const WordOption *option, const char *name)
{
  if (option->name != NULL)
    return strcmp (option->name, name) == 0;
  return name[0] == option->letter && name[1] == '\0';
}

const char *
words_value (const Words *words, const char *name)
{
  for (guint i = words->given->len; i > 0; i--)
    {
      const WordGiven *given = words->given->pdata[i - 1];
      if (is_called (given->option, name))
        return given->value;
    }
  return NULL;
}

bool
words_has (const Words *words, const char *name)
{
  /* strconv.ParseBool's words for no. */
  static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };
  const char *value = words_value (words, name);
  return value != NULL && !g_strv_contains (no, value);
}

GPtrArray *
words_values (const Words *words, const char *name)
{
  GPtrArray *values = g_ptr_array_new ();
  for (guint i = 0; i < words->given->len; i++)
    {
      const WordGiven *given = words->given->pdata[i];
      if (is_called (given->option, name))
        g_ptr_array_add (values, given->value);
    }
  return values;
}
