/*
 * Root writing in a folder that somebody else owns: for a moment this thread touches files as the
 * owner, so that what it makes is theirs, and a link they have put there leads nowhere that they may
 * not go themselves. Not root, a folder of root's, or a system without it: nothing happens.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct
{
  bool is_changed;
  uid_t uid; /* what it was before */
  gid_t gid;
} ActAs;

/* As the owner of the folder PATH, which is not followed when it is a symbolic link: then, and when it is
 * not there, as the owner of the folder it is in. Undone by act_as_clear, in the same thread. */
ActAs act_as_owner_of (const char *path);

void act_as_clear (ActAs *act);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ActAs, act_as_clear)
