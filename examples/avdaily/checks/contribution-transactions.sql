-- id: contribution-transactions
-- severity: error
-- category: consistency
-- why: Every contribution is paid by a completed transaction of that member, group and amount.
SELECT c.id, c.group_id, c.user_id, c.transaction_id, c.amount, t.amount AS transaction_amount, t.status
  FROM contributions c
  LEFT JOIN transactions t ON t.id = c.transaction_id
 WHERE t.id IS NULL
    OR t.type <> 'group_contribution'
    OR t.status <> 'completed'
    OR (t.user_id, t.group_id, t.amount) <> (c.user_id, c.group_id, c.amount);
