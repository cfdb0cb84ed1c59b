-- Jobs, written in the transaction of their request. A row is deleted when its job has succeeded, unless it is kept until
-- keep_until. An id is never reused (AUTOINCREMENT), so that a worker that was suspended does not end another job. Times are UTC.
CREATE TABLE job_queue (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    payload TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    -- A waiting job becomes ready at due_at. A blocked job waits for the end of another with its lock_key.
    state TEXT NOT NULL CHECK (state IN ('waiting', 'ready', 'blocked', 'running', 'done', 'failed')),
    due_at TIMESTAMP NOT NULL,
    attempts INTEGER NOT NULL,
    worker TEXT,
    -- The time after which the worker of a running job is considered dead.
    lease_until TIMESTAMP,
    unique_key TEXT,
    unique_until TIMESTAMP,
    unique_while_waiting BOOLEAN NOT NULL,
    lock_key TEXT,
    batch_id BIGINT,
    -- The batch after which this job runs.
    after_batch BIGINT,
    is_cancelled BOOLEAN NOT NULL,
    progress TEXT,
    last_error TEXT,
    keep_until TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);

CREATE INDEX job_queue_ready ON job_queue (state, queue, priority DESC, id);
CREATE INDEX job_queue_due ON job_queue (state, due_at);
CREATE UNIQUE INDEX job_queue_unique ON job_queue (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX job_queue_lock ON job_queue (lock_key, state, priority DESC, id) WHERE lock_key IS NOT NULL;
CREATE UNIQUE INDEX job_queue_one_at_a_time ON job_queue (lock_key) WHERE lock_key IS NOT NULL AND state = 'running';

-- Batches of jobs, with the job that runs after them, as JSON.
CREATE TABLE job_batches (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    total INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    next_job TEXT,
    created_at TIMESTAMP NOT NULL
);

-- The last time for which each schedule has enqueued its job.
CREATE TABLE job_schedules (
    name TEXT NOT NULL PRIMARY KEY,
    last_due TIMESTAMP NOT NULL
);

-- Numbers of ended jobs per hour.
CREATE TABLE job_counts (
    name TEXT NOT NULL,
    hour TIMESTAMP NOT NULL,
    done BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (name, hour)
);
