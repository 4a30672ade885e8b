#include "base/line_diff.h"

#include <stdbool.h>
#include <string.h>

/* More cells than this are not compared: all that is between the equal ends counts as different. */
#define CELLS_MAX (4 * 1024 * 1024)

typedef struct
{
  char **before, **after;
  guint before_count, after_count;
  guint start;                 /* lines that are equal at the beginning */
  guint before_end, after_end; /* behind the last that are not equal at the end */
  GArray *lengths;             /* of guint: longest common part of what follows each pair */
  GString *out;
  guint context;
  GQueue *equal; /* lines in both that are not written yet, borrowed */
  bool is_begun; /* a difference has been written */
  bool is_cut;   /* lines were left out since */
} Diff;

static char **
split (const char *text, guint *ret_count)
{
  char **lines = g_strsplit (text != NULL ? text : "", "\n", -1);
  guint count = g_strv_length (lines);
  /* What ends with a newline has no line behind it. */
  if (count > 0 && *lines[count - 1] == '\0')
    count--;
  *ret_count = count;
  return lines;
}

static guint *
cell (const Diff *diff, guint i, guint j)
{
  gsize width = diff->after_end - diff->start + 1;
  return &g_array_index (diff->lengths, guint, (i - diff->start) * width + (j - diff->start));
}

static void
trim_ends (Diff *diff)
{
  diff->before_end = diff->before_count;
  diff->after_end = diff->after_count;
  while (diff->start < diff->before_end && diff->start < diff->after_end
         && strcmp (diff->before[diff->start], diff->after[diff->start]) == 0)
    diff->start++;
  while (diff->before_end > diff->start && diff->after_end > diff->start
         && strcmp (diff->before[diff->before_end - 1], diff->after[diff->after_end - 1]) == 0)
    {
      diff->before_end--;
      diff->after_end--;
    }
}

/* False when there is too much to compare. */
static bool
measure (Diff *diff)
{
  gsize rows = diff->before_end - diff->start + 1, columns = diff->after_end - diff->start + 1;
  if (rows > CELLS_MAX / columns)
    return false;
  diff->lengths = g_array_sized_new (FALSE, TRUE, sizeof (guint), (guint) (rows * columns));
  g_array_set_size (diff->lengths, (guint) (rows * columns));
  for (guint i = diff->before_end; i-- > diff->start;)
    for (guint j = diff->after_end; j-- > diff->start;)
      *cell (diff, i, j) = strcmp (diff->before[i], diff->after[j]) == 0
                               ? *cell (diff, i + 1, j + 1) + 1
                               : MAX (*cell (diff, i + 1, j), *cell (diff, i, j + 1));
  return true;
}

static void
add_equal (Diff *diff, const char *line)
{
  g_queue_push_tail (diff->equal, (char *) line);
  /* Behind a difference as many as before the next one. */
  guint kept = diff->is_begun ? 2 * diff->context : diff->context;
  if (g_queue_get_length (diff->equal) <= kept)
    return;
  for (guint i = 0; diff->is_begun && i < diff->context; i++)
    g_string_append_printf (diff->out, " %s\n", (char *) g_queue_pop_head (diff->equal));
  while (g_queue_get_length (diff->equal) > diff->context)
    g_queue_pop_head (diff->equal);
  diff->is_begun = false;
  diff->is_cut = true;
}

static void
add_different (Diff *diff, char mark, const char *line)
{
  if (diff->is_cut)
    g_string_append (diff->out, "...\n");
  while (!g_queue_is_empty (diff->equal))
    g_string_append_printf (diff->out, " %s\n", (char *) g_queue_pop_head (diff->equal));
  g_string_append_printf (diff->out, "%c%s\n", mark, line);
  diff->is_begun = true;
  diff->is_cut = false;
}

static void
write_middle (Diff *diff, bool is_measured)
{
  guint i = diff->start, j = diff->start;
  while (i < diff->before_end || j < diff->after_end)
    {
      bool both = i < diff->before_end && j < diff->after_end;
      if (both && is_measured && strcmp (diff->before[i], diff->after[j]) == 0)
        {
          add_equal (diff, diff->before[i++]);
          j++;
        }
      else if (i < diff->before_end
               && (!both || !is_measured || *cell (diff, i + 1, j) >= *cell (diff, i, j + 1)))
        add_different (diff, '-', diff->before[i++]);
      else
        add_different (diff, '+', diff->after[j++]);
    }
}

static void
write_end (Diff *diff)
{
  guint left = diff->before_count - diff->before_end;
  if (!diff->is_begun)
    return;
  for (guint i = 0; i < MIN (left, diff->context); i++)
    g_string_append_printf (diff->out, " %s\n", diff->before[diff->before_end + i]);
  if (left > diff->context)
    g_string_append (diff->out, "...\n");
}

char *
line_diff (const char *before, const char *after, guint context)
{
  Diff diff = { .out = g_string_new (NULL), .context = context, .equal = g_queue_new () };
  diff.before = split (before, &diff.before_count);
  diff.after = split (after, &diff.after_count);
  trim_ends (&diff);
  bool is_measured = measure (&diff);
  for (guint i = 0; i < diff.start; i++)
    add_equal (&diff, diff.before[i]);
  write_middle (&diff, is_measured);
  write_end (&diff);
  if (diff.lengths != NULL)
    g_array_unref (diff.lengths);
  g_queue_free (diff.equal);
  g_strfreev (diff.before);
  g_strfreev (diff.after);
  return g_string_free (diff.out, FALSE);
}

/* Stands at the end of a last line that no newline ends, so that it differs from one with a newline. */
#define NO_NEWLINE "\x1f(no newline)"
#define UNIFIED_CONTEXT 3

static char *
mark_end (const char *text)
{
  if (text == NULL || *text == '\0' || g_str_has_suffix (text, "\n"))
    return g_strdup (text != NULL ? text : "");
  return g_strconcat (text, NO_NEWLINE "\n", NULL);
}

static void
append_marked (GString *out, const char *line)
{
  if (g_str_has_suffix (line, NO_NEWLINE))
    g_string_append_printf (out, "%.*s\n\\ No newline at end of file\n",
                            (int) (strlen (line) - strlen (NO_NEWLINE)), line);
  else
    g_string_append_printf (out, "%s\n", line);
}

/* A side of a hunk: "-3,4". Where it has no lines, the number is that of the line before it. */
static void
append_side (GString *out, char mark, guint first, guint count)
{
  g_string_append_printf (out, "%c%u,%u", mark, count > 0 ? first : first - 1, count);
}

/* Writes LINES[FROM..TO) as one hunk; BEFORE and AFTER number its first line on either side. */
static void
append_hunk (GString *out, char **lines, guint from, guint to, guint before, guint after)
{
  guint before_count = 0, after_count = 0;
  for (guint i = from; i < to; i++)
    {
      before_count += *lines[i] != '+';
      after_count += *lines[i] != '-';
    }
  g_string_append (out, "@@ ");
  append_side (out, '-', before, before_count);
  g_string_append_c (out, ' ');
  append_side (out, '+', after, after_count);
  g_string_append (out, " @@\n");
  for (guint i = from; i < to; i++)
    append_marked (out, lines[i]);
}

/* Where the hunk ends whose first difference is LINES[I]: behind it as much context as before it, and no
 * more than twice that between two differences. */
static guint
hunk_end (char **lines, guint count, guint i)
{
  guint last = i;
  for (; i < count && i <= last + 2 * UNIFIED_CONTEXT + 1; i++)
    if (*lines[i] != ' ')
      last = i;
  return MIN (count, last + 1 + UNIFIED_CONTEXT);
}

char *
line_diff_unified (const char *path, const char *before, const char *after)
{
  g_autofree char *before_marked = mark_end (before);
  g_autofree char *after_marked = mark_end (after);
  g_autofree char *whole = line_diff (before_marked, after_marked, G_MAXUINT / 4);
  GString *out = g_string_new (NULL);
  guint count;
  g_auto (GStrv) lines = split (whole, &count);
  if (count > 0 && before == NULL)
    g_string_append_printf (out, "--- /dev/null\n+++ b/%s\n", path);
  else if (count > 0)
    g_string_append_printf (out, "--- a/%s\n+++ b/%s\n", path, path);
  guint before_line = 1, after_line = 1;
  for (guint i = 0; i < count;)
    {
      guint from = i, next = i;
      while (next < count && *lines[next] == ' ')
        next++;
      if (next == count)
        break;
      from = next - MIN (next - i, UNIFIED_CONTEXT);
      before_line += from - i;
      after_line += from - i;
      i = hunk_end (lines, count, next);
      append_hunk (out, lines, from, i, before_line, after_line);
      for (guint j = from; j < i; j++)
        {
          before_line += *lines[j] != '+';
          after_line += *lines[j] != '-';
        }
    }
  return g_string_free (out, FALSE);
}
