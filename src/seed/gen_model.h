/*
 * What generators work with: tables whose columns know how their values are computed.
 *
 *   GenModel    all tables that are generated, parents before children
 *   GenTable    its columns, the foreign keys that lead out of it (GenLink), its unique groups
 *   GenNode     one expression, compiled: a function of (row, random word, index)
 *
 * Once it is made (gen_plan.h) nothing in it changes, so that any number of threads can use it.
 */
#pragma once

#include "project/node.h"
#include "seed/gen_children.h"
#include "seed/gen_value.h"

typedef struct GenTable GenTable;
typedef struct GenNode GenNode;
typedef struct GenLink GenLink;
typedef struct GenGroup GenGroup;

/* One row being made, by one thread. */
typedef struct
{
  GenArena *arena;
  const GenTable *table;
  uint64_t row;      /* from 0 */
  uint64_t row_word; /* gen_row_word (row) */
} GenRow;

/* Computes a value. INDEX, when there is one, is below the node's domain, and different indexes must give
 * different values; else WORD decides. */
typedef void (*GenEvalFn) (const GenNode *node, GenRow *row, uint64_t word, const uint64_t *index,
                           GenValue *value);

struct GenNode
{
  GenEvalFn eval;
  const GenType *type; /* of the value; borrowed */
  GenType *own_type;   /* where no column gives it one */
  uint64_t domain; /* how many different values there are for an index; 0: no index can choose */
  bool is_text;    /* an index is written into it, so small ones look better */
  bool is_unique;  /* of itself: every row has its own */
  bool is_constant;
  bool is_json; /* args are written as JSON */
  bool is_skewed;
  int64_t low, step; /* of ranges: low + step * (0 .. count - 1) */
  uint64_t count;
  void *function; /* a GenTextFn's pointer in a GenTextKind, see gen_eval.c */
  int min_chars, max_chars;
  unsigned int column; /* after, before, same */
  GenValue constant;
  GPtrArray *args;   /* of GenNode */
  uint64_t *weights; /* of args, added up; one_of only */
};

typedef enum
{
  GEN_LINK_UNIFORM,
  GEN_LINK_ZIPF,
  GEN_LINK_CHILDREN, /* GenChildren says which */
  GEN_LINK_PERMUTE,  /* every parent at most once */
  GEN_LINK_GROUP,    /* part of a unique group */
} GenLinkMode;

/* A foreign key. */
struct GenLink
{
  char *name;
  guint count;           /* of columns */
  unsigned int *columns; /* of the table */
  char *parent_schema, *parent_name;
  uint32_t parent_oid;
  char **parent_names; /* of its columns */
  GenTable *parent;    /* NULL: not generated, KEYS are its keys */
  unsigned int *parent_columns;
  GPtrArray *keys;  /* of GenValue *, COUNT each; NULL when generated */
  uint64_t parents; /* how many there are to choose from */
  GenLinkMode mode;
  bool is_self;
  bool is_null; /* left empty: it would close a circle */
  unsigned int null_percent;
  unsigned int exponent; /* of zipf, in thousandths */
  uint64_t key;
  GenZipf *zipf;
  GenPermute permute;
  GenGroup *group; /* borrowed */
  guint group_place;
};

/* A unique constraint over several columns whose values are chosen together. */
struct GenGroup
{
  GenPermute permute; /* of the product of the domains */
  guint count;
  uint64_t *domains; /* of each member; an index is taken apart by them */
  bool by_parent;    /* the table's own order gives the parent, only the others are chosen */
  uint64_t key;
};

typedef enum
{
  GEN_UNIQUE_NO,
  GEN_UNIQUE_PERMUTE,
  GEN_UNIQUE_GROUP,
} GenUnique;

/* What CHECK constraints say of a column, as its type's numbers (dates: days, ...), or of its length. */
typedef struct
{
  bool has_low, has_high;
  int64_t low, high;
  int min_chars, max_chars; /* 0: none */
  char **allowed;           /* NULL: anything */
  char *after;              /* must be greater than that column */
  char *not_less;           /* must not be less than that column */
} GenBounds;

typedef struct
{
  char *name;
  GenType *type;
  bool is_not_null;
  bool has_default;
  bool is_generated; /* GENERATED ALWAYS AS (...): not ours */
  bool is_left_out;  /* not in the COPY */
  char *sequence;    /* quoted, of an identity or serial column; NULL: none */
  int64_t key_start; /* of whole numbers in a key: the first that is free; else 1 */
  GenBounds bounds;
  char *expression;  /* as compiled: the user's or the guessed one */
  const Node *place; /* where the user wrote it; NULL: guessed */
  GenNode *node;     /* NULL: a link's or left out */
  uint64_t key;
  GenUnique unique;
  bool is_key;      /* in a primary or unique key of its own */
  bool is_key_part; /* in one with others */
  bool is_primary;
  bool is_referred_to; /* by a generated table */
  GenPermute permute;
  GenGroup *group; /* borrowed */
  guint group_place;
  GenLink *link; /* borrowed */
  guint link_place;
} GenColumn;

/* A unique constraint or index. */
typedef struct
{
  char *name;
  guint count;
  unsigned int *columns;
  bool is_partial;  /* holds for some rows only */
  bool nulls_equal; /* NULLS NOT DISTINCT */
} GenKey;

struct GenTable
{
  char *schema, *name;
  char *label; /* as messages call it: "users", "app.users" */
  uint32_t oid;
  const Node *place; /* in seeds.yaml */
  uint64_t rows;
  GPtrArray *columns; /* of GenColumn */
  GPtrArray *links;   /* of GenLink */
  GPtrArray *keys;    /* of GenKey */
  GPtrArray *groups;  /* of GenGroup */
  bool has_children;  /* rows come from CHILDREN of LINK_OF_CHILDREN */
  GenChildren children;
  GenLink *children_link;
  bool is_done;   /* its rows are there already (gen_ledger.h) */
  bool is_binary; /* all columns have a binary format */
};

void gen_node_free (GenNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenNode, gen_node_free)
/* An empty one, for gen_catalog.c and for tests. */
GenTable *gen_table_new (const char *schema, const char *name);
void gen_table_free (GenTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GenTable, gen_table_free)

static inline GenColumn *
gen_table_column (const GenTable *table, unsigned int column)
{
  return table->columns->pdata[column];
}

/* The column called NAME, or -1. */
int gen_table_find (const GenTable *table, const char *name);

/* Whether all columns of LINK may be NULL. */
bool gen_link_is_nullable (const GenTable *table, const GenLink *link);

/* The column that the value of NODE is told from (after, before, same), or -1. */
int gen_node_refers_to (const GenNode *node);

/* --- evaluation (gen_eval.c) ------------------------------------------------------------------ */

/* The value of COLUMN in ROW, whose arena holds what it needs. */
void gen_column_value (GenRow *row, unsigned int column, GenValue *value);

/* The parent of ROW by LINK; false: NULL. */
bool gen_link_parent (const GenLink *link, const GenRow *row, uint64_t *ret_parent);

/* Appends row NUMBER of TABLE as COPY has it: binary when IS_BINARY, else a line of text. */
void gen_row_write (const GenTable *table, uint64_t number, bool is_binary, GenArena *arena,
                    GByteArray *out);
