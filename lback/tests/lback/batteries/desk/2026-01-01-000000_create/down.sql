DROP TABLE desks;
