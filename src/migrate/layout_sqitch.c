/*
 * Sqitch's layout: sqitch.plan, and deploy/, revert/ and verify/ with a script for each change. A
 * change that was reworked keeps its first scripts under NAME@TAG.sql.
 */
#include "base/clock.h"
#include "migrate/layouts.h"
#include "migrate/sqitch_plan.h"

#include <string.h>

#define PLAN "sqitch.plan"

static bool
sqitch_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  *ret_fit = folder_has (folder, PLAN) ? LAYOUT_FITS_MARKS : LAYOUT_FITS_NOT;
  return true;
}

/* "deploy/NAME@TAG.sql" of a change that was reworked: with the first tag that there is a file for. */
static char *
script_name (const Folder *folder, const char *kind, const SqitchChange *change)
{
  for (char **suffix = change->suffixes; *suffix != NULL; suffix++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%s%s.sql", kind, change->name, *suffix);
      if (folder_has (folder, name))
        return g_steal_pointer (&name);
    }
  const char *suffix = change->suffixes[0] != NULL ? change->suffixes[0] : "";
  return g_strdup_printf ("%s/%s%s.sql", kind, change->name, suffix);
}

static bool
read_change (Folder *folder, MigrationSet *set, const SqitchChange *change, GError **error)
{
  g_autofree char *version = change->time == 1
                                 ? g_strdup (change->name)
                                 : g_strdup_printf ("%s#%u", change->name, change->time);
  g_autofree char *deploy = script_name (folder, "deploy", change);
  g_autofree char *revert = script_name (folder, "revert", change);
  g_autofree char *verify = script_name (folder, "verify", change);
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, "");
  if (!folder_has (folder, deploy))
    return layout_refuse (folder, PLAN, change->line,
                          "Bring the script back, or take the change out of the plan.", error,
                          "there is no %s", deploy);
  if (!layout_read_script (folder, deploy, &migration->up, migration->checksum, error)
      || !layout_read_script_if_there (folder, revert, &migration->down, error)
      || !layout_read_script_if_there (folder, verify, &migration->verify, error))
    return false;
  migration->tool_key = g_strdup (change->name);
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static bool
read_plan (Folder *folder, SqitchPlan **ret_plan, GError **error)
{
  FolderFile *file;
  g_autofree char *shown = folder_shown (folder, PLAN);
  return folder_read (folder, PLAN, &file, error)
         && sqitch_plan_parse (shown, file->text, ret_plan, error);
}

/* What another project has to have done, pgkeel cannot see. */
static void
warn_of_other_projects (const Folder *folder, MigrationSet *set, const SqitchChange *change)
{
  for (char **depend = change->depends; *depend != NULL; depend++)
    if (strchr (*depend, ':') != NULL)
      layout_warn (folder, set, PLAN, "has “%s” need “%s” of another project: that is not checked",
                   change->name, *depend);
}

static bool
sqitch_read (Folder *folder, MigrationSet *set, GError **error)
{
  g_autoptr (SqitchPlan) plan = NULL;
  if (!read_plan (folder, &plan, error))
    return false;
  for (guint i = 0; i < plan->changes->len; i++)
    {
      const SqitchChange *change = plan->changes->pdata[i];
      warn_of_other_projects (folder, set, change);
      if (!read_change (folder, set, change, error))
        return false;
    }
  return true;
}

/* Who plans, as Sqitch would ask: its variables, else who runs this. */
static char *
planner (void)
{
  const char *name = g_getenv ("SQITCH_FULLNAME"), *email = g_getenv ("SQITCH_EMAIL");
  g_autofree char *made = g_strdup_printf ("%s@%s", g_get_user_name (), g_get_host_name ());
  if (name == NULL || *name == '\0')
    name = g_get_real_name ();
  if (strcmp (name, "Unknown") == 0)
    name = g_get_user_name ();
  return g_strdup_printf ("%s <%s>", name, email != NULL && *email != '\0' ? email : made);
}

static char *
plan_with (const char *text, const LayoutNew *new)
{
  g_autofree char *who = planner ();
  g_autofree char *when = clock_format_iso (new->now);
  bool is_open = *text != '\0' && !g_str_has_suffix (text, "\n");
  return g_strdup_printf ("%s%s%s %s %s\n", text, is_open ? "\n" : "", new->name, when, who);
}

static char *
script_of (const char *kind, const char *name, const char *last)
{
  return g_strdup_printf ("-- %s %s\n\nBEGIN;\n\n\n%s;\n", kind, name, last);
}

static bool
sqitch_add (LayoutNew *new, GError **error)
{
  g_autofree char *text = g_strdup ("%syntax-version=1.0.0\n%project=project\n\n");
  FolderFile *file = NULL;
  bool has_plan = new->folder != NULL &&folder_has (new->folder, PLAN);
  if (has_plan)
    {
      if (!folder_read (new->folder, PLAN, &file, error))
        return false;
      g_free (text);
      text = g_strdup (file->text);
    }
  if (migration_set_find (new->set, new->name) != NULL)
    return keel_error (error, KEEL_ERROR_USAGE, "Choose another name.",
                       "the plan has a change “%s” already", new->name);
  layout_add_file (new, script_of ("Deploy", new->name, "COMMIT"), "deploy/%s.sql", new->name);
  layout_add_file (new, script_of ("Revert", new->name, "COMMIT"), "revert/%s.sql", new->name);
  layout_add_file (new, script_of ("Verify", new->name, "ROLLBACK"), "verify/%s.sql", new->name);
  layout_add_file (new, plan_with (text, new), PLAN);
  ((MigrationNewFile *) new->files->pdata[new->files->len - 1])->is_changed = has_plan;
  return true;
}

const Layout layout_sqitch = {
  .name = "sqitch",
  .pattern = PLAN,
  .fits = sqitch_fits,
  .read = sqitch_read,
  .add = sqitch_add,
};
