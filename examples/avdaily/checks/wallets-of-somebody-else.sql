-- id: wallets-of-somebody-else
-- severity: critical
-- category: consistency
-- why: A transaction or plan that uses another user's wallet moves the wrong person's money.
SELECT 'transaction' AS kind, t.id, t.user_id, t.wallet_id, w.user_id AS wallet_of
  FROM transactions t
  JOIN wallets w ON w.id = t.wallet_id
 WHERE w.user_id <> t.user_id
UNION ALL
SELECT 'savings plan', p.id, p.user_id, p.wallet_id, w.user_id
  FROM savings_plans p
  JOIN wallets w ON w.id = p.wallet_id
 WHERE w.user_id <> p.user_id;
