#include "seed/gen_plan.h"
#include "base/digest.h"
#include "project/check.h"
#include "project/nearest.h"
#include "seed/gen_calendar.h"
#include "seed/gen_catalog.h"
#include "seed/gen_compile.h"
#include "seed/gen_ledger.h"
#include "seed/gen_random.h"
#include "seed/gen_settings.h"

#include <string.h>

/* Of nullable columns that nobody says anything about. */
#define NULL_PERCENT 10

/* Changes when the same settings would give other rows. */
#define GENERATOR_VERSION 1

void
gen_model_free (GenModel *model)
{
  if (model == NULL)
    return;
  g_ptr_array_unref (model->tables);
  gen_arena_free (model->arena);
  g_free (model);
}

GenTable *
gen_model_find (const GenModel *model, const char *name)
{
  for (guint i = 0; i < model->tables->len; i++)
    {
      GenTable *table = model->tables->pdata[i];
      g_autofree char *full = g_strconcat (table->schema, ".", table->name, NULL);
      if (strcmp (table->name, name) == 0 || strcmp (full, name) == 0)
        return table;
    }
  return NULL;
}

uint64_t
gen_model_rows (const GenModel *model)
{
  uint64_t rows = 0;
  for (guint i = 0; i < model->tables->len; i++)
    rows += ((const GenTable *) model->tables->pdata[i])->rows;
  return rows;
}

char *
gen_table_digest (const GenModel *model, const GenTable *table)
{
  g_autoptr (GString) text = g_string_new (NULL);
  uint8_t sum[SHA256_BYTES];
  g_string_append_printf (
      text,
      "%d %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
      GENERATOR_VERSION, model->seed, table->rows, model->period.from_us, model->period.until_us);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      g_string_append_printf (text, "%s|%s|%s\n", column->name, column->type->name,
                              column->link != NULL ? column->link->name : column->expression);
    }
  for (guint i = 0; i < table->links->len; i++)
    {
      const GenLink *link = table->links->pdata[i];
      g_string_append_printf (text, "%s|%d|%u|%u\n", link->name, link->mode, link->null_percent,
                              link->exponent);
    }
  if (table->has_children)
    g_string_append_printf (text, "%d|%" G_GUINT64_FORMAT "|%" G_GUINT64_FORMAT "\n",
                            table->children.kind, table->children.low, table->children.high);
  sha256_of (text->str, text->len, sum);
  g_autofree char *hex = sha256_hex (sum);
  return g_strconcat ("sha256:", hex, NULL);
}

/* --- links ------------------------------------------------------------------------------------ */

static GenTable *
find_by_oid (const GenModel *model, uint32_t oid)
{
  for (guint i = 0; i < model->tables->len; i++)
    if (((GenTable *) model->tables->pdata[i])->oid == oid)
      return model->tables->pdata[i];
  return NULL;
}

static bool
bind_parent (GenLink *link, GenTable *parent, GError **error)
{
  link->parent = parent;
  link->parent_columns = g_new0 (unsigned int, link->count);
  for (guint i = 0; i < link->count; i++)
    {
      int column = gen_table_find (parent, link->parent_names[i]);
      if (column < 0)
        return keel_error (error, KEEL_ERROR_FAILED, NULL, "%s has no column “%s”", parent->label,
                           link->parent_names[i]);
      link->parent_columns[i] = (unsigned int) column;
      /* Its values are needed, whoever would make them otherwise. */
      gen_table_column (parent, (unsigned int) column)->is_referred_to = true;
    }
  return true;
}

/* The columns of LINK that no wider foreign key has taken. Those of a key that has none left are kept by
 * the wider one, which the server will confirm. */
static bool
claim_columns (const GenSettings *settings, GenTable *table, GenLink *link, GError **error)
{
  guint taken = 0;
  for (guint i = 0; i < link->count; i++)
    taken += gen_table_column (table, link->columns[i])->link != NULL;
  if (taken == link->count)
    return true;
  if (taken > 0)
    return check_refuse (
        settings->file, table->place, "Leave the table out of generate:, or fill it with files.",
        error, "%s: the foreign keys “%s” and “%s” share columns, which cannot be generated",
        table->label, link->name,
        gen_table_column (table, link->columns[0])->link != NULL
            ? gen_table_column (table, link->columns[0])->link->name
            : gen_table_column (table, link->columns[1])->link->name);
  for (guint i = 0; i < link->count; i++)
    {
      GenColumn *column = gen_table_column (table, link->columns[i]);
      column->link = link;
      column->link_place = i;
    }
  return true;
}

/* A foreign key one of whose columns has an expression of its own is the user's business. */
static bool
apply_link_expression (const GenSettings *settings, GenTable *table, GenLink *link,
                       bool *ret_is_ours, GError **error)
{
  bool is_nullable = true, is_said = false;
  *ret_is_ours = true;
  for (guint i = 0; i < link->count; i++)
    {
      const GenColumn *column = gen_table_column (table, link->columns[i]);
      is_nullable &= !column->is_not_null;
      if (column->expression == NULL)
        continue;
      is_said = true;
      g_autoptr (GError) problem = NULL;
      if (!gen_compile_link (column->expression, link, &problem))
        {
          if (problem != NULL)
            return check_refuse (settings->file, column->place, keel_error_hint (problem), error,
                                 "%s", problem->message);
          *ret_is_ours = link->is_null;
        }
    }
  if (!is_said && is_nullable)
    link->null_percent = NULL_PERCENT;
  return true;
}

static bool
resolve_links (GenModel *model, const GenSettings *settings, GenTable *table, GError **error)
{
  for (guint i = 0; i < table->links->len; i++)
    {
      GenLink *link = table->links->pdata[i];
      bool is_ours;
      GenTable *parent = find_by_oid (model, link->parent_oid);
      g_autofree char *name = g_strconcat (link->name, " (key)", NULL);
      link->key = gen_key (model->seed, table->schema, table->name, name);
      if (!apply_link_expression (settings, table, link, &is_ours, error))
        return false;
      if (!is_ours)
        {
          g_ptr_array_remove_index (table->links, i--);
          continue;
        }
      if (!claim_columns (settings, table, link, error)
          || (parent != NULL && !bind_parent (link, parent, error)))
        return false;
    }
  return true;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool
is_link_to (const GenTable *table, const GenLink *link, const char *name)
{
  g_autofree char *full = g_strconcat (link->parent_schema, ".", link->parent_name, NULL);
  if (strcmp (link->parent_name, name) == 0 || strcmp (full, name) == 0
      || strcmp (link->name, name) == 0)
    return true;
  for (guint j = 0; j < link->count; j++)
    if (strcmp (gen_table_column (table, link->columns[j])->name, name) == 0)
      return true;
  return false;
}

/* Of several keys to the same parent, the one that every row has: "granted_by" is nobody's child. */
static GenLink *
find_link_to (const GenTable *table, const char *name)
{
  GenLink *found = NULL;
  for (guint i = 0; i < table->links->len; i++)
    {
      GenLink *link = table->links->pdata[i];
      if (link->is_null || !is_link_to (table, link, name))
        continue;
      if (found == NULL
          || (gen_link_is_nullable (table, found) && !gen_link_is_nullable (table, link)))
        found = link;
    }
  return found;
}

static bool
find_children_link (const GenSettings *settings, const GenTableSettings *own, GenTable *table,
                    GError **error)
{
  if (own->per == NULL)
    return true;
  table->children_link = find_link_to (table, own->per);
  if (table->children_link == NULL || table->children_link->is_self)
    return check_refuse (
        settings->file, own->per_node,
        "per: names the parent table, or the column or constraint of the foreign key.", error,
        "%s has no foreign key to “%s”", table->label, own->per);
  return true;
}

static bool
count_children (GenModel *model, const GenSettings *settings, const GenTableSettings *own,
                GenTable *table, GError **error)
{
  GenLink *link = table->children_link;
  uint64_t limit;
  if (link->parents > 0
      && (__builtin_mul_overflow (link->parents, own->high, &limit) || limit >= GEN_PERMUTE_MAX))
    return check_refuse (settings->file, table->place, NULL, error, "%s: too many rows",
                         table->label);
  link->mode = GEN_LINK_CHILDREN;
  link->null_percent = 0;
  table->has_children = true;
  gen_children_init (&table->children, own->kind, link->parents, own->low, own->high, own->exponent,
                     gen_next (link->key));
  table->rows = table->children.rows;
  return true;
}

/* How many parents there are to choose from. */
static bool
count_parents (GenModel *model, const GenPlanSpec *spec, GenTable *table, GError **error)
{
  for (guint i = 0; i < table->links->len; i++)
    {
      GenLink *link = table->links->pdata[i];
      if (link->is_null)
        continue;
      if (link->is_self)
        link->parents = 1; /* until the rows are known */
      else if (link->parent != NULL)
        link->parents = link->parent->rows;
      else if (!gen_catalog_read_keys (spec->conn, table, link, model->arena, error))
        return false;
    }
  return true;
}

/* The rows of files are not there in a dry run, which took them back. */
static bool
leave_out (GenTable *table, const GenLink *link, Report *report)
{
  g_autofree char *text
      = g_strdup_printf ("%s is left out, as %s, which it refers to, has no rows yet", table->label,
                         link->parent_name);
  report_warning (report, text, NULL);
  table->rows = 0;
  return true;
}

static bool
check_parents (const GenPlanSpec *spec, GenTable *table, Report *report, GError **error)
{
  for (guint i = 0; i < table->links->len; i++)
    {
      GenLink *link = table->links->pdata[i];
      if (link->is_self)
        link->parents = table->rows;
      if (link->parents > 0 || link->is_null || table->rows == 0)
        continue;
      if (!gen_link_is_nullable (table, link))
        return spec->dry_run ? leave_out (table, link, report)
                             : check_refuse (spec->file, table->place,
                                             "Seed it first with a file, or generate it too.",
                                             error, "%s refers to %s, which has no rows",
                                             table->label, link->parent_name);
      link->is_null = true;
    }
  return true;
}

static void
prepare_zipf (GenLink *link)
{
  if (link->mode != GEN_LINK_ZIPF || link->parents == 0)
    return;
  link->zipf = gen_zipf_new (GEN_PERMUTE_MAX, link->parents, link->exponent);
  gen_permute_init (&link->permute, link->parents, gen_next (link->key));
}

static bool
count_rows (GenModel *model, const GenPlanSpec *spec, const GenSettings *settings, Report *report,
            GError **error)
{
  for (guint i = 0; i < model->tables->len; i++)
    {
      GenTable *table = model->tables->pdata[i];
      const GenTableSettings *own = gen_settings_find (settings, table->place);
      if (!count_parents (model, spec, table, error))
        return prefix_error (error, "the table “%s”", table->label);
      table->rows = own->rows * spec->scale / 1000;
      if (table->children_link != NULL && !count_children (model, settings, own, table, error))
        return false;
      if (!check_parents (spec, table, report, error))
        return false;
      for (guint j = 0; j < table->links->len; j++)
        prepare_zipf (table->links->pdata[j]);
    }
  return true;
}

/* --- columns ---------------------------------------------------------------------------------- */

static bool
refuse_column (const GenTable *table, const GenColumn *column, const char *file, const char *hint,
               const char *message, GError **error)
{
  const Node *place = column->place != NULL ? column->place : table->place;
  if (place != NULL)
    return check_refuse (file, place, hint, error, "%s.%s: %s", table->label, column->name,
                         message);
  return keel_error (error, KEEL_ERROR_CONFIG, hint, "%s.%s: %s", table->label, column->name,
                     message);
}

/* What is made where nobody said anything, with NULL now and then where that is allowed. */
static void
guess_column (const GenModel *model, const GenTable *table, GenColumn *column)
{
  g_autofree char *guess = gen_guess (table, column, &model->period);
  if (guess == NULL || column->is_not_null || column->is_key || column->is_key_part
      || column->is_referred_to || column->sequence != NULL)
    column->expression = g_steal_pointer (&guess);
  else
    column->expression = g_strdup_printf ("null(%d, %s)", NULL_PERCENT, guess);
}

static bool
compile_column (GenModel *model, GenTable *table, GenColumn *column, const char *file,
                GError **error)
{
  g_autoptr (GError) problem = NULL;
  if (column->is_generated)
    {
      column->is_left_out = true;
      return column->place == NULL
             || refuse_column (table, column, file, NULL, "the database computes this column",
                               error);
    }
  if (column->link != NULL)
    return true;
  if (column->expression == NULL)
    guess_column (model, table, column);
  if (column->expression == NULL)
    {
      column->is_left_out = true;
      g_autofree char *message
          = g_strdup_printf ("nothing is known that could be a %s", column->type->name);
      return !column->is_not_null || column->has_default
             || refuse_column (table, column, file,
                               "Give it an expression below columns:, such as '(1,2)'.", message,
                               error);
    }
  if (gen_compile (table, column->type, column->expression, model->arena, &column->node, &problem))
    return true;
  return refuse_column (table, column, file, keel_error_hint (problem), problem->message, error);
}

/* after(a, ...) of a column that is itself after(b, ...) and so on must come to an end. */
static bool
check_circles (const GenTable *table, const char *file, GError **error)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      unsigned int at = i;
      for (guint steps = 0; steps <= table->columns->len; steps++)
        {
          const GenColumn *column = gen_table_column (table, at);
          int next = column->node != NULL ? gen_node_refers_to (column->node) : -1;
          if (next < 0)
            break;
          const GenColumn *other = gen_table_column (table, (unsigned int) next);
          if (other->node == NULL && other->link == NULL)
            return refuse_column (table, column, file, NULL,
                                  "it refers to a column that is not generated", error);
          if (steps == table->columns->len)
            return refuse_column (table, gen_table_column (table, i), file, NULL,
                                  "it refers to itself in a circle", error);
          at = (unsigned int) next;
        }
    }
  return true;
}

/* A column that must have a value cannot be told from one that may have none. */
static bool
keep_sources (GenModel *model, GenTable *table, const char *file, GError **error)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const GenColumn *column = gen_table_column (table, i);
      int source = column->node != NULL ? gen_node_refers_to (column->node) : -1;
      if (source < 0 || !column->is_not_null)
        continue;
      GenColumn *other = gen_table_column (table, (unsigned int) source);
      if (other->place != NULL || other->node == NULL || other->is_not_null)
        continue;
      g_clear_pointer (&other->node, gen_node_free);
      g_clear_pointer (&other->expression, g_free);
      other->is_not_null = true;
      if (!compile_column (model, table, other, file, error))
        return false;
    }
  return true;
}

bool
gen_plan_columns (GenModel *model, GenTable *table, const char *file, GError **error)
{
  table->is_binary = true;
  for (guint i = 0; i < table->columns->len; i++)
    {
      GenColumn *column = gen_table_column (table, i);
      column->key = gen_key (model->seed, table->schema, table->name, column->name);
      if (!compile_column (model, table, column, file, error))
        return false;
      table->is_binary &= column->is_left_out || gen_type_has_binary (column->type);
    }
  return check_circles (table, file, error) && keep_sources (model, table, file, error)
         && gen_plan_unique (model, table, file, error);
}

/* --- all -------------------------------------------------------------------------------------- */

static bool
take_expressions (const GenSettings *settings, const GenTableSettings *own, GenTable *table,
                  GError **error)
{
  for (guint i = 0; own->columns != NULL && i < own->columns->children->len; i++)
    {
      const Node *node = own->columns->children->pdata[i];
      int number = gen_table_find (table, node->key);
      if (number < 0)
        return check_refuse (settings->file, node, NULL, error, "%s has no column “%s”",
                             table->label, node->key);
      GenColumn *column = gen_table_column (table, (unsigned int) number);
      column->expression = g_strdup (node->text);
      column->place = node;
    }
  return true;
}

static bool
read_tables (GenModel *model, const GenPlanSpec *spec, const GenSettings *settings, GError **error)
{
  g_autoptr (SqlParser) parser = sql_parser_new ();
  for (guint i = 0; i < settings->tables->len; i++)
    {
      const GenTableSettings *own = settings->tables->pdata[i];
      GenTable *table;
      g_autoptr (GError) problem = NULL;
      if (!gen_catalog_read (spec->conn, parser, own->name, &table, &problem))
        {
          if (!keel_error_is (problem, KEEL_ERROR_CONFIG))
            {
              g_propagate_error (error, g_steal_pointer (&problem));
              return false;
            }
          return check_refuse (settings->file, own->node, keel_error_hint (problem), error, "%s",
                               problem->message);
        }
      if (find_by_oid (model, table->oid) != NULL)
        {
          gen_table_free (table);
          return check_refuse (settings->file, own->node, NULL, error, "“%s” is there twice",
                               own->name);
        }
      table->place = own->node;
      g_ptr_array_add (model->tables, table);
      if (!take_expressions (settings, own, table, error))
        return false;
    }
  return true;
}

static bool
find_children_links (GenModel *model, const GenSettings *settings, GError **error)
{
  for (guint i = 0; i < model->tables->len; i++)
    {
      GenTable *table = model->tables->pdata[i];
      if (!find_children_link (settings, gen_settings_find (settings, table->place), table, error))
        return false;
    }
  return true;
}

bool
gen_plan_make (const GenPlanSpec *spec, Report *report, GenModel **ret_model, GError **error)
{
  g_autoptr (GenModel) model = g_new0 (GenModel, 1);
  g_autoptr (GenSettings) settings = NULL;
  model->tables = g_ptr_array_new_with_free_func ((GDestroyNotify) gen_table_free);
  model->arena = gen_arena_new ();
  if (!gen_settings_read (spec->generate, spec->file, &settings, error))
    return false;
  model->seed = settings->seed;
  model->period = settings->period;
  if (!read_tables (model, spec, settings, error) || !gen_ledger_apply (spec->conn, model, error))
    return false;
  for (guint i = 0; i < model->tables->len; i++)
    if (!resolve_links (model, settings, model->tables->pdata[i], error))
      return false;
  if (!find_children_links (model, settings, error)
      || !gen_order_tables (model, settings->file, report, error)
      || !count_rows (model, spec, settings, report, error))
    return false;
  for (guint i = 0; i < model->tables->len; i++)
    if (!gen_plan_columns (model, model->tables->pdata[i], settings->file, error))
      return false;
  *ret_model = g_steal_pointer (&model);
  return true;
}
