"""Between a file and the tables: rows are copied into temporary tables and merged from there with SQL."""
