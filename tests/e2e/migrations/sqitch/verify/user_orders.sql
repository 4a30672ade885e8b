-- Verify shop:user_orders to pg

BEGIN;

SELECT orders, total FROM user_orders WHERE false;

ROLLBACK;
