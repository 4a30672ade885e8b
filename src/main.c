#include "base/cancel.h"

#include <locale.h>

int
main (int argc, char **argv)
{
  (void) argc;
  (void) argv;
  setlocale (LC_ALL, "");
  cancel_install ();
  return 2;
}
