"""What is broken, and which check must say so.

An injection is data: its class, the database, the statements that break it, the check that must find it
and the object it must name. Those of one batch are made in the same copy of a database, so they must
not stand in each other's way. Statements are said in a session that has read injector.sql.

Written by hand are the lists below; what is the same for every key, index or sequence of a database
(`derived`) is worked out from its catalogue.
"""

from collections import namedtuple

Injection = namedtuple("Injection", "kind database check object sql batch")

ALL = []


def batch(name, database):
    """add (kind, check, object, sql) for one batch of one database."""

    def add(kind, check, obj, sql):
        ALL.append(Injection(kind, database, check, obj, sql.strip(), name))

    return add


def wreck(table, assignment, condition="true", skip=0):
    return f"SELECT pg_temp.wreck('{table}', $a${assignment}$a$, $c${condition}$c$, {skip});"


def wreck_check(table, name, assignment, condition="true", skip=0):
    return f"SELECT pg_temp.wreck_check('{table}', '{name}', $a${assignment}$a$, $c${condition}$c$, {skip});"


def wreck_domain(domain, name, table, assignment, condition="true", skip=0):
    return (f"SELECT pg_temp.wreck_domain('{domain}', '{name}', '{table}', $a${assignment}$a$, "
            f"$c${condition}$c$, {skip});")


def wreck_not_null(table, column, condition="true", skip=0):
    return f"SELECT pg_temp.wreck_not_null('{table}', '{column}', $c${condition}$c$, {skip});"


def wreck_generated(table, column, value, condition="true", skip=0):
    return f"SELECT pg_temp.wreck_generated('{table}', '{column}', $v${value}$v$, $c${condition}$c$, {skip});"


# --- values under constraints that the server believes in ---------------------------------------------

def checks_of(database, rows):
    add = batch("constraints", database)
    for number, (table, name, assignment, condition) in enumerate(rows):
        add("row under a valid CHECK", "check-violated", f"{table} ({name})",
            wreck_check(table, name, assignment, condition, number % 3))


checks_of("shop", [
    ("shop.customers", "customers_email_form", "email = 'nobody'", "true"),
    ("shop.customers", "customers_order_count_check", "order_count = -4", "true"),
    ("shop.products", "products_price_check", "price = -1", "true"),
    ("shop.products", "products_stock_quantity_check", "stock_quantity = -3", "true"),
    ("shop.coupons", "coupons_discount_amount_check", "discount_amount = 0", "true"),
    ("shop.orders", "orders_total_amount_check", "total_amount = -9", "true"),
    ("shop.order_items", "order_items_quantity_check", "quantity = 0", "true"),
    ("shop.order_items", "order_items_unit_price_check", "unit_price = -2", "true"),
    ("shop.payments", "payments_amount_check", "amount = 0", "true"),
    ("shop.reviews", "reviews_rating_check", "rating = 9", "true"),
])
checks_of("saas", [
    ("saas.tasks", "tasks_estimate_check", "estimate = 0", "true"),
    ("saas.tasks", "tasks_not_own_parent", "parent_task_id = id", "true"),
    ("saas.comments", "comments_commentable_type_check", "commentable_type = 'Invoice'", "true"),
])
checks_of("stock", [
    ("stock.warehouses", "warehouses_dates", "closed_on = opened_on - 1", "true"),
    ("stock.bins", "bins_capacity_check", "capacity = 0", "true"),
    ("stock.items", "items_unit_cost_check", "unit_cost = -1", "true"),
    ("stock.movements", "movements_quantity_check", "quantity = 0", "true"),
    ("books.entry_lines", "entry_lines_amount_check", "amount = 0", "true"),
    ("books.invoices", "invoices_amounts_check", "subtotal = 0", "true"),
    ("books.invoice_lines", "invoice_lines_quantity_check", "quantity = -1", "true"),
    ("books.invoice_lines", "invoice_lines_amount_check", "amount = -1", "true"),
])
checks_of("ledgerflow", [
    ("public.ledger_account", "ledger_account_mask_digits", "mask = 'x123'", "true"),
    ("public.ledger_account", "ledger_account_currency_upper", "currency = 'usd'", "true"),
    ("public.ledger_category", "ledger_category_not_own_parent", "parent_id = id", "true"),
    ("public.ledger_category", "ledger_category_sort_order_check", "sort_order = -1", "true"),
    ("public.ledger_import_batch", "ledger_import_batch_row_count_check", "row_count = -1", "true"),
    ("public.ledger_import_batch", "ledger_import_batch_finished_after_started",
     "finished_at = started_at - interval '1 day'", "true"),
    ("public.ledger_statement", "ledger_statement_period_ordered", "period_end = period_start", "true"),
    ("public.ledger_transaction", "ledger_transaction_amount_not_zero", "amount = 0", "true"),
    ("public.ledger_transaction", "ledger_transaction_description_not_blank", "description = ' '", "true"),
    ("public.ledger_transaction", "ledger_transaction_metadata_is_object", "metadata = '[]'", "true"),
])
checks_of("avdaily", [
    ("public.kyc_tiers", "kyc_tiers_limits", "balance_limit = daily_limit - 1", "true"),
    ("public.users", "users_email_lower", "email = 'LOUD@example.org'", "true"),
    ("public.users", "users_phone_international", "phone = '0803'", "true"),
    ("public.users", "users_preferences_object", "preferences = '[1]'", "true"),
    ("public.roles", "roles_name_word", "name = 'Super User'", "name = 'moderator'"),
    ("public.permissions", "permissions_name_of_parts", "name = 'wallet:steal'", "true"),
    ("public.savings_plans", "savings_plans_interest_rate", "interest_rate = 4.5", "true"),
    ("public.groups", "groups_contribution_amount_positive", "contribution_amount = 0", "true"),
    ("public.group_members", "group_members_payout_position_positive", "payout_position = -1", "true"),
    ("public.transactions", "transactions_amount_positive", "amount = 0", "status = 'failed'"),
    ("public.contributions", "contributions_cycle_positive", "cycle = 0", "true"),
])
checks_of("dordash", [
    ("public.user", "user_username_form", "username = 'X'", "role = 'STUDENT'"),
    ("public.user", "user_full_name_not_blank", "full_name = '  '", "true"),
    ("public.agenda_item", "agenda_item_order_index_positive", "order_index = -1", "true"),
    ("public.agenda_item", "agenda_item_presentation", "is_presenting = false",
     "item_type = 'PRESENTATION'"),
    ("public.fileupload", "fileupload_filename_plain", "filename = '../etc/passwd'", "true"),
])

for table, name, assignment in [
        ("saas.users", "email_address_form", "email = 'no address'"),
]:
    batch("constraints", "saas")(
        "row under a valid domain", "domain-violated", "saas.users.email",
        wreck_domain("saas.email_address", name, table, assignment, "true", 4))
batch("constraints", "saas")(
    "row under a valid domain", "domain-violated", "saas.projects.progress",
    wreck_domain("saas.percentage", "percentage_range", "saas.projects", "progress = 140"))
add = batch("constraints", "stock")
for table, column in [("stock.items", "unit_cost"), ("books.accounts", "balance"),
                      ("books.entry_lines", "amount")]:
    add("row under a valid domain", "domain-violated", f"{table}.{column}",
        wreck_domain("stock.money_amount", "money_amount_is_number", table, f"{column} = 'NaN'", "true", 5))

for database, rows in {
        "shop": [("shop.customers", "full_name"), ("shop.orders", "number"), ("shop.products", "price"),
                 ("shop.shipments", "carrier")],
        "saas": [("saas.tenants", "name"), ("saas.tasks", "title"), ("saas.projects", "name")],
        "stock": [("stock.items", "name"), ("stock.movements", "kind"), ("books.entries", "posted_at")],
        "ledgerflow": [("public.ledger_transaction", "description"), ("public.ledger_category", "slug"),
                       ("public.ledger_statement", "closing_balance")],
        "avdaily": [("public.users", "first_name"), ("public.wallets", "currency"),
                    ("public.transactions", "reference")],
        "dordash": [("public.meeting", "location"), ("public.agenda_item", "content")],
}.items():
    add = batch("constraints", database)
    for table, column in rows:
        add("NULL under NOT NULL", "not-null-violated", table,
            wreck_not_null(table, column, "true", 7))

for database, table, column, value in [
        ("shop", "shop.order_items", "total_amount", "total_amount + 1"),
        ("saas", "saas.users", "search_name", "'somebody'"),
        ("stock", "books.invoices", "total", "total - 0.01"),
        ("avdaily", "public.transactions", "signed_amount", "signed_amount * 2"),
]:
    batch("constraints", database)("stale generated column", "generated-stale", f"{table}.{column}",
                                   wreck_generated(table, column, value, "true", 11))

# --- values that no constraint of the schema forbids -----------------------------------------------

add = batch("values", "shop")
for table, column in [("shop.customers", "created_at"), ("shop.orders", "placed_at"),
                      ("shop.reviews", "created_at"), ("shop.payments", "paid_at")]:
    add("date in the future", "date-in-future", f"{table}.{column}",
        wreck(table, f"{column} = '2987-01-01'"))
for table, column in [("shop.orders", "created_at"), ("shop.products", "created_at"),
                      ("shop.addresses", "created_at")]:
    add("date at the epoch", "date-at-epoch", f"{table}.{column}",
        wreck(table, f"{column} = '1970-01-01'", "true", 2))
# An end that is infinite is none ("valid_until"), and is let be.
for table, column in [("shop.customers", "updated_at"), ("shop.reviews", "created_at"),
                      ("shop.orders", "shipped_at")]:
    add("infinite date", "date-infinite", f"{table}.{column}",
        wreck(table, f"{column} = 'infinity'", "true", 3))
for table in ["shop.orders", "shop.products", "shop.reviews"]:
    add("updated before created", "updated-before-created", f"{table}.updated_at",
        wreck(table, "updated_at = created_at - interval '3 days'", "true", 5))
add("inverted range", "range-inverted", "shop.coupons.valid_*",
    wreck("shop.coupons", "valid_until = valid_from - 5", "true", 7))
add("inverted range", "range-inverted", "shop.shipments.*",
    wreck("shop.shipments", "ended_at = started_at - interval '1 day'", "ended_at IS NOT NULL", 7))
add("NaN in a number", "number-not-finite", "shop.payments.amount", wreck("shop.payments", "amount = 'NaN'", "true", 20))
add("NaN in a number", "number-not-finite", "shop.products.price", wreck("shop.products", "price = 'NaN'", "true", 20))

add = batch("values", "saas")
add("date in the future", "date-in-future", "saas.comments.created_at",
    wreck("saas.comments", "created_at = '2987-01-01'"))
add("date at the epoch", "date-at-epoch", "saas.tenants.created_at",
    wreck("saas.tenants", "created_at = '1970-01-01'"))
add("infinite date", "date-infinite", "saas.comments.created_at",
    wreck("saas.comments", "created_at = 'infinity'", "true", 5))
for table in ["saas.users", "saas.projects", "saas.tasks", "saas.tenants"]:
    add("updated before created", "updated-before-created", f"{table}.updated_at",
        wreck(table, "updated_at = created_at - interval '3 days'", "true", 5))
for table, first, last in [("saas.projects", "start_date", "end_date"),
                           ("saas.tasks", "starts_at", "ends_at"),
                           ("saas.api_keys", "valid_from", "valid_to")]:
    add("inverted range", "range-inverted", f"{table}.*",
        wreck(table, f"{last} = {first} - interval '1 day'", f"{last} IS NOT NULL", 3))
add("polymorphic orphan", "fk-polymorphic-orphans", "saas.comments.(commentable_type, commentable_id)",
    wreck("saas.comments", "commentable_id = '00000000-dead-4000-8000-000000000001'", "true", 8))
for table, column in [("saas.api_keys", "user_id"), ("saas.room_bookings", "booked_by"),
                      ("saas.tasks", "parent_task_id")]:
    add("row of another tenant", "tenant-mismatch", f"{table}.{column}*",
        wreck(table, f"{column} = (SELECT x.id FROM saas.{'tasks' if 'task' in column else 'users'} x "
                     f"WHERE x.tenant_id <> {table.split('.')[1]}.tenant_id LIMIT 1)",
              f"{column} IS NOT NULL", 4))

add = batch("values", "stock")
add("date in the future", "date-in-future", "stock.movements.moved_at",
    wreck("stock.movements", "moved_at = '2987-01-01'"))
add("date in the future", "date-in-future", "books.entries.posted_at",
    wreck("books.entries", "posted_at = '2987-01-01'"))
add("date at the epoch", "date-at-epoch", "stock.serial_numbers*.received_on",
    wreck("stock.serial_numbers_0", "received_on = '1970-01-01'"))
add("infinite date", "date-infinite", "books.invoices.due_on", wreck("books.invoices", "due_on = 'infinity'"))
add("inverted range", "range-inverted", "stock.suppliers.*",
    wreck("stock.suppliers", "contract_end = contract_start - 1", "contract_end IS NOT NULL"))
for table in ["stock.items", "books.entries"]:
    add("updated before created", "updated-before-created", f"{table}.updated_at",
        wreck(table, "updated_at = created_at - interval '3 days'", "true", 5))
add("half of a key is NULL", "fk-match-simple-null", "stock.items.(default_warehouse_id, default_bin_code)",
    wreck("stock.items", "default_bin_code = NULL", "default_bin_code IS NOT NULL", 6))

add = batch("values", "ledgerflow")
add("date at the epoch", "date-at-epoch", "public.ledger_account.opened_on",
    wreck("ledger_account", "opened_on = '1970-01-01'"))
add("infinite date", "date-infinite", "public.ledger_transaction.date",
    wreck("ledger_transaction", "date = '-infinity'", "true", 9))
for table in ["ledger_account", "ledger_category", "ledger_transaction"]:
    add("updated before created", "updated-before-created", f"public.{table}.updated_at",
        wreck(table, "updated_at = created_at - interval '3 days'", "true", 2))
add("NaN in a number", "number-not-finite", "public.ledger_transaction.amount",
    wreck("ledger_transaction", "amount = 'NaN'", "true", 20))
add("NaN in a number", "number-not-finite", "public.ledger_statement.closing_balance",
    wreck("ledger_statement", "closing_balance = 'NaN'", "true", 3))

add = batch("values", "avdaily")
add("date in the future", "date-in-future", "public.users.created_at",
    wreck("users", "created_at = '2987-01-01', updated_at = '2987-01-01'"))
add("date at the epoch", "date-at-epoch", "public.savings_plans.created_at",
    wreck("savings_plans", "created_at = '1970-01-01'", "true", 1))
add("infinite date", "date-infinite", "public.wallets.updated_at",
    wreck("wallets", "updated_at = 'infinity'"))
for table in ["users", "wallets", "groups"]:
    add("updated before created", "updated-before-created", f"public.{table}.updated_at",
        wreck(table, "updated_at = created_at - interval '3 days'", "true", 2))
add("NaN in a number", "number-not-finite", "public.kyc_tiers.balance_limit",
    wreck("kyc_tiers", "balance_limit = 'NaN'"))

add = batch("values", "dordash")
add("date in the future", "date-in-future", "public.fileupload.upload_date",
    wreck("fileupload", "upload_date = '2987-01-01'"))
add("date in the future", "date-in-future", "public.user.created_at",
    wreck('"user"', "created_at = '2987-01-01', updated_at = '2987-01-01'"))
for table in ["meeting", "agenda_item"]:
    add("updated before created", "updated-before-created", f"public.{table}.updated_at",
        wreck(table, "updated_at = created_at - interval '3 days'", "true", 2))

# --- counters, totals, ledgers, cycles --------------------------------------------------------------

for database, rows in {
        "shop": [("shop.customers", "order_count"), ("shop.products", "review_count"),
                 ("shop.orders", "item_count")],
        "saas": [("saas.tenants", "users_count"), ("saas.projects", "task_count")],
        "stock": [("stock.items", "movement_count")],
        "ledgerflow": [("public.ledger_statement", "transaction_count")],
        "avdaily": [("public.groups", "member_count"), ("public.user_analytics", "transaction_count")],
}.items():
    add = batch("aggregates", database)
    for table, column in rows:
        add("drifted counter", "counter-drift", f"{table}.{column}", wreck(table, f"{column} = {column} + 1", "true", 1))
add = batch("aggregates", "shop")
add("drifted total", "sum-drift", "shop.orders.total_amount",
    wreck("shop.orders", "total_amount = total_amount + 0.01", "true", 3))
add = batch("aggregates", "stock")
add("drifted total", "sum-drift", "books.accounts.balance",
    wreck("books.accounts", "balance = balance - 0.01", "true", 3))
add("drifted total", "sum-drift", "books.invoices.subtotal",
    wreck("books.invoices", "subtotal = subtotal + 10", "true", 3))
add = batch("values", "shop")
add("header without lines", "header-without-lines", "shop.orders",
    "DELETE FROM shop.order_items WHERE order_id = 77;")
add = batch("values", "stock")
add("header without lines", "header-without-lines", "books.invoices",
    "DELETE FROM books.invoice_lines WHERE invoice_id = 31;")
add("ledger that does not come to nothing", "ledger-unbalanced", "books.entry_lines",
    wreck("books.entry_lines", "amount = amount + 1", "true", 30))
add = batch("aggregates", "avdaily")
add("drifted total", "sum-drift", "public.wallets.balance", wreck("wallets", "balance = balance + 7", "true", 5))

add = batch("aggregates", "shop")
add("rows that are their own ancestors", "hierarchy-loop", "shop.categories.*",
    "UPDATE shop.categories SET parent_id = CASE id WHEN 1 THEN 5 ELSE 1 END WHERE id IN (1, 5);")
add = batch("aggregates", "saas")
add("rows that are their own ancestors", "hierarchy-loop", "saas.tasks.*",
    "UPDATE saas.tasks SET parent_task_id = CASE id WHEN saas.stable_uuid('task41')"
    " THEN saas.stable_uuid('task81') ELSE saas.stable_uuid('task41') END"
    " WHERE id IN (saas.stable_uuid('task41'), saas.stable_uuid('task81'));")
add = batch("aggregates", "stock")
add("rows that are their own ancestors", "hierarchy-loop", "stock.items.*",
    "UPDATE stock.items SET replaced_by = CASE id WHEN 8 THEN 15 ELSE 8 END WHERE id IN (8, 15);")
add("rows that are their own ancestors", "hierarchy-loop", "books.entries.*",
    "UPDATE books.entries SET reverses_id = CASE id WHEN 24 THEN 25 ELSE 24 END WHERE id IN (24, 25);")
add = batch("aggregates", "ledgerflow")
add("rows that are their own ancestors", "hierarchy-loop", "public.ledger_category.*",
    "UPDATE ledger_category c SET parent_id = (SELECT min(id) FROM ledger_category x WHERE x.parent_id = c.id)"
    " WHERE id = (SELECT min(parent_id) FROM ledger_category);")

# --- schemas ------------------------------------------------------------------------------------------

add = batch("schema", "shop")
add("key that is NOT VALID", "fk-not-valid", "shop.addresses.customer_id",
    "ALTER TABLE shop.addresses DROP CONSTRAINT addresses_customer_id_fkey, ADD CONSTRAINT"
    " addresses_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers NOT VALID;")
add("CHECK that is NOT VALID", "constraint-not-valid", "shop.reviews*reviews_rating_check*",
    "ALTER TABLE shop.reviews DROP CONSTRAINT reviews_rating_check, ADD CONSTRAINT reviews_rating_check"
    " CHECK (rating BETWEEN 1 AND 5) NOT VALID;")
add("key whose triggers are disabled", "fk-trigger-disabled", "shop.payments.order_id",
    "ALTER TABLE shop.payments DISABLE TRIGGER ALL;")
add("trigger that is disabled", "trigger-disabled", "shop.products*products_touch*",
    "ALTER TABLE shop.products DISABLE TRIGGER products_touch;")
add("key that is there twice", "fk-duplicate", "shop.reviews.product_id",
    "ALTER TABLE shop.reviews ADD CONSTRAINT reviews_again FOREIGN KEY (product_id) REFERENCES shop.products;")
add("key of another type", "fk-type-mismatch", "shop.wishes.customer_id",
    "CREATE TABLE shop.wishes (id bigint PRIMARY KEY, customer_id bigint CONSTRAINT wishes_customer_id_fkey"
    " REFERENCES shop.customers); CREATE INDEX ON shop.wishes (customer_id);")
add("no primary key", "primary-key-missing", "shop.coupons_used",
    "CREATE TABLE shop.coupons_used (code text, used_on date); INSERT INTO shop.coupons_used VALUES ('A', '2024-05-05');")
add("money in a float", "money-in-float", "shop.gifts.amount",
    "CREATE TABLE shop.gifts (id bigint PRIMARY KEY, amount double precision);")
add("index that is there twice", "index-duplicate", "shop.orders_customer_id_idx_2",
    "CREATE INDEX orders_customer_id_idx_2 ON shop.orders (customer_id);")
add("index that another begins with", "index-redundant", "shop.shipments_order_id_idx",
    "CREATE INDEX shipments_order_id_carrier_idx ON shop.shipments (order_id, carrier);")
add("invalid index", "index-invalid", "shop.products_category_id_idx",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.products_category_id_idx'::regclass;")
add("autovacuum off", "autovacuum-off", "shop.orders",
    "ALTER TABLE shop.orders SET (autovacuum_enabled = false);")
add("row in the default partition", "default-partition-rows", "shop.page_views_default",
    "INSERT INTO shop.page_views (product_id, viewed_at) VALUES (3, '1999-12-31 12:00+00');")
add("SECURITY DEFINER without search_path", "definer-search-path", "shop.become()",
    "CREATE FUNCTION shop.become() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';")
add("everybody may CREATE", "schema-public-create", "schema shop", "GRANT CREATE ON SCHEMA shop TO PUBLIC;")

add = batch("schema", "saas")
add("RLS off beside siblings that have it", "rls-missing", "saas.api_keys",
    "ALTER TABLE saas.api_keys DISABLE ROW LEVEL SECURITY;")
add("key that is NOT VALID", "fk-not-valid", "saas.projects.(tenant_id, lead_id)",
    "ALTER TABLE saas.projects DROP CONSTRAINT projects_lead_fkey, ADD CONSTRAINT projects_lead_fkey"
    " FOREIGN KEY (tenant_id, lead_id) REFERENCES saas.users (tenant_id, id) NOT VALID;")
add("key whose triggers are disabled", "fk-trigger-disabled", "saas.room_bookings.tenant_id",
    "ALTER TABLE saas.room_bookings DISABLE TRIGGER ALL;")
add("domain that is NOT VALID", "constraint-not-valid", "saas.percentage*",
    "ALTER DOMAIN saas.percentage DROP CONSTRAINT percentage_range;"
    " ALTER DOMAIN saas.percentage ADD CONSTRAINT percentage_range CHECK (VALUE BETWEEN 0 AND 100) NOT VALID;")
add("invalid index", "index-invalid", "saas.tasks_parent_task_id_idx",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'saas.tasks_parent_task_id_idx'::regclass;")
add("index that is there twice", "index-duplicate", "saas.api_keys_user_id_idx_2",
    "CREATE INDEX api_keys_user_id_idx_2 ON saas.api_keys (user_id);")
add("SECURITY DEFINER without search_path", "definer-search-path", "saas.tenant_of_key(text)",
    "ALTER FUNCTION saas.tenant_of_key(text) RESET search_path;")
add("everybody may CREATE", "schema-public-create", "schema saas", "GRANT CREATE ON SCHEMA saas TO PUBLIC;")
add("autovacuum off", "autovacuum-off", "saas.comments",
    "ALTER TABLE saas.comments SET (autovacuum_enabled = off);")

add = batch("schema", "stock")
add("key that is NOT VALID", "fk-not-valid", "books.invoices.supplier_id",
    "ALTER TABLE books.invoices DROP CONSTRAINT invoices_supplier_id_fkey, ADD CONSTRAINT"
    " invoices_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES stock.suppliers NOT VALID;")
add("CHECK that is NOT VALID", "constraint-not-valid", "stock.bins*bins_capacity_check*",
    "ALTER TABLE stock.bins DROP CONSTRAINT bins_capacity_check, ADD CONSTRAINT bins_capacity_check"
    " CHECK (capacity > 0) NOT VALID;")
add("key whose triggers are disabled", "fk-trigger-disabled", "books.entry_lines.entry_id",
    "ALTER TABLE books.entry_lines DISABLE TRIGGER ALL;")
add("key of another type", "fk-type-mismatch", "stock.counts.item_id",
    "CREATE TABLE stock.counts (id bigint PRIMARY KEY, item_id integer CONSTRAINT counts_item_id_fkey"
    " REFERENCES stock.items); CREATE INDEX ON stock.counts (item_id);")
add("key that is there twice", "fk-duplicate", "books.entry_lines.account_id",
    "ALTER TABLE books.entry_lines ADD CONSTRAINT lines_again FOREIGN KEY (account_id) REFERENCES books.accounts;")
add("money in a float", "money-in-float", "books.rates.price",
    "CREATE TABLE books.rates (id bigint PRIMARY KEY, price real);")
add("no primary key", "primary-key-missing", "books.notes",
    "CREATE TABLE books.notes (body text); INSERT INTO books.notes VALUES ('lost');")
add("index that another begins with", "index-redundant", "stock.movements_item_id_idx",
    "CREATE INDEX movements_item_id_moved_at_idx ON stock.movements (item_id, moved_at);")
add("sequence near its end", "sequence-exhausted", "stock.suppliers_id_seq",
    "ALTER SEQUENCE stock.suppliers_id_seq MAXVALUE 1000; SELECT setval('stock.suppliers_id_seq', 990);")

add = batch("schema", "ledgerflow")
add("int4 key near its end", "key-exhaustion", "public.auth_user.id",
    "UPDATE auth_user SET id = 2147480000 WHERE id = (SELECT max(id) FROM auth_user);")
add("sequence near its end", "sequence-exhausted", "public.auth_permission_id_seq",
    "SELECT setval('auth_permission_id_seq', 2147480000);")
add("trigger that is disabled", "trigger-disabled", "public.ledger_account*ledger_account_touch*",
    "ALTER TABLE ledger_account DISABLE TRIGGER ledger_account_touch;")
add("key whose triggers are disabled", "fk-trigger-disabled", "public.ledger_statement.account_id",
    "ALTER TABLE ledger_statement DISABLE TRIGGER ALL;")
add("autovacuum off", "autovacuum-off", "public.ledger_transaction",
    "ALTER TABLE ledger_transaction SET (autovacuum_enabled = false);")

add = batch("schema", "avdaily")
add("trigger that is disabled", "trigger-disabled", "public.transactions*transactions_keep_completed*",
    "ALTER TABLE transactions DISABLE TRIGGER transactions_keep_completed;")
add("key that is NOT VALID", "fk-not-valid", "public.contributions.(group_id, user_id)",
    "ALTER TABLE contributions DROP CONSTRAINT contributions_member_fkey, ADD CONSTRAINT contributions_member_fkey"
    " FOREIGN KEY (group_id, user_id) REFERENCES group_members NOT VALID;")
add("everybody may CREATE", "schema-public-create", "schema public", "GRANT CREATE ON SCHEMA public TO PUBLIC;")

# --- servers, privileges, statistics -------------------------------------------------------------------

add = batch("server", "saas")
add("policies that do nothing", "rls-policy-without-security", "saas.tasks",
    "ALTER TABLE saas.tasks DISABLE ROW LEVEL SECURITY;")
add("RLS off beside siblings that have it", "rls-missing", "saas.invitations",
    "CREATE TABLE saas.invitations (id uuid PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES saas.tenants);"
    " CREATE INDEX ON saas.invitations (tenant_id);")
add("RLS without a policy", "rls-without-policies", "saas.tenants",
    "ALTER TABLE saas.tenants ENABLE ROW LEVEL SECURITY;")
add("view that shows what RLS hides", "view-bypasses-rls", "saas.all_comments",
    "CREATE VIEW saas.all_comments AS SELECT * FROM saas.comments;")
add("superuser's function for everybody", "definer-superuser", "saas.tenant_of_key(text)",
    "GRANT EXECUTE ON FUNCTION saas.tenant_of_key(text) TO PUBLIC;")
add("table that everybody may write", "table-public-write", "saas.tenants", "GRANT UPDATE ON saas.tenants TO PUBLIC;")
add("default privileges for everybody", "default-privileges-public", "default privileges of postgres in schema saas",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA saas GRANT INSERT ON TABLES TO PUBLIC;")
add("materialised view without rows", "matview-unpopulated", "saas.project_summary",
    "REFRESH MATERIALIZED VIEW saas.project_summary WITH NO DATA;")
add("dangerous setting of a database", "setting-zero-damaged-pages", "setting zero_damaged_pages of database saas_server",
    "ALTER DATABASE saas_server SET zero_damaged_pages = on;")
add("dangerous setting of a database", "setting-synchronous-commit", "setting synchronous_commit of database saas_server",
    "ALTER DATABASE saas_server SET synchronous_commit = off;")
add("dangerous setting of a database", "setting-ignore-checksum-failure",
    "setting ignore_checksum_failure of database saas_server",
    "ALTER DATABASE saas_server SET ignore_checksum_failure = on;")
add("overlap under an exclusion constraint", "exclusion-violated", "saas.room_bookings (room_bookings_no_overlap)",
    "SELECT pg_temp.wreck_beside_index('saas.room_bookings_no_overlap', 'saas.room_bookings',"
    " $$during = tstzrange('2024-09-03 08:00+00', '2024-09-03 18:00+00')$$);")

add = batch("server", "stock")
add("function of a table that is gone", "function-broken", "*count_returns*",
    "CREATE FUNCTION stock.count_returns() RETURNS bigint LANGUAGE plpgsql AS"
    " $$ BEGIN RETURN (SELECT count(*) FROM stock.returns); END $$;")
add("unlogged table", "table-unlogged", "stock.scans",
    "CREATE UNLOGGED TABLE stock.scans (id bigint PRIMARY KEY);")
add("index left half built", "index-not-ready", "stock.items_supplier_id_idx",
    "UPDATE pg_index SET indisready = false, indisvalid = false"
    " WHERE indexrelid = 'stock.items_supplier_id_idx'::regclass;")
add("index left half dropped", "index-not-ready", "stock.movements_warehouse_id_idx",
    "UPDATE pg_index SET indislive = false, indisready = false, indisvalid = false"
    " WHERE indexrelid = 'stock.movements_warehouse_id_idx'::regclass;")
add("catalogue that refers to nothing", "catalogue-dangling", "pg_attrdef.adrelid",
    "INSERT INTO pg_attrdef SELECT 999999, 999998, adnum, adbin FROM pg_attrdef LIMIT 1;")
add("catalogue that refers to nothing", "catalogue-dangling", "pg_class.relowner",
    "UPDATE pg_class SET relowner = 4242 WHERE oid = 'stock.suppliers'::regclass;")
add("next partition missing", "partition-missing-next", "stock.readings",
    "CREATE TABLE stock.readings (at date NOT NULL, value integer NOT NULL, PRIMARY KEY (at)) PARTITION BY RANGE (at);"
    " DO $$ BEGIN EXECUTE format('CREATE TABLE stock.readings_now PARTITION OF stock.readings"
    " FOR VALUES FROM (%L) TO (%L)', current_date - 30, current_date + 1); END $$;")
add("collation that changed under an index", "collation-version", "collation stock.german",
    "CREATE COLLATION stock.german (provider = icu, locale = 'de');"
    " CREATE INDEX warehouses_name_german_idx ON stock.warehouses (name COLLATE stock.german);"
    " UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'german';")
add("table of somebody else's", "owner-differs", "stock.bins",
    "CREATE ROLE stranger; ALTER TABLE stock.bins OWNER TO stranger;")
add("name that must be quoted", "name-needs-quotes", '*Odd Name*',
    'CREATE TABLE stock."Odd Name" (id bigint PRIMARY KEY);')
add("sequence that starts over", "sequence-cycles", "stock.items_id_seq", "ALTER SEQUENCE stock.items_id_seq CYCLE;")
add("sequence that belongs to nothing", "sequence-unowned", "books.accounts_id_seq",
    "ALTER SEQUENCE books.accounts_id_seq OWNED BY NONE;")

add = batch("server", "shop")
add("table that was never analysed", "never-analysed", "shop.imports",
    "CREATE TABLE shop.imports (id bigint PRIMARY KEY) WITH (autovacuum_enabled = off);"
    " INSERT INTO shop.imports SELECT generate_series(1, 250000);")
add("autovacuum off", "autovacuum-off", "shop.imports", "SELECT 1;")
add("large table read from end to end", "index-missing", "shop.history",
    "CREATE TABLE shop.history (id bigint PRIMARY KEY, note integer) WITH (autovacuum_enabled = off);"
    " INSERT INTO shop.history SELECT i, 1 FROM generate_series(1, 110000) AS i; ANALYZE shop.history;"
    " SET max_parallel_workers_per_gather = 0; SELECT pg_stat_force_next_flush();"
    " DO $$ BEGIN FOR i IN 1..55 LOOP PERFORM count(*) FROM shop.history WHERE note = 2; END LOOP; END $$;")
add("statistics out of date", "statistics-stale", "shop.log",
    "CREATE TABLE shop.log (id bigint PRIMARY KEY) WITH (autovacuum_enabled = off);"
    " INSERT INTO shop.log SELECT generate_series(1, 100); ANALYZE shop.log;"
    " INSERT INTO shop.log SELECT generate_series(101, 120000);")
add("table full of dead rows", "dead-rows", "shop.queue",
    "CREATE TABLE shop.queue (id bigint PRIMARY KEY) WITH (autovacuum_enabled = off);"
    " INSERT INTO shop.queue SELECT generate_series(1, 120000); DELETE FROM shop.queue WHERE id > 1000;")
add("natural key that no index keeps unique", "unique-missing", "shop.products*sku*",
    "ALTER TABLE shop.products DROP CONSTRAINT products_sku_key; UPDATE shop.products SET sku = 'SKU-00001' WHERE id = 2;")
add("keys that differ only in case", "unique-case-or-space", "shop.customers*email*",
    "UPDATE shop.customers SET email = 'Customer1@Example.org' WHERE id = 2;")

add = batch("server", "ledgerflow")
add("column without statistics", "column-statistics-missing", "public.ledger_transaction",
    "ALTER TABLE ledger_transaction ADD COLUMN cleared boolean;")
add("duplicate under a unique index of an expression", "unique-violated", "public.ledger_tag (ledger_tag_name_lower_uniq)",
    "SELECT pg_temp.wreck_beside_index('ledger_tag_name_lower_uniq', 'ledger_tag',"
    " $$name = (SELECT upper(name) FROM ledger_tag ORDER BY id LIMIT 1)$$, 'true', 2);")

# --- the projects' own rules ------------------------------------------------------------------------

add = batch("rules", "avdaily")
for check, sql in [
        ("wallets-without-user", wreck("wallets", "user_id = 900000001", "true", 1)),
        ("savings-plans-without-user", wreck("savings_plans", "user_id = 900000002", "true", 1)),
        ("transactions-without-user", wreck("transactions", "user_id = 900000003", "true", 1)),
        ("group-members-without-group", wreck("group_members", "group_id = 900000004", "true", 1)),
        ("group-members-without-user", wreck("group_members", "user_id = 900000005", "true", 2)),
        ("negative-balances", wreck_check("wallets", "wallets_balance_not_negative", "balance = -1", "true", 2)),
        ("savings-plan-date-ranges", wreck_check("savings_plans", "savings_plans_dates_ordered",
                                                 "end_date = start_date - 1", "true", 2)),
        ("kyc-tiers", wreck("users", "kyc_tier = 77", "kyc_tier = 3")),
        ("kyc-balance-limits", wreck("wallets", "balance = 60000000", "true", 3)),
        ("group-member-counts", wreck("groups", "member_count = member_count + 1")),
        ("wallet-balances", wreck("wallets", "balance = balance + 0.01", "true", 4)),
        ("savings-plan-amounts", wreck("savings_plans", "saved_amount = saved_amount + 1", "true", 3)),
        ("user-analytics", wreck("user_analytics", "total_deposits = total_deposits + 1", "true", 2)),
        ("group-contributions", wreck("group_members", "total_contributed = total_contributed + 5", "true", 4)),
        ("contribution-transactions", wreck("contributions", "amount = amount + 5", "true", 4)),
        ("wallets-of-somebody-else", wreck("transactions", "wallet_id = wallet_id + 1", "true", 40)),
        ("missing-indexes", "DROP INDEX savings_plans_wallet_id_idx;"),
]:
    add("own rule", check, "*", sql)

add = batch("rules", "dordash")
for check, sql in [
        ("agenda-items-without-meeting", wreck("agenda_item", "meeting_id = 900000001", "true", 1)),
        ("uploads-without-agenda-item", wreck("fileupload", "agenda_item_id = 900000002", "true", 1)),
        ("rows-without-user", wreck("meeting", "created_by = 900000003", "true", 1)),
        ("role-of-agenda-items", wreck("agenda_item", "item_type = 'STUDENT_UPDATE'", "item_type = 'FACULTY_UPDATE'")),
        ("role-of-meeting-creators", wreck("meeting", "created_by = (SELECT id FROM \"user\" WHERE role = 'STUDENT' LIMIT 1)", "true", 2)),
        ("role-of-reviewers", wreck("registration_request", "reviewed_by = (SELECT id FROM \"user\" WHERE role = 'STUDENT' LIMIT 1)", "status = 'REJECTED'")),
        ("an-active-admin", "UPDATE \"user\" SET is_active = false WHERE role = 'ADMIN';"),
        ("registration-reviewed", wreck_check("registration_request", "registration_request_reviewed", "reviewed_at = NULL", "status = 'APPROVED'", 1)),
        ("registration-outcome", wreck("registration_request", "user_id = NULL", "status = 'APPROVED'", 2)),
        ("registration-already-user", wreck("registration_request", "username = 'student1'", "status = 'PENDING'")),
        ("meeting-times", wreck_check("meeting", "meeting_times_ordered", "end_time = start_time - interval '1 hour'", "true", 3)),
        ("meetings-overlap", "INSERT INTO meeting (title, meeting_type, location, start_time, end_time, created_by)"
         " SELECT 'Double booking', meeting_type, location, start_time + interval '10 minutes', end_time, created_by"
         " FROM meeting WHERE end_time > start_time ORDER BY id LIMIT 1;"),
        ("agenda-fits-meeting", wreck("agenda_item", "duration_minutes = 200", "true", 9)),
        ("agenda-order", wreck("agenda_item", "order_index = 40", "true", 14)),
        ("uploads-by-their-presenter", wreck("fileupload", "user_id = (SELECT id FROM \"user\" WHERE username = 'faculty2')", "true", 3)),
        ("data-types", wreck_check("fileupload", "fileupload_file_size", "file_size = 0", "true", 4)),
        ("enum-labels", "ALTER TYPE registrationstatus ADD VALUE 'WAITING';"),
]:
    add("own rule", check, "*", sql)

add = batch("rules", "ledgerflow")
for check, sql in [
        ("total-rows", "DELETE FROM ledger_transaction WHERE id = 1001;"),
        ("import-rows", "DELETE FROM ledger_transaction WHERE id = 1002;"),
        ("date-range", wreck("ledger_transaction", "date = date + 90", "true", 5)),
        ("months-without-rows", "UPDATE ledger_transaction SET date = date - 31 WHERE date >= '2025-02-01' AND date < '2025-03-01';"),
        ("amounts", wreck("ledger_transaction", "amount = 4000000", "true", 7)),
        ("amounts-of-statements", wreck("ledger_statement", "closing_balance = closing_balance + 0.01", "true", 3)),
        ("categories-present", wreck("ledger_transaction", "category_id = 900000001", "true", 8)),
        ("sources-present", wreck("ledger_transaction", "source = ''", "true", 9)),
        ("foreign-keys", wreck("ledger_transaction", "account_id = '00000000-dead-4000-8000-000000000009'", "true", 10)),
]:
    add("own rule", check, "*", sql)


# --- what is the same for every key, index and sequence ---------------------------------------------------

KEYS_SQL = """
SELECT coalesce(json_agg(json_build_object(
         'table', format('%I.%I', n.nspname, c.relname), 'display', n.nspname || '.' || c.relname,
         'name', k.conname, 'parent', k.confrelid::regclass::text, 'self', k.conrelid = k.confrelid,
         'partitioned', c.relkind = 'p', 'deferrable', k.condeferrable,
         'holder', (SELECT p.oid::regclass::text FROM pg_class p
                     WHERE p.oid = k.conrelid AND p.relkind = 'r'
                    UNION ALL
                    SELECT i.inhrelid::regclass::text FROM pg_inherits i WHERE i.inhparent = k.conrelid
                    LIMIT 1),
         'columns', (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL),
                                                       'required', a.attnotnull) ORDER BY o)
                       FROM unnest(k.conkey) WITH ORDINALITY AS x (number, o)
                       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.number))
         ORDER BY k.conrelid::regclass::text, k.conname), '[]')
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname <> 'pgkeel'
"""

# Unique indexes of plain columns, on tables with at least three rows.
UNIQUE_SQL = """
SELECT coalesce(json_agg(json_build_object(
         'index', format('%I.%I', n.nspname, x.relname), 'name', x.relname,
         'table', n.nspname || '.' || t.relname, 'primary', i.indisprimary,
         'composite', i.indnkeyatts > 1) ORDER BY 1), '[]')
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE i.indisunique AND x.relkind = 'i' AND t.relkind = 'r' AND i.indexprs IS NULL AND i.indpred IS NULL
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgkeel')
   AND t.reltuples >= 3
"""

SEQUENCES_SQL = """
SELECT coalesce(json_agg(json_build_object(
         'sequence', format('%I.%I', n.nspname, s.relname), 'name', n.nspname || '.' || s.relname,
         'type', q.seqtypid::regtype::text) ORDER BY 1), '[]')
  FROM pg_sequence q
  JOIN pg_class s ON s.oid = q.seqrelid
  JOIN pg_namespace n ON n.oid = s.relnamespace
  JOIN pg_depend d ON d.objid = s.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  JOIN pg_class t ON t.oid = d.refobjid AND (t.reltuples >= 3 OR t.relkind = 'p')
 WHERE n.nspname <> 'pgkeel' AND d.classid = 'pg_class'::regclass
"""

# Indexes without which a foreign key has none.
INDEXES_SQL = """
SELECT coalesce(json_agg(json_build_object(
         'index', i.index, 'table', i.table, 'relation', i.relation,
         'columns', i.columns) ORDER BY i.index), '[]')
  FROM (SELECT DISTINCT ON (1)
               format('%I.%I', n.nspname, x.relname) AS index, n.nspname || '.' || t.relname AS table,
               format('%I.%I', n.nspname, t.relname) AS relation,
               (SELECT json_agg(json_build_object('name', a.attname) ORDER BY o)
                  FROM unnest(k.conkey) WITH ORDINALITY AS z (number, o)
                  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = z.number) AS columns
  FROM pg_constraint k
  JOIN pg_class t ON t.oid = k.conrelid AND t.relkind = 'r'
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_index i ON i.indrelid = t.oid AND i.indnkeyatts >= cardinality(k.conkey) AND NOT i.indisunique
   AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
  JOIN pg_class x ON x.oid = i.indexrelid
 WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname <> 'pgkeel'
   AND NOT EXISTS (SELECT FROM pg_index o
                    WHERE o.indrelid = t.oid AND o.indexrelid <> i.indexrelid
                      AND (o.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
         ORDER BY 1, cardinality(k.conkey) DESC) i
"""


def nowhere(column, number):
    """A value that no row has."""
    kind = column["type"]
    if kind == "smallint":
        return str(30000 + number)
    if kind in ("integer", "bigint"):
        return str(900000000 + number)
    if kind == "uuid":
        return f"'00000000-dead-4000-8000-{number:012d}'"
    return f"'nowhere {number}'"


def key_object(table, columns):
    """What findings call a foreign key."""
    names = [column["name"] for column in columns]
    return f"{table}.{names[0]}" if len(names) == 1 else f"{table}.({', '.join(names)})"


def orphans(database, keys):
    """A row under every foreign key of the database that leads nowhere."""
    add = batch("orphans", database)
    for number, key in enumerate(keys):
        columns = key["columns"]
        if key["partitioned"]:
            kind = "orphan under the key of a partitioned table"
        elif len(columns) > 1:
            kind = "orphan under a key of several columns"
        elif key["self"]:
            kind = "orphan under a key to its own table"
        elif key["deferrable"]:
            kind = "orphan under a deferrable key"
        else:
            kind = "orphan under a valid key"
        # Of several columns the last one: the first is often shared (a tenant).
        column = columns[-1]
        condition = " AND ".join(f'"{c["name"]}" IS NOT NULL' for c in columns)
        add(kind, "fk-orphans", key_object(key["display"], columns),
            wreck(key["holder"], f'"{column["name"]}" = {nowhere(column, number)}', condition, number % 5))


def duplicates(database, indexes):
    add = batch("unique", database)
    for index in indexes:
        kind = ("duplicate under a primary key" if index["primary"] else
                "duplicate under a unique index of several columns" if index["composite"] else
                "duplicate under a unique index")
        add(kind, "unique-violated", f'{index["table"]} ({index["name"]})',
            f"SELECT pg_temp.duplicate('{index['index']}');")


def lagging(database, sequences):
    add = batch("indexes", database)
    for number, sequence in enumerate(sequences):
        called = number % 2 == 0
        add("sequence behind its column" + ("" if called else ", not called yet"), "sequence-behind",
            f'{sequence["name"]}', f"SELECT setval('{sequence['sequence']}', 1, {str(called).lower()});")


def unindexed(database, indexes):
    add = batch("indexes", database)
    for index in indexes:
        add("key without an index", "fk-unindexed", key_object(index["table"], index["columns"]),
            # As if the table were large: nobody misses an index on a small one.
            f"DROP INDEX {index['index']};"
            f" UPDATE pg_class SET reltuples = 1000000 WHERE oid = '{index['relation']}'::regclass;")


DERIVED = [(KEYS_SQL, orphans), (UNIQUE_SQL, duplicates), (SEQUENCES_SQL, lagging), (INDEXES_SQL, unindexed)]
