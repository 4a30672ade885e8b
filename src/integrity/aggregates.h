/*
 * Stored sums and counts, and the rows that they stand for: what checks/config declares in addition
 * to what is inferred from names.
 */
#pragma once

#include "base/error.h"

/* "The column COLUMN of PARENT equals EXPRESSION over the rows of CHILD that refer to it." Names are
 * as SQL writes them ("public.orders"); texts are owned. */
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
