#include "cli/progress.h"

#include "base/clock.h"
#include "base/size.h"
#include "base/text.h"
#include "cli/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_US 100000
#define BAR_MAX_CELLS 30
#define BAR_MIN_CELLS 6
/* An estimate from less than this is noise. */
#define RATE_MIN_SECONDS 0.5

static struct
{
  GMutex lock;
  bool quiet, verbose, is_terminal;
  bool is_drawn;
  int64_t began_us;
  char *phase;         /* of the line that is drawn */
  int64_t phase_us;    /* when that phase began */
  uint64_t phase_done; /* bytes, or rows, by then */
  int64_t drawn_us;
} state;

static void
clear_locked (void)
{
  if (!state.is_drawn)
    return;
  fputs ("\r\033[K", stderr);
  fflush (stderr);
  state.is_drawn = false;
}

void
progress_clear (void)
{
  g_mutex_lock (&state.lock);
  clear_locked ();
  /* Whoever prints next may be another program: let the line come back at once after it. */
  state.drawn_us = 0;
  g_mutex_unlock (&state.lock);
}

char *
progress_format_clock (double seconds)
{
  if (!(seconds < 100.0 * 3600))
    return g_strdup ("long");
  long whole = lround (MAX (seconds, 0));
  if (whole >= 3600)
    return g_strdup_printf ("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return g_strdup_printf ("%ld:%02ld", whole / 60, whole % 60);
}

static char *
render_bar (double fraction, int cells)
{
  GString *bar = g_string_new ("[");
  int full = (int) (fraction * cells);
  for (int i = 0; i < cells; i++)
    g_string_append_c (bar, i < full ? '=' : i == full ? '>' : ' ');
  g_string_append_c (bar, ']');
  return g_string_free (bar, FALSE);
}

/* Of what is counted: rows where their number is known, else bytes. */
static uint64_t
done_of (const ReportProgress *progress)
{
  return progress->total_rows > 0 ? progress->rows : progress->done_bytes;
}

static uint64_t
total_of (const ReportProgress *progress)
{
  return progress->total_rows > 0 ? progress->total_rows : progress->total_bytes;
}

/* The parts after the bar, the most useful first. */
static GPtrArray *
render_parts (const ReportProgress *progress, const ProgressRate *rate, double fraction)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func (g_free);
  bool by_rows = progress->total_rows > 0;
  g_autofree char *done
      = by_rows ? text_format_count (progress->rows) : size_format (progress->done_bytes);
  if (fraction >= 0)
    {
      g_autofree char *total = by_rows ? text_format_count (progress->total_rows)
                                       : size_format (progress->total_bytes);
      g_ptr_array_add (parts, g_strdup_printf ("%3.0f%%", floor (fraction * 100)));
      g_ptr_array_add (parts, g_strdup_printf ("%s of %s", done, total));
    }
  else if (progress->done_bytes > 0)
    g_ptr_array_add (parts, g_steal_pointer (&done));

  if (fraction >= 0 && rate->per_second > 0)
    {
      double left = (double) total_of (progress) * (1 - fraction) / rate->per_second;
      g_autofree char *eta = progress_format_clock (left);
      g_ptr_array_add (parts, g_strdup_printf ("ETA %s", eta));
    }
  else
    g_ptr_array_add (parts, progress_format_clock (rate->seconds));

  if (rate->per_second > 0)
    {
      uint64_t whole = (uint64_t) rate->per_second;
      g_autofree char *speed = by_rows ? text_format_count (whole) : size_format (whole);
      g_ptr_array_add (parts, g_strdup_printf ("%s%s/s", speed, by_rows ? " rows" : ""));
    }
  if (progress->rows > 0 && !by_rows)
    {
      g_autofree char *rows = text_format_count (progress->rows);
      g_ptr_array_add (parts, g_strdup_printf ("%s rows", rows));
    }
  return parts;
}

/* -1 when the total is unknown. A total is an estimate: it may be passed, which is still 100%. */
static double
fraction_of (const ReportProgress *progress)
{
  if (total_of (progress) == 0)
    return -1;
  return MIN ((double) done_of (progress) / (double) total_of (progress), 1.0);
}

char *
progress_render (const ReportProgress *progress, const ProgressRate *rate, int width)
{
  int room = MAX (width - 1, 0);
  double fraction = fraction_of (progress);
  g_autofree char *phase = output_safe_text (progress->phase != NULL ? progress->phase : "working");
  g_autoptr (GPtrArray) parts = render_parts (progress, rate, fraction);

  if (g_utf8_strlen (phase, -1) > room)
    return g_utf8_substring (phase, 0, room);

  g_autoptr (GString) tail = g_string_new (NULL);
  int used = (int) g_utf8_strlen (phase, -1);
  for (guint i = 0; i < parts->len; i++)
    {
      const char *part = g_ptr_array_index (parts, i);
      int part_width = (int) g_utf8_strlen (part, -1) + 2;
      if (used + part_width > room)
        break;
      g_string_append_printf (tail, "  %s", part);
      used += part_width;
    }

  int cells = MIN (room - used - 4, BAR_MAX_CELLS);
  if (fraction < 0 || cells < BAR_MIN_CELLS)
    return g_strconcat (phase, tail->str, NULL);
  g_autofree char *bar = render_bar (fraction, cells);
  return g_strconcat (phase, "  ", bar, tail->str, NULL);
}

static int
terminal_width (void)
{
  struct winsize size = { 0 };
  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

static void
show_line (const char *prefix, OutputStyle style, const char *text)
{
  g_autofree char *safe = output_safe_text (text);
  bool colour = style != OUTPUT_PLAIN && output_wants_colour (STDERR_FILENO);
  g_mutex_lock (&state.lock);
  clear_locked ();
  fprintf (stderr, "%s%s%s%s\n", colour ? output_style_sequence (style) : "", prefix,
           colour ? "\033[0m" : "", safe);
  state.drawn_us = 0;
  g_mutex_unlock (&state.lock);
}

static void
show_warning (Report *report, const char *message, const char *hint)
{
  show_line ("warning: ", OUTPUT_WARN, message);
  if (hint != NULL)
    show_line ("hint: ", OUTPUT_DIM, hint);
}

static void
show_step (Report *report, const char *message)
{
  if (state.quiet)
    return;
  g_autofree char *prefix = NULL;
  if (state.verbose)
    prefix
        = g_strdup_printf ("[%7.2f s] ", (double) (clock_monotonic_us () - state.began_us) / 1e6);
  show_line (prefix != NULL ? prefix : "", OUTPUT_DIM, message);
}

static void
draw_locked (const ReportProgress *progress, int64_t now_us)
{
  ProgressRate rate = { .seconds = (double) (now_us - state.phase_us) / 1e6 };
  if (rate.seconds >= RATE_MIN_SECONDS && done_of (progress) > state.phase_done)
    rate.per_second = (double) (done_of (progress) - state.phase_done) / rate.seconds;
  g_autofree char *line = progress_render (progress, &rate, terminal_width ());
  fprintf (stderr, "\r%s\033[K", line);
  fflush (stderr);
  state.is_drawn = true;
  state.drawn_us = now_us;
}

static void
show_progress (Report *report, const ReportProgress *progress)
{
  if (state.quiet || !state.is_terminal)
    return;
  int64_t now_us = clock_monotonic_us ();
  g_mutex_lock (&state.lock);
  if (g_strcmp0 (state.phase, progress->phase) != 0 || done_of (progress) < state.phase_done)
    {
      g_free (state.phase);
      state.phase = g_strdup (progress->phase);
      state.phase_us = now_us;
      state.phase_done = done_of (progress);
    }
  if (now_us - state.drawn_us >= REDRAW_US)
    draw_locked (progress, now_us);
  g_mutex_unlock (&state.lock);
}

void
progress_init (Report *report, bool quiet, bool verbose)
{
  g_mutex_lock (&state.lock);
  clear_locked ();
  g_clear_pointer (&state.phase, g_free);
  state.quiet = quiet;
  state.verbose = verbose;
  state.is_terminal = isatty (STDERR_FILENO) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
  state.began_us = clock_monotonic_us ();
  state.drawn_us = 0;
  g_mutex_unlock (&state.lock);
  *report = (Report){ .warning = show_warning, .step = show_step, .progress = show_progress };
}
