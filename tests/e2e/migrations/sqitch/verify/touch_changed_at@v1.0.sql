-- Verify shop:touch_changed_at to pg

BEGIN;

SELECT has_function_privilege ('touch_changed_at()', 'execute');

ROLLBACK;
