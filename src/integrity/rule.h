/*
 * The project's own rules: every *.sql file of one folder is a query that returns the rows which break
 * the rule. Its head, before the query, is made of comments:
 *
 *   -- id: wallet-limits          small letters, digits and dashes; no other check's
 *   -- severity: error            info, warning, error or critical
 *   -- category: rules            orphans, rules, consistency, performance, physical or schema
 *   -- why: one sentence          goes on in lines that begin with “--” and at least two spaces
 *   -- fix: one or more statements (optional), likewise
 *
 * Other comments may stand there too. The query is one SELECT, WITH, VALUES or TABLE that changes
 * nothing; names in it are found as the connecting role's search_path finds them. It runs in a
 * read-only transaction, whatever it calls. A rule of severity critical is part of the quick run.
 */
#pragma once

#include "integrity/check.h"
#include "sql/parse.h"

typedef struct
{
  Check check; /* first: its data is the rule */
  char *file;  /* "checks/wallet-limits.sql", as messages call it */
  char *id, *why, *fix;
  char *query; /* without its final semicolon */
} Rule;

void rule_free (Rule *rule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Rule, rule_free)

/* Reads TEXT. FILE is for messages: KEEL_ERROR_CONFIG, "FILE:LINE: ..." with a hint. */
bool rule_parse (SqlParser *parser, const char *file, const char *text, size_t length,
                 Rule **ret_rule, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All rules of FOLDER, by the names of their files; none when it is not there. *RET_RULES: of Rule,
 * freed with it; a pointer to a Rule is one to its Check. Two rules of one id, or one with the id of a
 * built-in check, are refused. */
bool rules_read (const char *folder, GPtrArray **ret_rules, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The rule that CHECK stands for; NULL for built-in ones. */
const Rule *rule_of_check (const Check *check);

/* Lets the names in own SQL be found as in a session of the user's own, from now on or, with
 * IS_OWN false, only in pg_catalog again. Until the transaction ends, if there is one. */
bool rule_search_path (DbConn *conn, bool is_own, GError **error) G_GNUC_WARN_UNUSED_RESULT;
