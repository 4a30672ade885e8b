"""The environment lock of manage.py: dangerous management commands run only where they are meant to.

manage.py calls check() before anything else. A command of DANGEROUS is handed to `pgkeel guard run`, which says
whether the environment, LEDGER_ENV, the variables, the .env files and the identity stamps of the databases agree,
and for a protected environment whether it was authorised and a proven backup is young enough. When they do not, the
command does not run (exit code 3). Where pgkeel is not installed, nobody can say that, so only development and
testing go on, with a warning; everywhere else the command is refused.

It holds for manage.py. It does not see django-admin, call_command() in a program, or psql.
"""

import os
import shutil
import sys

DANGEROUS = {
    "dbshell",
    "flush",
    "loaddata",
    "migrate",
    "remove_stale_contenttypes",
    "reset_db",
    "reset_schema",
    "seed",
    "sqlflush",
}
# With one of these a command only shows something.
HARMLESS_OPTIONS = {"--help", "-h", "--plan", "--check", "--version"}
SAFE_ENVIRONMENTS = {"dev", "development", "test", "testing"}
REFUSED = 3


def environment():
    """The environment that the variables name, as pgkeel reads them; None when they name none."""
    for name in ("PGKEEL_ENV", "LEDGER_ENV", "NODE_ENV"):
        if os.environ.get(name):
            return os.environ[name].lower()
    return None


def is_dangerous(arguments):
    command = next((word for word in arguments if not word.startswith("-")), None)
    return command in DANGEROUS and not HARMLESS_OPTIONS.intersection(arguments)


def refuse(message, hint):
    sys.stderr.write(f"manage.py: {message}\nhint: {hint}\n")
    raise SystemExit(REFUSED)


def check_without_pgkeel(command):
    name = environment()
    if name in SAFE_ENVIRONMENTS:
        sys.stderr.write(f"manage.py: warning: pgkeel is not installed, nobody checks “{command}” in {name}\n")
        return
    refuse(
        f"“{command}” is refused: pgkeel is not installed, and the environment is {name or 'not said'}",
        "Install pgkeel, or run it by “pgkeel migrate up” from a host that has it; say LEDGER_ENV=development"
        " only where that is true.",
    )


def is_guarded():
    """Whether `pgkeel guard run` itself has started this process, and so has looked already."""
    return os.environ.get("PGKEEL_LEAVE", "").split(" ")[0] == str(os.getppid())


def run_guarded(pgkeel):
    """Becomes `pgkeel guard run -- python manage.py ...`, which comes back here; pgkeel.yaml lies beside this file."""
    project = os.path.dirname(os.path.abspath(__file__))
    folder = os.getcwd()
    words = [sys.executable, *getattr(sys, "orig_argv", [None, *sys.argv])[1:]]
    if folder != project:
        words = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', folder, *words]
    sys.stdout.flush()
    os.execv(pgkeel, [pgkeel, "-C", project, "guard", "run", "--", *words])


def check(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if not is_dangerous(arguments) or is_guarded():
        return
    pgkeel = shutil.which("pgkeel")
    if pgkeel is None:
        check_without_pgkeel(next(word for word in arguments if not word.startswith("-")))
        return
    run_guarded(pgkeel)
