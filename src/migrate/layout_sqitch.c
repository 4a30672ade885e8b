/*
 * Sqitch's layout: sqitch.plan, and deploy/, revert/ and verify/ with a script for each change, or where
 * sqitch.conf says. A change that was reworked keeps its first scripts under NAME@TAG.sql.
 */
#include "base/clock.h"
#include "migrate/layouts.h"
#include "migrate/sqitch_conf.h"
#include "migrate/sqitch_plan.h"

#include <string.h>

static bool
sqitch_fits (Folder *folder, LayoutFit *ret_fit, GError **error)
{
  g_autoptr (SqitchPlaces) places = NULL;
  if (!sqitch_places_read (folder->root, folder->shown, &places, error))
    return false;
  *ret_fit = folder_has (folder, places->plan) ? LAYOUT_FITS_MARKS : LAYOUT_FITS_NOT;
  return true;
}

static char *
file_name (const char *parent, const SqitchChange *change, const char *suffix,
           const SqitchPlaces *places)
{
  g_autofree char *name = g_strdup_printf ("%s%s.%s", change->name, suffix, places->extension);
  return g_build_filename (parent, name, NULL);
}

/* "deploy/NAME@TAG.sql" of a change that was reworked: with the first tag that there is a file for. */
static char *
script_name (const Folder *folder, const SqitchPlaces *places, size_t kind,
             const SqitchChange *change)
{
  const char *const parents[] = { places->deploy, places->revert, places->verify };
  const char *const both[] = { parents[kind], places->reworked[kind] };
  if (change->suffixes[0] == NULL)
    return file_name (parents[kind], change, "", places);
  for (size_t i = 0; i < G_N_ELEMENTS (both); i++)
    for (char **suffix = change->suffixes; *suffix != NULL; suffix++)
      {
        g_autofree char *name = file_name (both[i], change, *suffix, places);
        if (folder_has (folder, name))
          return g_steal_pointer (&name);
      }
  return file_name (places->reworked[kind], change, change->suffixes[0], places);
}

static bool
read_change (Folder *folder, MigrationSet *set, const SqitchPlaces *places,
             const SqitchChange *change, GError **error)
{
  g_autofree char *version = change->time == 1
                                 ? g_strdup (change->name)
                                 : g_strdup_printf ("%s#%u", change->name, change->time);
  g_autofree char *deploy = script_name (folder, places, 0, change);
  g_autofree char *revert = script_name (folder, places, 1, change);
  g_autofree char *verify = script_name (folder, places, 2, change);
  g_autoptr (Migration) migration = migration_new (MIGRATION_VERSIONED, version, "");
  g_autofree char *shown = folder_shown (folder, deploy);
  if (!folder_has (folder, deploy))
    return layout_refuse (folder, places->plan, change->line,
                          "Bring the script back, or take the change out of the plan.", error,
                          "there is no %s", shown);
  if (!layout_read_script (folder, deploy, &migration->up, migration->checksum, error)
      || !layout_read_script_if_there (folder, revert, &migration->down, error)
      || !layout_read_script_if_there (folder, verify, &migration->verify, error))
    return false;
  migration->tool_key = g_strdup (change->name);
  g_ptr_array_add (set->migrations, g_steal_pointer (&migration));
  return true;
}

static bool
read_plan (Folder *folder, const SqitchPlaces *places, SqitchPlan **ret_plan, GError **error)
{
  FolderFile *file;
  g_autofree char *shown = folder_shown (folder, places->plan);
  return folder_read (folder, places->plan, &file, error)
         && sqitch_plan_parse (shown, file->text, ret_plan, error);
}

/* What another project has to have done, pgkeel cannot see. */
static void
warn_of_other_projects (const Folder *folder, MigrationSet *set, const char *plan,
                        const SqitchChange *change)
{
  for (char **depend = change->depends; *depend != NULL; depend++)
    if (strchr (*depend, ':') != NULL)
      layout_warn (folder, set, plan, "has “%s” need “%s” of another project: that is not checked",
                   change->name, *depend);
}

static bool
sqitch_read (Folder *folder, MigrationSet *set, GError **error)
{
  g_autoptr (SqitchPlaces) places = NULL;
  g_autoptr (SqitchPlan) plan = NULL;
  if (!sqitch_places_read (folder->root, folder->shown, &places, error)
      || !read_plan (folder, places, &plan, error))
    return false;
  for (guint i = 0; i < plan->changes->len; i++)
    {
      const SqitchChange *change = plan->changes->pdata[i];
      warn_of_other_projects (folder, set, places->plan, change);
      if (!read_change (folder, set, places, change, error))
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

static void
add_script (LayoutNew *new, const char *parent, const char *extension, const char *kind,
            const char *last)
{
  layout_add_file (new, g_strdup_printf ("-- %s %s\n\nBEGIN;\n\n\n%s;\n", kind, new->name, last),
                   "%s/%s.%s", parent, new->name, extension);
}

static bool
sqitch_add (LayoutNew *new, GError **error)
{
  g_autoptr (SqitchPlaces) places = NULL;
  g_autofree char *text = g_strdup ("%syntax-version=1.0.0\n%project=project\n\n");
  FolderFile *file = NULL;
  if (!sqitch_places_read (new->root, new->set->folder, &places, error))
    return false;
  bool has_plan = new->folder != NULL &&folder_has (new->folder, places->plan);
  if (has_plan)
    {
      if (!folder_read (new->folder, places->plan, &file, error))
        return false;
      g_free (text);
      text = g_strdup (file->text);
    }
  if (migration_set_find (new->set, new->name) != NULL)
    return keel_error (error, KEEL_ERROR_USAGE, "Choose another name.",
                       "the plan has a change “%s” already", new->name);
  add_script (new, places->deploy, places->extension, "Deploy", "COMMIT");
  add_script (new, places->revert, places->extension, "Revert", "COMMIT");
  add_script (new, places->verify, places->extension, "Verify", "ROLLBACK");
  layout_add_file (new, plan_with (text, new), "%s", places->plan);
  ((MigrationNewFile *) new->files->pdata[new->files->len - 1])->is_changed = has_plan;
  return true;
}

const Layout layout_sqitch = {
  .name = "sqitch",
  .pattern = "sqitch.plan",
  .fits = sqitch_fits,
  .read = sqitch_read,
  .add = sqitch_add,
};
