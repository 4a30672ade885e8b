/*
 * Runs every file of the folders given as arguments through a fuzz target, so that what the fuzzer
 * once found stays found where there is no fuzzer. A crash or a sanitizer's report fails the test; so
 * does a folder without files, which would test nothing.
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int
replay_file (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *data = NULL;
  gsize size;
  if (!g_file_get_contents (path, &data, &size, &error))
    {
      fprintf (stderr, "%s\n", error->message);
      return 0;
    }
  /* A copy of exactly this size, so that reading past its end is noticed. */
  g_autofree uint8_t *copy = g_memdup2 (data, size);
  (void) LLVMFuzzerTestOneInput (copy, size);
  return 1;
}

/* How many files of FOLDER were run; -1 when one could not be. */
static int
replay_folder (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &error);
  int count = 0;
  if (dir == NULL)
    {
      fprintf (stderr, "%s\n", error->message);
      return -1;
    }
  for (const char *name = g_dir_read_name (dir); name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (!replay_file (path))
        return -1;
      count++;
    }
  return count;
}

int
main (int argc, char **argv)
{
  if (argc < 2)
    {
      fprintf (stderr, "usage: %s FOLDER...\n", argv[0]);
      return 2;
    }
  for (int i = 1; i < argc; i++)
    {
      int count = replay_folder (argv[i]);
      printf ("%s: %d files\n", argv[i], count);
      if (count <= 0)
        return 1;
    }
  return 0;
}
