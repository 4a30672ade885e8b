/* The rules of guard scan, in words. A rule that is added here gets a row in docs/guard-scan.md. */
#include "guard/scan.h"

#include <string.h>

static const ScanRule rules[] = {
  { "db-volume-unprotected", SCAN_ERROR, "a database volume without protection",
    "`docker compose down -v` and `docker volume prune` delete it, and with it the database.",
    "Give the volume the protection label, or make it `external: true` and create it with the label." },
  { "db-volume-missing", SCAN_ERROR, "a database that is in no volume of its own",
    "The data is in an anonymous volume, in the container or in memory: who removes the container "
    "loses the database.",
    "Mount a named volume with the protection label where the image keeps its data." },
  { "db-volume-changed", SCAN_ERROR, "a database that gets another volume",
    "The server starts with an empty directory. The data is still in the old volume, where nobody "
    "looks for it and the next prune finds it.",
    "Keep the volume's name; to move the data, back up, restore into the new volume, prove it." },
  { "port-exposed", SCAN_ERROR, "a database port that is open to everybody",
    "A port published without an address is bound on all interfaces, and Docker opens it past the "
    "host's firewall.",
    "Publish it on 127.0.0.1 only, or not at all: services of one network need no published port." },
  { "admin-tool-production", SCAN_ERROR, "a database administration tool in production",
    "Adminer, pgAdmin and their like are a way to the database that nobody watches.",
    "Keep it in the compose file of development; in production use psql through SSH." },
  { "unrelated-service", SCAN_WARNING, "an unrelated service in the database's compose file",
    "Who takes that service down, or its volumes, takes the database along.",
    "Give it a compose file, a project name and a network of its own." },
  { "plaintext-secret", SCAN_ERROR, "a secret in a file that is committed",
    "Everybody who has the repository, now or later, has the secret.",
    "Write ${NAME:?} and keep the value in an .env file that is not committed, or use a secret." },
  { "env-secret", SCAN_ERROR, "an .env file with credentials in git",
    "Everybody who has the repository, now or later, has the credentials.",
    "Run `git rm --cached` on it, list it in .gitignore, change the credentials; commit an "
    ".env.example." },
  { "private-key", SCAN_ERROR, "a private key in a file that is committed",
    "Everybody who has the repository, now or later, has the key.",
    "Remove it from the repository and replace the key." },
  { "access-token", SCAN_ERROR, "an access token in a file that is committed",
    "Everybody who has the repository, now or later, can use it.",
    "Revoke the token, and read a new one from the environment." },
  { "compose-unreadable", SCAN_ERROR, "a compose file that cannot be read",
    "What cannot be read has not been checked.",
    "Correct the file; `docker compose config` reads it too." },
  { "compose-not-followed", SCAN_NOTE, "a part of a compose file that is elsewhere",
    "What `include` and `extends` bring in is not checked together with this file.",
    "See that the other file is named as compose files are, then it is checked by itself." },
  { "down-volumes", SCAN_ERROR, "compose down that deletes volumes",
    "It deletes every volume of the project that is not external, whoever calls it and wherever the "
    "script is run.",
    "Leave out -v; delete a single volume by name, through `pgkeel guard release`." },
  { "volume-remove", SCAN_ERROR, "a command that removes a volume",
    "A script deletes the volume again each time it is run, without a look at what is in it.",
    "Remove the volume by hand, through `pgkeel guard release`, after a proven backup." },
  { "volume-prune", SCAN_ERROR, "a command that prunes volumes",
    "It deletes volumes that no container uses at that moment: also that of a database that is just "
    "stopped.",
    "Leave volumes out of it: `docker system prune` without --volumes, or prune by a label filter." },
  { "container-remove-volumes", SCAN_WARNING,
    "a command that removes containers with their volumes",
    "The anonymous volumes of the container go along: a database that was never given a named volume "
    "is in one.",
    "Leave out -v (-V of `up`)." },
  { "remove-data", SCAN_ERROR, "a command that deletes a data directory",
    "It deletes the database of whichever machine it is run on.",
    "Use `pgkeel nuke`, which refuses production and makes a proven backup first." },
  { "script-unreadable", SCAN_WARNING, "a script that cannot be read to its end",
    "What cannot be read has not been checked.", "Correct the quotes or brackets." },
  { "allow-invalid", SCAN_ERROR, "a comment that allows nothing",
    "It looks as if somebody had decided something, and nothing follows from it.",
    "Write: # pgkeel: allow RULE -- reason" },
  { "allow-unused", SCAN_WARNING, "a comment that allows what is not there",
    "It would allow what somebody writes there next.", "Remove the comment." },
};

const ScanRule *
scan_rules (size_t *ret_count)
{
  *ret_count = G_N_ELEMENTS (rules);
  return rules;
}

const ScanRule *
scan_rule_find (const char *id)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rules); i++)
    if (strcmp (rules[i].id, id) == 0)
      return &rules[i];
  return NULL;
}

const char *
scan_severity_name (ScanSeverity severity)
{
  static const char *const names[] = { "note", "warning", "error" };
  return names[severity];
}
