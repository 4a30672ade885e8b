/*
 * Makefiles: their recipes, with the variables put in that the file itself sets. What make
 * would ask others for (functions, automatic variables) becomes a variable of the shell that nobody sets.
 */
#include "guard/scan_internal.h"

#include <string.h>

#define MAX_DEPTH 10
#define MAX_EXPANDED_BYTES ((size_t) 256 * 1024)

typedef struct
{
  ScanRun *run;
  const ScanFile *file;
  GHashTable *variables; /* NAME -> value as written */
  bool is_one_shell;     /* .ONESHELL */
} Make;

/* A line with the lines that continue it, as bytes with their places. */
typedef struct
{
  ScanText *text;
  bool is_recipe;
} Line;

static void
line_clear (Line *line)
{
  scan_text_free (line->text);
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool
is_blank (const char *text)
{
  return text[strspn (text, " \t\r")] == '\0';
}

/* Cuts the file into lines; a backslash at the end joins the next one, which a recipe's shell sees. */
static GArray *
cut_lines (const Make *make)
{
  GArray *lines = g_array_new (FALSE, FALSE, sizeof (Line));
  g_autoptr (ScanText) all
      = scan_text_of (make->file->text, make->file->length, (ScanSpot){ 1, 1 });
  g_array_set_clear_func (lines, (GDestroyNotify) line_clear);
  Line line = { NULL, false };
  for (size_t i = 0; i < all->text->len; i++)
    {
      char byte = all->text->str[i];
      if (line.text == NULL)
        line = (Line){ scan_text_new (), byte == '\t' };
      bool is_end = byte == '\n' && !(i > 0 && all->text->str[i - 1] == '\\');
      if (!is_end)
        scan_text_add (line.text, byte, scan_text_spot (all, i));
      if (is_end || i + 1 == all->text->len)
        {
          g_array_append_val (lines, line);
          line.text = NULL;
        }
    }
  return lines;
}

/* --- variables -------------------------------------------------------------------------------- */

/* "export NAME ?= value". False when the line is none. */
static bool
read_assignment (const char *text, char **ret_name, char **ret_value, bool *ret_appends)
{
  g_autoptr (GRegex) regex
      = g_regex_new ("^ *(?:export |override )*([A-Za-z_][\\w.-]*)[ \\t]*(\\+|:{0,3}|\\?|!)=[ "
                     "\\t]*(.*)$",
                     G_REGEX_RAW | G_REGEX_DOTALL, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  if (!g_regex_match (regex, text, 0, &match))
    return false;
  g_autofree char *operator= g_match_info_fetch (match, 2);
  *ret_name = g_match_info_fetch (match, 1);
  *ret_value = g_match_info_fetch (match, 3);
  *ret_appends = strcmp (operator, "+") == 0;
  /* A comment, and the backslashes of continued lines. */
  char *comment = strstr (*ret_value, " #");
  if (comment != NULL)
    *comment = '\0';
  for (char *at = *ret_value; *at != '\0'; at++)
    if (*at == '\\' && (at[1] == '\n' || at[1] == '\r'))
      *at = ' ';
  g_strstrip (*ret_value);
  return true;
}

static void
read_variables (Make *make, const GArray *lines)
{
  for (guint i = 0; i < lines->len; i++)
    {
      const Line *line = &g_array_index (lines, Line, i);
      char *name, *value;
      bool appends;
      if (line->is_recipe || !read_assignment (line->text->text->str, &name, &value, &appends))
        continue;
      const char *before = g_hash_table_lookup (make->variables, name);
      if (appends && before != NULL && strlen (before) + strlen (value) < MAX_EXPANDED_BYTES)
        {
          char *both = g_strdup_printf ("%s %s", before, value);
          g_free (value);
          value = both;
        }
      g_hash_table_replace (make->variables, name, value);
    }
}

/* --- expansion -------------------------------------------------------------------------------- */

static void expand (const Make *make, const char *text, size_t length, const ScanText *places,
                    size_t offset, ScanSpot spot, int depth, ScanText *out);

/* Where the bracket closes that opens at TEXT[0]; LENGTH when nowhere. */
static size_t
closing_bracket (const char *text, size_t length)
{
  char open = text[0], close = open == '(' ? ')' : '}';
  int depth = 0;
  for (size_t i = 0; i < length; i++)
    {
      depth += text[i] == open ? 1 : text[i] == close ? -1 : 0;
      if (depth == 0)
        return i;
    }
  return length;
}

/* $(NAME), $(function ...): NAME's value goes in, with the place of the reference. */
static void
expand_reference (const Make *make, const char *name, ScanSpot spot, int depth, ScanText *out)
{
  const char *value = g_hash_table_lookup (make->variables, name);
  if (value != NULL && depth < MAX_DEPTH && out->text->len < MAX_EXPANDED_BYTES)
    {
      expand (make, value, strlen (value), NULL, 0, spot, depth + 1, out);
      return;
    }
  if (g_str_has_prefix (name, "shell "))
    {
      scan_text_add_string (out, "$(", spot);
      expand (make, name + 6, strlen (name + 6), NULL, 0, spot, depth + 1, out);
      scan_text_add (out, ')', spot);
      return;
    }
  bool is_name
      = *name != '\0' && name[strspn (name, G_CSET_A_2_Z G_CSET_a_2_z "0123456789_")] == '\0';
  scan_text_add_string (out, "${", spot);
  scan_text_add_string (out, is_name ? name : "_", spot);
  scan_text_add (out, '}', spot);
}

/* At "$" of TEXT: returns how many bytes it takes. */
static size_t
expand_dollar (const Make *make, const char *text, size_t length, ScanSpot spot, int depth,
               ScanText *out)
{
  if (length < 2)
    return 1;
  if (text[1] == '$')
    {
      scan_text_add (out, '$', spot);
      return 2;
    }
  if (text[1] == '(' || text[1] == '{')
    {
      size_t close = closing_bracket (text + 1, length - 1);
      g_autofree char *name = g_strndup (text + 2, close > 0 ? close - 1 : 0);
      expand_reference (make, name, spot, depth, out);
      return MIN (length, close + 2);
    }
  scan_text_add_string (out, "${_}", spot);
  return 2;
}

/* Adds TEXT to OUT with its references replaced. Its bytes are at those of PLACES from OFFSET on, or all
 * at SPOT. */
static void
expand (const Make *make, const char *text, size_t length, const ScanText *places, size_t offset,
        ScanSpot spot, int depth, ScanText *out)
{
  for (size_t i = 0; i < length;)
    {
      ScanSpot here = places != NULL ? scan_text_spot (places, offset + i) : spot;
      if (out->text->len > 4 * MAX_EXPANDED_BYTES)
        return;
      if (text[i] == '$')
        i += expand_dollar (make, text + i, length - i, here, depth, out);
      else
        scan_text_add (out, text[i++], here);
    }
}

/* --- recipes ---------------------------------------------------------------------------------- */

/* Over the blanks and "@", "-", "+" that are make's own. */
static size_t
recipe_start (const char *text)
{
  size_t at = strspn (text, " \t");
  size_t marks = strspn (text + at, "@-+ \t");
  return at + marks;
}

static void
scan_text_of_recipe (const Make *make, const ScanText *text)
{
  ScanSite site = { make->file->path, false, 0 };
  scan_shell (make->run, &site, text);
}

/* "target: needs ; recipe": what stands behind the semicolon. */
static void
scan_inline_recipe (const Make *make, const Line *line)
{
  const char *text = line->text->text->str, *colon = strchr (text, ':');
  const char *recipe = colon != NULL ? strchr (colon, ';') : NULL;
  char *name, *value;
  bool appends;
  if (recipe == NULL || text[0] == '#')
    return;
  if (read_assignment (text, &name, &value, &appends))
    {
      g_free (name);
      g_free (value);
      return;
    }
  g_autoptr (ScanText) out = scan_text_new ();
  size_t start = (size_t) (recipe - text) + 1;
  start += recipe_start (text + start);
  expand (make, text + start, strlen (text + start), line->text, start, (ScanSpot){ 1, 1 }, 0, out);
  scan_text_of_recipe (make, out);
}

/* Adds a recipe's line to OUT. */
static void
add_recipe_line (const Make *make, const Line *line, ScanText *out)
{
  const char *text = line->text->text->str;
  size_t start = recipe_start (text);
  expand (make, text + start, line->text->text->len - start, line->text, start, (ScanSpot){ 1, 1 },
          0, out);
  scan_text_add (out, '\n', scan_text_spot (line->text, line->text->text->len));
}

/* From line FIRST on; returns the line behind the recipe. */
static guint
scan_recipe (const Make *make, const GArray *lines, guint first)
{
  g_autoptr (ScanText) all = scan_text_new ();
  guint i = first;
  for (; i < lines->len; i++)
    {
      const Line *line = &g_array_index (lines, Line, i);
      if (!line->is_recipe && !is_blank (line->text->text->str))
        break;
      if (!line->is_recipe)
        continue;
      g_autoptr (ScanText) one = scan_text_new ();
      add_recipe_line (make, line, make->is_one_shell ? all : one);
      if (!make->is_one_shell)
        scan_text_of_recipe (make, one);
    }
  if (make->is_one_shell)
    scan_text_of_recipe (make, all);
  return i;
}

void
scan_makefile (ScanRun *run, const ScanFile *file)
{
  Make make = { .run = run, .file = file };
  g_autoptr (GHashTable) variables
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  make.variables = variables;
  make.is_one_shell
      = g_str_has_prefix (file->text, ".ONESHELL") || strstr (file->text, "\n.ONESHELL") != NULL;
  g_autoptr (GArray) lines = cut_lines (&make);
  read_variables (&make, lines);
  for (guint i = 0; i < lines->len;)
    if (g_array_index (lines, Line, i).is_recipe)
      i = scan_recipe (&make, lines, i);
    else
      scan_inline_recipe (&make, &g_array_index (lines, Line, i++));
}
