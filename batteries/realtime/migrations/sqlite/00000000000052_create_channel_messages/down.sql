DROP TABLE channel_processes;
DROP TABLE channel_members;
DROP TABLE channel_messages;
