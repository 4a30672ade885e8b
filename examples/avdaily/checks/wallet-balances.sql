-- id: wallet-balances
-- severity: critical
-- category: consistency
-- why: What a wallet holds is what its completed transactions come to, to the kobo.
SELECT w.id, w.user_id, w.balance, coalesce(sum(t.signed_amount), 0) AS transactions_say
  FROM wallets w
  LEFT JOIN transactions t ON t.wallet_id = w.id AND t.status = 'completed'
 GROUP BY w.id
HAVING w.balance <> coalesce(sum(t.signed_amount), 0);
