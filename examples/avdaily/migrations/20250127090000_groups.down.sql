DROP TABLE group_members;
DROP TABLE groups;
DROP TYPE group_role;
DROP TYPE group_status;
