-- Up Migration
-- pgkeel: no-transaction
CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);

-- Down Migration
-- pgkeel: no-transaction
DROP INDEX CONCURRENTLY orders_user_id;
