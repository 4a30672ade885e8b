-- id: amounts-of-statements
-- severity: critical
-- category: consistency
-- why: A statement closes where its transactions lead, to the cent.
SELECT s.id, s.period_start, s.opening_balance, s.closing_balance,
       s.opening_balance + coalesce(sum(t.amount), 0) AS transactions_say
  FROM ledger_statement s
  LEFT JOIN ledger_transaction t ON t.statement_id = s.id
 GROUP BY s.id
HAVING s.closing_balance <> s.opening_balance + coalesce(sum(t.amount), 0);
