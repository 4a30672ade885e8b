/*
 * Proves a backup: restores it where it does no harm and compares everything.
 *
 * In a scratch cluster of the same major version, or, where its programs are missing, in a scratch
 * database on a server. The result is written beside the backup as NAME.proof.json.
 */
#pragma once

#include "backup/compare.h"
#include "backup/reader.h"

/* More to look at in the restored database (an integrity run, composed above this layer). Gives an
 * object for the proof file and whether it is content. */
typedef bool (*ProofInspectFn) (const char *url, void *data, json_t **ret_report, bool *ret_passed,
                                GError **error);

typedef struct
{
  const char *server_url;     /* where a scratch database may be made; NULL: nowhere */
  const char *scratch_parent; /* folder for the scratch cluster; NULL: the temporary one */
  unsigned int job_count;
  /* Rows may break keys: they are differences then, and the rows are compared all the same. For who is
   * about to put such rows right. */
  bool tolerate_broken_keys;
  ProofInspectFn inspect; /* NULL: none */
  void *inspect_data;
} ProofSpec;

typedef struct
{
  bool passed;
  char *place; /* "scratch cluster (PostgreSQL 15)" */
  bool locale_replaced;
  int64_t proven; /* seconds since 1970 */
  int64_t elapsed_us;
  CompareResult compared;
  unsigned int broken_keys; /* of the differences: keys that rows break */
} Proof;

void proof_clear (Proof *proof);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Proof, proof_clear)

/* True when the proof could be made, passed or not; the proof file says which. */
bool proof_run (const ProofSpec *spec, Store *store, const char *name, Report *report,
                Proof *ret_proof, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "NAME.proof.json" for "NAME.sql.gz". Caller frees. */
char *proof_file_name (const char *backup_name);

/* What the proof file of NAME says, if it is about the file whose trailer hash is SHA256: then
 * *RET_PROVEN is its time, negative if the proof failed; 0 without a proof. */
bool proof_read (Store *store, const char *name, const uint8_t sha256[SHA256_BYTES],
                 int64_t *ret_proven, GError **error) G_GNUC_WARN_UNUSED_RESULT;
