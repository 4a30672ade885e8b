-- id: sources-present
-- severity: error
-- category: consistency
-- why: The source says where a line came from; without it an import can be neither repeated nor undone.
SELECT t.id, t.date, t.source, b.source AS source_of_import
  FROM ledger_transaction t
  LEFT JOIN ledger_import_batch b ON b.id = t.import_batch_id
 WHERE coalesce(btrim(t.source), '') = ''
    OR t.source <> b.source
    OR (t.import_batch_id IS NULL AND t.source <> 'manual');
