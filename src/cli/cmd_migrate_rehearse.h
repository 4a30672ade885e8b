/*
 * What `migrate up` asks of rehearsals.
 */
#pragma once

#include "cli/cmd_migrate.h"
#include "migrate/external_pending.h"

/* In a protected environment: KEEL_ERROR_REFUSED unless exactly ITEMS (of PlanItem) were rehearsed and
 * that went well, or WAIVED and somebody types the database's name. Other environments pass. */
bool migrate_check_rehearsed (CliContext *context, const MigrateBase *base, const GPtrArray *items,
                              bool waived, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Warns of what migrate_check_rehearsed would refuse. */
bool migrate_warn_unrehearsed (CliContext *context, const MigrateBase *base, const GPtrArray *items,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for commands, of what is PENDING. *RET_IS_CONFIRMED: somebody typed the database's name. */
bool migrate_check_command_rehearsed (CliContext *context, const MigrateBase *base,
                                      const ExternalPending *pending, bool waived,
                                      bool *ret_is_confirmed, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool migrate_warn_command_unrehearsed (CliContext *context, const MigrateBase *base,
                                       const ExternalPending *pending, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
