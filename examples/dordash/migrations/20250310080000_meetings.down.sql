DROP TABLE fileupload;
DROP TABLE agenda_item;
DROP TABLE meeting;
DROP TYPE agendaitemtype;
DROP TYPE meetingtype;
