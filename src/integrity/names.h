/*
 * What names in a schema say without anybody having declared it: "user_id" is a row of users.
 */
#pragma once

#include "integrity/catalogue.h"

/* NAME in small letters with underscores: "userId", "UserID" and "user_id" are all "user_id". Caller
 * frees. */
char *names_snake (const char *name);

/* True when TABLE is called WORD, in the singular or plural, with or without a prefix of other words
 * ("ledger_category" for "category"); *RET_IS_EXACT (may be NULL) when there is no prefix. */
bool names_match (const CatalogueTable *table, const char *word, bool *ret_is_exact);

/* The table that CHILD's COLUMN most likely refers to by its only primary key column, which is
 * *RET_COLUMN; NULL: none. Types have been compared, values have not. */
CatalogueTable *names_find_parent (const Catalogue *catalogue, const CatalogueTable *child,
                                   const CatalogueColumn *column, CatalogueColumn **ret_column);

/* The table called by a class ("App\\Models\\Post", "blog.Post", "post"), with its key; NULL: none. */
CatalogueTable *names_find_class (const Catalogue *catalogue, const CatalogueTable *child,
                                  const char *class, CatalogueColumn **ret_column);

/* The only column of TABLE's primary key; NULL: none, or several. */
CatalogueColumn *names_key_column (const CatalogueTable *table);

/* True when the values of both may be compared: same type, or both integers or texts. */
bool names_same_type (const CatalogueColumn *a, const CatalogueColumn *b);

/* A key as it would be declared: freed with names_key_free. */
CatalogueKey *names_key_new (CatalogueTable *child, CatalogueColumn *column, CatalogueTable *parent,
                             CatalogueColumn *key_column);
void names_key_free (CatalogueKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CatalogueKey, names_key_free)
