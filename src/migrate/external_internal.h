/*
 * What the files about commands of other tools share.
 */
#pragma once

#include "migrate/external.h"

/* Where files of Alembic and Django are below ROOT: in DIR, or else (NULL) where their tools put them; of
 * char *, seen from ROOT. The caller frees with g_ptr_array_unref. */
GPtrArray *external_list_folders (const char *root, const char *dir);
