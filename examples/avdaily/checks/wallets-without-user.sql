-- id: wallets-without-user
-- severity: critical
-- category: orphans
-- why: A wallet whose user is gone holds money that belongs to nobody.
SELECT w.id, w.user_id, w.balance
  FROM wallets w
 WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = w.user_id);
