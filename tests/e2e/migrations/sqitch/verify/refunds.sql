-- Verify shop:refunds to pg

BEGIN;

SELECT 1 / count (*) FROM pg_enum WHERE enumlabel = 'refunded';

ROLLBACK;
