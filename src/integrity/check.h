/*
 * What a check is, what it finds, and what it says about how much it looked at.
 *
 * A Check is a constant record in one of the lists checks_*.c export (run.c knows them all). Its run
 * function reads the catalogue that all checks share and does one or more of
 *
 *   - hand over findings at once (check_found), for what the catalogue alone answers;
 *   - ask for a condition to be evaluated on every row of a table (check_probe): all probes of one
 *     table share a single scan, whoever asked for them;
 *   - put off work of its own (check_later), which any session may do in parallel with others.
 *
 * It counts what it had to look at (check_expect), and what it did look at is counted as it happens.
 * What it could not look at it declares with check_unknown: silence would be a false green. Nothing
 * here writes to the database: every session is read-only.
 */
#pragma once

#include "db/conn.h"
#include "integrity/catalogue.h"

typedef enum
{
  CHECK_SEVERITY_INFO,
  CHECK_SEVERITY_WARNING,
  CHECK_SEVERITY_ERROR,
  CHECK_SEVERITY_CRITICAL,
} CheckSeverity;

typedef enum
{
  CHECK_CATEGORY_ORPHANS,
  CHECK_CATEGORY_RULES,
  CHECK_CATEGORY_CONSISTENCY,
  CHECK_CATEGORY_PERFORMANCE,
  CHECK_CATEGORY_PHYSICAL,
  CHECK_CATEGORY_SCHEMA,
} CheckCategory;
#define CHECK_CATEGORY_COUNT (CHECK_CATEGORY_SCHEMA + 1)

/* "info", "warning", "error", "critical"; "orphans", "rules", ... */
const char *check_severity_name (CheckSeverity severity);
bool check_severity_parse (const char *name, CheckSeverity *ret_severity);
const char *check_category_name (CheckCategory category);
bool check_category_parse (const char *name, CheckCategory *ret_category);

typedef struct Check Check;
typedef struct CheckContext CheckContext;

struct Check
{
  const char *id; /* stable, kebab-case */
  CheckSeverity severity;
  CheckCategory category;
  const char *title;  /* what is wrong, in general */
  const char *why;    /* one sentence: why it matters */
  const char *advice; /* one sentence: what to do */
  bool is_quick;      /* part of "integrity quick" */
  /* Runs once, in any thread, on any session. False: it could not be run and is UNKNOWN for the
   * error's reason (being cancelled and a broken connection end the whole run). */
  bool (*run) (CheckContext *context, const Check *check, GError **error);
  const void *data; /* its own: the rule that it stands for */
};

/* Something wrong. All texts are owned; free with finding_free. */
typedef struct
{
  const Check *check;
  CheckSeverity severity; /* the check's unless set otherwise */
  char *object;           /* "public.orders.user_id" */
  char *message;          /* one sentence with figures, no final stop */
  int64_t rows;           /* offending rows; -1: it is not about rows */
  char *query;          /* returns all offending rows, as a user can paste it; NULL: none to show */
  char *schema, *table; /* where the offending rows are, unquoted; NULL: not in one table */
  char *fix;            /* statements that put it right; NULL: none known */
  bool fix_is_safe;     /* may be applied unasked: loses nothing, changes no meaning */
  bool is_inferred;     /* guessed from names and data, not declared in the schema */
} Finding;

/* A finding about OBJECT, with CHECK's severity and rows = -1. FORMAT is the message. */
Finding *finding_new (const Check *check, const char *object, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
void finding_free (Finding *finding);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Finding, finding_free)

typedef enum
{
  COVERAGE_UNKNOWN,  /* something could not be looked at: reasons say what */
  COVERAGE_OK,       /* all was looked at, nothing found */
  COVERAGE_FOUND,    /* there are findings; something may be unknown as well */
  COVERAGE_LEFT_OUT, /* the budget ran out; nothing found so far */
} CoverageState;

/* "unknown", "ok", "found", "left-out" */
const char *coverage_state_name (CoverageState state);

/* What one check looked at. */
typedef struct
{
  const Check *check;
  CoverageState state;
  const char *noun;       /* what it counts: "foreign keys"; "objects" unless said */
  int64_t looked_at, of;  /* objects */
  int64_t unknown_count;  /* objects, or 1 for the check as a whole, that it could not look at */
  int64_t left_out_count; /* objects that the budget left out */
  int64_t ignored_count;  /* findings that the user ignores */
  int64_t ignored_unknown_count; /* objects that could not be looked at, which the user ignores */
  int64_t rows;                  /* rows read for it; 0: it reads none */
  double seconds;     /* of session time; shared scans are divided among those who asked */
  GPtrArray *reasons; /* of char *: "public.orders: no privilege to read it", one per unknown */
  int64_t finding_count;
} Coverage;

/* All reasons in one line, the first few in full: "public.a: no privilege ...; and 3 more". NULL when
 * there are none. Caller frees. */
char *coverage_reason (const Coverage *coverage);

/* --- what a check's run function and its later work may call -------------------------------------- */

/* The session of the thread that calls: in a read-only transaction of the run's snapshot, with its
 * timeouts set and search_path = pg_catalog. */
DbConn *check_conn (CheckContext *context);
const Catalogue *check_catalogue (CheckContext *context);
int check_server_major (CheckContext *context);            /* 15 */
const GPtrArray *check_aggregates (CheckContext *context); /* of IntegrityAggregate; may be NULL */

/* Runs one statement within a savepoint: when it fails the session stays usable. */
bool check_query (CheckContext *context, const char *sql, int n, const char *const *params,
                  DbResult **ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The budget still allows work to be begun. */
bool check_has_time (CheckContext *context);

/* COUNT more objects are to be looked at; NOUN (a constant; NULL: as before) says what they are. */
void check_expect (CheckContext *context, const Check *check, const char *noun, int64_t count);

/* COUNT of them were looked at, and ROWS rows read for that. */
void check_covered (CheckContext *context, const Check *check, int64_t count, int64_t rows);

/* OBJECT (NULL: the check as a whole), one of those to be looked at, could not be. */
void check_unknown (CheckContext *context, const Check *check, const char *object,
                    const char *format, ...) G_GNUC_PRINTF (4, 5);

/* False, having declared it unknown, when the rows of TABLE cannot all be read: no privilege, a
 * foreign table, row-level security in force. */
bool check_can_read (CheckContext *context, const Check *check, const CatalogueTable *table,
                     const char *object);

/* Takes FINDING: among what was found, or among what the user ignores. */
void check_found (CheckContext *context, Finding *finding);

/* Work put off. OBJECT is what it looks at: the unit that the budget leaves out, that a resumed run
 * takes up again and that is UNKNOWN with the error's reason when FUNCTION returns false. COST: rows
 * to be read, roughly. DATA is freed with FREE_DATA whether it is run or not. On success OBJECT
 * counts as looked at. */
typedef bool (*CheckLaterFn) (CheckContext *context, const Check *check, void *data,
                              GError **error);
void check_later (CheckContext *context, const Check *check, const char *object, double cost,
                  CheckLaterFn function, void *data, GDestroyNotify free_data);

/* The same for COUNT objects that are looked at together, OBJECT standing for them all: FUNCTION then
 * accounts for each of them itself (check_covered, check_unknown). */
void check_later_many (CheckContext *context, const Check *check, const char *object, int64_t count,
                       double cost, CheckLaterFn function, void *data, GDestroyNotify free_data);

/* ERROR kept CHECK from looking at OBJECT: declares it unknown, or left out when it was the budget
 * that ended the statement, and clears *ERROR. False when ERROR ends the run: return false with it. */
bool check_note_failure (CheckContext *context, const Check *check, const char *object,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As check_query, but without any index of the user's: what is read is what the tables hold. */
bool check_query_heap (CheckContext *context, const char *sql, int n, const char *const *params,
                       DbResult **ret_result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A condition that no row of a table should meet. Texts are copied. */
typedef struct
{
  const Check *check;
  const CatalogueTable *table;
  const char *object;    /* "public.orders.total" */
  const char *condition; /* SQL over the table's columns, unqualified; NULL counts as false */
  const char *message;   /* with one %s for the number of rows: "%s rows have a negative total" */
  const char *fix;       /* NULL: none */
  bool fix_is_safe, is_inferred;
  CheckSeverity severity; /* used when has_severity */
  bool has_severity;
  int64_t tolerated; /* this many rows are no finding */
} CheckProbe;

/* Counts the rows that meet the condition, in one scan with all other probes of that table, and makes
 * a finding of them. Asks check_can_read itself; the caller has counted the
 * object with check_expect. */
void check_probe (CheckContext *context, const CheckProbe *probe);

/* SELECT that returns the offending rows with their place: ctid and all columns, of ONLY the table.
 * CONDITION over its unqualified columns. Caller frees. */
char *check_rows_query (const CatalogueTable *table, const char *condition);
