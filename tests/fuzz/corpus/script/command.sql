SELECT $1$ \c
\! x