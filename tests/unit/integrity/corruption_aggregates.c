#include "corruption.h"

#define GROUPS                                                                                     \
  "CREATE TABLE groups (id int PRIMARY KEY, member_count int, total_contributed numeric);"         \
  "CREATE TABLE group_members (id serial PRIMARY KEY, group_id int REFERENCES groups,"             \
  " amount numeric);"                                                                              \
  "INSERT INTO groups SELECT g, g, 2.5 * g FROM generate_series(0, 9) g;"                          \
  "INSERT INTO group_members (group_id, amount) SELECT g, 2.5 FROM generate_series(1, 9) g,"       \
  " generate_series(1, g);"

const Corruption corruption_aggregates[] = {
  { "counter-drift", GROUPS, "UPDATE groups SET member_count = 4 WHERE id = 5",
    "t.groups.member_count", 1, "1 of 10 rows it is not count(*) of t.group_members", 0 },
  { "counter-drift", GROUPS, "DELETE FROM group_members WHERE id = 7", "t.groups.member_count", 1,
    NULL, 0 },
  /* Kept in a table of its own, which refers to the same users. */
  { "counter-drift",
    "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 9);"
    "CREATE TABLE user_analytics (user_id int PRIMARY KEY REFERENCES users, transaction_count int);"
    "CREATE TABLE transactions (id serial, user_id int REFERENCES users);"
    "INSERT INTO user_analytics SELECT id, id FROM users; INSERT INTO transactions (user_id)"
    " SELECT u.id FROM users u, generate_series(1, u.id)",
    "DELETE FROM transactions WHERE id = 1", "t.user_analytics.transaction_count", 1, NULL, 0 },
  { "counter-drift",
    "CREATE TABLE shelves (id int PRIMARY KEY, num_categories int); INSERT INTO shelves SELECT g, 2"
    " FROM generate_series(1, 5) g; CREATE TABLE categories (shelf_id int REFERENCES shelves,"
    " deleted_at date); INSERT INTO categories SELECT g, d FROM generate_series(1, 5) g,"
    " (VALUES (NULL), (NULL), (date '2020-01-01')) v (d)",
    "UPDATE categories SET deleted_at = NULL WHERE shelf_id = 2", "t.shelves.num_categories", 1,
    NULL, 0 },
  { "sum-drift", GROUPS, "UPDATE group_members SET amount = 99 WHERE group_id = 1",
    "t.groups.total_contributed", 1, "not sum(\"amount\") of t.group_members", 0 },
  { "sum-drift",
    "CREATE TABLE orders (id int PRIMARY KEY, total numeric); INSERT INTO orders SELECT g, g * 30"
    " FROM generate_series(1, 9) g; CREATE TABLE order_items (order_id int REFERENCES orders,"
    " quantity int, unit_price numeric); INSERT INTO order_items SELECT g, q, g * 10 FROM"
    " generate_series(1, 9) g, generate_series(1, 2) q",
    "UPDATE orders SET total = 0 WHERE id = 4", "t.orders.total", 1,
    "\"quantity\" * \"unit_price\"", 0 },
  { "header-without-lines",
    "CREATE TABLE invoices (id int PRIMARY KEY); INSERT INTO invoices SELECT generate_series(1, 9);"
    "CREATE TABLE invoice_lines (invoice_id int REFERENCES invoices); INSERT INTO invoice_lines"
    " SELECT id FROM invoices",
    "DELETE FROM invoice_lines WHERE invoice_id = 3", "t.invoices", 1, NULL, 0 },
  { "ledger-unbalanced",
    "CREATE TABLE journals (id int PRIMARY KEY); INSERT INTO journals SELECT generate_series(1, 30);"
    "CREATE TABLE bookings (journal_id int REFERENCES journals, debit numeric, credit numeric);"
    "INSERT INTO bookings SELECT id, id, NULL FROM journals; INSERT INTO bookings SELECT id, NULL,"
    " id FROM journals",
    "UPDATE bookings SET credit = 1 WHERE journal_id = 8 AND credit IS NOT NULL", "t.bookings", 1,
    "1 of 30 groups", 0 },
  { "ledger-unbalanced",
    "CREATE TABLE transfers (id int PRIMARY KEY); INSERT INTO transfers SELECT generate_series(1,"
    " 30); CREATE TABLE ledger_entries (id serial, transfer_id int REFERENCES transfers, amount"
    " numeric); INSERT INTO ledger_entries (transfer_id, amount) SELECT id, s * id FROM transfers,"
    " (VALUES (1), (-1)) v (s)",
    "DELETE FROM ledger_entries WHERE id = 1", "t.ledger_entries", 1, NULL, 0 },
  { NULL, NULL, NULL, NULL, 0, NULL, 0 },
};
