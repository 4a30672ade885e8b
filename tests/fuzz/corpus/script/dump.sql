--
-- PostgreSQL database dump
--
\restrict abc
SET standard_conforming_strings = on;
CREATE TABLE t (a text);
COPY public.t (a) FROM stdin;
\\c
'$$
\.
SELECT E'it''s \' \c', $x$ $$ \c $x$;
-- PostgreSQL database dump complete
\unrestrict abc
