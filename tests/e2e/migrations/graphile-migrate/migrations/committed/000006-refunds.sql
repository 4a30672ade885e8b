--! Previous: sha1:041391012c1e5bb7af700e4731a80303d1e1327c
--! Hash: sha1:3320ff5f59f1bfd0eed04f51e02eaf8bfb5db888
--! Message: refunds

ALTER TYPE order_status ADD VALUE 'refunded' AFTER 'sent';
