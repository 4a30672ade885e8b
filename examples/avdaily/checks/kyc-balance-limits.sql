-- id: kyc-balance-limits
-- severity: warning
-- category: rules
-- why: A wallet that holds more than its user's tier allows must be reported or frozen.
SELECT w.id, w.user_id, u.kyc_tier, w.balance, k.balance_limit
  FROM wallets w
  JOIN users u ON u.id = w.user_id
  JOIN kyc_tiers k ON k.tier = u.kyc_tier
 WHERE w.status = 'active'
   AND w.balance > k.balance_limit;
