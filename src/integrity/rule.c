#include "integrity/rule.h"

#include "base/fs.h"
#include "base/text.h"
#include "integrity/run.h"
#include "sql/split.h"
#include "sql/token.h"

#include <string.h>

#define RULE_MAX_BYTES (256 * 1024)
#define ID_MAX_BYTES 63

typedef struct
{
  const char *file;
  const char *text;
  size_t length;
  char *values[5];
  unsigned int lines[5];
} Head;

static const char *const keys[] = { "id", "severity", "category", "why", "fix" };
enum
{
  KEY_ID,
  KEY_SEVERITY,
  KEY_CATEGORY,
  KEY_WHY,
  KEY_FIX,
  KEY_COUNT,
};

static void
head_clear (Head *head)
{
  for (int i = 0; i < KEY_COUNT; i++)
    g_free (head->values[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Head, head_clear)

void
rule_free (Rule *rule)
{
  if (rule == NULL)
    return;
  g_free (rule->file);
  g_free (rule->id);
  g_free (rule->why);
  g_free (rule->fix);
  g_free (rule->query);
  g_free (rule);
}

/* --- the head ------------------------------------------------------------------------------------- */

static bool G_GNUC_PRINTF (5, 6) refuse (const char *file, unsigned int line, const char *hint,
                                         GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s:%u: %s", file, line, message);
}

static unsigned int
line_of (const char *text, size_t offset)
{
  unsigned int line = 1;
  for (size_t i = 0; i < offset; i++)
    line += text[i] == '\n';
  return line;
}

/* "severity: error" in a comment; *RET_KEY is the word before the colon, NULL if it is no such line. */
static const char *
cut_key (const char *comment, char **ret_key)
{
  size_t length = strspn (comment, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-");
  *ret_key = NULL;
  if (length == 0 || comment[length] != ':'
      || (comment[length + 1] != ' ' && comment[length + 1] != '\0'))
    return NULL;
  *ret_key = g_strndup (comment, length);
  return comment + length + 1;
}

static bool
read_key (Head *head, const char *key, const char *value, unsigned int line, int *ret_number,
          GError **error)
{
  static const char known[] = "The lines of a rule's head are id, severity, category, why and fix.";
  int number = 0;
  while (number < KEY_COUNT && strcmp (keys[number], key) != 0)
    number++;
  *ret_number = number;
  if (number == KEY_COUNT)
    return refuse (head->file, line, known, error, "unknown line “%s” in the head of the rule",
                   key);
  if (head->values[number] != NULL)
    return refuse (head->file, line, NULL, error, "“%s” is there twice, first in line %u", key,
                   head->lines[number]);
  head->values[number] = g_strstrip (g_strdup (value));
  head->lines[number] = line;
  return true;
}

static bool
read_comment (Head *head, const SqlToken *token, int *current, GError **error)
{
  g_autofree char *whole = g_strndup (head->text + token->start, token->length);
  unsigned int line = line_of (head->text, token->start);
  g_autofree char *key = NULL;
  if (!g_str_has_prefix (whole, "--"))
    return true;
  g_strchomp (whole);
  const char *comment = whole + 2;
  bool is_indented = g_str_has_prefix (comment, "  ");
  comment += strspn (comment, " \t");
  if (is_indented && *current < KEY_COUNT && *comment != '\0')
    {
      char *longer = g_strconcat (head->values[*current],
                                  *head->values[*current] != '\0' ? "\n" : "", comment, NULL);
      g_free (head->values[*current]);
      head->values[*current] = longer;
      return true;
    }
  const char *value = cut_key (comment, &key);
  *current = KEY_COUNT;
  return key == NULL || read_key (head, key, value, line, current, error);
}

/* Comments up to the first word of the query. */
static bool
read_head (Head *head, GError **error)
{
  size_t at = 0;
  SqlToken token;
  int current = KEY_COUNT;
  while (sql_token_next (head->text, head->length, &at, &token) && token.kind == SQL_TOKEN_COMMENT)
    if (!read_comment (head, &token, &current, error))
      return false;
  for (int i = 0; i < KEY_FIX; i++)
    if (head->values[i] == NULL || *head->values[i] == '\0')
      return refuse (head->file, MAX (head->lines[i], 1),
                     "A rule begins with the lines “-- id: ...”, “-- severity: ...”,"
                     " “-- category: ...” and “-- why: ...”.",
                     error, "the rule's head says no “%s”", keys[i]);
  return true;
}

static bool
is_id (const char *text)
{
  return strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (text)
         && g_ascii_isalpha (text[0]) && strlen (text) <= ID_MAX_BYTES;
}

static bool
fill_check (const Head *head, Rule *rule, GError **error)
{
  Check *check = &rule->check;
  if (!is_id (head->values[KEY_ID]))
    return refuse (head->file, head->lines[KEY_ID],
                   "Use small letters, digits and dashes, beginning with a letter, at most 63.",
                   error, "“%s” cannot be the id of a rule", head->values[KEY_ID]);
  if (!check_severity_parse (head->values[KEY_SEVERITY], &check->severity))
    return refuse (head->file, head->lines[KEY_SEVERITY], "Use info, warning, error or critical.",
                   error, "“%s” is no severity", head->values[KEY_SEVERITY]);
  if (!check_category_parse (head->values[KEY_CATEGORY], &check->category))
    return refuse (head->file, head->lines[KEY_CATEGORY],
                   "Use orphans, rules, consistency, performance, physical or schema.", error,
                   "“%s” is no category", head->values[KEY_CATEGORY]);
  rule->file = g_strdup (head->file);
  rule->id = g_strdup (head->values[KEY_ID]);
  rule->why = g_strdelimit (g_strdup (head->values[KEY_WHY]), "\n", ' ');
  if (head->values[KEY_FIX] != NULL && *head->values[KEY_FIX] != '\0')
    rule->fix = g_strdup (head->values[KEY_FIX]);
  return true;
}

/* --- the query ------------------------------------------------------------------------------------ */

static bool
has_member (json_t *node, const char *const *names)
{
  const char *key;
  json_t *child;
  size_t i;
  if (json_is_object (node))
    {
      json_object_foreach (node, key, child)
        if (g_strv_contains (names, key) || has_member (child, names))
          return true;
    }
  else if (json_is_array (node))
    {
      json_array_foreach (node, i, child)
        if (has_member (child, names))
          return true;
    }
  return false;
}

static bool
check_tree (const Head *head, json_t *tree, unsigned int line, GError **error)
{
  static const char *const writes[] = { "InsertStmt", "UpdateStmt",    "DeleteStmt", "MergeStmt",
                                        "intoClause", "lockingClause", NULL };
  static const char hint[]
      = "A rule only reads: write one SELECT or WITH that returns what is wrong.";
  json_t *select = json_object_get (tree, "SelectStmt");
  if (select == NULL)
    return refuse (head->file, line, hint, error, "the rule's statement is not a query");
  if (has_member (select, writes))
    return refuse (head->file, line, hint, error, "the rule's query changes or locks rows");
  return true;
}

static bool
read_query (SqlParser *parser, const Head *head, Rule *rule, GError **error)
{
  g_autoptr (GArray) statements = sql_split (head->text, head->length);
  g_autoptr (json_t) tree = NULL;
  g_autofree char *message = NULL;
  size_t position = 0;
  if (statements->len == 0)
    return refuse (head->file, line_of (head->text, head->length),
                   "After its head a rule is a query that returns what is wrong.", error,
                   "the rule has no query");
  const SqlStatement *first = &g_array_index (statements, SqlStatement, 0);
  if (statements->len > 1)
    return refuse (
        head->file, line_of (head->text, g_array_index (statements, SqlStatement, 1).start),
        "Write one query; UNION ALL joins several.", error, "the rule has more than one statement");
  const char *text = head->text + first->start;
  if (!sql_parse (parser, text, first->length, &tree, &message, &position, error))
    return false;
  if (tree == NULL)
    {
      g_autofree char *hint = g_strdup_printf (
          "Its grammar is that of PostgreSQL %d; what is newer can be put into a view.",
          sql_parser_version ());
      return refuse (head->file, line_of (head->text, first->start + MIN (position, first->length)),
                     hint, error, "the rule's query cannot be read: %s", message);
    }
  rule->query = g_strchomp (g_strndup (text, first->length));
  return check_tree (head, tree, line_of (head->text, first->start), error);
}

/* --- running it ----------------------------------------------------------------------------------- */

bool
rule_search_path (DbConn *conn, bool is_own, GError **error)
{
  g_autofree char *done = NULL;
  return db_query_text (conn,
                        is_own
                            ? "SELECT pg_catalog.set_config('search_path', (SELECT s.reset_val FROM"
                              " pg_catalog.pg_settings s WHERE s.name = 'search_path'), false)"
                            : "SELECT pg_catalog.set_config('search_path', 'pg_catalog', false)",
                        0, NULL, &done, error);
}

/* A comment at the query's end must not swallow what comes after it. */
static bool
count_rows (CheckContext *context, const Rule *rule, int64_t *ret_count, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autofree char *sql
      = g_strdup_printf ("SELECT pg_catalog.count(*) FROM (%s\n) AS violating", rule->query);
  if (!check_query (context, sql, 0, NULL, &result, error))
    return false;
  *ret_count = db_result_int64 (result, 0, 0);
  return true;
}

static bool
run_rule (CheckContext *context, const Check *check, GError **error)
{
  const Rule *rule = check->data;
  g_autoptr (GError) problem = NULL;
  int64_t count = 0;
  check_expect (context, check, "rules", 1);
  if (!rule_search_path (check_conn (context), true, error))
    return false;
  bool counted = count_rows (context, rule, &count, &problem);
  if (!rule_search_path (check_conn (context), false, counted ? error : NULL) && counted)
    return false;
  if (!counted)
    {
      g_propagate_error (error, g_steal_pointer (&problem));
      return prefix_error (error, "%s", rule->file);
    }
  check_covered (context, check, 1, count);
  if (count == 0)
    return true;
  g_autofree char *number = text_format_count ((uint64_t) count);
  Finding *finding = finding_new (check, rule->file, "%s row%s", number,
                                  count == 1 ? " breaks it" : "s break it");
  finding->rows = count;
  finding->query = g_strdup (rule->query);
  finding->fix = g_strdup (rule->fix);
  check_found (context, finding);
  return true;
}

const Rule *
rule_of_check (const Check *check)
{
  return check->run == run_rule ? check->data : NULL;
}

/* --- files ---------------------------------------------------------------------------------------- */

bool
rule_parse (SqlParser *parser, const char *file, const char *text, size_t length, Rule **ret_rule,
            GError **error)
{
  g_auto (Head) head = { .file = file, .text = text, .length = length };
  g_autoptr (Rule) rule = g_new0 (Rule, 1);
  if (!g_utf8_validate (text, (gssize) length, NULL))
    return refuse (file, 1, "Save the file as UTF-8.", error, "the rule is no UTF-8 text");
  if (!read_head (&head, error) || !fill_check (&head, rule, error)
      || !read_query (parser, &head, rule, error))
    return false;
  rule->check.id = rule->id;
  rule->check.title = rule->why;
  rule->check.why = rule->why;
  rule->check.advice = rule->fix != NULL ? "The rule's own fix puts it right."
                                         : "Look at the rows and decide what they should be.";
  rule->check.is_quick = rule->check.severity == CHECK_SEVERITY_CRITICAL;
  rule->check.run = run_rule;
  rule->check.data = rule;
  *ret_rule = g_steal_pointer (&rule);
  return true;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The folder's *.sql files, sorted; hidden ones and folders are not looked at. */
static bool
list_files (const char *folder, GPtrArray **ret_names, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &problem);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;
  if (dir == NULL && !g_error_matches (problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return keel_error (error, KEEL_ERROR_CONFIG, "Look at integrity.checks in pgkeel.yaml.",
                       "the rules cannot be read: %s", problem->message);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (*name != '.' && g_str_has_suffix (name, ".sql"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  *ret_names = g_steal_pointer (&names);
  return true;
}

static bool
check_id_is_free (const Rule *rule, const GPtrArray *rules, GError **error)
{
  if (integrity_check_find (rule->id) != NULL)
    return refuse (rule->file, 1, "Give the rule another id.", error,
                   "“%s” is the id of a check that pgkeel brings", rule->id);
  for (guint i = 0; i < rules->len; i++)
    {
      const Rule *other = rules->pdata[i];
      if (strcmp (other->id, rule->id) == 0)
        return refuse (rule->file, 1, "Give one of them another id.", error,
                       "“%s” is the id of %s, too", rule->id, other->file);
    }
  return true;
}

bool
rules_read (const char *folder, GPtrArray **ret_rules, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GPtrArray) rules = g_ptr_array_new_with_free_func ((GDestroyNotify) rule_free);
  g_autoptr (SqlParser) parser = sql_parser_new ();
  g_autofree char *base = g_path_get_basename (folder);
  if (!list_files (folder, &names, error))
    return false;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);
      g_autofree char *file = g_build_filename (base, names->pdata[i], NULL);
      g_autofree char *text = NULL;
      size_t length;
      Rule *rule;
      if (!fs_read_text (path, RULE_MAX_BYTES, &text, &length, error)
          || !rule_parse (parser, file, text, length, &rule, error))
        return false;
      bool is_free = check_id_is_free (rule, rules, error);
      g_ptr_array_add (rules, rule);
      if (!is_free)
        return false;
    }
  *ret_rules = g_steal_pointer (&rules);
  return true;
}
