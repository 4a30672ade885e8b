-- id: kyc-tiers
-- severity: error
-- category: rules
-- why: The tier decides how much a user may move, and the law decides the tier.
SELECT u.id, u.email, u.kyc_tier, u.kyc_status, u.kyc_verified_at
  FROM users u
  LEFT JOIN kyc_tiers k ON k.tier = u.kyc_tier
 WHERE k.tier IS NULL
    OR (u.kyc_tier > 0 AND (u.kyc_status <> 'approved' OR u.kyc_verified_at IS NULL));
