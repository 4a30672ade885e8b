--! Previous: sha1:614adc8779b11e89acfd5adc59daacc0e1a92822
--! Hash: sha1:7eea495dc353562a348bfc784f21a6b6a2f1a40b
--! Message: index-orders-user

--! no-transaction
CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
