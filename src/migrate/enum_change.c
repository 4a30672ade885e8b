#include "migrate/enum_change.h"

#include "migrate/enum_swap.h"

#include <string.h>

/* NAMEDATALEN of any usual server, less one. */
#define LABEL_MAX_BYTES 63
/* Of a value's and of a type's part of the file's name. */
#define WORD_MAX_CHARACTERS 15

/* --- the type -------------------------------------------------------------------------------- */

void
enum_type_free (EnumType *type)
{
  g_free (type->oid);
  g_free (type->name);
  g_ptr_array_unref (type->labels);
  g_free (type);
}

/* Types that NAME could have meant, had it been quoted or had it named the schema: for the hint. */
static char *
guess (DbConn *conn, const char *name)
{
  static const char sql[]
      = "SELECT string_agg (format ('%I.%I', n.nspname, t.typname), ', ' ORDER BY 1)\n"
        "  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace\n"
        " WHERE t.typtype = 'e' AND lower ($1) IN (lower (t.typname),\n"
        "                                          lower (n.nspname || '.' || t.typname))";
  g_autofree char *found = NULL;
  if (!db_query_text (conn, sql, 1, &name, &found, NULL) || found == NULL)
    return g_strdup ("Name its schema, and write it as in SQL: capitals want double quotes.");
  return g_strdup_printf ("Did you mean %s?", found);
}

static bool
read_labels (DbConn *conn, EnumType *type, GError **error)
{
  static const char sql[]
      = "SELECT enumlabel FROM pg_enum WHERE enumtypid = $1::oid ORDER BY enumsortorder";
  g_autoptr (DbResult) result = NULL;
  const char *oid = type->oid;
  if (!db_query (conn, sql, 1, &oid, &result, error))
    return false;
  for (int i = 0; i < db_result_rows (result); i++)
    g_ptr_array_add (type->labels, g_strdup (db_result_text (result, i, 0)));
  return true;
}

/* The catalogue is read as of one moment, and names mean what they mean to the role. */
static bool
begin (DbConn *conn, GError **error)
{
  return db_exec (conn,
                  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
                  "SELECT set_config ('search_path', reset_val, true) FROM pg_settings\n"
                  " WHERE name = 'search_path'",
                  error);
}

bool
enum_type_read (DbConn *conn, const char *name, EnumType **ret_type, GError **error)
{
  static const char sql[]
      = "SELECT t.oid, format ('%I.%I', n.nspname, t.typname), t.typtype = 'e'\n"
        "  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace\n"
        " WHERE t.oid = to_regtype ($1)";
  g_autoptr (DbResult) result = NULL;
  if (!begin (conn, error))
    return false;
  if (!db_query (conn, sql, 1, &name, &result, error))
    return prefix_error (error, "looking for type “%s”", name);
  if (!db_exec (conn, "SET LOCAL search_path = pg_catalog", error))
    return false;
  if (db_result_rows (result) == 0 || !db_result_bool (result, 0, 2))
    {
      g_autofree char *hint = guess (conn, name);
      return keel_error (
          error, KEEL_ERROR_MISSING, hint,
          db_result_rows (result) == 0 ? "there is no type “%s”" : "type “%s” is no enum", name);
    }
  g_autoptr (EnumType) type = g_new0 (EnumType, 1);
  type->oid = g_strdup (db_result_text (result, 0, 0));
  type->name = g_strdup (db_result_text (result, 0, 1));
  type->labels = g_ptr_array_new_with_free_func (g_free);
  if (!read_labels (conn, type, error))
    return false;
  *ret_type = g_steal_pointer (&type);
  return true;
}

static bool
has_value (const EnumType *type, const char *value)
{
  return g_ptr_array_find_with_equal_func (type->labels, value, g_str_equal, NULL);
}

static bool
check_known (const EnumType *type, const char *value, GError **error)
{
  if (has_value (type, value))
    return true;
  g_autoptr (GString) list = g_string_new ("It has: ");
  for (guint i = 0; i < type->labels->len; i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", (char *) type->labels->pdata[i]);
  g_string_append_c (list, '.');
  return keel_error (error, KEEL_ERROR_MISSING, list->str, "type %s has no value “%s”", type->name,
                     value);
}

static bool
check_new (const EnumType *type, const char *value, GError **error)
{
  if (has_value (type, value))
    return keel_error (error, KEEL_ERROR_REFUSED, NULL, "type %s has a value “%s” already",
                       type->name, value);
  if (*value == '\0' || strlen (value) > LABEL_MAX_BYTES || !g_utf8_validate (value, -1, NULL))
    return keel_error (error, KEEL_ERROR_USAGE, "It is text of 1 to 63 bytes in UTF-8.",
                       "“%s” cannot be a value of an enum", value);
  return true;
}

/* --- changes --------------------------------------------------------------------------------- */

void
enum_change_free (EnumChange *change)
{
  g_free (change->name);
  g_ptr_array_unref (change->up);
  g_clear_pointer (&change->down, g_ptr_array_unref);
  g_free (change->no_way_back);
  g_free (change);
}

/* "add_sad_to_mood"; long names and values are cut. */
static char *
name_of (const EnumType *type, const char *verb, const char *value, const char *preposition)
{
  const char *own = strrchr (type->name, '.');
  own = own != NULL ? own + 1 : type->name;
  g_autofree char *value_part
      = g_utf8_substring (value, 0, MIN (g_utf8_strlen (value, -1), WORD_MAX_CHARACTERS));
  g_autofree char *type_part
      = g_utf8_substring (own, 0, MIN (g_utf8_strlen (own, -1), WORD_MAX_CHARACTERS));
  return g_strdup_printf ("%s_%s_%s_%s", verb, value_part, preposition, type_part);
}

static EnumChange *
change_new (const EnumType *type, const char *verb, const char *value, const char *preposition)
{
  EnumChange *change = g_new0 (EnumChange, 1);
  change->name = name_of (type, verb, value, preposition);
  change->up = g_ptr_array_new_with_free_func (g_free);
  change->down = g_ptr_array_new_with_free_func (g_free);
  return change;
}

/* The exchange that takes VALUE away again. That it is not possible is no error: then there is no way
 * back. */
static bool
write_way_back (DbConn *conn, const EnumType *type, const char *value, EnumChange *change,
                GError **error)
{
  g_autoptr (EnumSwap) swap = NULL;
  g_autoptr (GError) local = NULL;
  if (enum_swap_read (conn, type->oid, type->name, value, &swap, &local)
      && enum_swap_write_without (swap, type->labels, NULL, change->down, &local))
    return true;
  if (!keel_error_is (local, KEEL_ERROR_REFUSED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  g_clear_pointer (&change->down, g_ptr_array_unref);
  change->no_way_back = g_strdup_printf ("%s: %s", local->message, keel_error_detail (local));
  return true;
}

bool
enum_change_add (DbConn *conn, const EnumType *type, const char *value, const char *before,
                 const char *after, EnumChange **ret_change, GError **error)
{
  const char *neighbour = before != NULL ? before : after;
  if (!check_new (type, value, error)
      || (neighbour != NULL && !check_known (type, neighbour, error)))
    return false;
  g_autoptr (EnumChange) change = change_new (type, "add", value, "to");
  g_autofree char *literal = db_quote_literal (value);
  g_autofree char *other = neighbour != NULL ? db_quote_literal (neighbour) : g_strdup ("");
  g_ptr_array_add (change->up,
                   g_strdup_printf ("ALTER TYPE %s ADD VALUE %s%s%s;", type->name, literal,
                                    before != NULL  ? " BEFORE "
                                    : after != NULL ? " AFTER "
                                                    : "",
                                    other));
  if (!write_way_back (conn, type, value, change, error))
    return false;
  *ret_change = g_steal_pointer (&change);
  return true;
}

static char *
rename_statement (const EnumType *type, const char *from, const char *to)
{
  g_autofree char *old = db_quote_literal (from), *new = db_quote_literal (to);
  return g_strdup_printf ("ALTER TYPE %s RENAME VALUE %s TO %s;", type->name, old, new);
}

bool
enum_change_rename (const EnumType *type, const char *value, const char *new_value,
                    EnumChange **ret_change, GError **error)
{
  if (!check_known (type, value, error) || !check_new (type, new_value, error))
    return false;
  EnumChange *change = change_new (type, "rename", value, "of");
  g_ptr_array_add (change->up, rename_statement (type, value, new_value));
  g_ptr_array_add (change->down, rename_statement (type, new_value, value));
  *ret_change = change;
  return true;
}

static GPtrArray *
labels_without (const EnumType *type, const char *value)
{
  GPtrArray *labels = g_ptr_array_new ();
  for (guint i = 0; i < type->labels->len; i++)
    if (strcmp (type->labels->pdata[i], value) != 0)
      g_ptr_array_add (labels, type->labels->pdata[i]);
  return labels;
}

static bool
check_removable (const EnumType *type, const char *value, const char *replacement, GError **error)
{
  if (!check_known (type, value, error)
      || (replacement != NULL && !check_known (type, replacement, error)))
    return false;
  if (type->labels->len == 1)
    return keel_error (error, KEEL_ERROR_REFUSED, "Drop the type instead.",
                       "“%s” is the last value of type %s", value, type->name);
  if (replacement != NULL && strcmp (value, replacement) == 0)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "“%s” cannot replace itself", value);
  return true;
}

bool
enum_change_remove (DbConn *conn, const EnumType *type, const char *value, const char *replacement,
                    EnumChange **ret_change, GError **error)
{
  g_autoptr (EnumSwap) swap = NULL;
  g_autofree char *uses = NULL;
  if (!check_removable (type, value, replacement, error)
      || !enum_swap_read (conn, type->oid, type->name, value, &swap, error)
      || (replacement == NULL && !enum_swap_count (swap, conn, &uses, error)))
    return false;
  if (uses != NULL)
    return keel_error_full (error, KEEL_ERROR_ANSWER_NO, NULL, uses,
                            "Change these rows first, or say what they become: --replace-with.",
                            "rows hold the value “%s” of type %s", value, type->name);
  g_autoptr (GPtrArray) labels = labels_without (type, value);
  g_autoptr (EnumChange) change = change_new (type, "remove", value, "from");
  if (!enum_swap_write_without (swap, labels, replacement, change->up, error))
    return false;
  enum_swap_write_with (swap, type->labels, change->down);
  *ret_change = g_steal_pointer (&change);
  return true;
}
