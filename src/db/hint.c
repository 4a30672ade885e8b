#include "db/hint.h"

#include <stddef.h>
#include <string.h>

static const struct
{
  const char *sqlstate; /* a prefix */
  const char *hint;
} by_sqlstate[] = {
  { "22P02",
    "A value does not fit the type of its column; compare the definition of the column with the data." },
  { "23503",
    "A row refers to one that is not there; load the referenced table first or look for orphans." },
  { "23505", "The key is there already; look for duplicates or restore into an empty database." },
  { "23514", "A row breaks a CHECK constraint; the detail names it." },
  { "25006", "The server is a standby or the session is read-only; use the primary server." },
  { "28P01", "Check the password in the URL, PGPASSWORD or ~/.pgpass." },
  { "28000", "Check the user in the URL and pg_hba.conf on the server." },
  { "3D000", "Create the database, or correct its name in the URL." },
  { "40P01", "Another session held the locks the other way round; run the command again." },
  { "42501",
    "Connect as the owner of the objects or as a superuser, or grant the missing privilege." },
  { "42704",
    "Something that the statement names (a role, type, collation or extension) does not exist on this server; create it first." },
  { "42P01", "The table does not exist; check its schema and spelling." },
  { "42P07", "An object of that name exists already; restore into an empty database." },
  { "53100", "The disk of the server is full; free some space there." },
  { "53200",
    "The server is out of memory; for \"shared memory\" raise max_locks_per_transaction." },
  { "53300", "All connections of the server are in use; close some, or raise max_connections." },
  { "55000", "The server is not in the state this needs; its own hint says more." },
  { "55006", "Other sessions use the object; end them first." },
  { "55P03", "Another session holds a lock on the table; look at pg_stat_activity and pg_locks." },
  { "57014", "The statement was cancelled, or a timeout of the server ended it." },
  { "57P01",
    "An administrator ended the session or the server is shutting down; run the command again." },
  { "57P02", "The server crashed or was killed; look at its log, then run the command again." },
  { "57P03", "The server is starting up or shutting down; try again shortly." },
  { "58P01",
    "The server misses a file, often of an extension: install the extension's package there." },
  { "0A000", "This version of the server does not support it." },
};

static const struct
{
  const char *text;
  const char *hint;
} by_connection[] = {
  { "password authentication failed", "Check the password in the URL, PGPASSWORD or ~/.pgpass." },
  { "no password supplied", "Give the password in the URL, in PGPASSWORD or in ~/.pgpass." },
  { "could not translate host name", "Check the host in the URL; the name does not resolve." },
  { "certificate", "Check sslmode and the certificates in the URL." },
  { "No such file or directory",
    "No server listens on that socket; start it (pgkeel db start) or correct the URL." },
  { "Connection refused",
    "No server listens there; start it, or correct host and port in the URL." },
  { "timeout expired", "The host does not answer; check the address, the port and the firewall." },
  { "Network is unreachable",
    "The host cannot be reached from here; check the address and the network." },
  { "No route to host",
    "The host cannot be reached from here; check the address and the network." },
  { "no pg_hba.conf entry", "Allow this user, database and address in pg_hba.conf on the server." },
  { "too many clients",
    "All connections of the server are in use; close some, or raise max_connections." },
  { "remaining connection slots",
    "All connections of the server are in use; close some, or raise max_connections." },
  { "starting up", "The server is starting up; try again shortly." },
  { "not accepting connections",
    "The server is starting up or is a standby that takes no sessions; try again shortly." },
  { "not yet accepting", "The server is starting up; try again shortly." },
  { "in recovery mode", "The server is recovering from a crash; try again shortly." },
  { "shutting down", "The server is shutting down; try again when it is back." },
  { "does not exist", "Create the database or the role, or correct the name in the URL." },
  { "SSL", "Check sslmode and the certificates in the URL." },
  { "Peer authentication failed",
    "Connect as the operating system's user of that name, or allow another method in pg_hba.conf." },
  { "invalid integer value", "Correct the value in the URL." },
  { "invalid port number", "Correct the port in the URL." },
};

const char *
db_hint_for_sqlstate (const char *sqlstate)
{
  for (size_t i = 0; sqlstate != NULL && i < sizeof by_sqlstate / sizeof by_sqlstate[0]; i++)
    if (strncmp (sqlstate, by_sqlstate[i].sqlstate, strlen (by_sqlstate[i].sqlstate)) == 0)
      return by_sqlstate[i].hint;
  return NULL;
}

const char *
db_hint_for_connection (const char *message)
{
  for (size_t i = 0; i < sizeof by_connection / sizeof by_connection[0]; i++)
    if (strstr (message, by_connection[i].text) != NULL)
      return by_connection[i].hint;
  return NULL;
}
