#include "cli/cmd_seed_generate.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "project/audit.h"
#include "seed/gen_copy.h"
#include "seed/gen_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SCALE_MAX 1000000

SeedGenerateOptions seed_generate_options;

/* "10", "0.25" as thousandths. */
static bool
parse_scale (uint64_t *ret_scale, GError **error)
{
  const char *text = seed_generate_options.scale != NULL ? seed_generate_options.scale : "1";
  const char *point = strchr (text, '.');
  size_t whole = strspn (text, "0123456789");
  size_t behind = point != NULL ? strspn (point + 1, "0123456789") : 0;
  bool is_number = whole >= 1 && whole <= 7 && behind <= 3
                   && text[whole + (point != NULL ? behind + 1 : 0)] == '\0'
                   && (point == NULL || point == text + whole);
  if (is_number)
    {
      uint64_t scale = g_ascii_strtoull (text, NULL, 10) * 1000, unit = 100;
      for (size_t i = 0; i < behind; i++, unit /= 10)
        scale += (uint64_t) (point[1 + i] - '0') * unit;
      if (scale > 0 && scale <= UINT64_C (1000) * SCALE_MAX)
        {
          *ret_scale = scale;
          return true;
        }
    }
  return keel_error (error, KEEL_ERROR_USAGE, "Write it as 10 or 0.25.",
                     "--scale must be a number from 0.001 to %d, not “%s”", SCALE_MAX, text);
}

bool
seed_generate_check_options (GError **error)
{
  uint64_t scale;
  if (seed_generate_options.jobs < 0 || seed_generate_options.jobs > 8)
    return keel_error (error, KEEL_ERROR_USAGE, NULL, "--jobs must be a number from 1 to 8");
  if ((seed_generate_options.table == NULL) != (seed_generate_options.output == NULL))
    return keel_error (error, KEEL_ERROR_USAGE, "Example: --table users --output users.copy.",
                       "--table and --output go together");
  if (seed_generate_options.format != NULL
      && (seed_generate_options.output == NULL
          || !g_strv_contains ((const char *const[]){ "text", "binary", NULL },
                               seed_generate_options.format)))
    return keel_error (error, KEEL_ERROR_USAGE, NULL,
                       "--format is text or binary, and needs --output");
  return parse_scale (&scale, error);
}

bool
seed_generate_wants_output (void)
{
  return seed_generate_options.output != NULL;
}

static bool
make_spec (const SeedGenerate *seed, GenRunSpec *ret_spec, GError **error)
{
  *ret_spec = (GenRunSpec){ .url = seed->url,
                            .conn = seed->conn,
                            .config = seed->config,
                            .jobs = (unsigned int) seed_generate_options.jobs,
                            .dry_run = seed->dry_run,
                            .inspect = seed->inspect,
                            .inspect_data = seed->inspect_data,
                            .report = &seed->context->report };
  return parse_scale (&ret_spec->scale, error);
}

/* --- one table to a file ---------------------------------------------------------------------- */

static bool
write_piece (const char *bytes, size_t length, void *data, GError **error)
{
  if (fwrite (bytes, 1, length, data) == length)
    return true;
  return keel_error_errno (error, errno, "cannot write “%s”", seed_generate_options.output);
}

static bool
write_rows (const GenTable *table, FILE *file, GError **error)
{
  bool is_binary = g_strcmp0 (seed_generate_options.format, "binary") == 0;
  if (is_binary && !table->is_binary)
    return keel_error (error, KEEL_ERROR_USAGE, "Leave --format binary out.",
                       "%s has a column whose type can only be written as text", table->label);
  g_autoptr (GenCopy) copy = gen_copy_new (table, is_binary, write_piece, file);
  return gen_copy_rows (copy, 0, table->rows, 1, error) && gen_copy_end (copy, error);
}

/* A file that was not finished does not stay. */
static bool
write_file (const GenTable *table, GError **error)
{
  FILE *file = fopen (seed_generate_options.output, "we");
  if (file == NULL)
    return keel_error_errno (error, errno, "cannot write “%s”", seed_generate_options.output);
  bool done = write_rows (table, file, error);
  if (fclose (file) != 0 && done)
    done = keel_error_errno (error, errno, "cannot write “%s”", seed_generate_options.output);
  struct stat found;
  if (!done && stat (seed_generate_options.output, &found) == 0 && S_ISREG (found.st_mode))
    remove (seed_generate_options.output);
  return done;
}

bool
seed_generate_write (const SeedGenerate *seed, GError **error)
{
  g_autoptr (GenModel) model = NULL;
  GenRunSpec spec;
  if (seed->config->generate == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG, NULL, "%s declares nothing to generate",
                       seed->config->file);
  if (seed->context->json && strcmp (seed_generate_options.output, "-") == 0)
    return keel_error (error, KEEL_ERROR_USAGE, NULL,
                       "--json and rows cannot both go to standard output");
  if (!make_spec (seed, &spec, error) || !gen_run_plan (&spec, &model, error))
    return false;
  const GenTable *table = gen_model_find (model, seed_generate_options.table);
  if (table == NULL)
    return keel_error (error, KEEL_ERROR_CONFIG, NULL, "%s does not generate “%s”",
                       seed->config->file, seed_generate_options.table);
  if (strcmp (seed_generate_options.output, "-") == 0)
    return write_rows (table, stdout, error);
  if (!write_file (table, error))
    return false;
  g_autofree char *rows = text_format_count (table->rows);
  output_line ("wrote %s rows of %s to %s", rows, table->label, seed_generate_options.output);
  if (seed->context->json)
    output_json (json_pack ("{s:o, s:I, s:o}", "table", output_json_string (table->label), "rows",
                            (json_int_t) table->rows, "file",
                            output_json_string (seed_generate_options.output)));
  return true;
}

/* --- all tables ------------------------------------------------------------------------------- */

static const char *
state_of (const SeedGenerate *seed, const GenTable *table)
{
  return table->is_done ? "there already" : seed->dry_run ? "would be generated" : "generated";
}

static json_t *
result_json (const SeedGenerate *seed, const GenRunResult *result)
{
  json_t *tables = json_array ();
  for (guint i = 0; i < result->model->tables->len; i++)
    {
      const GenTable *table = result->model->tables->pdata[i];
      json_array_append_new (
          tables, json_pack ("{s:o, s:I, s:s}", "table", output_json_string (table->label), "rows",
                             (json_int_t) table->rows, "state", state_of (seed, table)));
    }
  return json_pack ("{s:b, s:I, s:I, s:I, s:I, s:f, s:o}", "dry_run", (int) seed->dry_run, "seed",
                    (json_int_t) result->model->seed, "written", (json_int_t) result->load.rows,
                    "removed", (json_int_t) result->removed_rows, "jobs",
                    (json_int_t) result->load.jobs, "seconds",
                    (double) result->load.elapsed_us / 1e6, "tables", tables);
}

static void
show_tables (const SeedGenerate *seed, const GenModel *model)
{
  static const OutputColumn columns[]
      = { { "GENERATED", false }, { "ROWS", true }, { "STATE", false }, { NULL } };
  g_autoptr (OutputTable) shown = output_table_new (columns);
  for (guint i = 0; i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      g_autofree char *rows = text_format_count (table->rows);
      output_table_row (shown, table->label, rows, state_of (seed, table));
    }
  output_table_print (shown);
}

/* What each column is computed by, in words that seeds.yaml takes. */
static void
show_expressions (const SeedGenerate *seed, const GenModel *model)
{
  for (guint i = 0; seed->context->verbose && i < model->tables->len; i++)
    {
      const GenTable *table = model->tables->pdata[i];
      for (guint j = 0; j < table->columns->len; j++)
        {
          const GenColumn *column = gen_table_column (table, j);
          const char *by = column->link != NULL  ? column->link->name
                           : column->is_left_out ? "(left to the database)"
                                                 : column->expression;
          output_line ("%s.%s: %s", table->label, column->name, by);
        }
    }
}

static void
show_result (const SeedGenerate *seed, const GenRunResult *result)
{
  double seconds = (double) result->load.elapsed_us / 1e6;
  g_autofree char *rows
      = text_format_count (seed->dry_run ? gen_model_rows (result->model) : result->load.rows);
  show_tables (seed, result->model);
  show_expressions (seed, result->model);
  if (seed->dry_run)
    output_line ("would generate %s rows at most; a sample of each table passed its constraints",
                 rows);
  else if (result->load.rows == 0)
    output_line ("nothing to generate: all rows are there already");
  else
    {
      g_autofree char *speed
          = text_format_count ((uint64_t) ((double) result->load.rows / MAX (seconds, 0.001)));
      output_line ("generated %s rows in %.2f s, %s rows/s, with %u session%s", rows, seconds,
                   speed, result->load.jobs, result->load.jobs == 1 ? "" : "s");
    }
}

bool
seed_generate_is_wanted (const SeedGenerate *seed)
{
  return !seed_generate_options.no_generate && seed->config->generate != NULL;
}

bool
seed_generate_audit (const SeedGenerate *seed, const Project *project, const char *phase,
                     const char *message, GError **error)
{
  g_autoptr (json_t) details = json_pack (
      "{s:o, s:o, s:o}", "database", output_json_string (db_database (seed->conn)), "scale",
      output_json_string (seed_generate_options.scale), "error", output_json_string (message));
  return audit_write (project, "seed generate", phase, details, error);
}

bool
seed_generate_run (const SeedGenerate *seed, json_t **ret_json, GError **error)
{
  g_auto (GenRunResult) result = { 0 };
  GenRunSpec spec;
  if (!make_spec (seed, &spec, error) || !gen_run (&spec, &result, error))
    return false;
  progress_clear ();
  if (!seed->context->json)
    show_result (seed, &result);
  *ret_json = result_json (seed, &result);
  return true;
}
