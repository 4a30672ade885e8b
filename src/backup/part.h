/*
 * Turns rows into parts of a backup: COPY statement, rows, end mark, compressed and appended.
 *
 * The sink of a dump's table scan (scan.h). Each has a thread of its own that compresses one part
 * while the next one is filled, so that the server never waits for the compressor. Memory: two parts
 * as text and one compressed.
 */
#pragma once

#include "backup/scan.h"
#include "backup/writer.h"

typedef struct PartWriter PartWriter;

/* LOCK guards the index entries of the tables, which all part writers of a dump share. A part holds
 * at most PART_BYTES of text, or one row that is longer. */
PartWriter *part_writer_new (BackupWriter *writer, GMutex *lock, size_t part_bytes);

/* The sink; its state is a PartWriter. */
extern const ScanSink part_writer_sink;

/* Waits until all parts so far are in the file. Call after the scan, before the index is read. */
bool part_writer_finish (PartWriter *part, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void part_writer_free (PartWriter *part);
