-- Logical replication, both ends.  A database with a subscription is not dropped until that is gone.
SET client_min_messages = error; -- wal_level is of no interest here
CREATE PUBLICATION pub_all FOR ALL TABLES;
CREATE PUBLICATION "pub ""odd"" some" FOR TABLE tables.tree, ONLY tables.parent_a, "select"."table" WITH (publish = 'insert, truncate');
CREATE PUBLICATION pub_root FOR TABLE tables.by_range WITH (publish = 'insert, update, delete', publish_via_partition_root = true);
CREATE PUBLICATION pub_empty;
ALTER PUBLICATION pub_root OWNER TO postgres;
COMMENT ON PUBLICATION pub_empty IS 'a publication of nothing';
CREATE SUBSCRIPTION torture_sub CONNECTION 'host=nowhere.invalid dbname=none user=sub password=torture-secret-51d0 application_name=''a b''' PUBLICATION "pub ""odd""", other
  WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE, synchronous_commit = 'off');
COMMENT ON SUBSCRIPTION torture_sub IS 'never connects';
SET client_min_messages = warning;
