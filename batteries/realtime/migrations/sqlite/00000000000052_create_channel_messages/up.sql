-- Messages of channels, written in the transaction of their request. An id is never reused (AUTOINCREMENT). There is one writer
-- at a time, so the ids are in the order of the commits. Times are UTC.
CREATE TABLE channel_messages (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    name TEXT,
    payload TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE INDEX channel_messages_channel ON channel_messages (channel, id);

-- The members that a process has in a channel, while its lease lasts.
CREATE TABLE channel_members (
    process TEXT NOT NULL,
    channel TEXT NOT NULL,
    member TEXT NOT NULL,
    label TEXT NOT NULL,
    joined_at TIMESTAMP NOT NULL,
    PRIMARY KEY (channel, member, process)
);

CREATE INDEX channel_members_process ON channel_members (process);

CREATE TABLE channel_processes (
    process TEXT NOT NULL PRIMARY KEY,
    lease_until TIMESTAMP NOT NULL
);
