/*
 * The index of a backup: what was dumped, from where, and where in the file each part is.
 *
 * In the file it is a gzip member of SQL comment lines, each "-- " and one JSON object, so that it
 * is written and read line by line whatever its size. docs/backup-format.md describes every key.
 */
#pragma once

#include "base/digest.h"
#include "base/text.h"

#define INDEX_FORMAT 1
/* Of the index as text: far above what millions of parts need. */
#define INDEX_MAX_BYTES (UINT64_C (1) << 30)

typedef enum
{
  MEMBER_HEADER,        /* comment, settings */
  MEMBER_PRE_DATA,      /* DDL before the data */
  MEMBER_DATA,          /* one COPY statement: a part of one table */
  MEMBER_LARGE_OBJECTS, /* statements that make large objects */
  MEMBER_SEQUENCES,     /* setval() of every sequence */
  MEMBER_KEYS,          /* DDL: indexes, primary and unique keys */
  MEMBER_FOREIGN_KEYS,  /* DDL */
  MEMBER_POST_DATA,     /* DDL: triggers, rules, policies, grants, comments, the rest */
  MEMBER_KIND_COUNT
} BackupMemberKind;

const char *backup_member_kind_name (BackupMemberKind kind);

typedef struct
{
  BackupMemberKind kind;
  uint64_t offset;              /* in the file */
  uint64_t size_bytes;          /* compressed */
  uint64_t raw_bytes;           /* inflated */
  uint64_t row_count;           /* of data members */
  uint8_t sha256[SHA256_BYTES]; /* of the compressed bytes */
} BackupMember;

typedef struct
{
  char *schema;
  char *name;
  char **columns;    /* in the order of COPY; NULL-terminated, may be empty */
  char *root_schema; /* the partitioned table through which its rows are loaded, because ... */
  char *root_name;   /* ... a copy may keep them in another partition; NULL: none */
  bool is_extension_member; /* a configuration table: the extension makes it */
  char *condition;          /* an extension's WHERE clause for its configuration table, or NULL */
  uint64_t raw_bytes;       /* of rows */
  uint64_t statement_bytes; /* of the COPY statement with its newline, first in each member */
  RowDigest digest;         /* with the row count */
  GArray *members;          /* of BackupMember */
} BackupTable;

typedef struct
{
  char *schema;
  char *name;
  int64_t last_value;
  bool is_called;
} BackupSequence;

/* One object of the schema, to say which one differs. */
typedef struct
{
  char *kind; /* "table", "column", "view", ... as db/schema.h names them */
  char *name;
  char *definition; /* 16 hexadecimal characters: the beginning of the SHA-256 of its definition */
} BackupObject;

typedef struct
{
  int64_t created; /* seconds since 1970: when the snapshot was taken */
  char *project;
  char *environment;
  char *type; /* "db", "schema" or "data" */
  char *pgkeel_version;
  char *database;     /* its name */
  int server_version; /* 150004 */
  char *system_identifier;
  char *encoding;       /* of the database, and of the whole SQL text */
  char *lsn;            /* at the snapshot */
  char *fingerprint;    /* of the schema; NULL in data backups */
  json_t *source;       /* object: "database", "roles", "tablespaces", "extensions" */
  GArray *members;      /* of BackupMember: all that are not data of tables */
  GPtrArray *tables;    /* of BackupTable */
  GPtrArray *sequences; /* of BackupSequence */
  GPtrArray *objects;   /* of BackupObject, sorted by kind and name; empty in data backups */
  uint64_t large_object_count;
  RowDigest large_object_digest; /* of (oid, offset, chunk) rows, see large_objects.h */
} BackupIndex;

BackupIndex *backup_index_new (void);
void backup_index_free (BackupIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BackupIndex, backup_index_free)

BackupTable *backup_table_new (const char *schema, const char *name);
BackupSequence *backup_sequence_new (const char *schema, const char *name, int64_t last_value,
                                     bool is_called);

BackupObject *backup_object_new (const char *kind, const char *name, const char *definition);

/* The text of the index member. Caller frees. */
char *backup_index_format (const BackupIndex *index, size_t *ret_length);

/* Reads it back. The parts named must cover the file from 0 to INDEX_OFFSET without gap or overlap.
 * Anything unexpected is KEEL_ERROR_CORRUPT. */
bool backup_index_parse (const char *text, size_t length, uint64_t index_offset,
                         BackupIndex **ret_index, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sums over all tables. */
uint64_t backup_index_rows (const BackupIndex *index);
uint64_t backup_index_raw_bytes (const BackupIndex *index);

/* The table called NAME: "schema.name", or "name" if only one schema has it; matching is exact, a
 * dot in the name itself is fine. NULL with KEEL_ERROR_USAGE when there is none or more than one. */
const BackupTable *backup_index_find_table (const BackupIndex *index, const char *name,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
