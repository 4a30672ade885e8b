#include "cli/cmds.h"
#include "cli/output.h"
#include "db/conn.h"

static char *
libpq_version (void)
{
  int version = db_library_version ();
  return g_strdup_printf ("%d.%d", version / 10000, version % 10000);
}

static bool
run_version (CliContext *context, int argc, char **argv, GError **error)
{
  g_autofree char *libpq = libpq_version ();
  g_autofree char *glib
      = g_strdup_printf ("%u.%u.%u", glib_major_version, glib_minor_version, glib_micro_version);
  if (context->json)
    {
      output_json (json_pack ("{s:s, s:s, s:s, s:s, s:s}", "version", PGKEEL_VERSION, "libpq",
                              libpq, "glib", glib, "compiler", PGKEEL_COMPILER, "build",
                              PGKEEL_BUILD_TYPE));
      return true;
    }
  output_line ("pgkeel %s", PGKEEL_VERSION);
  output_line ("libpq %s, GLib %s", libpq, glib);
  output_line ("built with %s, %s", PGKEEL_COMPILER, PGKEEL_BUILD_TYPE);
  return true;
}

const CliCommand version_command = {
  .name = "version",
  .summary = "Show the version of pgkeel and of the libraries under it",
  .example = "pgkeel version --json",
  .run = run_version,
};
