-- id: total-rows
-- severity: critical
-- category: consistency
-- why: Every statement says how many transactions it has; fewer rows than that is a ledger with holes.
SELECT NULL::uuid AS statement_id, NULL::date AS period_start, 0 AS said, 0 AS found
 WHERE NOT EXISTS (SELECT FROM ledger_transaction)
UNION ALL
SELECT s.id, s.period_start, s.transaction_count, count(t.id)
  FROM ledger_statement s
  LEFT JOIN ledger_transaction t ON t.statement_id = s.id
 GROUP BY s.id
HAVING s.transaction_count <> count(t.id);
