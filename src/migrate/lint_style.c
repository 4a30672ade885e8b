/*
 * Types, names and habits that cost later.
 */
#include "migrate/lint_internal.h"
#include "sql/token.h"
#include "sql/tree.h"

#include <string.h>

/* As PostgreSQL is built: NAMEDATALEN - 1. */
#define NAME_MAX_BYTES 63

/* Holes in a row that are worth a word. */
#define PADDING_BYTES 8

static bool
is_key (const json_t *column)
{
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (column, "constraints"), index, element)
    {
      const json_t *constraint = json_object_get (element, "Constraint");
      if (sql_tree_is (constraint, "contype", "CONSTR_PRIMARY")
          || sql_tree_is (constraint, "contype", "CONSTR_IDENTITY"))
        return true;
    }
  return false;
}

#define say(lint, number, node, ...)                                                               \
  lint_report (                                                                                    \
      (lint), &(LintReport){ .rule = (number), .location = sql_tree_number ((node), "location") }, \
      __VA_ARGS__)

static bool
is_type (const char *type, const char *a, const char *b)
{
  return strcmp (type, a) == 0 || strcmp (type, b) == 0;
}

static void
check_column (Lint *lint, const json_t *column)
{
  const json_t *type_node = json_object_get (column, "typeName");
  const char *type = sql_tree_last_name (json_object_get (type_node, "names"));
  const char *name = sql_tree_text (column, "colname");
  bool is_limited = json_object_get (type_node, "typmods") != NULL;
  if (type == NULL || name == NULL)
    return;
  bool is_serial = strstr (type, "serial") != NULL;
  if (is_type (type, "serial", "serial4") || (is_key (column) && is_type (type, "int4", "integer")))
    say (lint, RULE_INTEGER_KEY, column, "“%s” ends at 2,147,483,647", name);
  if (is_type (type, "smallserial", "serial2")
      || (is_key (column) && is_type (type, "int2", "smallint")))
    say (lint, RULE_SMALLINT_KEY, column, "“%s” ends at 32,767", name);
  if (is_serial)
    say (lint, RULE_SERIAL, column, "“%s” is %s", name, type);
  if (strcmp (type, "varchar") == 0 && is_limited)
    say (lint, RULE_VARCHAR, column, "“%s” is varchar with a limit", name);
  if (strcmp (type, "bpchar") == 0)
    say (lint, RULE_CHAR, column, "“%s” is char", name);
  if (strcmp (type, "timestamp") == 0)
    say (lint, RULE_TIMESTAMP, column, "“%s” is timestamp without time zone", name);
  if (strcmp (type, "json") == 0)
    say (lint, RULE_JSON, column, "“%s” is json", name);
}

/* Of fixed types: their size, which is what they are aligned to; 4 for those of any length. */
static int
width_of (const char *type, bool *ret_varies)
{
  static const struct
  {
    const char *name;
    int width;
  } widths[] = {
    { "int8", 8 },    { "bigint", 8 },    { "bigserial", 8 },   { "serial8", 8 },
    { "float8", 8 },  { "timestamp", 8 }, { "timestamptz", 8 }, { "time", 8 },
    { "money", 8 },   { "int4", 4 },      { "integer", 4 },     { "serial", 4 },
    { "serial4", 4 }, { "float4", 4 },    { "date", 4 },        { "oid", 4 },
    { "int2", 2 },    { "smallint", 2 },  { "smallserial", 2 }, { "bool", 1 },
    { "char", 1 },
  };
  *ret_varies = true;
  for (size_t i = 0; i < G_N_ELEMENTS (widths); i++)
    if (strcmp (type, widths[i].name) == 0)
      {
        *ret_varies = false;
        return widths[i].width;
      }
  return 4;
}

/* Bytes of holes before aligned columns, as far as they can be told: behind a value of any length they
 * cannot. */
static int
padding_of (const json_t *elements)
{
  int at = 0, padding = 0;
  size_t index;
  json_t *element;
  json_array_foreach (elements, index, element)
    {
      const json_t *column = json_object_get (element, "ColumnDef");
      const char *type
          = sql_tree_last_name (json_object_get (json_object_get (column, "typeName"), "names"));
      bool varies;
      if (type == NULL)
        continue;
      int width = width_of (type, &varies);
      if (varies)
        return padding;
      int hole = (width - at % width) % width;
      padding += hole;
      at += hole + width;
    }
  return padding;
}

static void
check_table (Lint *lint)
{
  const json_t *range = json_object_get (lint->node, "relation");
  const json_t *elements = json_object_get (lint->node, "tableElts");
  bool is_temporary = sql_tree_is (range, "relpersistence", "t");
  int padding = padding_of (elements);
  size_t index;
  json_t *element;
  json_array_foreach (elements, index, element)
    check_column (lint, json_object_get (element, "ColumnDef"));
  if (padding >= PADDING_BYTES)
    lint_say (lint, RULE_COLUMN_ALIGNMENT, "%d bytes of each row are holes", padding);
  if (sql_tree_text (range, "schemaname") == NULL && !is_temporary)
    lint_say (lint, RULE_SCHEMA_NOT_NAMED, "“%s” does not say its schema",
              sql_tree_text (range, "relname"));
  if (!lint_in_transaction (lint) && !sql_tree_flag (lint->node, "if_not_exists"))
    lint_say (lint, RULE_NOT_REPEATABLE, "CREATE TABLE without IF NOT EXISTS");
}

static void
check_alter (Lint *lint)
{
  size_t index;
  json_t *element;
  json_array_foreach (json_object_get (lint->node, "cmds"), index, element)
    {
      const json_t *command = json_object_get (element, "AlterTableCmd");
      const json_t *column = json_object_get (json_object_get (command, "def"), "ColumnDef");
      if (!sql_tree_is (command, "subtype", "AT_AddColumn"))
        continue;
      check_column (lint, column);
      if (!lint_in_transaction (lint) && !sql_tree_flag (command, "missing_ok"))
        lint_say (lint, RULE_NOT_REPEATABLE, "ADD COLUMN without IF NOT EXISTS");
    }
}

static void
check_enum (Lint *lint)
{
  if (lint->class.kind == SQL_KIND_ENUM_VALUE
      && sql_tree_text (lint->node, "newValNeighbor") == NULL)
    lint_say (lint, RULE_ENUM_ORDER, "“%s” sorts behind all others",
              sql_tree_text (lint->node, "newVal"));
}

static bool
is_check (const json_t *constraint, void *data)
{
  return sql_tree_is (constraint, "contype", "CONSTR_CHECK")
         || sql_tree_is (constraint, "contype", "CONSTR_NOTNULL");
}

static void
check_domain (Lint *lint)
{
  if (sql_tree_visit (lint->node, "Constraint", is_check, NULL))
    lint_say (lint, RULE_DOMAIN_WITH_CONSTRAINT, "domain “%s” has a constraint",
              sql_tree_last_name (json_object_get (lint->node, "domainname")));
}

static void
check_index (Lint *lint)
{
  if (!lint_in_transaction (lint) && !sql_tree_flag (lint->node, "if_not_exists"))
    lint_say (lint, RULE_NOT_REPEATABLE, "CREATE INDEX without IF NOT EXISTS");
}

static void
check_drop (Lint *lint)
{
  if (!lint_in_transaction (lint) && !sql_tree_flag (lint->node, "missing_ok"))
    lint_say (lint, RULE_NOT_REPEATABLE, "%s without IF EXISTS", lint->class.tag);
}

/* The parser cuts long names as the server does, so they are looked for in the text. */
static void
check_names (Lint *lint)
{
  const char *text = lint->text + lint->statement->start;
  size_t length = lint->statement->length, at = 0;
  SqlToken token;
  if (length <= NAME_MAX_BYTES)
    return;
  while (sql_token_next_word (text, length, &at, &token))
    {
      size_t quotes = token.kind == SQL_TOKEN_QUOTED ? 2 : 0;
      LintReport report = { .rule = RULE_NAME_TOO_LONG, .location = (long) token.start };
      if ((token.kind == SQL_TOKEN_WORD || quotes > 0) && token.length > NAME_MAX_BYTES + quotes)
        lint_report (lint, &report, "a name of %zu bytes is cut to %d", token.length - quotes,
                     NAME_MAX_BYTES);
    }
}

void
lint_check_style (Lint *lint)
{
  static const struct
  {
    const char *kind;
    void (*check) (Lint *lint);
  } checks[] = {
    { "CreateStmt", check_table },   { "AlterTableStmt", check_alter },
    { "AlterEnumStmt", check_enum }, { "CreateDomainStmt", check_domain },
    { "IndexStmt", check_index },    { "DropStmt", check_drop },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (checks); i++)
    if (strcmp (lint->kind, checks[i].kind) == 0)
      checks[i].check (lint);
  check_names (lint);
}
