DROP TABLE job_counts;
DROP TABLE job_schedules;
DROP TABLE job_batches;
DROP TABLE job_queue;
DROP FUNCTION job_queue_wake();
