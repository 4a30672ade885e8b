/*
 * "# pgkeel: allow RULE[,RULE] -- reason": behind what it allows, or on the line before. With allow-file
 * it is for the whole file. JSON knows no comments: there it is the value of a key that begins with //.
 */
#include "guard/scan_internal.h"

#include <string.h>

typedef struct
{
  const ScanFile *file;
  unsigned int line;    /* where it stands */
  unsigned int applies; /* to which line; 0: to the whole file */
  char **rules;
  char *reason;
  bool is_used;
} Allow;

static void
allow_free (Allow *allow)
{
  g_strfreev (allow->rules);
  g_free (allow->reason);
  g_free (allow);
}

static bool
is_comment_or_blank (const char *line)
{
  line += strspn (line, " \t\r\"@-");
  return *line == '\0' || *line == '#' || g_str_has_prefix (line, "//")
         || g_str_has_prefix (line, "<!--");
}

/* The line that a comment on line INDEX (from 0) is about, from 1. */
static unsigned int
applies_to (char *const *lines, guint index, bool stands_alone)
{
  guint at = index;
  if (!stands_alone)
    return index + 1;
  for (at++; lines[at] != NULL && is_comment_or_blank (lines[at]); at++)
    ;
  return at + 1;
}

static void
invalid (ScanRun *run, const ScanFile *file, unsigned int line, const char *message)
{
  ScanPlace place = { file->path, line, 1, 0 };
  scan_report (run, "allow-invalid", SCAN_ERROR, &place, "%s", message);
}

/* RULES: as written, with commas. False, reported, when one is none. */
static bool
check_rules (ScanRun *run, const ScanFile *file, unsigned int line, char **rules)
{
  if (rules[0] == NULL)
    {
      invalid (run, file, line, "it names no rule");
      return false;
    }
  for (char **rule = rules; *rule != NULL; rule++)
    if (scan_rule_find (g_strstrip (*rule)) == NULL)
      {
        g_autofree char *message = g_strdup_printf ("there is no rule “%s”", *rule);
        invalid (run, file, line, message);
        return false;
      }
  return true;
}

static void
read_allow (ScanRun *run, const ScanFile *file, char *const *lines, guint index,
            const GMatchInfo *match, GPtrArray *allows)
{
  g_autofree char *before = g_match_info_fetch (match, 1);
  g_autofree char *whole_file = g_match_info_fetch (match, 2);
  g_autofree char *rest = g_match_info_fetch (match, 3);
  char *dashes = strstr (rest, "--");
  g_autofree char *reason = dashes != NULL ? g_strdup (dashes + 2) : g_strdup ("");
  if (dashes != NULL)
    *dashes = '\0';
  g_strdelimit (reason, "\"", ' ');
  g_strstrip (reason);
  /* Of "-->", and the comma behind a value of JSON. */
  while (*reason != '\0' && strchr ("-,> ", reason[strlen (reason) - 1]) != NULL)
    reason[strlen (reason) - 1] = '\0';
  g_auto (GStrv) rules = g_strsplit (g_strstrip (rest), ",", -1);
  if (!check_rules (run, file, index + 1, rules))
    return;
  if (*reason == '\0')
    {
      invalid (run, file, index + 1, "it gives no reason (-- why)");
      return;
    }
  Allow *allow = g_new0 (Allow, 1);
  bool stands_alone = before[strspn (before, " \t\"@-")] == '\0';
  allow->file = file;
  allow->line = index + 1;
  allow->applies = *whole_file != '\0' ? 0 : applies_to (lines, index, stands_alone);
  allow->rules = g_steal_pointer (&rules);
  allow->reason = g_steal_pointer (&reason);
  g_ptr_array_add (allows, allow);
}

static void
read_file_allows (ScanRun *run, const ScanFile *file, const GRegex *regex, GPtrArray *allows)
{
  if (strstr (file->text, "pgkeel:") == NULL)
    return;
  g_auto (GStrv) lines = g_strsplit (file->text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autoptr (GMatchInfo) match = NULL;
      if (g_regex_match (regex, lines[i], 0, &match))
        read_allow (run, file, lines, i, match, allows);
    }
}

static Allow *
find_allow (const GPtrArray *allows, const ScanFinding *finding)
{
  for (guint i = 0; i < allows->len; i++)
    {
      Allow *allow = allows->pdata[i];
      if (strcmp (allow->file->path, finding->file) == 0
          && (allow->applies == 0 || allow->applies == finding->line
              || allow->applies == finding->first_line)
          && g_strv_contains ((const char *const *) allow->rules, finding->rule->id))
        return allow;
    }
  return NULL;
}

/* What compares with the last commit is there until the next one only. */
static bool
is_of_a_change (const Allow *allow)
{
  for (char **rule = allow->rules; *rule != NULL; rule++)
    if (g_str_has_suffix (*rule, "-changed"))
      return true;
  return false;
}

static void
report_unused (ScanRun *run, const GPtrArray *allows)
{
  for (guint i = 0; i < allows->len; i++)
    {
      const Allow *allow = allows->pdata[i];
      g_autofree char *rules = g_strjoinv (",", allow->rules);
      ScanPlace place = { allow->file->path, allow->line, 1, 0 };
      if (!allow->is_used && !is_of_a_change (allow))
        scan_report (run, "allow-unused", SCAN_WARNING, &place, "nothing here breaks %s", rules);
    }
}

void
scan_allow (ScanRun *run)
{
  g_autoptr (GRegex) regex
      = g_regex_new ("^(.*?)(?:#|//|<!--)[^#]*?pgkeel:[ \\t]*allow(-file)?(?![\\w-])[ \\t]*(.*)$",
                     G_REGEX_RAW, 0, NULL);
  g_autoptr (GPtrArray) allows = g_ptr_array_new_with_free_func ((GDestroyNotify) allow_free);
  GPtrArray *findings = run->result->findings;
  for (guint i = 0; i < run->files->len; i++)
    {
      const ScanFile *file = run->files->pdata[i];
      if (file->is_judged)
        read_file_allows (run, file, regex, allows);
    }
  for (guint i = 0; i < findings->len;)
    {
      ScanFinding *finding = findings->pdata[i];
      Allow *allow = find_allow (allows, finding);
      if (allow == NULL)
        {
          i++;
          continue;
        }
      allow->is_used = true;
      finding->reason = g_strdup (allow->reason);
      g_ptr_array_add (run->result->allowed, g_ptr_array_steal_index (findings, i));
    }
  report_unused (run, allows);
}
