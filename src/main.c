#include "base/cancel.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

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

/* A closed standard descriptor would be taken by the next file or socket we open, and our output
 * would go there. Standard output gets one that cannot be written, so that the loss shows. */
static void
occupy_standard_descriptors (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) == -1 && errno == EBADF
        && open ("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
      _exit (5);
}

int
main (int argc, char **argv)
{
  occupy_standard_descriptors ();
  set_locale ();
  cancel_install ();
  return cli_main (argc, argv);
}
