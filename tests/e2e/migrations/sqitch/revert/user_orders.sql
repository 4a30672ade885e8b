-- Revert shop:user_orders to pg

BEGIN;

DROP VIEW user_orders;

COMMIT;
