DROP TABLE admin_views;
