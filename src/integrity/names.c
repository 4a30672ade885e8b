#include "integrity/names.h"
#include "integrity/checks_common.h"

#include <string.h>

char *
names_snake (const char *name)
{
  GString *text = g_string_new (NULL);
  for (const char *at = name; *at != '\0'; at++)
    {
      if (g_ascii_isupper (*at) && at > name
          && (g_ascii_islower (at[-1]) || g_ascii_isdigit (at[-1])))
        g_string_append_c (text, '_');
      g_string_append_c (text, g_ascii_tolower (*at));
    }
  return g_string_free (text, FALSE);
}

/* True when NAME, whole, is the singular or a plural of WORD. */
static bool
is_form_of (const char *name, const char *word)
{
  size_t length = strlen (word);
  if (strncmp (name, word, length) == 0)
    {
      const char *rest = name + length;
      return strcmp (rest, "") == 0 || strcmp (rest, "s") == 0 || strcmp (rest, "es") == 0;
    }
  if (strcmp (word, "person") == 0)
    return strcmp (name, "people") == 0;
  if (strcmp (word, "child") == 0)
    return strcmp (name, "children") == 0;
  return length > 1 && word[length - 1] == 'y' && strncmp (name, word, length - 1) == 0
         && strcmp (name + length - 1, "ies") == 0;
}

bool
names_match (const CatalogueTable *table, const char *word, bool *ret_is_exact)
{
  g_autofree char *name = names_snake (table->name);
  bool is_exact = true;
  for (const char *at = name; at != NULL; is_exact = false)
    {
      if (is_form_of (at, word))
        {
          if (ret_is_exact != NULL)
            *ret_is_exact = is_exact;
          return true;
        }
      at = strchr (at, '_');
      if (at != NULL)
        at++;
    }
  return false;
}

CatalogueColumn *
names_key_column (const CatalogueTable *table)
{
  if (table->primary == NULL || table->primary->columns->len != 1)
    return NULL;
  return catalogue_column (table, g_array_index (table->primary->columns, int, 0));
}

bool
names_same_type (const CatalogueColumn *a, const CatalogueColumn *b)
{
  return a->base_oid == b->base_oid || (check_is_integer (a) && check_is_integer (b))
         || (check_is_text (a) && check_is_text (b));
}

static size_t
common_prefix (const char *a, const char *b)
{
  size_t length = 0;
  while (a[length] != '\0' && a[length] == b[length])
    length++;
  return length;
}

static guint
count_words (const char *name)
{
  guint count = 1;
  for (; *name != '\0'; name++)
    count += *name == '_';
  return count;
}

/* How well TABLE fits what CHILD calls WORD; 0: not at all. The same schema, no prefix or few words of
 * one, and a name that begins as the child's does, count in that order. What refers to its own table
 * is called otherwise ("parent_id"). */
static guint
fitness (const CatalogueTable *table, const CatalogueTable *child, const char *word)
{
  bool is_exact;
  if ((table->kind != 'r' && table->kind != 'p') || table->is_partition || table == child
      || !names_match (table, word, &is_exact))
    return 0;
  guint points = 1 + (guint) MIN (common_prefix (table->name, child->name), 50);
  points += 100 * (10 - MIN (count_words (table->name) - count_words (word), 9));
  if (is_exact)
    points += 2000;
  if (strcmp (table->schema, child->schema) == 0)
    points += 4000;
  return points;
}

static CatalogueTable *
find_table (const Catalogue *catalogue, const CatalogueTable *child, const char *word,
            const CatalogueColumn *column, CatalogueColumn **ret_column)
{
  /* "group_id" of auth_user_groups means auth_group: what joins two tables has the name of either. */
  CatalogueTable *best = NULL;
  guint most = 0;
  for (guint i = 0; i < catalogue->all_tables->len; i++)
    {
      CatalogueTable *table = catalogue->all_tables->pdata[i];
      CatalogueColumn *key = names_key_column (table);
      if (key == NULL || table == child || (column != NULL && !names_same_type (key, column)))
        continue;
      guint points = fitness (table, child, word);
      if (points <= most)
        continue;
      most = points;
      best = table;
      *ret_column = key;
    }
  return best;
}

/* Columns such as "created_by", "owner_id" and "assigned_to_id" name what somebody is to the row. */
static bool
is_person (const char *stem)
{
  static const char *const roles[]
      = { "owner",    "author",   "creator",   "editor",  "reviewer", "approver", "assignee",
          "sender",   "receiver", "recipient", "manager", "member",   "uploader", "requester",
          "follower", "followee", "inviter",   "invitee", "actor",    "customer", NULL };
  return g_str_has_suffix (stem, "_by") || g_str_has_suffix (stem, "_to")
         || g_strv_contains (roles, stem);
}

static CatalogueTable *
find_people (const Catalogue *catalogue, const CatalogueTable *child, const CatalogueColumn *column,
             CatalogueColumn **ret_column)
{
  static const char *const words[] = { "user", "person", "employee", "member", "account", NULL };
  for (guint i = 0; words[i] != NULL; i++)
    {
      CatalogueTable *table = find_table (catalogue, child, words[i], column, ret_column);
      if (table != NULL)
        return table;
    }
  return NULL;
}

/* "billing_account" may be an account: leading words are dropped one by one. */
static CatalogueTable *
find_by_words (const Catalogue *catalogue, const CatalogueTable *child, const char *stem,
               const CatalogueColumn *column, CatalogueColumn **ret_column)
{
  for (const char *word = stem; word != NULL && *word != '\0';)
    {
      CatalogueTable *table = find_table (catalogue, child, word, column, ret_column);
      if (table != NULL)
        return table;
      word = strchr (word, '_');
      if (word != NULL)
        word++;
    }
  return NULL;
}

static CatalogueTable *
find_self (const CatalogueTable *child, const CatalogueColumn *column, CatalogueColumn **ret_column)
{
  CatalogueColumn *key = names_key_column (child);
  if (key == NULL || key == column || !names_same_type (key, column))
    return NULL;
  *ret_column = key;
  return (CatalogueTable *) child;
}

CatalogueTable *
names_find_parent (const Catalogue *catalogue, const CatalogueTable *child,
                   const CatalogueColumn *column, CatalogueColumn **ret_column)
{
  g_autofree char *stem = names_snake (column->name);
  bool has_suffix = true;
  if (g_str_has_suffix (stem, "_id"))
    stem[strlen (stem) - 3] = '\0';
  else if (g_str_has_suffix (stem, "_uuid"))
    stem[strlen (stem) - 5] = '\0';
  else
    has_suffix = false;
  if (has_suffix && (strcmp (stem, "parent") == 0 || g_str_has_prefix (stem, "parent_")))
    return find_self (child, column, ret_column);
  /* Without a suffix only a table of that very name will do, and only a number can be meant. */
  CatalogueTable *table = NULL;
  if (has_suffix)
    table = find_by_words (catalogue, child, stem, column, ret_column);
  else if (check_is_integer (column) && strcmp (stem, "id") != 0)
    table = find_table (catalogue, child, stem, column, ret_column);
  if (table == NULL && (has_suffix || g_str_has_suffix (stem, "_by")) && is_person (stem))
    table = find_people (catalogue, child, column, ret_column);
  return table;
}

CatalogueTable *
names_find_class (const Catalogue *catalogue, const CatalogueTable *child, const char *class,
                  CatalogueColumn **ret_column)
{
  const char *last = class;
  for (const char *at = class; *at != '\0'; at++)
    if (*at == '\\' || *at == '.' || *at == ':' || *at == '/')
      last = at + 1;
  g_autofree char *word = names_snake (last);
  CatalogueTable *table = find_table (catalogue, child, word, NULL, ret_column);
  /* The type may be written in the plural itself. */
  if (table == NULL && g_str_has_suffix (word, "s"))
    {
      word[strlen (word) - 1] = '\0';
      table = find_table (catalogue, child, word, NULL, ret_column);
    }
  return table;
}

CatalogueKey *
names_key_new (CatalogueTable *child, CatalogueColumn *column, CatalogueTable *parent,
               CatalogueColumn *key_column)
{
  CatalogueKey *key = g_new0 (CatalogueKey, 1);
  key->name = g_strdup_printf ("%s_%s_fkey", child->name, column->name);
  key->quoted = db_quote_ident (key->name);
  key->child = child;
  key->parent = parent;
  key->child_columns = g_ptr_array_new ();
  g_ptr_array_add (key->child_columns, column);
  key->parent_columns = g_ptr_array_new ();
  g_ptr_array_add (key->parent_columns, key_column);
  key->operators = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (key->operators, g_strdup ("="));
  key->match = 's';
  key->on_delete = 'a';
  key->on_update = 'a';
  key->definition = g_strdup ("");
  return key;
}

void
names_key_free (CatalogueKey *key)
{
  if (key == NULL)
    return;
  g_free (key->name);
  g_free (key->quoted);
  g_ptr_array_unref (key->child_columns);
  g_ptr_array_unref (key->parent_columns);
  g_ptr_array_unref (key->operators);
  g_free (key->definition);
  g_free (key);
}
