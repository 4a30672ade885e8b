DROP TABLE contributions;
DROP TABLE transactions;
DROP FUNCTION keep_completed_transaction();
DROP TYPE transaction_status;
DROP TYPE transaction_direction;
DROP TYPE transaction_type;
