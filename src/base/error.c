#include "base/error.h"

#include <errno.h>
#include <string.h>

#define DISK_FULL_TEXT "No space left on device"
#define DISK_FULL_HINT "Free some space there, or choose another folder."

typedef struct
{
  char *sqlstate;
  char *detail;
  char *hint;
} KeelErrorPrivate;

static void
keel_error_private_init (KeelErrorPrivate *private)
{
  *private = (KeelErrorPrivate){ 0 };
}

static void
keel_error_private_copy (const KeelErrorPrivate *src, KeelErrorPrivate *dest)
{
  dest->sqlstate = g_strdup (src->sqlstate);
  dest->detail = g_strdup (src->detail);
  dest->hint = g_strdup (src->hint);
}

static void
keel_error_private_clear (KeelErrorPrivate *private)
{
  g_free (private->sqlstate);
  g_free (private->detail);
  g_free (private->hint);
}

G_DEFINE_EXTENDED_ERROR (KeelError, keel_error)

static const struct
{
  int exit_code;
  const char *name;
} kinds[] = {
  [KEEL_ERROR_ANSWER_NO] = { 1, "answer-no" }, [KEEL_ERROR_CORRUPT] = { 1, "corrupt" },
  [KEEL_ERROR_USAGE] = { 2, "usage" },         [KEEL_ERROR_CONFIG] = { 2, "configuration" },
  [KEEL_ERROR_REFUSED] = { 3, "refused" },     [KEEL_ERROR_UNREACHABLE] = { 4, "unreachable" },
  [KEEL_ERROR_FAILED] = { 5, "failed" },       [KEEL_ERROR_DISK_FULL] = { 5, "disk-full" },
  [KEEL_ERROR_SERVER] = { 5, "server" },       [KEEL_ERROR_MISSING] = { 5, "missing" },
  [KEEL_ERROR_CANCELLED] = { 5, "cancelled" }, [KEEL_ERROR_LOCKED] = { 6, "locked" },
};

static void
set_error (GError **error, KeelErrorKind kind, const char *sqlstate, const char *detail,
           const char *hint, const char *message)
{
  if (error == NULL)
    return;
  /* What other programs say of a full disk counts like the system's own word. */
  if (kind == KEEL_ERROR_FAILED && hint == NULL && detail != NULL
      && strstr (detail, DISK_FULL_TEXT))
    {
      kind = KEEL_ERROR_DISK_FULL;
      hint = DISK_FULL_HINT;
    }
  g_set_error_literal (error, KEEL_ERROR, kind, message);
  KeelErrorPrivate *private = keel_error_get_private (*error);
  private->sqlstate = g_strdup (sqlstate);
  private->detail = g_strdup (detail);
  private->hint = g_strdup (hint);
}

bool
keel_error (GError **error, KeelErrorKind kind, const char *hint, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  set_error (error, kind, NULL, NULL, hint, message);
  return false;
}

bool
keel_error_full (GError **error, KeelErrorKind kind, const char *sqlstate, const char *detail,
                 const char *hint, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  set_error (error, kind, sqlstate, detail, hint, message);
  return false;
}

bool
keel_error_errno (GError **error, int errno_value, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);

  KeelErrorKind kind = KEEL_ERROR_FAILED;
  const char *hint = NULL;
  if (errno_value == ENOSPC || errno_value == EDQUOT)
    {
      kind = KEEL_ERROR_DISK_FULL;
      hint = DISK_FULL_HINT;
    }
  else if (errno_value == EFBIG)
    hint = "Raise the limit on the size of files (ulimit -f), or choose another file system.";
  else if (errno_value == EACCES || errno_value == EPERM)
    hint = "Check the owner and the permissions of the file and of the folders above it.";
  else if (errno_value == ENOENT)
    kind = KEEL_ERROR_MISSING;

  g_autofree char *whole = g_strdup_printf ("%s: %s", message, g_strerror (errno_value));
  set_error (error, kind, NULL, NULL, hint, whole);
  return false;
}

bool
prefix_error (GError **error, const char *format, ...)
{
  if (error == NULL || *error == NULL)
    return false;
  va_list args;
  va_start (args, format);
  g_autofree char *prefix = g_strdup_vprintf (format, args);
  va_end (args);
  g_prefix_error (error, "%s: ", prefix);
  return false;
}

static const KeelErrorPrivate *
private_of (const GError *error)
{
  if (error == NULL || error->domain != KEEL_ERROR)
    return NULL;
  return keel_error_get_private (error);
}

void
keel_error_suggest (GError **error, const char *hint)
{
  if (error == NULL || *error == NULL || (*error)->domain != KEEL_ERROR)
    return;
  KeelErrorPrivate *private = keel_error_get_private (*error);
  if (private->hint == NULL)
  private->hint = g_strdup (hint);
}

const char *
keel_error_sqlstate (const GError *error)
{
  const KeelErrorPrivate *private = private_of (error);
  return private != NULL ? private->sqlstate : NULL;
}

const char *
keel_error_detail (const GError *error)
{
  const KeelErrorPrivate *private = private_of (error);
  return private != NULL ? private->detail : NULL;
}

const char *
keel_error_hint (const GError *error)
{
  const KeelErrorPrivate *private = private_of (error);
  return private != NULL ? private->hint : NULL;
}

bool
keel_error_is (const GError *error, KeelErrorKind kind)
{
  return g_error_matches (error, KEEL_ERROR, (int) kind);
}

static bool
is_known (const GError *error)
{
  return error->domain == KEEL_ERROR && error->code >= 0
         && (size_t) error->code < G_N_ELEMENTS (kinds);
}

int
keel_error_exit_code (const GError *error)
{
  if (error == NULL)
    return 0;
  return is_known (error) ? kinds[error->code].exit_code : 5;
}

const char *
keel_error_kind_name (const GError *error)
{
  return is_known (error) ? kinds[error->code].name : "failed";
}
