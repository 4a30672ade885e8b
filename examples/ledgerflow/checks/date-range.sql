-- id: date-range
-- severity: error
-- category: rules
-- why: A date outside of its statement or account, or in the future, was misread when it was imported.
SELECT t.id, t.date, a.opened_on, a.closed_on, s.period_start, s.period_end
  FROM ledger_transaction t
  LEFT JOIN ledger_account a ON a.id = t.account_id
  LEFT JOIN ledger_statement s ON s.id = t.statement_id
 WHERE NOT isfinite(t.date)
    OR t.date > current_date
    OR t.date < a.opened_on
    OR t.date > a.closed_on
    OR t.date NOT BETWEEN s.period_start AND s.period_end;
