/*
 * Any words as a command line of docker and of docker-compose: what only reads does nothing, every
 * operation says what was given, and what its act needs is there.
 */
#include "guard/arguments.h"

#include <stdint.h>
#include <string.h>

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_operation (const GuardOperation *operation)
{
  g_assert (operation->given != NULL && g_utf8_validate (operation->given, -1, NULL));
  switch (operation->act)
    {
    case GUARD_VOLUME_REMOVE:
    case GUARD_CONTAINER_START:
    case GUARD_CONTAINER_STOP:
    case GUARD_CONTAINER_RENEW:
    case GUARD_CONTAINER_REMOVE:
    case GUARD_PLUGIN_CHANGE: g_assert (operation->name != NULL); break;
    case GUARD_CONTAINER_EXEC: g_assert (operation->name != NULL && operation->spec != NULL); break;
    case GUARD_CHECKPOINT_REMOVE: g_assert (operation->name != NULL); break;
    case GUARD_ARCHIVE_PUT: g_assert (operation->name != NULL && *operation->path == '/'); break;
    case GUARD_SERVICE_CHANGE:
      g_assert (operation->verb != NULL ? operation->name != NULL : operation->spec != NULL);
      break;
    case GUARD_CONTAINER_CREATE:
    case GUARD_VOLUME_UPDATE:
    case GUARD_VOLUME_CREATE: g_assert (operation->spec != NULL); break;
    case GUARD_OPAQUE: g_assert (operation->detail != NULL); break;
    case GUARD_COMPOSE_DOWN: g_assert (operation->removes_volumes); break;
    case GUARD_VOLUME_PRUNE:
    case GUARD_SWARM_LEAVE: break;
    case GUARD_OTHER: g_assert_not_reached ();
    }
}

static void
check_command (GuardProgram program, char *const *words)
{
  g_auto (GuardCommand) command = { 0 };
  guard_arguments_read (program, words, "/folder", &command);
  g_assert (command.command != NULL && command.files != NULL && command.services != NULL);
  g_assert (!command.is_reading || command.operations->len == 0);
  g_assert (!command.is_reading || command.containers == GUARD_COMPOSE_NOTHING);
  for (guint i = 0; i < command.operations->len; i++)
    check_operation (command.operations->pdata[i]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *words[WORDS_MAX + 1] = { 0 };
  g_autofree char *text = g_strndup ("", 0);
  if (size > 0)
    {
      g_free (text);
      text = g_malloc (size + 1);
      memcpy (text, data, size);
      text[size] = '\0';
      size_t at = 0;
      for (size_t i = 0; i < WORDS_MAX && at <= size; i++)
        {
          words[i] = text + at;
          at += strlen (text + at) + 1;
        }
    }
  check_command (GUARD_PROGRAM_DOCKER, words);
  check_command (GUARD_PROGRAM_COMPOSE, words);
  return 0;
}
