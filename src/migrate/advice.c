#include "migrate/advice.h"

#include "sql/token.h"

#include <string.h>

static const struct
{
  const char *sqlstate; /* a prefix */
  const char *word;     /* that the statement begins with; NULL: any */
  const char *advice;
} advices[] = {
  { "23505", "create",
    "Find the rows that share a key (SELECT key, count(*) ... GROUP BY key HAVING count(*) > 1), merge or remove them in a migration of their own, then build the index." },
  { "23505", "alter",
    "Find the rows that share a key (SELECT key, count(*) ... GROUP BY key HAVING count(*) > 1) and merge or remove them first." },
  { "23505", NULL,
    "A row with that key is there already; INSERT ... ON CONFLICT says what is to happen then." },
  { "23503", "alter",
    "Rows refer to ones that are not there; remove or repair them first, or add the constraint NOT VALID and validate it in a later migration." },
  { "23503", NULL,
    "Another table still refers to the row, or the row refers to one that is not there; look at the detail." },
  { "23514", "alter",
    "Rows break the new constraint; correct them first, or add it NOT VALID and validate it later." },
  { "23502", NULL,
    "Give the column a default, or fill in its empty values before it becomes NOT NULL." },
  { "42804", NULL,
    "The old type does not turn into the new one by itself; say how with USING, e.g. USING column::new_type, and mind the column's default." },
  { "42846", NULL, "There is no cast between the two types; say with USING how a value is made." },
  { "22P02", NULL,
    "A value does not fit the new type; find such values first, or turn them with USING." },
  { "22001", NULL, "A value is longer than the new type allows; look for it with length() first." },
  { "22003", NULL, "A value is out of the new type's range; look for it first." },
  { "2BP01", NULL,
    "Other objects depend on it; drop or change those first, or say CASCADE if they are really to go with it." },
  { "0A000", "alter",
    "A view or rule uses the column; drop the view, change the column, and create the view again in the same migration." },
  { "55P04", NULL,
    "A new value of an enum can be used only after the transaction that added it; put its use behind COMMIT or into the next migration." },
  { "42710", NULL,
    "It is there already, perhaps made by hand; drop it, or say IF NOT EXISTS if the one that is there is the right one." },
  { "42P07", NULL,
    "It is there already, perhaps made by hand; compare it with the migration, then drop one of the two, or record the migration with “pgkeel migrate baseline”." },
  { "42701", NULL,
    "The column is there already, perhaps made by hand; compare it with the migration." },
  { "42P06", NULL, "The schema is there already; CREATE SCHEMA IF NOT EXISTS accepts it." },
  { "42723", NULL, "The function is there already; CREATE OR REPLACE FUNCTION replaces it." },
  { "42P01", NULL,
    "The table is not there: look at its spelling and schema, at search_path, and at whether an earlier migration makes it." },
  { "42703", NULL,
    "The column is not there: look at its spelling, and at whether an earlier migration makes it." },
  { "42883", NULL,
    "No function of that name takes these types; look at its spelling, its schema and at whether an extension is missing." },
  { "42704", NULL,
    "What it names (a type, role, index, extension) is not there; an earlier migration has to make it." },
  { "3F000", NULL, "The schema is not there; create it in an earlier migration." },
  { "42601", NULL,
    "The server cannot read the statement; look at the line above, and at what stands just before it." },
  { "42501", NULL,
    "The role that migrates lacks a privilege; connect as the owner of the objects, or grant it." },
  { "42P16", NULL,
    "The definition is not allowed; a view's columns can only be added at its end by CREATE OR REPLACE." },
  { "55P03", NULL,
    "Others held locks on the table all the time; look for long transactions in pg_stat_activity, run it at a quieter time, or wait longer with --lock-wait." },
  { "40P01", NULL,
    "Another session took the same locks the other way round; run the command again." },
  { "57014", NULL,
    "A timeout ended it, or somebody cancelled it; migrations.statement_timeout in pgkeel.yaml is ours." },
  { "55006", NULL,
    "Rows of the same transaction still wait for their triggers; put the change of the table into a migration of its own." },
  { "25001", NULL,
    "It cannot run inside of a transaction; take BEGIN and COMMIT out of the file." },
  { "58P01", NULL, "The server lacks a file of the extension; install its package there." },
  { "53100", NULL, "The server's disk is full; free some space there and run the command again." },
};

const char *
advice_for (const DbFailure *failure, const char *text)
{
  if (failure->sqlstate == NULL)
    return NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (advices); i++)
    {
      const char *const words[] = { advices[i].word, NULL };
      if (g_str_has_prefix (failure->sqlstate, advices[i].sqlstate)
          && (advices[i].word == NULL || sql_begins_with (text, strlen (text), words)))
        return advices[i].advice;
    }
  return NULL;
}
