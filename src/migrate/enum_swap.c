#include "migrate/enum_swap.h"

#include "migrate/enum_swap_sql.h"

#include <string.h>

typedef struct
{
  char *name, *old_name; /* as in SQL, with their schema */
  char *old;             /* the latter without */
  char *create;          /* NULL: the enum itself */
  char *properties;      /* owner, grants, comment */
  char *default_value;   /* of a domain; NULL: none */
  char *what;            /* "TYPE a.b" */
} SwappedType;

typedef struct
{
  char *table, *column, *type; /* as in SQL */
  bool is_array;
} SwappedColumn;

/* What ALTER COLUMN does not carry along. */
typedef struct
{
  char *title;  /* for messages */
  char *drop;   /* NULL: it goes with something else */
  char *create; /* all but the default */
  char *default_value;
} Piece;

struct EnumSwap
{
  char *name, *value;
  GPtrArray *types, *columns, *pieces;
  GPtrArray *tables; /* of char *: those that are altered */
  GPtrArray *alters; /* of char * */
};

static void
type_free (SwappedType *type)
{
  g_free (type->name);
  g_free (type->old_name);
  g_free (type->old);
  g_free (type->create);
  g_free (type->properties);
  g_free (type->default_value);
  g_free (type->what);
  g_free (type);
}

static void
column_free (SwappedColumn *column)
{
  g_free (column->table);
  g_free (column->column);
  g_free (column->type);
  g_free (column);
}

static void
piece_free (Piece *piece)
{
  g_free (piece->title);
  g_free (piece->drop);
  g_free (piece->create);
  g_free (piece->default_value);
  g_free (piece);
}

void
enum_swap_free (EnumSwap *swap)
{
  g_free (swap->name);
  g_free (swap->value);
  g_ptr_array_unref (swap->types);
  g_ptr_array_unref (swap->columns);
  g_ptr_array_unref (swap->pieces);
  g_ptr_array_unref (swap->tables);
  g_ptr_array_unref (swap->alters);
  g_free (swap);
}

static EnumSwap *
swap_new (const char *name, const char *value)
{
  EnumSwap *swap = g_new0 (EnumSwap, 1);
  swap->name = g_strdup (name);
  swap->value = g_strdup (value);
  swap->types = g_ptr_array_new_with_free_func ((GDestroyNotify) type_free);
  swap->columns = g_ptr_array_new_with_free_func ((GDestroyNotify) column_free);
  swap->pieces = g_ptr_array_new_with_free_func ((GDestroyNotify) piece_free);
  swap->tables = g_ptr_array_new_with_free_func (g_free);
  swap->alters = g_ptr_array_new_with_free_func (g_free);
  return swap;
}

/* --- reading --------------------------------------------------------------------------------- */

static char *
text_of (const DbResult *result, int row, int column)
{
  return db_result_is_null (result, row, column) ? NULL
                                                 : g_strdup (db_result_text (result, row, column));
}

static bool
check_refused (DbConn *conn, const char *oid, const char *name, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  g_autoptr (GString) list = g_string_new (NULL);
  if (!db_query (conn, refused_sql, 1, &oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    g_string_append_printf (list, "%s%s", i > 0 ? "\n" : "", db_result_text (result, i, 0));
  return list->len == 0
         || keel_error_full (
             error, KEEL_ERROR_REFUSED, NULL, list->str,
             "Write a migration that drops these and makes them again, and generate "
             "this one in between.",
             "type %s is used by what cannot be moved to another type safely", name);
}

static bool
read_types (EnumSwap *swap, DbConn *conn, const char *oid, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, types_sql, 1, &oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      SwappedType *type = g_new0 (SwappedType, 1);
      type->name = text_of (result, i, 0);
      type->old_name = text_of (result, i, 1);
      type->old = text_of (result, i, 2);
      type->create = text_of (result, i, 3);
      type->properties = text_of (result, i, 4);
      type->default_value = text_of (result, i, 5);
      type->what = text_of (result, i, 6);
      g_ptr_array_add (swap->types, type);
    }
  return true;
}

static bool
read_columns (EnumSwap *swap, DbConn *conn, const char *oid, GError **error)
{
  g_autoptr (DbResult) result = NULL, alters = NULL;
  if (!db_query (conn, columns_sql, 1, &oid, &result, error)
      || !db_query (conn, alter_sql, 1, &oid, &alters, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      SwappedColumn *column = g_new0 (SwappedColumn, 1);
      column->table = text_of (result, i, 0);
      column->column = text_of (result, i, 1);
      column->is_array = db_result_bool (result, i, 2);
      column->type = text_of (result, i, 3);
      g_ptr_array_add (swap->columns, column);
    }
  for (int i = 0; i < db_result_rows (alters); i++)
    {
      g_ptr_array_add (swap->tables, text_of (alters, i, 0));
      g_ptr_array_add (swap->alters, text_of (alters, i, 1));
    }
  return true;
}

static bool
read_pieces (EnumSwap *swap, DbConn *conn, const char *oid, const char *sql, GError **error)
{
  g_autoptr (DbResult) result = NULL;
  if (!db_query (conn, sql, 1, &oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    {
      Piece *piece = g_new0 (Piece, 1);
      piece->title = text_of (result, i, 0);
      piece->drop = text_of (result, i, 1);
      piece->create = text_of (result, i, 2);
      piece->default_value = text_of (result, i, 3);
      g_ptr_array_add (swap->pieces, piece);
    }
  return true;
}

bool
enum_swap_read (DbConn *conn, const char *oid, const char *name, const char *value,
                EnumSwap **ret_swap, GError **error)
{
  /* In the order of taking away: what uses others first. */
  static const char *const pieces[] = { views_sql,   policies_sql, triggers_sql, constraints_sql,
                                        indexes_sql, defaults_sql, storage_sql };
  g_autoptr (EnumSwap) swap = swap_new (name, value);
  if (!check_refused (conn, oid, name, error) || !read_types (swap, conn, oid, error)
      || !read_columns (swap, conn, oid, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (pieces); i++)
    if (!read_pieces (swap, conn, oid, pieces[i], error))
      return false;
  *ret_swap = g_steal_pointer (&swap);
  return true;
}

/* --- rows ------------------------------------------------------------------------------------ */

/* The condition under which a row holds the value. As text, as the value may not be one of the type
 * by then. */
static char *
condition_of (const EnumSwap *swap, const SwappedColumn *column)
{
  g_autofree char *value = db_quote_literal (swap->value);
  return column->is_array ? g_strdup_printf ("%s = ANY (%s::text[])", value, column->column)
                          : g_strdup_printf ("%s::text = %s", column->column, value);
}

bool
enum_swap_count (const EnumSwap *swap, DbConn *conn, char **ret_uses, GError **error)
{
  g_autoptr (GString) uses = g_string_new (NULL);
  for (guint i = 0; i < swap->columns->len; i++)
    {
      const SwappedColumn *column = swap->columns->pdata[i];
      g_autofree char *condition = condition_of (swap, column);
      g_autofree char *sql
          = g_strdup_printf ("SELECT count (*) FROM ONLY %s WHERE %s", column->table, condition);
      g_autoptr (DbResult) result = NULL;
      if (!db_query (conn, sql, 0, NULL, &result, error))
        return false;
      int64_t count = db_result_int64 (result, 0, 0);
      if (count > 0)
        g_string_append_printf (uses, "%stable %s, column %s: %" G_GINT64_FORMAT " row%s",
                                uses->len > 0 ? "\n" : "", column->table, column->column, count,
                                count == 1 ? "" : "s");
    }
  *ret_uses = uses->len > 0 ? g_strdup (uses->str) : NULL;
  return true;
}

/* --- writing --------------------------------------------------------------------------------- */

static void
add (GPtrArray *statements, const char *text)
{
  g_ptr_array_add (statements, g_strdup (text));
}

static void add_format (GPtrArray *statements, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
add_format (GPtrArray *statements, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (statements, g_strdup_vprintf (format, args));
  va_end (args);
}

/* Nobody writes the value between the check and the exchange. */
static void
write_lock (const EnumSwap *swap, GPtrArray *statements)
{
  g_autoptr (GString) sql = g_string_new ("LOCK TABLE ");
  for (guint i = 0; i < swap->tables->len; i++)
    g_string_append_printf (sql, "%s%s", i > 0 ? ", " : "", (char *) swap->tables->pdata[i]);
  if (swap->tables->len > 0)
    add_format (statements, "%s IN ACCESS EXCLUSIVE MODE;", sql->str);
}

static void
write_updates (const EnumSwap *swap, const char *replacement, GPtrArray *statements)
{
  g_autofree char *value = db_quote_literal (swap->value);
  g_autofree char *other = db_quote_literal (replacement);
  for (guint i = 0; i < swap->columns->len; i++)
    {
      const SwappedColumn *column = swap->columns->pdata[i];
      g_autofree char *condition = condition_of (swap, column);
      g_autofree char *becomes
          = column->is_array ? g_strdup_printf ("array_replace (%s::text[], %s, %s)::text::%s",
                                                column->column, value, other, column->type)
                             : g_strdup (other);
      add_format (statements, "UPDATE ONLY %s SET %s = %s\n  WHERE %s;", column->table,
                  column->column, becomes, condition);
    }
  /* A table with triggers that are still to fire cannot be altered. */
  if (swap->columns->len > 0)
    add (statements, "SET CONSTRAINTS ALL IMMEDIATE;");
}

/* A tag for dollar quotes that BODY does not hold. */
static char *
tag_for (const char *body)
{
  g_autoptr (GString) tag = g_string_new ("$pgkeel$");
  while (strstr (body, tag->str) != NULL)
    g_string_insert_c (tag, 1, 'x');
  return g_strdup (tag->str);
}

static void
write_check (const EnumSwap *swap, GPtrArray *statements)
{
  g_autoptr (GString) body = g_string_new ("BEGIN\n");
  for (guint i = 0; i < swap->columns->len; i++)
    {
      const SwappedColumn *column = swap->columns->pdata[i];
      g_autofree char *condition = condition_of (swap, column);
      g_autofree char *text = g_strdup_printf ("rows of table %s hold the value “%s” in column %s",
                                               column->table, swap->value, column->column);
      g_autofree char *message = db_quote_literal (text);
      g_string_append_printf (body,
                              "  IF EXISTS (SELECT FROM ONLY %s WHERE %s) THEN\n"
                              "    RAISE EXCEPTION USING ERRCODE = 'check_violation',\n"
                              "      MESSAGE = %s;\n"
                              "  END IF;\n",
                              column->table, condition, message);
    }
  g_string_append (body, "END\n");
  g_autofree char *tag = tag_for (body->str);
  if (swap->columns->len > 0)
    add_format (statements, "DO %s\n%s%s;", tag, body->str, tag);
}

static void
write_types (const EnumSwap *swap, const GPtrArray *labels, GPtrArray *statements)
{
  g_autoptr (GString) values = g_string_new (NULL);
  for (guint i = 0; i < labels->len; i++)
    {
      g_autofree char *value = db_quote_literal (labels->pdata[i]);
      g_string_append_printf (values, "%s%s", i > 0 ? ", " : "", value);
    }
  for (guint i = 0; i < swap->types->len; i++)
    {
      const SwappedType *type = swap->types->pdata[i];
      add_format (statements, "ALTER %s RENAME TO %s;", type->what, type->old);
    }
  for (guint i = 0; i < swap->types->len; i++)
    {
      const SwappedType *type = swap->types->pdata[i];
      if (type->create == NULL)
        add_format (statements, "CREATE TYPE %s AS ENUM (%s);\n%s", type->name, values->str,
                    type->properties);
      else
        add_format (statements, "%s\n%s", type->create, type->properties);
    }
}

static void
write_drops_of_types (const EnumSwap *swap, GPtrArray *statements)
{
  for (guint i = swap->types->len; i-- > 0;)
    {
      const SwappedType *type = swap->types->pdata[i];
      add_format (statements, "DROP %s %s;", type->create != NULL ? "DOMAIN" : "TYPE",
                  type->old_name);
    }
}

/* A default that is the value becomes the replacement. */
static char *
default_of (const EnumSwap *swap, const char *expression, const char *replacement)
{
  g_autofree char *value = db_quote_literal (swap->value);
  if (replacement == NULL || !g_str_has_prefix (expression, value)
      || !g_str_has_prefix (expression + strlen (value), "::"))
    return g_strdup (expression);
  g_autofree char *other = db_quote_literal (replacement);
  return g_strconcat (other, expression + strlen (value), NULL);
}

static void
write_swap (const EnumSwap *swap, const GPtrArray *labels, const char *replacement,
            GPtrArray *statements)
{
  for (guint i = 0; i < swap->pieces->len; i++)
    {
      const Piece *piece = swap->pieces->pdata[i];
      if (piece->drop != NULL)
        add (statements, piece->drop);
    }
  write_types (swap, labels, statements);
  for (guint i = 0; i < swap->types->len; i++)
    {
      const SwappedType *type = swap->types->pdata[i];
      g_autofree char *value = type->default_value != NULL
                                   ? default_of (swap, type->default_value, replacement)
                                   : NULL;
      if (value != NULL)
        add_format (statements, "ALTER %s SET DEFAULT %s;", type->what, value);
    }
  for (guint i = 0; i < swap->alters->len; i++)
    add (statements, swap->alters->pdata[i]);
  write_drops_of_types (swap, statements);
  for (guint i = swap->pieces->len; i-- > 0;)
    {
      const Piece *piece = swap->pieces->pdata[i];
      g_autofree char *value = piece->default_value != NULL
                                   ? default_of (swap, piece->default_value, replacement)
                                   : NULL;
      if (value != NULL)
        add_format (statements, "%s%s;", piece->create, value);
      else
        add (statements, piece->create);
    }
}

/* Whether TEXT, a definition as the server writes it, is made of the value: as a constant, or
 * somewhere in one of an array, which is looked at less closely. */
static bool
mentions (const EnumSwap *swap, const char *text)
{
  g_autofree char *value = db_quote_literal (swap->value);
  g_autofree char *constant = g_strdup_printf ("%s::%s", value, swap->name);
  g_autofree char *array = g_strdup_printf ("}'::%s[]", swap->name);
  return text != NULL
         && (strstr (text, constant) != NULL
             || (strstr (text, array) != NULL && strstr (text, swap->value) != NULL));
}

static void
note_mention (const EnumSwap *swap, GString *list, const char *title, const char *text)
{
  if (mentions (swap, text))
    g_string_append_printf (list, "%s%s", list->len > 0 ? "\n" : "", title);
}

static bool
check_mentions (const EnumSwap *swap, const char *replacement, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);
  for (guint i = 0; i < swap->types->len; i++)
    {
      const SwappedType *type = swap->types->pdata[i];
      g_autofree char *value = type->default_value != NULL
                                   ? default_of (swap, type->default_value, replacement)
                                   : NULL;
      note_mention (swap, list, type->what, type->create);
      note_mention (swap, list, type->what, value);
    }
  for (guint i = 0; i < swap->pieces->len; i++)
    {
      const Piece *piece = swap->pieces->pdata[i];
      g_autofree char *value = piece->default_value != NULL
                                   ? default_of (swap, piece->default_value, replacement)
                                   : NULL;
      note_mention (swap, list, piece->title, piece->create);
      note_mention (swap, list, piece->title, value);
    }
  return list->len == 0
         || keel_error_full (error, KEEL_ERROR_REFUSED, NULL, list->str,
                             "Change these first; a default that is the value itself is changed by "
                             "--replace-with.",
                             "the value “%s” of type %s stands in definitions", swap->value,
                             swap->name);
}

bool
enum_swap_write_without (const EnumSwap *swap, const GPtrArray *labels, const char *replacement,
                         GPtrArray *statements, GError **error)
{
  if (!check_mentions (swap, replacement, error))
    return false;
  write_lock (swap, statements);
  if (replacement != NULL)
    write_updates (swap, replacement, statements);
  write_check (swap, statements);
  write_swap (swap, labels, replacement, statements);
  return true;
}

void
enum_swap_write_with (const EnumSwap *swap, const GPtrArray *labels, GPtrArray *statements)
{
  write_lock (swap, statements);
  write_swap (swap, labels, NULL, statements);
}
