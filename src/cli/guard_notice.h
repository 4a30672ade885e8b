/*
 * What the guard's verdicts leave behind, whoever acts by them: a line in the audit log, and an incident when
 * somebody tried to destroy protected data.
 */
#pragma once

#include "guard/policy.h"

/* What was refused; or what a release allows, to be called before it happens: without a log there is no release. To a
 * new incident a process of its own responds (emergency.h: IS_SILENT). Any thread. False: it could not be logged. */
bool guard_notice_write (const Project *project, const GuardOperation *operation,
                         const GuardVerdict *verdict, bool is_silent, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
