/*
 * Other programs: run one to its end, or start one beside us.
 *
 * Arguments are vectors, never shell text. Secrets go through the environment of the child, never
 * its arguments. A child can run as another user and die with us.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct
{
  const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH if it has no / */
  const char *const *environment; /* NULL-terminated NAME=VALUE to set over ours; may be NULL */
  const char *folder;             /* working folder; NULL: ours */
  const char *input;              /* text for standard input; NULL: /dev/null */
  uid_t uid;                      /* run as this user and group, when we are root; 0: as we are */
  gid_t gid;
  bool die_with_us;        /* SIGQUIT to the child when the calling thread ends */
  bool own_group;          /* the child leads a process group of its own */
  bool is_silent;          /* of process_detach: standard error is /dev/null */
  size_t output_max_bytes; /* of standard output kept, and of standard error; 0: 1 MiB */
} ProcessSpec;

typedef struct
{
  int exit_code;        /* 0..255; 128 + signal when killed */
  char *output;         /* standard output, at most output_max_bytes, NUL-terminated */
  size_t output_length; /* in bytes, NULs in it too */
  bool output_cut;      /* there was more than output_max_bytes */
  char *errors;         /* standard error, likewise (its end is kept when it is longer) */
} ProcessResult;

void process_result_clear (ProcessResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ProcessResult, process_result_clear)

/* Runs to the end. True when it could be run, whatever its exit code. When cancellation is
 * requested the child gets SIGTERM, five seconds later SIGKILL, and the error is
 * KEEL_ERROR_CANCELLED. A program that is not there is KEEL_ERROR_MISSING. */
bool process_run (const ProcessSpec *spec, ProcessResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* As process_run, and a non-zero exit code is an error too: KEEL_ERROR_FAILED with the last line of
 * standard error as its detail. So is more output than was asked to be kept. */
bool process_run_ok (const ProcessSpec *spec, ProcessResult *ret_result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Starts without waiting, standard output and error appended to LOG_PATH (NULL: /dev/null). The
 * caller must waitpid() *RET_PID. */
bool process_start (const ProcessSpec *spec, const char *log_path, pid_t *ret_pid, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Starts without waiting with the given descriptors as standard input, output and error (-1:
 * /dev/null); they stay the caller's to close. */
bool process_start_fds (const ProcessSpec *spec, int in_fd, int out_fd, int err_fd, pid_t *ret_pid,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Starts PROGRAM (a path; NULL: argv[0], looked up in PATH) in a session of its own, as nobody's child: it goes on
 * when we end, and nobody waits for it. Standard output is /dev/null, standard error is ours, which
 * keeps a pipe of ours open, unless it is silent. */
bool process_detach (const ProcessSpec *spec, const char *program, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Waits for a started process; its exit code, or 128 + signal. */
int process_wait (pid_t pid);

/* As process_run, but killed, with what it started, after TIMEOUT_MS: *RET_TIMED_OUT. Standard error goes
 * where standard output does. */
bool process_run_limited (const ProcessSpec *spec, int64_t timeout_ms, ProcessResult *ret_result,
                          bool *ret_timed_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
