-- A warehouse and its books: bigint keys from sequences, stock that is the sum of its movements, a
-- journal whose entries come to nothing, hash partitions, keys of two columns that may be NULL. Made up
-- for the proof of the integrity checks; nothing in it is wrong. Loads into an empty database; the same
-- rows every time.

CREATE SCHEMA stock;
CREATE SCHEMA books;
SET search_path = stock, books;
SET timezone = 'UTC';

CREATE DOMAIN stock.money_amount AS numeric(14,2) CONSTRAINT money_amount_is_number CHECK (VALUE <> 'NaN');
CREATE TYPE stock.movement_kind AS ENUM ('receipt', 'issue', 'transfer', 'correction');
CREATE TYPE books.account_kind AS ENUM ('asset', 'liability', 'income', 'expense');

CREATE TABLE stock.warehouses (
    id bigserial PRIMARY KEY,
    code text NOT NULL CONSTRAINT warehouses_code_key UNIQUE,
    name text NOT NULL,
    opened_on date NOT NULL,
    closed_on date,
    CONSTRAINT warehouses_dates CHECK (closed_on >= opened_on)
);

CREATE TABLE stock.bins (
    warehouse_id bigint NOT NULL CONSTRAINT bins_warehouse_id_fkey REFERENCES stock.warehouses (id),
    code text NOT NULL,
    capacity integer NOT NULL,
    PRIMARY KEY (warehouse_id, code),
    CONSTRAINT bins_capacity_check CHECK (capacity > 0)
);

CREATE TABLE stock.suppliers (
    id bigserial PRIMARY KEY,
    name text NOT NULL CONSTRAINT suppliers_name_key UNIQUE,
    vat_number text NOT NULL CONSTRAINT suppliers_vat_number_key UNIQUE,
    contract_start date NOT NULL,
    contract_end date
);

CREATE TABLE stock.items (
    id bigserial PRIMARY KEY,
    sku text NOT NULL CONSTRAINT items_sku_key UNIQUE,
    name text NOT NULL,
    supplier_id bigint NOT NULL CONSTRAINT items_supplier_id_fkey REFERENCES stock.suppliers (id),
    replaced_by bigint CONSTRAINT items_replaced_by_fkey REFERENCES stock.items (id),
    default_warehouse_id bigint,
    default_bin_code text,
    unit_cost stock.money_amount NOT NULL,
    quantity_on_hand integer NOT NULL DEFAULT 0,
    movement_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT items_default_bin_fkey FOREIGN KEY (default_warehouse_id, default_bin_code)
        REFERENCES stock.bins (warehouse_id, code),
    CONSTRAINT items_unit_cost_check CHECK (unit_cost >= 0)
);
CREATE INDEX items_supplier_id_idx ON stock.items (supplier_id);
CREATE INDEX items_replaced_by_idx ON stock.items (replaced_by);
CREATE INDEX items_default_bin_idx ON stock.items (default_warehouse_id, default_bin_code);

CREATE TABLE stock.movements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id bigint NOT NULL CONSTRAINT movements_item_id_fkey REFERENCES stock.items (id),
    warehouse_id bigint NOT NULL CONSTRAINT movements_warehouse_id_fkey REFERENCES stock.warehouses (id),
    kind stock.movement_kind NOT NULL,
    quantity integer NOT NULL,
    moved_at timestamptz NOT NULL,
    document jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT movements_quantity_check CHECK (quantity <> 0)
);
CREATE INDEX movements_item_id_idx ON stock.movements (item_id);
CREATE INDEX movements_warehouse_id_idx ON stock.movements (warehouse_id);

CREATE TABLE stock.serial_numbers (
    number text NOT NULL,
    item_id bigint NOT NULL CONSTRAINT serial_numbers_item_id_fkey REFERENCES stock.items (id),
    received_on date NOT NULL,
    PRIMARY KEY (number)
) PARTITION BY HASH (number);
CREATE TABLE stock.serial_numbers_0 PARTITION OF stock.serial_numbers FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE stock.serial_numbers_1 PARTITION OF stock.serial_numbers FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX serial_numbers_item_id_idx ON stock.serial_numbers (item_id);

CREATE TABLE books.accounts (
    id bigserial PRIMARY KEY,
    code text NOT NULL CONSTRAINT accounts_code_key UNIQUE,
    name text NOT NULL,
    kind books.account_kind NOT NULL,
    balance stock.money_amount NOT NULL DEFAULT 0
);

CREATE TABLE books.entries (
    id bigserial PRIMARY KEY,
    reference text NOT NULL CONSTRAINT entries_reference_key UNIQUE,
    posted_at timestamptz NOT NULL,
    reverses_id bigint CONSTRAINT entries_reverses_id_fkey REFERENCES books.entries (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entries_reverses_id_idx ON books.entries (reverses_id);

-- Debits are positive, credits negative; those of one entry come to nothing.
CREATE TABLE books.entry_lines (
    id bigserial PRIMARY KEY,
    entry_id bigint NOT NULL CONSTRAINT entry_lines_entry_id_fkey REFERENCES books.entries (id),
    account_id bigint NOT NULL CONSTRAINT entry_lines_account_id_fkey REFERENCES books.accounts (id),
    amount stock.money_amount NOT NULL,
    CONSTRAINT entry_lines_amount_check CHECK (amount <> 0)
);
CREATE INDEX entry_lines_entry_id_idx ON books.entry_lines (entry_id);
CREATE INDEX entry_lines_account_id_idx ON books.entry_lines (account_id);

CREATE TABLE books.invoices (
    id bigserial PRIMARY KEY,
    number integer NOT NULL CONSTRAINT invoices_number_key UNIQUE,
    supplier_id bigint NOT NULL CONSTRAINT invoices_supplier_id_fkey REFERENCES stock.suppliers (id),
    entry_id bigint NOT NULL CONSTRAINT invoices_entry_id_key UNIQUE
        CONSTRAINT invoices_entry_id_fkey REFERENCES books.entries (id),
    subtotal stock.money_amount NOT NULL,
    tax stock.money_amount NOT NULL,
    total stock.money_amount NOT NULL GENERATED ALWAYS AS (subtotal::numeric + tax::numeric) STORED,
    issued_on date NOT NULL,
    due_on date NOT NULL,
    CONSTRAINT invoices_amounts_check CHECK (subtotal > 0 AND tax >= 0)
);
CREATE INDEX invoices_supplier_id_idx ON books.invoices (supplier_id);

CREATE TABLE books.invoice_lines (
    invoice_id bigint NOT NULL CONSTRAINT invoice_lines_invoice_id_fkey REFERENCES books.invoices (id),
    line_number integer NOT NULL,
    item_id bigint NOT NULL CONSTRAINT invoice_lines_item_id_fkey REFERENCES stock.items (id),
    quantity integer NOT NULL,
    amount stock.money_amount NOT NULL,
    PRIMARY KEY (invoice_id, line_number),
    CONSTRAINT invoice_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT invoice_lines_amount_check CHECK (amount > 0)
);
CREATE INDEX invoice_lines_item_id_idx ON books.invoice_lines (item_id);

-- The rows ------------------------------------------------------------------------------------------

INSERT INTO stock.warehouses (code, name, opened_on, closed_on)
SELECT 'W' || i, 'Warehouse ' || i, date '2020-01-01' + i * 100,
       CASE WHEN i = 6 THEN date '2024-06-30' END
  FROM generate_series(1, 6) AS i;
INSERT INTO stock.bins (warehouse_id, code, capacity)
SELECT w, 'B' || lpad(b::text, 2, '0'), 10 * b FROM generate_series(1, 6) AS w, generate_series(1, 8) AS b;
INSERT INTO stock.suppliers (name, vat_number, contract_start, contract_end)
SELECT 'Supplier ' || i, 'XX' || 100000 + i * 37, date '2022-01-01' + i * 20,
       CASE WHEN i % 2 = 0 THEN date '2024-01-01' + i * 20 END
  FROM generate_series(1, 20) AS i;
INSERT INTO stock.items (sku, name, supplier_id, replaced_by, default_warehouse_id, default_bin_code, unit_cost,
                         created_at, updated_at)
SELECT 'I-' || lpad(i::text, 4, '0'), 'Item ' || i, 1 + i % 20, CASE WHEN i % 15 = 0 THEN i - 7 END,
       CASE WHEN i % 3 > 0 THEN 1 + i % 6 END, CASE WHEN i % 3 > 0 THEN 'B0' || 1 + i % 8 END, 2.5 + i * 1.1,
       at, at + interval '1 day'
  FROM generate_series(1, 90) AS i
 CROSS JOIN LATERAL (SELECT timestamptz '2023-03-01 07:00+00' + i * interval '9 hours' AS at) t;
INSERT INTO stock.movements (item_id, warehouse_id, kind, quantity, moved_at, document)
SELECT 1 + i % 90, 1 + i % 6,
       (ARRAY['receipt', 'receipt', 'issue', 'transfer', 'correction'])[1 + i / 90]::stock.movement_kind,
       (ARRAY[40, 25, -12, 6, -1])[1 + i / 90], timestamptz '2023-06-01 07:00+00' + i * interval '8 hours',
       jsonb_build_object('document', 'D' || i)
  FROM generate_series(0, 449) AS i;
INSERT INTO stock.serial_numbers (number, item_id, received_on)
SELECT 'SN' || 10000 + i * 3, 1 + i % 90, date '2023-07-01' + i FROM generate_series(1, 120) AS i;
UPDATE stock.items i
   SET quantity_on_hand = s.quantity, movement_count = s.movements
  FROM (SELECT item_id, sum(quantity) AS quantity, count(*) AS movements FROM stock.movements GROUP BY 1) s
 WHERE s.item_id = i.id;
INSERT INTO books.accounts (code, name, kind)
SELECT (1000 + i * 100)::text, 'Account ' || i, (ARRAY['asset', 'liability', 'income', 'expense'])[1 + i % 4]::books.account_kind
  FROM generate_series(1, 12) AS i;
INSERT INTO books.entries (reference, posted_at, reverses_id, created_at, updated_at)
SELECT 'E-' || lpad(i::text, 5, '0'), at, CASE WHEN i % 25 = 0 THEN i - 1 END, at, at + interval '1 hour'
  FROM generate_series(1, 100) AS i
 CROSS JOIN LATERAL (SELECT timestamptz '2024-01-03 10:00+00' + i * interval '31 hours' AS at) t;
INSERT INTO books.entry_lines (entry_id, account_id, amount)
SELECT e, 1 + (e * 5 + l) % 12,
       CASE l WHEN 1 THEN 100 + e WHEN 2 THEN -60 ELSE -(40 + e) END
  FROM generate_series(1, 100) AS e, generate_series(1, 3) AS l;
UPDATE books.accounts a
   SET balance = (SELECT coalesce(sum(l.amount), 0) FROM books.entry_lines l WHERE l.account_id = a.id);
INSERT INTO books.invoices (number, supplier_id, entry_id, subtotal, tax, issued_on, due_on)
SELECT 2024000 + i, 1 + i % 20, i, 10 * (1 + i % 3) * (i + 2 * (1 + i % 3)), 5 + i, date '2024-02-01' + i, date '2024-03-02' + i
  FROM generate_series(1, 60) AS i;
INSERT INTO books.invoice_lines (invoice_id, line_number, item_id, quantity, amount)
SELECT i, l, 1 + (i * 7 + l) % 90, 1 + l, 10 * (i + 2 * (1 + i % 3)) FROM generate_series(1, 60) AS i, generate_series(1, 1 + i % 3) AS l;
