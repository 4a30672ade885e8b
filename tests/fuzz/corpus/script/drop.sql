SET standard_conforming_strings = off; SELECT '\'';
/* /* */ " */
DROP /**/ database"x";
