#include "sql/classify.h"

#include "base/text.h"
#include "sql/token.h"
#include "sql/tree.h"

#include <string.h>

#define TAG_WORDS 3

void
sql_class_clear (SqlClass *class)
{
  g_free (class->tag);
  g_free (class->schema);
  g_free (class->name);
  g_free (class->table_schema);
  g_free (class->table);
  *class = (SqlClass){ 0 };
}

bool
sql_kind_runs_alone (SqlKind kind)
{
  return kind == SQL_KIND_ALONE || kind == SQL_KIND_CONCURRENT_INDEX
         || kind == SQL_KIND_CONCURRENT_REINDEX || kind == SQL_KIND_CONCURRENT_DROP
         || kind == SQL_KIND_CONCURRENT_DETACH;
}

static void
take_range (const json_t *range, char **schema, char **name)
{
  *schema = g_strdup (sql_tree_text (range, "schemaname"));
  *name = g_strdup (sql_tree_text (range, "relname"));
}

static void
take_names (const json_t *names, SqlClass *class)
{
  class->name = g_strdup (sql_tree_last_name (names));
  class->schema = g_strdup (sql_tree_schema_name (names));
}

static SqlKind
classify_index (const json_t *node, SqlClass *class)
{
  class->name = g_strdup (sql_tree_text (node, "idxname"));
  take_range (json_object_get (node, "relation"), &class->table_schema, &class->table);
  class->schema = g_strdup (class->table_schema);
  class->if_not_exists = sql_tree_flag (node, "if_not_exists");
  return sql_tree_flag (node, "concurrent") ? SQL_KIND_CONCURRENT_INDEX : SQL_KIND_OTHER;
}

static SqlKind
classify_drop (const json_t *node, SqlClass *class)
{
  const json_t *first = json_array_get (json_object_get (node, "objects"), 0);
  take_names (json_object_get (json_object_get (first, "List"), "items"), class);
  return sql_tree_flag (node, "concurrent") ? SQL_KIND_CONCURRENT_DROP : SQL_KIND_OTHER;
}

static SqlKind
classify_reindex (const json_t *node, SqlClass *class)
{
  const char *what = sql_tree_text (node, "kind");
  take_range (json_object_get (node, "relation"), &class->schema, &class->name);
  if (class->name == NULL)
    class->name = g_strdup (sql_tree_text (node, "name"));
  if (sql_tree_option_is_on (json_object_get (node, "params"), "concurrently", false))
    return SQL_KIND_CONCURRENT_REINDEX;
  bool is_one = g_strcmp0 (what, "REINDEX_OBJECT_INDEX") == 0
                || g_strcmp0 (what, "REINDEX_OBJECT_TABLE") == 0;
  return is_one ? SQL_KIND_OTHER : SQL_KIND_ALONE;
}

static SqlKind
classify_alter_table (const json_t *node, SqlClass *class)
{
  size_t index;
  json_t *element;
  take_range (json_object_get (node, "relation"), &class->schema, &class->name);
  json_array_foreach (json_object_get (node, "cmds"), index, element)
    {
      const json_t *command = json_object_get (element, "AlterTableCmd");
      const json_t *def = json_object_get (command, "def");
      if (sql_tree_flag (json_object_get (def, "PartitionCmd"), "concurrent"))
        return SQL_KIND_CONCURRENT_DETACH;
    }
  return SQL_KIND_OTHER;
}

static SqlKind
classify_enum (const json_t *node, SqlClass *class)
{
  take_names (json_object_get (node, "typeName"), class);
  class->if_not_exists = sql_tree_flag (node, "skipIfNewValExists");
  return sql_tree_text (node, "oldVal") == NULL ? SQL_KIND_ENUM_VALUE : SQL_KIND_OTHER;
}

static SqlKind
classify_copy (const json_t *node, SqlClass *class)
{
  take_range (json_object_get (node, "relation"), &class->schema, &class->name);
  bool is_client = sql_tree_flag (node, "is_from") && !sql_tree_flag (node, "is_program")
                   && sql_tree_text (node, "filename") == NULL;
  return is_client ? SQL_KIND_COPY_STDIN : SQL_KIND_OTHER;
}

static SqlKind
classify_create (const json_t *node, SqlClass *class)
{
  take_range (json_object_get (node, "relation"), &class->schema, &class->name);
  class->if_not_exists = sql_tree_flag (node, "if_not_exists");
  return SQL_KIND_OTHER;
}

/* VACUUM runs alone, ANALYZE does not; one node is both. */
static SqlKind
classify_vacuum (const json_t *node, SqlClass *class)
{
  return sql_tree_flag (node, "is_vacuumcmd") ? SQL_KIND_ALONE : SQL_KIND_OTHER;
}

/* CLUSTER without a table is for all of them. */
static SqlKind
classify_cluster (const json_t *node, SqlClass *class)
{
  take_range (json_object_get (node, "relation"), &class->schema, &class->name);
  return class->name != NULL ? SQL_KIND_OTHER : SQL_KIND_ALONE;
}

static SqlKind
classify_alter_database (const json_t *node, SqlClass *class)
{
  class->name = g_strdup (sql_tree_text (node, "dbname"));
  return sql_tree_option (json_object_get (node, "options"), "tablespace") != NULL ? SQL_KIND_ALONE
                                                                                   : SQL_KIND_OTHER;
}

static SqlKind
classify_create_subscription (const json_t *node, SqlClass *class)
{
  const json_t *options = json_object_get (node, "options");
  class->name = g_strdup (sql_tree_text (node, "subname"));
  bool connects = sql_tree_option_is_on (options, "connect", true);
  return sql_tree_option_is_on (options, "create_slot", connects) ? SQL_KIND_ALONE : SQL_KIND_OTHER;
}

static SqlKind
classify_alter_subscription (const json_t *node, SqlClass *class)
{
  static const char *const refreshing[] = { "ALTER_SUBSCRIPTION_REFRESH",
                                            "ALTER_SUBSCRIPTION_SET_PUBLICATION",
                                            "ALTER_SUBSCRIPTION_ADD_PUBLICATION",
                                            "ALTER_SUBSCRIPTION_DROP_PUBLICATION",
                                            "ALTER_SUBSCRIPTION_REFRESH_PUBLICATION",
                                            NULL };
  const char *what = sql_tree_text (node, "kind");
  class->name = g_strdup (sql_tree_text (node, "subname"));
  return what != NULL && g_strv_contains (refreshing, what)
                 && sql_tree_option_is_on (json_object_get (node, "options"), "refresh", true)
             ? SQL_KIND_ALONE
             : SQL_KIND_OTHER;
}

static SqlKind
classify_discard (const json_t *node, SqlClass *class)
{
  return g_strcmp0 (sql_tree_text (node, "target"), "DISCARD_ALL") == 0 ? SQL_KIND_ALONE
                                                                        : SQL_KIND_OTHER;
}

/* A block that commits by itself cannot be inside a transaction. */
static SqlKind
classify_do (const json_t *node, SqlClass *class)
{
  const json_t *body = sql_tree_option (json_object_get (node, "args"), "as");
  const char *text = sql_tree_string (json_object_get (body, "arg"));
  size_t at = 0, length = text != NULL ? strlen (text) : 0;
  SqlToken token;
  while (sql_token_next_word (text, length, &at, &token))
    if (sql_token_is (text, &token, "commit") || sql_token_is (text, &token, "rollback"))
      {
        class->commits = SQL_COMMITS;
        return SQL_KIND_ALONE;
      }
    else if (sql_token_is (text, &token, "call"))
      class->commits = SQL_MAY_COMMIT;
  return SQL_KIND_OTHER;
}

/* In a transaction of ours it cannot commit, so it is first tried there. */
static SqlKind
classify_call (const json_t *node, SqlClass *class)
{
  class->commits = SQL_MAY_COMMIT;
  return SQL_KIND_OTHER;
}

static SqlKind
runs_alone (const json_t *node, SqlClass *class)
{
  return SQL_KIND_ALONE;
}

static SqlKind
is_transaction (const json_t *node, SqlClass *class)
{
  return SQL_KIND_TRANSACTION;
}

static const struct
{
  const char *node;
  const char *tag; /* NULL: from the words */
  SqlKind (*classify) (const json_t *node, SqlClass *class);
} classifiers[] = {
  { "TransactionStmt", NULL, is_transaction },
  { "IndexStmt", "CREATE INDEX", classify_index },
  { "DropStmt", NULL, classify_drop },
  { "ReindexStmt", "REINDEX", classify_reindex },
  { "AlterTableStmt", NULL, classify_alter_table },
  { "AlterEnumStmt", "ALTER TYPE", classify_enum },
  { "CopyStmt", "COPY", classify_copy },
  { "CreateStmt", "CREATE TABLE", classify_create },
  { "VacuumStmt", NULL, classify_vacuum },
  { "ClusterStmt", "CLUSTER", classify_cluster },
  { "AlterDatabaseStmt", NULL, classify_alter_database },
  { "CreatedbStmt", "CREATE DATABASE", runs_alone },
  { "DropdbStmt", "DROP DATABASE", runs_alone },
  { "CreateTableSpaceStmt", "CREATE TABLESPACE", runs_alone },
  { "DropTableSpaceStmt", "DROP TABLESPACE", runs_alone },
  { "AlterSystemStmt", "ALTER SYSTEM", runs_alone },
  { "CreateSubscriptionStmt", "CREATE SUBSCRIPTION", classify_create_subscription },
  { "AlterSubscriptionStmt", "ALTER SUBSCRIPTION", classify_alter_subscription },
  { "DropSubscriptionStmt", "DROP SUBSCRIPTION", runs_alone },
  { "DiscardStmt", "DISCARD", classify_discard },
  { "DoStmt", "DO", classify_do },
  { "CallStmt", "CALL", classify_call },
};

/* Words between the verb and the kind of object that say how, not what. */
static bool
is_modifier (const char *text, const SqlToken *token)
{
  static const char *const modifiers[]
      = { "or",    "replace",    "unique",    "temp",       "temporary", "unlogged", "global",
          "local", "constraint", "recursive", "procedural", "trusted",   "default",  "isolation" };
  for (size_t i = 0; i < G_N_ELEMENTS (modifiers); i++)
    if (sql_token_is (text, token, modifiers[i]))
      return true;
  return false;
}

/* Whether two words name the kind of object. */
static bool
is_first_of_two (const char *word)
{
  static const char *const firsts[]
      = { "MATERIALIZED", "FOREIGN", "EVENT", "TEXT", "ACCESS", "OPERATOR", "USER", "LARGE", NULL };
  return g_strv_contains (firsts, word);
}

/* "CREATE INDEX", "ALTER MATERIALIZED VIEW", "SELECT": from the words. */
static char *
tag_from_words (const char *text, size_t length)
{
  static const char *const verbs[]
      = { "CREATE", "ALTER", "DROP", "REFRESH", "COMMENT", "SECURITY", "IMPORT", "REASSIGN", NULL };
  GString *tag = g_string_new (NULL);
  size_t at = 0;
  SqlToken token;
  for (int words = 0; words < TAG_WORDS && sql_token_next_word (text, length, &at, &token);)
    {
      if (token.kind != SQL_TOKEN_WORD)
        break;
      if (words == 1 && is_modifier (text, &token))
        continue;
      g_autofree char *word = g_ascii_strup (text + token.start, (gssize) token.length);
      g_string_append_printf (tag, "%s%s", words > 0 ? " " : "", word);
      words++;
      if ((words == 1 && !g_strv_contains (verbs, word)) || (words == 2 && !is_first_of_two (word)))
        break;
    }
  return g_string_free (tag, FALSE);
}

/* The kinds that matter most, for what a newer PostgreSQL may know and the parser does not. */
static SqlKind
kind_from_words (const char *text, size_t length)
{
  static const struct
  {
    const char *words[5];
    SqlKind kind;
  } beginnings[] = {
    { { "create", "index", "concurrently" }, SQL_KIND_CONCURRENT_INDEX },
    { { "create", "unique", "index", "concurrently" }, SQL_KIND_CONCURRENT_INDEX },
    { { "drop", "index", "concurrently" }, SQL_KIND_CONCURRENT_DROP },
    { { "reindex", "index", "concurrently" }, SQL_KIND_CONCURRENT_REINDEX },
    { { "reindex", "table", "concurrently" }, SQL_KIND_CONCURRENT_REINDEX },
    { { "reindex", "schema", "concurrently" }, SQL_KIND_CONCURRENT_REINDEX },
    { { "reindex", "database", "concurrently" }, SQL_KIND_CONCURRENT_REINDEX },
    { { "vacuum" }, SQL_KIND_ALONE },
    { { "create", "database" }, SQL_KIND_ALONE },
    { { "drop", "database" }, SQL_KIND_ALONE },
    { { "alter", "system" }, SQL_KIND_ALONE },
    { { "begin" }, SQL_KIND_TRANSACTION },
    { { "start", "transaction" }, SQL_KIND_TRANSACTION },
    { { "commit" }, SQL_KIND_TRANSACTION },
    { { "end" }, SQL_KIND_TRANSACTION },
    { { "rollback" }, SQL_KIND_TRANSACTION },
    { { "abort" }, SQL_KIND_TRANSACTION },
    { { "savepoint" }, SQL_KIND_TRANSACTION },
    { { "release" }, SQL_KIND_TRANSACTION },
    { { "prepare", "transaction" }, SQL_KIND_TRANSACTION },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (beginnings); i++)
    if (sql_begins_with (text, length, beginnings[i].words))
      return beginnings[i].kind;
  return SQL_KIND_UNKNOWN;
}

void
sql_classify_tree (const json_t *tree, const char *text, size_t length, SqlClass *ret_class)
{
  const char *tag = NULL;
  *ret_class = (SqlClass){ .kind = SQL_KIND_OTHER };
  for (size_t i = 0; i < G_N_ELEMENTS (classifiers); i++)
    {
      const json_t *node = json_object_get (tree, classifiers[i].node);
      if (node == NULL)
        continue;
      tag = classifiers[i].tag;
      ret_class->kind = classifiers[i].classify (node, ret_class);
      break;
    }
  if (tree == NULL)
    ret_class->kind = kind_from_words (text, length);
  ret_class->tag = tag != NULL ? g_strdup (tag) : tag_from_words (text, length);
}

bool
sql_classify (SqlParser *parser, const char *text, size_t length, SqlClass *ret_class,
              GError **error)
{
  json_t *parsed = NULL;
  if (!sql_parse (parser, text, length, &parsed, NULL, NULL, error))
    return false;
  g_autoptr (json_t) tree = parsed;
  sql_classify_tree (tree, text, length, ret_class);
  return true;
}
