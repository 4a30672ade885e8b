DROP TABLE "user";
DROP FUNCTION touch_updated_at();
DROP TYPE userrole;
