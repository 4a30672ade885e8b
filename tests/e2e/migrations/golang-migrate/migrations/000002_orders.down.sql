BEGIN;

DROP TABLE orders;
DROP TYPE order_status;
DELETE FROM users WHERE email IN ('ada@example.org', 'grace@example.org');

COMMIT;
