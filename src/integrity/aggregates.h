/*
 * Stored sums and counts, and the rows that they stand for: what the project declares in addition to
 * what is inferred from names.
 */
#pragma once

#include "project/project.h"

/* "The column COLUMN of PARENT equals EXPRESSION over the rows of CHILD that refer to it." Names are
 * those of the catalogue, without quotes ("public.orders"); texts are owned. In EXPRESSION and FILTER
 * the child is called c; functions that are not the server's own need their schema. */
typedef struct
{
  char *name;       /* of the rule, for messages; NULL: parent.column */
  char *parent;     /* "public.groups" */
  char *column;     /* "member_count" */
  char *child;      /* "public.group_members" */
  char *child_key;  /* the child's column that refers to the parent; NULL: by the foreign key */
  char *parent_key; /* what it refers to; NULL: the primary key */
  char *expression; /* an aggregate over the child's columns: "count(*)", "sum(amount)" */
  char *filter;     /* which of the child's rows count; NULL: all */
} IntegrityAggregate;

void integrity_aggregate_free (IntegrityAggregate *aggregate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IntegrityAggregate, integrity_aggregate_free)

/* Those that pgkeel.yaml declares: of IntegrityAggregate. An expression or filter that is not one
 * expression of SQL is KEEL_ERROR_CONFIG with its line and column. */
bool integrity_aggregates_read (const ProjectIntegrity *settings, GPtrArray **ret_aggregates,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
