-- id: negative-balances
-- severity: critical
-- category: rules
-- why: A wallet cannot hold less than nothing: somebody took out money that was not there.
SELECT w.id, w.user_id, w.balance
  FROM wallets w
 WHERE w.balance < 0;
