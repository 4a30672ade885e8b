-- id: amounts
-- severity: error
-- category: rules
-- why: An amount is not zero, has cents and no more, and is no larger than a household's.
SELECT t.id, t.date, t.amount, t.description
  FROM ledger_transaction t
 WHERE t.amount = 'NaN'
    OR t.amount = 0
    OR t.amount <> round(t.amount, 2)
    OR abs(t.amount) >= 1000000;
