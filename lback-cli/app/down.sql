DROP TABLE __APP___items;
