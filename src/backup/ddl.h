/*
 * The schema as SQL text, in phases, by pg_dump and pg_restore.
 *
 * pg_dump writes its archive of everything but data in the given snapshot; pg_restore turns chosen
 * entries of it into text. An entry's phase follows from its type and from what it depends on, so
 * that every phase can run after the one before, with the data between the first two.
 */
#pragma once

#include "backup/index.h"

typedef struct
{
  const char *url;
  const char *snapshot; /* exported by a session that stays open */
  const char *encoding; /* of the text */
  int server_major;
  bool schema_only;       /* leaves the contents of materialised views unpopulated */
  GHashTable *table_oids; /* set of texts: tables that must be in the dump, or it is not believed */
} DdlSpec;

typedef struct
{
  char *text[MEMBER_KIND_COUNT]; /* PRE_DATA, KEYS, FOREIGN_KEYS, POST_DATA; others NULL */
  char *restrict_key;            /* of psql's \restrict, when pg_dump uses it; else NULL */
} BackupDdl;

void backup_ddl_clear (BackupDdl *ddl);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BackupDdl, backup_ddl_clear)

/* Settings of pg_dump's session, as in PGOPTIONS: for db_conninfo_add_options. */
extern const char backup_ddl_session_options[];

/* Errors: KEEL_ERROR_MISSING without a pg_dump new enough; KEEL_ERROR_FAILED with its message. */
bool backup_ddl_dump (const DdlSpec *spec, BackupDdl *ret_ddl, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
