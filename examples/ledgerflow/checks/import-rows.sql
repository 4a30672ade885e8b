-- id: import-rows
-- severity: error
-- category: consistency
-- why: Every import says how many lines its file had; lines that are missing were lost on the way.
SELECT b.id, b.file_name, b.row_count AS said, count(t.id) AS found
  FROM ledger_import_batch b
  LEFT JOIN ledger_transaction t ON t.import_batch_id = b.id
 WHERE b.status = 'completed'
 GROUP BY b.id
HAVING b.row_count <> count(t.id);
