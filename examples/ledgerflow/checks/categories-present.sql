-- id: categories-present
-- severity: error
-- category: consistency
-- why: A transaction without a category is in no report.
SELECT t.id, t.date, t.amount, t.category_id
  FROM ledger_transaction t
  LEFT JOIN ledger_category c ON c.id = t.category_id
 WHERE c.id IS NULL
    OR btrim(c.name) = '';
