#include "project/who.h"

#include "base/text.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define PROGRAM_MAX_BYTES 64
#define NO_LOGIN 4294967295U

static json_t *
safe_string (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  return json_string (valid);
}

static char *
user_name (uid_t uid)
{
  struct passwd entry, *found = NULL;
  char buffer[4096];
  if (getpwuid_r (uid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
    return g_strdup (found->pw_name);
  return g_strdup_printf ("%u", (unsigned int) uid);
}

/* At most the beginning of a file of /proc, NUL-terminated; "" where there is none. */
static void
read_proc (const char *path, char *buffer, size_t size)
{
  FILE *file = fopen (path, "re");
  size_t length = file != NULL ? fread (buffer, 1, size - 1, file) : 0;
  buffer[length] = '\0';
  if (file != NULL)
    fclose (file);
}

static void
add_login (json_t *who)
{
  char text[32];
  read_proc ("/proc/self/loginuid", text, sizeof text);
  guint64 uid = *text != '\0' ? g_ascii_strtoull (text, NULL, 10) : NO_LOGIN;
  const char *sudo_user = g_getenv ("SUDO_USER");
  if (uid < NO_LOGIN)
    {
      g_autofree char *name = user_name ((uid_t) uid);
      json_object_set_new (who, "login", safe_string (name));
    }
  if (sudo_user != NULL && *sudo_user != '\0' && strlen (sudo_user) <= PROGRAM_MAX_BYTES)
    json_object_set_new (who, "sudo_user", safe_string (sudo_user));
}

static void
add_tty (json_t *who)
{
  char name[256];
  for (int fd = 0; fd <= 2; fd++)
    if (isatty (fd) && ttyname_r (fd, name, sizeof name) == 0)
      {
        json_object_set_new (who, "tty", safe_string (name));
        return;
      }
}

/* A program may have written a whole line over its arguments: only the first word of the first. */
static void
add_parent (json_t *who)
{
  char name[64], program[PROGRAM_MAX_BYTES + 1];
  pid_t pid = getppid ();
  g_autofree char *name_path = g_strdup_printf ("/proc/%d/comm", (int) pid);
  g_autofree char *program_path = g_strdup_printf ("/proc/%d/cmdline", (int) pid);
  read_proc (name_path, name, sizeof name);
  read_proc (program_path, program, sizeof program);
  name[strcspn (name, "\n")] = '\0';
  program[strcspn (program, " \t\n")] = '\0';
  json_t *parent = json_pack ("{s:i}", "pid", (int) pid);
  if (*name != '\0')
    json_object_set_new (parent, "name", safe_string (name));
  if (*program != '\0')
    json_object_set_new (parent, "program", safe_string (program));
  json_object_set_new (who, "parent", parent);
}

json_t *
who_am_i (void)
{
  json_t *who = json_pack ("{s:o, s:o, s:i}", "user", safe_string (g_get_user_name ()), "host",
                           safe_string (g_get_host_name ()), "pid", (int) getpid ());
  add_login (who);
  add_tty (who);
  add_parent (who);
  return who;
}

static const char *
text_of (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

char *
who_describe (const json_t *who)
{
  const char *user = text_of (who, "user"), *host = text_of (who, "host");
  const char *person = text_of (who, "login");
  const char *parent = text_of (json_object_get (who, "parent"), "name");
  GString *text = g_string_new (NULL);
  if (person == NULL)
    person = text_of (who, "sudo_user");
  if (user == NULL)
    user = "?";
  if (person != NULL && strcmp (person, user) != 0)
    g_string_append_printf (text, "%s (as %s)", person, user);
  else
    g_string_append (text, user);
  if (host != NULL)
    g_string_append_printf (text, " on %s", host);
  if (parent != NULL)
    g_string_append_printf (text, ", from %s", parent);
  return g_string_free (text, FALSE);
}
