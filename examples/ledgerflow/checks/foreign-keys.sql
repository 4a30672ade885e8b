-- id: foreign-keys
-- severity: critical
-- category: orphans
-- why: A reference that leads nowhere is a row of a ledger without its account, statement or import.
SELECT t.id, t.account_id, t.category_id, t.statement_id, t.import_batch_id
  FROM ledger_transaction t
  LEFT JOIN ledger_account a ON a.id = t.account_id
  LEFT JOIN ledger_category c ON c.id = t.category_id
  LEFT JOIN ledger_statement s ON s.id = t.statement_id
  LEFT JOIN ledger_import_batch b ON b.id = t.import_batch_id
 WHERE a.id IS NULL
    OR c.id IS NULL
    OR (t.statement_id IS NOT NULL AND (s.id IS NULL OR s.account_id <> t.account_id))
    OR (t.import_batch_id IS NOT NULL AND (b.id IS NULL OR b.account_id <> t.account_id));
