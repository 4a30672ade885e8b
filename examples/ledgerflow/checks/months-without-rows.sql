-- id: months-without-rows
-- severity: warning
-- category: consistency
-- why: A month without a single transaction, between months that have some, is a file nobody imported.
SELECT month::date AS month
  FROM (SELECT min(date) AS first, max(date) AS last FROM ledger_transaction WHERE isfinite(date)) r,
       generate_series(date_trunc('month', first::timestamp), last::timestamp, interval '1 month') AS month
 WHERE NOT EXISTS (SELECT FROM ledger_transaction t
                    WHERE t.date >= month AND t.date < month + interval '1 month');
