-- Messages of channels, written in the transaction of their request. Their ids may become visible in a different order, as transactions
-- commit in any order. Notices arrive in the order of the commits. Times are UTC.
CREATE TABLE channel_messages (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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

-- Tells the processes that a message has been committed. Those with subscribers of its channel read it.
CREATE FUNCTION channel_messages_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lback_channels', NEW.id || ' ' || NEW.channel);
    RETURN NULL;
END
$$;
CREATE TRIGGER channel_messages_notify AFTER INSERT ON channel_messages FOR EACH ROW EXECUTE FUNCTION channel_messages_notify();
