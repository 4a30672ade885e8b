/*
 * Making the parts of a catalogue: for what reads one.
 */
#pragma once

#include "integrity/catalogue.h"

Catalogue *catalogue_new (void);
CatalogueTable *catalogue_table_new (void);
CatalogueType *catalogue_type_new (void);
