-- Verify shop:orders to pg

BEGIN;

SELECT id, user_id, status, total FROM orders WHERE false;

ROLLBACK;
