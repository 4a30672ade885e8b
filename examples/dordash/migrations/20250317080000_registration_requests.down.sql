DROP TABLE registration_request;
DROP TYPE registrationstatus;
