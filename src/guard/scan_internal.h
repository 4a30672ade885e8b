/* What the files of guard scan share. Nobody else includes this. */
#pragma once

#include "guard/scan.h"
#include "guard/scan_shell.h"
#include "guard/scan_tree.h"

/* A file that was read. */
typedef struct
{
  char *path; /* seen from the scanned folder */
  ScanKind kind;
  char *text;
  size_t length;
  ScanSource source; /* the same text, by lines */
  bool is_judged; /* findings in it are reported; others are read for what they say about these */
} ScanFile;

/* What one run knows. */
typedef struct
{
  const ScanSettings *settings;
  ScanTree *tree;
  GPtrArray *files;    /* of ScanFile, by path */
  GPtrArray *compose;  /* of ScanFile: what -f names, in order; empty: found */
  GHashTable *by_path; /* path -> ScanFile */
  GHashTable *seen;    /* findings that are there already */
  GHashTable *volumes; /* set of names of database volumes, as compose and Docker have them */
  GHashTable *folders; /* set of folders that hold data directories, seen from the root */
  size_t inner_bytes;  /* of scripts in scripts, so far */
  ScanResult *result;
} ScanRun;

/* Where something is wrong. */
typedef struct
{
  const char *file;
  unsigned int line, column;
  unsigned int first_line; /* of what it is a part of; 0: line */
} ScanPlace;

/* Adds a finding of RULE, unless the file is not judged or it is there already. */
void scan_report (ScanRun *run, const char *rule, ScanSeverity severity, const ScanPlace *place,
                  const char *format, ...) G_GNUC_PRINTF (5, 6);

/* The place of a value and of a key in YAML. */
ScanPlace scan_place_of (const Node *node);
ScanPlace scan_place_of_key (const Node *node);

/* True for names of files and stacks that are thrown away: a word of theirs is test, ci, e2e, tmp. */
bool scan_is_throwaway (const char *name);

/* True when a volume, container or service of this name is a database's, as far as a name can say:
 * a word of it is db, pg, pgdata, postgres, ... */
bool scan_is_database_name (const char *name);

/* --- scripts (scan_command.c, scan_docker.c, scan_script.c, scan_make.c) ------------------------ */

typedef struct
{
  const char *file;
  bool is_ephemeral; /* it runs on a machine that is thrown away afterwards */
  int depth;         /* of scripts in scripts */
} ScanSite;

/* Looks at every command of TEXT. */
void scan_shell (ScanRun *run, const ScanSite *site, const ScanText *text);

/* Words of a command from some word on. */
typedef struct
{
  ShellWord *const *words;
  guint count;
} ScanWords;

static inline ScanWords
scan_words_from (ScanWords words, guint index)
{
  index = MIN (index, words.count);
  return (ScanWords){ words.words + index, words.count - index };
}

typedef struct
{
  ScanRun *run;
  const ScanSite *site;
  const ShellScript *script;
  const ShellCommand *command;
  ScanSpot start;    /* of the command */
  bool is_on_volume; /* it runs in a container on a database's volume: every path may be data */
} ScanCall;

/* Reports what is wrong at WORD of the call. On machines that are thrown away, it is a note. */
void scan_call_report (const ScanCall *call, const char *rule, ScanSeverity severity,
                       const ShellWord *word, const char *format, ...) G_GNUC_PRINTF (5, 6);

/* Looks at WORDS as a command of its own: what follows "sudo", "docker exec NAME". */
void scan_words (const ScanCall *call, ScanWords words);

/* "docker ...", "podman ..."; WORDS begins with the program's name. */
void scan_docker (const ScanCall *call, ScanWords words);
/* "docker-compose ...", likewise. */
void scan_docker_compose (const ScanCall *call, ScanWords words);

/* True when PATH (of a command) is a data directory. */
bool scan_is_data_path (const ScanRun *run, const char *path);

/* Looks at the scripts of a file of any kind but compose and .env. */
void scan_script_file (ScanRun *run, const ScanFile *file);
/* A Makefile's recipes, its variables put in. */
void scan_makefile (ScanRun *run, const ScanFile *file);

/* --- secrets (scan_secret.c) ------------------------------------------------------------------- */

typedef enum
{
  SECRET_NONE,        /* nothing secret: empty, a variable, a path, a name that means none */
  SECRET_PLACEHOLDER, /* changeme, your-key-here */
  SECRET_WEAK,        /* a password that everybody guesses: postgres */
  SECRET_REAL,
} ScanSecret;

/* What VALUE of a variable or key called NAME is. A URL counts by its password. */
ScanSecret scan_secret_of (const char *name, const char *value);

/* Private keys and access tokens in any text. */
void scan_keys_and_tokens (ScanRun *run, const ScanFile *file);

/* An .env file that is in git. */
void scan_env_file (ScanRun *run, const ScanFile *file);

/* --- compose files ----------------------------------------------------------------------------- */

/* Compose files as they are used: one, or several merged. */
typedef struct
{
  GPtrArray *files; /* of ScanFile, borrowed, in the order they are merged */
  Node *root;       /* every value knows its file; NULL: nothing could be read */
  bool is_production, is_throwaway, is_judged;
} ComposeGroup;

void compose_group_free (ComposeGroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ComposeGroup, compose_group_free)

/* All groups of the run's files; *RET_GROUPS: of ComposeGroup. What cannot be read is reported. */
void compose_groups_read (ScanRun *run, GPtrArray **ret_groups);

/* The same files as the last commit has them; *RET_ROOT is NULL when it has none of them, or they cannot
 * be read. */
bool compose_group_read_head (const ScanRun *run, const ComposeGroup *group, Node **ret_root,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is mounted in a service. */
typedef enum
{
  MOUNT_NAMED,
  MOUNT_ANONYMOUS,
  MOUNT_BIND,
  MOUNT_MEMORY,
} MountKind;

typedef struct
{
  MountKind kind;
  char *source; /* volume or path, as written with defaults put in; NULL: none */
  char *target;
  const Node *node; /* where it is written */
} ComposeMount;

void compose_mount_free (ComposeMount *mount);

/* The mounts of SERVICE, the last one of each target; of ComposeMount, caller unrefs. */
GPtrArray *compose_mounts (const Node *service);

/* VALUE with ${NAME:-default} replaced by the default; other variables stay. NULL for NULL. Caller
 * frees. */
char *compose_text (const char *value);

/* The image of SERVICE with defaults put in, without its tag: "library/postgres". NULL: none. Caller
 * frees. */
char *compose_image (const Node *service, char **ret_tag);

/* The value of NAME in a mapping, or a list of NAME=value, below KEY of PARENT ("environment",
 * "labels"); caller frees, NULL: none. RET_NODE may be NULL. */
char *compose_pair (const Node *parent, const char *key, const char *name, const Node **ret_node);

/* Calls EACH for every pair below KEY of PARENT. */
typedef void (*ComposePairFunc) (const char *name, const char *value, const Node *node, void *data);
void compose_each_pair (const Node *parent, const char *key, ComposePairFunc each, void *data);

bool compose_is_postgres (const Node *service);

/* The mount that SERVICE's data directory is in; NULL: none of MOUNTS. RET_FOLDER: caller frees. */
const ComposeMount *compose_data_mount (const Node *service, const GPtrArray *mounts,
                                        char **ret_folder);

/* The declaration of a named volume; NULL: there is none, or it is empty. */
const Node *compose_volume (const Node *root, const char *name, bool *ret_is_declared);
bool compose_volume_is_external (const Node *volume);

/* What the Engine calls a named volume; the project's name is "*" where the files do not say it. Caller
 * frees. */
char *compose_volume_name (const Node *root, const char *name);

/* All compose files: databases and their volumes (scan_compose_volume.c), then services
 * (scan_compose_service.c). */
bool scan_compose (ScanRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool scan_compose_volumes (ScanRun *run, const ComposeGroup *group, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void scan_compose_services (ScanRun *run, const ComposeGroup *group);

/* --- comments that allow (scan_allow.c) -------------------------------------------------------- */

/* Moves the findings that a comment allows to the allowed ones, and reports comments that are wrong
 * or allow nothing. */
void scan_allow (ScanRun *run);
