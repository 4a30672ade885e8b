/*
 * What opens an incident by itself, and who is told of it.
 *
 * Nothing here changes what the command that found the cause answers: what goes wrong is a warning.
 */
#pragma once

#include "backup/create.h"
#include "backup/proof.h"
#include "cli/command.h"
#include "integrity/run.h"
#include "project/incident.h"
#include "store/store.h"

/* incident_check_none, and a refusal is in the audit log: for commands that have not begun to write theirs. */
bool incident_check_logged (CliContext *context, const char *action, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Opens the incident, or adds to the one that is open, and warns of it; when it is new, responds to it
 * (cli/emergency.h). */
void incident_raise (CliContext *context, const IncidentSpec *spec);

/* Runs incident.notify: EVENT ("opened", "closed", "response-failed") happened to the incident; DETAIL (may be NULL): one
 * line about it. What comes of it is in its timeline. */
void incident_notify (CliContext *context, const char *id, const char *event, const char *detail);

/* After backup_create: one that is too small (PROBLEM; RESULT is NULL then) or has lost rows. */
void incident_after_create (CliContext *context, const CreateResult *result, const GError *problem);

/* After a verification of NAME in STORE: PROBLEM is what it found; NULL: nothing. */
void incident_after_verify (CliContext *context, Store *store, const char *name,
                            const GError *problem);

/* After a proof; PROOF is NULL when it could not be made, because of PROBLEM. */
void incident_after_proof (CliContext *context, Store *store, const char *name, const Proof *proof,
                           const GError *problem);

/* After `backup list`; ENTRIES, of BackupEntry, are what STORE has: those that are empty, too small or damaged, unless an
 * incident, open or closed, was about them already. */
void incident_after_list (CliContext *context, Store *store, const GPtrArray *entries);

/* After the checks of the environment's database: findings of severity critical, in a protected environment. */
void incident_after_check (CliContext *context, const IntegrityRun *run);
