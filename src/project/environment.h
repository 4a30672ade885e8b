/*
 * Which environment is meant: development, testing, staging, production, or what pgkeel.yaml names.
 *
 * The order: -e/--env; PGKEEL_ENV; LEDGER_ENV; NODE_ENV; the words in DATABASE_URL; development. The
 * variables may stand in .env. A name that is not known is an error: guessing on would end on the
 * wrong database.
 */
#pragma once

#include "project/variables.h"

/* NAME in lower case, with dev, test and prod written out. Caller frees. */
char *environment_canonical (const char *name);

/* Whether a canonical name can stand in file names: a letter, then letters, digits, - and _. */
bool environment_name_is_valid (const char *name);

/* URL without the driver that SQLAlchemy puts into its scheme: postgresql+asyncpg://... is
 * postgresql://... for libpq. Caller frees. */
char *environment_plain_url (const char *url);

/* What the host and the database of URL say: the words prod or production, staging, test or testing,
 * dev or development (a word ends at anything but a letter; "db-prod2" has the word prod), in this
 * order; then a host that is this machine means development. NULL when nothing is said. Static. */
const char *environment_of_url (const char *url);

/* The same words in any text, such as the name of a settings module; "local" means development. Static; NULL when
 * nothing is said. */
const char *environment_of_words (const char *text);

/* Chooses one of the N KNOWN names. ASKED is what -e said, or NULL. *RET_REASON: "--env", "NODE_ENV
 * (.env)", "DATABASE_URL, which says “prod”", "default"; the caller frees both. */
bool environment_choose (const char *asked, const Variables *variables, const char *const *known,
                         size_t n, char **ret_name, char **ret_reason, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* KEEL_ERROR_REFUSED when PGKEEL_ENV or LEDGER_ENV is set and means another environment than NAME. */
bool environment_check_lock (const char *name, const Variables *variables, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
