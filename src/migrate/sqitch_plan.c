#include "migrate/sqitch_plan.h"

#include <string.h>

typedef struct
{
  const char *shown;
  unsigned int line;
  SqitchPlan *plan;
  GHashTable *names; /* name -> the last change of it */
  GHashTable *tags;  /* name -> how many changes are before it */
  GPtrArray *order;  /* of char *: the tags */
} Parsing;

static void
parsing_clear (Parsing *parsing)
{
  sqitch_plan_free (parsing->plan);
  g_hash_table_unref (parsing->names);
  g_hash_table_unref (parsing->tags);
  g_ptr_array_unref (parsing->order);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parsing, parsing_clear)

static void
change_free (SqitchChange *change)
{
  g_free (change->name);
  g_strfreev (change->depends);
  g_strfreev (change->suffixes);
  g_free (change);
}

void
sqitch_plan_free (SqitchPlan *plan)
{
  if (plan == NULL)
    return;
  g_free (plan->project);
  g_free (plan->last_tag);
  g_ptr_array_unref (plan->changes);
  g_free (plan);
}

static bool G_GNUC_PRINTF (4, 5)
    refuse (const Parsing *parsing, const char *hint, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:%u: %s", parsing->shown, parsing->line,
                     text);
}

/* Whether the change that a dependency names stands before; another project's cannot be known. */
static bool
is_before (const Parsing *parsing, const char *depend)
{
  if (strchr (depend, ':') != NULL)
    return true;
  const char *at = strchr (depend, '@');
  g_autofree char *name
      = at != NULL ? g_strndup (depend, (gsize) (at - depend)) : g_strdup (depend);
  if (at != NULL && strcmp (at, "@HEAD") != 0 && strcmp (at, "@ROOT") != 0
      && !g_hash_table_contains (parsing->tags, at + 1))
    return false;
  return *name == '\0' || g_hash_table_contains (parsing->names, name);
}

/* "[a b !c]": what is needed, and what must not be there. */
static bool
take_depends (const Parsing *parsing, const char *text, char ***ret_depends, GError **error)
{
  g_autoptr (GPtrArray) depends = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) words = g_strsplit_set (text, " \t", -1);
  for (char **word = words; *word != NULL; word++)
    {
      bool is_conflict = **word == '!';
      if (**word == '\0' || (is_conflict && !is_before (parsing, *word + 1)))
        continue;
      if (is_conflict)
        return refuse (parsing, "Take one of the two out of the plan.", error,
                       "it conflicts with “%s”, which stands before it", *word + 1);
      if (!is_before (parsing, *word))
        return refuse (parsing, "Put the change that is needed before it.", error,
                       "it needs “%s”, which does not stand before it", *word);
      g_ptr_array_add (depends, g_strdup (*word));
    }
  g_ptr_array_add (depends, NULL);
  *ret_depends = (char **) g_ptr_array_free (g_steal_pointer (&depends), FALSE);
  return true;
}

/* The scripts of a change that is reworked carry one of the tags since. */
static bool
take_rework (const Parsing *parsing, SqitchChange *before, GError **error)
{
  g_autoptr (GPtrArray) suffixes = g_ptr_array_new_with_free_func (g_free);
  guint place = 0;
  while (parsing->plan->changes->pdata[place] != before)
    place++;
  for (guint i = 0; i < parsing->order->len; i++)
    {
      const char *tag = parsing->order->pdata[i];
      if (GPOINTER_TO_UINT (g_hash_table_lookup (parsing->tags, tag)) > place)
        g_ptr_array_add (suffixes, g_strdup_printf ("@%s", tag));
    }
  if (suffixes->len == 0)
    return refuse (parsing, "Tag the plan before a change is reworked.", error,
                   "“%s” is on line %u already, without a tag in between", before->name,
                   before->line);
  g_ptr_array_add (suffixes, NULL);
  g_strfreev (before->suffixes);
  before->suffixes = (char **) g_ptr_array_free (g_steal_pointer (&suffixes), FALSE);
  return true;
}

static bool
is_name (const char *name)
{
  return *name != '\0' && strpbrk (name, "@:#[]\\") == NULL && strstr (name, "..") == NULL
         && *name != '/';
}

static bool
take_change (Parsing *parsing, const char *line, GError **error)
{
  line += *line == '+';
  line += strspn (line, " \t");
  size_t length = strcspn (line, " \t");
  g_autofree char *name = g_strndup (line, length);
  const char *rest = line + length + strspn (line + length, " \t");
  const char *end = *rest == '[' ? strchr (rest, ']') : NULL;
  g_autofree char *depends
      = end != NULL ? g_strndup (rest + 1, (gsize) (end - rest - 1)) : g_strdup ("");
  g_auto (GStrv) list = NULL;
  if (!is_name (name) || (*rest == '[' && end == NULL))
    return refuse (parsing, "A line is: NAME [DEPENDENCIES] TIME PLANNER <EMAIL> # NOTE.", error,
                   "this is no line of a plan");
  SqitchChange *before = g_hash_table_lookup (parsing->names, name);
  if (!take_depends (parsing, depends, &list, error)
      || (before != NULL && !take_rework (parsing, before, error)))
    return false;
  SqitchChange *change = g_new0 (SqitchChange, 1);
  change->name = g_steal_pointer (&name);
  change->depends = g_steal_pointer (&list);
  change->suffixes = g_new0 (char *, 1);
  change->line = parsing->line;
  change->time = before != NULL ? before->time + 1 : 1;
  g_ptr_array_add (parsing->plan->changes, change);
  g_hash_table_replace (parsing->names, change->name, change);
  return true;
}

static bool
take_tag (Parsing *parsing, const char *line, GError **error)
{
  g_autofree char *tag = g_strndup (line + 1, strcspn (line + 1, " \t"));
  if (!is_name (tag) || g_hash_table_contains (parsing->tags, tag))
    return refuse (parsing, "Give it another name.", error, "the tag “@%s” %s", tag,
                   is_name (tag) ? "is there twice" : "is no name");
  g_free (parsing->plan->last_tag);
  parsing->plan->last_tag = g_strdup (tag);
  g_ptr_array_add (parsing->order, tag);
  g_hash_table_insert (parsing->tags, tag, GUINT_TO_POINTER (parsing->plan->changes->len));
  tag = NULL;
  return true;
}

static void
take_pragma (Parsing *parsing, const char *line)
{
  static const char project[] = "%project=";
  if (!g_str_has_prefix (line, project))
    return;
  g_free (parsing->plan->project);
  parsing->plan->project = g_strdup (line + strlen (project));
  g_strstrip (parsing->plan->project);
}

static bool
take_line (Parsing *parsing, char *line, GError **error)
{
  char *note = strchr (line, '#');
  if (note != NULL)
    *note = '\0';
  g_strstrip (line);
  switch (*line)
    {
    case '\0': return true;
    case '%': take_pragma (parsing, line); return true;
    case '@': return take_tag (parsing, line, error);
    case '-':
      return refuse (parsing, "Take both lines of the change out of the plan.", error,
                     "plans that take changes back are not read");
    default: return take_change (parsing, line, error);
    }
}

bool
sqitch_plan_parse (const char *shown, const char *text, SqitchPlan **ret_plan, GError **error)
{
  g_auto (Parsing) parsing = { .shown = shown };
  parsing.plan = g_new0 (SqitchPlan, 1);
  parsing.plan->changes = g_ptr_array_new_with_free_func ((GDestroyNotify) change_free);
  parsing.names = g_hash_table_new (g_str_hash, g_str_equal);
  parsing.tags = g_hash_table_new (g_str_hash, g_str_equal);
  parsing.order = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      parsing.line++;
      if (!take_line (&parsing, *line, error))
        return false;
    }
  *ret_plan = g_steal_pointer (&parsing.plan);
  return true;
}
