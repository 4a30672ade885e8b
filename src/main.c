#include "base/cancel.h"
#include "cli/command.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>

/* Names are UTF-8 in PostgreSQL, in pgkeel.yaml and on today's terminals. In a locale that knows
 * only ASCII (containers, cron) GLib and libsmartcols would refuse or mangle them. Numbers are always
 * written with a point. */
static void
set_locale (void)
{
  setlocale (LC_ALL, "");
  if (strcmp (nl_langinfo (CODESET), "UTF-8") != 0)
    setlocale (LC_CTYPE, "C.UTF-8");
  setlocale (LC_NUMERIC, "C");
  /* All our messages are in English, and db/connect.c reads libpq's. */
  setlocale (LC_MESSAGES, "C");
}

int
main (int argc, char **argv)
{
  set_locale ();
  cancel_install ();
  return cli_main (argc, argv);
}
