/*
 * What to do about an error of the server: one sentence by SQLSTATE or by libpq's connection text.
 */
#pragma once

/* A hint for SQLSTATE, or NULL. Static. */
const char *db_hint_for_sqlstate (const char *sqlstate);

/* A hint for libpq's message of a connection that failed, or NULL. Static. */
const char *db_hint_for_connection (const char *message);
