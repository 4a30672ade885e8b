"""What is broken from outside of SQL: files on disk, settings of the server, slots.

Files are changed while the server is stopped, with data checksums on first and then with checksums off,
where only what the page says of itself gives it away.
"""

import struct

from injections import Injection

PAGE = 8192
ITEMS = 24          # where the line pointers begin
NORMAL, REDIRECT = 1, 2

# One fault per file, so that the tables and indexes here are all different ones. Beside each: the
# database, what is changed, how.
CHECKSUMMED = [
    ("shop", "shop.addresses"), ("shop", "shop.reviews"), ("shop", "shop.payments"),
    ("shop", "shop.page_views_2025"), ("saas", "saas.comments"), ("saas", "saas.api_keys"),
    ("stock", "stock.movements"), ("stock", "books.invoice_lines"),
    ("shop", "shop.customers_pkey"), ("shop", "shop.products_sku_key"), ("shop", "shop.orders_number_key"),
    ("saas", "saas.tenants_slug_key"), ("saas", "saas.tasks_parent_task_id_idx"),
    ("stock", "stock.items_sku_key"), ("stock", "books.entries_reference_key"),
    ("stock", "stock.suppliers_vat_number_key"),
]


def flip(page):
    """A byte in the middle of what is used of the page."""
    upper = struct.unpack_from("<H", page, 14)[0]
    place = (upper + PAGE) // 2
    page[place] ^= 0xFF


def items(page):
    lower = struct.unpack_from("<H", page, 12)[0]
    return (lower - ITEMS) // 4


def item(page, number):
    """Offset, flags and length of a line pointer; numbers begin at 1."""
    word = struct.unpack_from("<I", page, ITEMS + 4 * (number - 1))[0]
    return word & 0x7FFF, word >> 15 & 3, word >> 17


def set_item(page, number, offset, flags, length):
    struct.pack_into("<I", page, ITEMS + 4 * (number - 1), offset | flags << 15 | length << 17)


def some_row(page):
    """The line pointer of a row somewhere in the page."""
    rows = [number for number in range(1, items(page) + 1) if item(page, number)[1] == NORMAL]
    return rows[len(rows) // 2]


def row_from_the_future(page):
    struct.pack_into("<I", page, item(page, some_row(page))[0], 0x7F000000)


def row_from_before_the_freeze(page):
    struct.pack_into("<I", page, item(page, some_row(page))[0], 3)


def row_with_too_many_columns(page):
    offset = item(page, some_row(page))[0] + 18
    mask = struct.unpack_from("<H", page, offset)[0]
    struct.pack_into("<H", page, offset, mask & ~0x7FF | 1600)


def pointer_that_leads_nowhere(page):
    set_item(page, some_row(page), 2000, REDIRECT, 0)


def header_that_contradicts_itself(page):
    struct.pack_into("<H", page, 12, 8000)
    struct.pack_into("<H", page, 14, 100)


def first_column_changed(page):
    """The first column of a row, an integer: its indexes know another value."""
    offset = item(page, some_row(page))[0]
    start = offset + page[offset + 22]
    page[start + 2] ^= 0x5A


def keys_out_of_order(page):
    first, last = 2, items(page)
    one, other = item(page, first), item(page, last)
    set_item(page, first, *other)
    set_item(page, last, *one)


def entry_lost(page):
    """The last entry of a leaf is cut off."""
    lower = struct.unpack_from("<H", page, 12)[0]
    struct.pack_into("<H", page, 12, lower - 4)


def page_of_zeros(page):
    page[:] = bytes(PAGE)


def meta_page_of_something_else(page):
    struct.pack_into("<I", page, 24, 0x00DEAD00)


UNSUMMED = [
    ("row from the future", "heap-corrupt", "shop", "shop.addresses", 0, row_from_the_future),
    ("row from the future", "heap-corrupt", "saas", "saas.comments", 1, row_from_the_future),
    ("row from before the freeze", "heap-corrupt", "shop", "shop.reviews", 0, row_from_before_the_freeze),
    ("row from before the freeze", "heap-corrupt", "stock", "stock.movements", 0, row_from_before_the_freeze),
    ("row with too many columns", "heap-corrupt", "shop", "shop.payments", 0, row_with_too_many_columns),
    ("row with too many columns", "heap-corrupt", "stock", "books.invoice_lines", 0, row_with_too_many_columns),
    ("line pointer that leads nowhere", "heap-corrupt", "shop", "shop.shipments", 0, pointer_that_leads_nowhere),
    ("line pointer that leads nowhere", "heap-corrupt", "stock", "books.entry_lines", 0, pointer_that_leads_nowhere),
    ("page header that contradicts itself", "heap-corrupt", "shop", "shop.coupons", 0, header_that_contradicts_itself),
    ("page header that contradicts itself", "heap-corrupt", "saas", "saas.api_keys", 0, header_that_contradicts_itself),
    ("value changed below its index", "btree-corrupt", "shop", "shop.categories", 0, first_column_changed),
    ("value changed below its index", "btree-corrupt", "stock", "books.accounts", 0, first_column_changed),
    ("index out of order", "btree-corrupt", "shop", "shop.products_sku_key", 1, keys_out_of_order),
    ("index out of order", "btree-corrupt", "stock", "stock.items_sku_key", 1, keys_out_of_order),
    ("entry lost from an index", "btree-corrupt", "shop", "shop.orders_number_key", 1, entry_lost),
    ("entry lost from an index", "btree-corrupt", "saas", "saas.tenants_slug_key", 1, entry_lost),
    ("index page of zeros", "btree-corrupt", "shop", "shop.customers_email_key", 1, page_of_zeros),
    ("index page of zeros", "btree-corrupt", "stock", "books.entries_reference_key", 1, page_of_zeros),
    ("index without its meta page", "btree-corrupt", "shop", "shop.orders_customer_id_idx", 0,
     meta_page_of_something_else),
    ("index without its meta page", "btree-corrupt", "saas", "saas.users_tenant_id_id_key", 0,
     meta_page_of_something_else),
]

EMPTIED = [("shop", "shop.order_items"), ("stock", "stock.bins"), ("saas", "saas.room_bookings_booked_by_idx")]
# Pages that no row needs: what is left of rows that were deleted long ago.
SWOLLEN = [("table-bloat", "shop", "shop.page_views_2024"), ("index-bloat", "shop", "shop.reviews_pkey")]


def path(proof, database, name):
    return proof.server.data / proof.server.psql(database, f"SELECT pg_relation_filepath('{name}');").strip()


def change(file, block, how):
    data = bytearray(file.read_bytes())
    page = bytearray(data[block * PAGE:(block + 1) * PAGE])
    before = bytes(page)
    how(page)
    assert bytes(page) != before and len(page) == PAGE, f"{file} stays as it is"
    data[block * PAGE:(block + 1) * PAGE] = page
    with open(file, "r+b") as handle:
        handle.write(data)


def copies(proof, suffix):
    proof.server.set_fsync("off")
    names = {}
    for name in ("shop", "saas", "stock"):
        names[name] = f"{name}_{suffix}"
        proof.server.copy(names[name], name)
    return names


def ask(proof, names, rows, found):
    """The outcome of every (row, Injection) in its database's report."""
    reports = {name: proof.check(name, database) for name, database in names.items()}
    return [(row, found(row, reports[row.database], proof.clean[row.database])) for row in rows]


def with_checksums(proof, found):
    names = copies(proof, "summed")
    files, rows = [], []
    for database, name in CHECKSUMMED:
        is_index = proof.server.psql(database, f"SELECT relkind FROM pg_class WHERE oid = '{name}'::regclass;").strip() == "i"
        files.append((path(proof, names[database], name), 1 if is_index else 0))
        rows.append(Injection("flipped byte, checksums on: " + ("index" if is_index else "table"), database,
                              "btree-corrupt" if is_index else "heap-corrupt", name, "", "pages"))
    proof.server.stop()
    for file, block in files:
        change(file, block, flip)
    proof.server.start()
    proof.server.set_fsync("on")
    return ask(proof, names, rows, found)


def without_checksums(proof, found):
    names = copies(proof, "unsummed")
    files, rows = [], []
    for kind, check, database, name, block, how in UNSUMMED:
        files.append((path(proof, names[database], name), block, how))
        target = name.split(".")[0] + ".*" if how is first_column_changed else name
        if how is first_column_changed:
            target = name + "_pkey"
        rows.append(Injection(kind + ", checksums off", database, check, target, "", "pages"))
    emptied = []
    for database, name in EMPTIED:
        emptied.append(path(proof, names[database], name))
        rows.append(Injection("file cut to nothing", database, "file-missing", name, "", "pages"))
    swollen = []
    for check, database, name in SWOLLEN:
        swollen.append(path(proof, names[database], name))
        rows.append(Injection("room that no row needs", database, check, name, "", "pages"))
    rows.append(Injection("checksums off", "stock", "checksums-off", "cluster", "", "pages"))
    proof.server.stop()
    proof.server.tool("pg_checksums", "--disable", "--no-sync", f"--pgdata={proof.server.data}")
    for file, block, how in files:
        change(file, block, how)
    for file in emptied:
        file.write_bytes(b"")
    for file in swollen:
        with open(file, "r+b") as handle:
            handle.truncate(128 << 20)
    proof.server.start()
    proof.server.set_fsync("on")
    return ask(proof, names, rows, found)


# Object, check, what makes it so, what takes it back. All are seen from every database.
SERVER_WIDE = [
    ("dangerous setting", "setting-fsync", "setting fsync", "SELECT 1;"),
    ("dangerous setting", "setting-full-page-writes", "setting full_page_writes",
     "ALTER SYSTEM SET full_page_writes = off;"),
    ("dangerous setting", "setting-zero-damaged-pages", "setting zero_damaged_pages",
     "ALTER SYSTEM SET zero_damaged_pages = on;"),
    ("dangerous setting", "setting-ignore-checksum-failure", "setting ignore_checksum_failure",
     "ALTER SYSTEM SET ignore_checksum_failure = on;"),
    ("dangerous setting", "setting-synchronous-commit", "setting synchronous_commit",
     "ALTER SYSTEM SET synchronous_commit = off;"),
    ("autovacuum off", "autovacuum-off", "setting autovacuum", "ALTER SYSTEM SET autovacuum = off;"),
    ("setting that waits for a restart", "setting-pending-restart", "setting max_connections",
     "ALTER SYSTEM SET max_connections = 90;"),
    ("slot that nobody reads", "slot-retaining-wal", "slot forgotten",
     "ALTER SYSTEM SET max_wal_size = '32MB';"
     " SELECT pg_create_physical_replication_slot('forgotten', true);"
     " SELECT pg_switch_wal(); CREATE TABLE filler_1 (); SELECT pg_switch_wal();"
     " CREATE TABLE filler_2 (); SELECT pg_switch_wal(); CREATE TABLE filler_3 (); SELECT pg_switch_wal();"),
    ("transaction numbers near their end", "wraparound-xid", "database worn",
     "CREATE DATABASE worn;"
     " UPDATE pg_database SET datfrozenxid = (SELECT ((txid_current() + 4294967296 - 1600000000)"
     " % 4294967296)::text::xid) WHERE datname = 'worn';"),
    ("transaction numbers near their end", "wraparound-multixact", "database worn_too",
     "CREATE DATABASE worn_too;"
     " UPDATE pg_database SET datminmxid = (4294967296 - 1600000000)::text::xid WHERE datname = 'worn_too';"),
]


def server_wide(proof, found):
    rows = []
    # Those of transaction numbers last, with autovacuum off: it would put them right at once.
    for kind, check, target, sql in sorted(SERVER_WIDE, key=lambda row: row[1].startswith("wraparound")):
        if check.startswith("wraparound"):
            proof.server.set_fsync("off")
        proof.server.psql("postgres", "SET allow_system_table_mods = on;\n" + sql.replace("; ", ";\n"))
        rows.append(Injection(kind, "stock", check, target, sql, "pages"))
    names = {"stock": "stock_wide"}
    proof.server.copy("stock_wide", "stock")
    outcome = ask(proof, names, rows, found)
    proof.server.psql("postgres", "SELECT pg_drop_replication_slot('forgotten');\nDROP DATABASE worn;\n"
                                  "DROP DATABASE worn_too;\nALTER SYSTEM RESET ALL;\nSELECT pg_reload_conf();")
    return outcome


def run(proof, found):
    return with_checksums(proof, found) + server_wide(proof, found) + without_checksums(proof, found)
