/* What every unit test includes first. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

/* Asserts that no error was set, and shows it otherwise. */
#define assert_no_error(error)                                                                     \
  do                                                                                               \
    if ((error) != NULL)                                                                           \
      fail_msg ("unexpected error: %s", (error)->message);                                         \
  while (0)
