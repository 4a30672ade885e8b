-- Deploy shop:index_orders_user to pg

CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
