-- id: transactions-without-user
-- severity: critical
-- category: orphans
-- why: A transaction whose user is gone is money that nobody can explain.
SELECT t.id, t.reference, t.user_id, t.amount
  FROM transactions t
 WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = t.user_id);
