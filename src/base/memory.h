/*
 * Memory of a process that runs for years.
 */
#pragma once

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Gives what was freed back to the system, which the C library else keeps for later. Takes a moment: after something
 * uncommonly large, not after everything. */
static inline void
memory_give_back (void)
{
#ifdef __GLIBC__
  malloc_trim (0);
#endif
}
