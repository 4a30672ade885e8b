/*
 * pgkeel guard volumes: which Docker volumes there are, what protects them, and what they hold.
 */
#include "base/clock.h"
#include "base/size.h"
#include "cli/cmds.h"
#include "cli/guard_proof.h"
#include "cli/guard_volume_create.h"
#include "cli/output.h"
#include "guard/policy.h"

#include <string.h>
#include <unistd.h>

static char *option_docker, *option_driver;
static char **option_opts;

typedef enum
{
  GUARDED_UNKNOWN = 0, /* nothing protects it, and it cannot be looked into */
  GUARDED_NOT,         /* nothing protects the database in it */
  GUARDED_BY_LABEL,
  GUARDED_BY_NAME,
  GUARDED_NEEDLESS, /* no database in it */
} Guarded;

static Guarded
judge (const GuardVolume *volume)
{
  if (volume->is_labelled)
    return GUARDED_BY_LABEL;
  if (volume->is_named)
    return GUARDED_BY_NAME;
  if (volume->postgres != NULL)
    return GUARDED_NOT;
  return volume->is_readable ? GUARDED_NEEDLESS : GUARDED_UNKNOWN;
}

static const char *
guarded_name (Guarded guarded)
{
  switch (guarded)
    {
    case GUARDED_UNKNOWN: return "unknown";
    case GUARDED_NOT: return "NO";
    case GUARDED_BY_LABEL: return "label";
    case GUARDED_BY_NAME: return "guard.protect";
    case GUARDED_NEEDLESS: return "-";
    }
  return "unknown";
}

/* The names of the volumes that are judged GUARDED, ", " between; NULL: none. Caller frees. */
static char *
names_of (const GPtrArray *volumes, Guarded guarded, unsigned int *ret_count)
{
  GString *names = g_string_new (NULL);
  *ret_count = 0;
  for (guint i = 0; i < volumes->len; i++)
    {
      const GuardVolume *volume = volumes->pdata[i];
      if (judge (volume) == guarded)
        g_string_append_printf (names, "%s%s", (*ret_count)++ > 0 ? ", " : "", volume->name);
    }
  return g_string_free (names, *ret_count == 0);
}

/* Unknown is not fine. */
static bool
check (const GPtrArray *volumes, GError **error)
{
  unsigned int open_count, unknown_count;
  g_autofree char *open = names_of (volumes, GUARDED_NOT, &open_count);
  g_autofree char *unknown = names_of (volumes, GUARDED_UNKNOWN, &unknown_count);
  g_autofree char *detail
      = unknown != NULL ? g_strdup_printf ("cannot be looked into: %s", unknown) : NULL;
  if (open != NULL)
    return keel_error_full (
        error, KEEL_ERROR_ANSWER_NO, NULL, detail,
        "Name it in guard.protect of pgkeel.yaml; a label cannot be added to a volume that is there, "
        "its data can be moved to one from “pgkeel guard volumes create” (docs/guard.md).",
        open_count == 1 ? "a database volume is unprotected: %s"
                        : "database volumes are unprotected: %s",
        open);
  if (unknown != NULL)
    return keel_error (error, KEEL_ERROR_ANSWER_NO,
                       geteuid () != 0 ? "Only root can look into volumes: run it with sudo."
                                       : "Run it on the Engine's own machine, while it is mounted.",
                       unknown_count == 1
                           ? "a volume without a label cannot be looked into, it may hold a "
                             "database: %s"
                           : "volumes without a label cannot be looked into, they may hold "
                             "databases: %s",
                       unknown);
  return true;
}

/* --- the table ---------------------------------------------------------------------------------- */

/* The one of all databases in the volume that is worst off; NULL: there is none. */
static const GuardDatabaseProof *
find_worst (const GuardProof *proof)
{
  const GuardDatabaseProof *worst = NULL;
  for (guint i = 0; i < proof->clusters->len; i++)
    {
      const GuardClusterProof *cluster = proof->clusters->pdata[i];
      for (guint j = 0; j < cluster->databases->len; j++)
        {
          const GuardDatabaseProof *database = cluster->databases->pdata[j];
          if (worst == NULL || database->verdict < worst->verdict)
            worst = database;
        }
    }
  return worst;
}

static char *
format_ago (int64_t time)
{
  g_autofree char *age = duration_format (MAX (clock_now () - time, 0));
  return g_strdup_printf ("%s ago", age);
}

static char *
format_proof (const GuardProof *proof, const GuardDatabaseProof *worst)
{
  g_autofree char *age
      = worst != NULL && worst->proven != NULL ? format_ago (worst->proven->proven) : NULL;
  switch (proof->verdict)
    {
    case GUARD_PROOF_UNKNOWN: break;
    case GUARD_PROOF_NO_DATABASE: return g_strdup ("-");
    case GUARD_PROOF_MISSING: return g_strdup ("none");
    case GUARD_PROOF_UNPROVEN: return g_strdup (worst->newest->proven < 0 ? "FAILED" : "never");
    case GUARD_PROOF_STALE: return g_strdup_printf ("%s, too old", age);
    case GUARD_PROOF_FRESH: return g_steal_pointer (&age);
    }
  return g_strdup ("unknown");
}

static char *
format_backup (const GuardProof *proof, const GuardDatabaseProof *worst)
{
  if (proof->verdict == GUARD_PROOF_NO_DATABASE)
    return g_strdup ("-");
  if (proof->verdict == GUARD_PROOF_UNKNOWN)
    return g_strdup ("unknown");
  return worst == NULL || worst->newest == NULL ? g_strdup ("none")
                                                : format_ago (worst->newest->created);
}

/* "db (running), web"; caller frees. */
static char *
format_holders (const GuardVolume *volume)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < volume->container->len; i++)
    {
      const char *name = volume->container->pdata[i];
      bool is_running = g_ptr_array_find_with_equal_func (volume->running, name, g_str_equal, NULL);
      g_string_append_printf (text, "%s%s%s", i > 0 ? ", " : "", name,
                              is_running ? " (running)" : "");
    }
  return g_string_free (text, FALSE);
}

/* "17", "15, 17"; caller frees. */
static char *
format_versions (const GuardVolume *volume, const GuardProof *proof)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < proof->clusters->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
                            ((const GuardClusterProof *) proof->clusters->pdata[i])->version);
  if (text->len == 0)
    g_string_append (text, volume->is_readable ? "-" : "unknown");
  return g_string_free (text, FALSE);
}

static void
add_row (OutputTable *table, const GuardVolume *volume, const GuardProof *proof)
{
  Guarded guarded = judge (volume);
  const GuardDatabaseProof *worst = find_worst (proof);
  g_autofree char *holders = format_holders (volume);
  g_autofree char *versions = format_versions (volume, proof);
  g_autofree char *size = proof->has_size ? size_format (proof->size_bytes) : g_strdup ("unknown");
  g_autofree char *backup = format_backup (proof, worst);
  g_autofree char *proven = format_proof (proof, worst);
  output_table_row (table, volume->name, guarded_name (guarded), holders, versions, size, backup,
                    proven);
  if (guarded == GUARDED_NOT || guarded == GUARDED_UNKNOWN)
    output_table_style (table, 1, OUTPUT_BAD);
  if (proof->verdict != GUARD_PROOF_NO_DATABASE)
    output_table_style (table, 6, proof->verdict == GUARD_PROOF_FRESH ? OUTPUT_GOOD : OUTPUT_WARN);
}

static json_t *
strings_json (const GPtrArray *strings)
{
  json_t *array = json_array ();
  for (guint i = 0; i < strings->len; i++)
    json_array_append_new (array, output_json_string (strings->pdata[i]));
  return array;
}

static json_t *
volume_json (const GuardVolume *volume, const GuardProof *proof)
{
  Guarded guarded = judge (volume);
  return json_pack (
      "{s:o, s:o, s:o, s:b, s:b, s:b, s:s, s:o, s:o, s:o}", "name",
      output_json_string (volume->name), "driver", output_json_string (volume->driver), "project",
      output_json_string (volume->project), "labelled", (int) volume->is_labelled, "named",
      (int) volume->is_named, "anonymous", (int) volume->is_anonymous, "protected",
      guarded == GUARDED_NOT        ? "no"
      : guarded == GUARDED_NEEDLESS ? "not-needed"
      : guarded == GUARDED_UNKNOWN  ? "unknown"
                                    : "yes",
      "containers", strings_json (volume->container), "running", strings_json (volume->running),
      "holds", guard_proof_json (proof));
}

static bool
list (CliContext *context, GPtrArray *volumes, GError **error)
{
  static const OutputColumn columns[]
      = { { "VOLUME" },     { "PROTECTED" }, { "CONTAINERS" }, { "POSTGRESQL" },
          { "SIZE", true }, { "BACKUP" },    { "PROOF" },      { NULL } };
  g_autoptr (OutputTable) table = output_table_new (columns);
  g_autoptr (GPtrArray) backups = NULL;
  g_autoptr (json_t) array = json_array ();
  g_autoptr (GError) problem = NULL;
  if (!guard_backups_read (context->project, &backups, &problem))
    report_warning (&context->report, problem->message, NULL);
  for (guint i = 0; i < volumes->len; i++)
    {
      const GuardVolume *volume = volumes->pdata[i];
      g_autoptr (GuardProof) proof = guard_proof_of_volume (context->project, backups, volume);
      add_row (table, volume, proof);
      json_array_append_new (array, volume_json (volume, proof));
    }
  if (context->json)
    output_json (json_pack ("{s:O}", "volumes", array));
  else if (volumes->len == 0)
    output_line ("there are no Docker volumes");
  else
    output_table_print (table);
  return check (volumes, error);
}

/* --- the other words ------------------------------------------------------------------------------ */

static bool
check_only (CliContext *context, const GPtrArray *volumes, GError **error)
{
  unsigned int needless;
  g_autofree char *others = names_of (volumes, GUARDED_NEEDLESS, &needless);
  if (!check (volumes, error))
    return false;
  if (context->json)
    output_json (json_pack ("{s:i, s:i}", "volumes", (int) volumes->len, "protected",
                            (int) (volumes->len - needless)));
  else
    output_line ("%u volumes, %u of them protected, no database without protection", volumes->len,
                 volumes->len - needless);
  return true;
}

static bool
create (CliContext *context, GuardEngine *engine, const char *name, GError **error)
{
  bool is_new;
  const GuardVolumeSpec spec = { .name = name,
                                 .driver = option_driver != NULL ? option_driver : "local",
                                 .options = (const char *const *) option_opts };
  if (!guard_volume_create (context->project, engine, &spec, &is_new, error))
    return false;
  if (context->json)
    output_json (
        json_pack ("{s:o, s:b}", "volume", output_json_string (name), "is_new", (int) is_new));
  else
    output_line (is_new ? "made volume %s with the label %s"
                        : "volume %s is there already, with the label %s",
                 name, context->project->guard.label);
  return true;
}

static bool
check_words (int argc, char **argv, GError **error)
{
  static const char hint[] = "Run “pgkeel guard volumes --help” for its use.";
  bool is_create = argc > 0 && strcmp (argv[0], "create") == 0;
  if (argc > 0 && !is_create && strcmp (argv[0], "check") != 0)
    return keel_error (error, KEEL_ERROR_USAGE, hint, "“pgkeel guard volumes” cannot “%s”",
                       argv[0]);
  if (is_create && argc < 2)
    return keel_error (error, KEEL_ERROR_USAGE, hint, "“guard volumes create” needs a name");
  if (!is_create && argc > 1)
    return keel_error (error, KEEL_ERROR_USAGE, hint,
                       "“guard volumes check” does not take the argument “%s”", argv[1]);
  if (!is_create && (option_driver != NULL || option_opts != NULL))
    return keel_error (error, KEEL_ERROR_USAGE, hint, "--driver and --opt belong to create");
  return true;
}

static bool
run_volumes (CliContext *context, int argc, char **argv, GError **error)
{
  Project *project = NULL;
  g_autoptr (GuardEngine) engine = NULL;
  g_autoptr (GuardPolicy) policy = NULL;
  g_autoptr (GPtrArray) volumes = NULL;
  if (!check_words (argc, argv, error) || !context_project (context, &project, error)
      || !guard_engine_open (option_docker, &engine, error))
    return false;
  if (argc == 2)
    return create (context, engine, argv[1], error);
  policy = guard_policy_new (&project->guard, NULL);
  guard_policy_set_remote (policy,
                           !g_str_has_prefix (guard_engine_host (option_docker), "unix://"));
  if (!guard_volumes_read (policy, engine, &volumes, error))
    return false;
  return argc == 1 ? check_only (context, volumes, error) : list (context, volumes, error);
}

static const GOptionEntry volumes_options[]
    = { { "driver", 0, 0, G_OPTION_ARG_STRING, &option_driver,
          "With create: the volume's driver (default: local)", "DRIVER" },
        { "opt", 0, 0, G_OPTION_ARG_STRING_ARRAY, &option_opts,
          "With create: an option of the driver; may be given often", "NAME=VALUE" },
        { "docker", 0, 0, G_OPTION_ARG_STRING, &option_docker,
          "The Engine (default: DOCKER_HOST, or the usual socket)", "HOST" },
        G_OPTION_ENTRY_NULL };

const CliCommand guard_volumes_command = {
  .arguments = "[check|create] [NAME]",
  .max_arguments = 2,
  .summary = "List Docker volumes: protection, containers, PostgreSQL, size, backup, proof",
  .description
  = "Exit code 1 when a volume with a database is protected neither by the label nor by\n"
    "guard.protect, or when one without a label cannot be looked into: unknown is not fine.\n\n"
    "“check” says only that. “create NAME” makes a volume with the label; one like it that is there\n"
    "already is fine. A label cannot be added to a volume that is there.",
  .example = "sudo pgkeel guard volumes create shop_pgdata",
  .options = volumes_options,
  .run = run_volumes,
};
