/*
 * Whether a database may be seeded at all. A production database may not, whatever the arguments and
 * pgkeel.yaml say: its own stamp says what it is.
 */
#pragma once

#include "project/stamp.h"

/* KEEL_ERROR_REFUSED when PROJECT's chosen environment is production or not authorised, when STAMP says that the database
 * is, or was copied from, a production one or is another environment's, or when it says nothing and URL
 * looks like production. */
bool seed_guard_check (const Project *project, const Stamp *stamp, const char *url, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
