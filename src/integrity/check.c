#include "integrity/check.h"

#include <string.h>

static const char *const severity_names[] = { "info", "warning", "error", "critical" };
static const char *const category_names[]
    = { "orphans", "rules", "consistency", "performance", "physical", "schema" };
static const char *const state_names[] = { "unknown", "ok", "found", "left-out" };

/* Reasons beyond these are counted only. */
#define REASONS_SHOWN 3

G_STATIC_ASSERT (G_N_ELEMENTS (category_names) == CHECK_CATEGORY_COUNT);

static bool
find_name (const char *const *names, size_t count, const char *name, unsigned int *ret_number)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp (names[i], name) == 0)
      {
        *ret_number = (unsigned int) i;
        return true;
      }
  return false;
}

const char *
check_severity_name (CheckSeverity severity)
{
  return severity_names[severity];
}

bool
check_severity_parse (const char *name, CheckSeverity *ret_severity)
{
  unsigned int number;
  if (!find_name (severity_names, G_N_ELEMENTS (severity_names), name, &number))
    return false;
  *ret_severity = (CheckSeverity) number;
  return true;
}

const char *
check_category_name (CheckCategory category)
{
  return category_names[category];
}

bool
check_category_parse (const char *name, CheckCategory *ret_category)
{
  unsigned int number;
  if (!find_name (category_names, G_N_ELEMENTS (category_names), name, &number))
    return false;
  *ret_category = (CheckCategory) number;
  return true;
}

const char *
coverage_state_name (CoverageState state)
{
  return state_names[state];
}

Finding *
finding_new (const Check *check, const char *object, const char *format, ...)
{
  Finding *finding = g_new0 (Finding, 1);
  va_list args;
  va_start (args, format);
  finding->message = g_strdup_vprintf (format, args);
  va_end (args);
  finding->check = check;
  finding->severity = check->severity;
  finding->object = g_strdup (object);
  finding->rows = -1;
  return finding;
}

void
finding_free (Finding *finding)
{
  if (finding == NULL)
    return;
  g_free (finding->object);
  g_free (finding->message);
  g_free (finding->query);
  g_free (finding->schema);
  g_free (finding->table);
  g_free (finding->fix);
  g_free (finding);
}

char *
coverage_reason (const Coverage *coverage)
{
  GString *text = g_string_new (NULL);
  guint count = coverage->reasons->len;
  for (guint i = 0; i < MIN (count, REASONS_SHOWN); i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "; " : "",
                            (const char *) coverage->reasons->pdata[i]);
  if (count > REASONS_SHOWN)
    g_string_append_printf (text, "; and %u more", count - REASONS_SHOWN);
  return g_string_free (text, count == 0);
}
