/*
 * global/pg_control of a PostgreSQL data directory: which cluster it is, read from its files, without a
 * server. Versions 13 to 18.
 *
 *   offset  0  8 bytes  system identifier
 *           8  4        version of this layout (1300: PostgreSQL 13 to 17, 1800: 18)
 *          12  4        version of the catalogues
 *          16  4        state: 1 was shut down, 6 is or was serving
 *          24  8        time of the last change, seconds since 1970
 *          32  8        where the last checkpoint is in the WAL
 *         ...           what differs between the versions
 *              4        CRC-32C of all before
 *
 * in the byte order of the machine that wrote it; another one's is refused.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct
{
  uint64_t system_identifier;
  uint32_t layout_version;
  bool is_shut_down; /* in order: what is in the files is all there is */
  int64_t changed;   /* seconds since 1970 */
  uint64_t checkpoint;
} ControlFile;

/* KEEL_ERROR_CORRUPT when it is none, of a layout that is not known, or when its checksum is wrong. */
bool control_file_parse (const uint8_t *bytes, size_t length, ControlFile *ret_control,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Of the data directory opened as FOLDER_FD; symbolic links are not followed. A server may be writing it: a
 * checksum that is wrong is looked at again for a moment. KEEL_ERROR_MISSING when there is none. */
bool control_file_read (int folder_fd, ControlFile *ret_control, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
