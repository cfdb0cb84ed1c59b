//! [`Job`], a kind of work that is done outside of requests.

use std::time::Duration;

use lback_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::JobContext;

/// The default of [`Job::MAX_ATTEMPTS`].
pub(crate) const MAX_ATTEMPTS: u32 = 10;

/// The pause after the first failed attempt. It doubles with each further one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// Returns `first`, doubled with each failed attempt after the first, up to `longest`: for [`Job::pause`].
///
/// ```
/// use std::time::Duration;
///
/// use lback::jobs::doubled_pause;
///
/// let pause = |attempts| doubled_pause(Duration::from_secs(10), attempts, Duration::from_secs(60)).as_secs();
/// assert_eq!([1, 2, 3, 4].map(pause), [10, 20, 40, 60]);
/// ```
pub fn doubled_pause(first: Duration, attempts: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(longest)
}

/// Returns the default of [`Job::pause`].
pub(crate) fn default_pause(attempts: u32) -> Duration {
    doubled_pause(FIRST_PAUSE, attempts, LONGEST_PAUSE)
}

/// A kind of work that is done outside of requests. Its fields are stored as JSON until it runs.
///
/// ```no_run
/// use lback::prelude::*;
/// # lback::diesel::table! { orders (id) { id -> BigInt, is_invoiced -> Bool, } }
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct SendInvoice {
///     order_id: i64,
/// }
///
/// impl Job for SendInvoice {
///     const NAME: &'static str = "send_invoice";
///
///     fn run(self, job: &mut JobContext) -> Result<()> {
///         let order = orders::table.find(self.order_id);
///         diesel::update(order).set(orders::is_invoiced.eq(true)).execute(job.db()?)?;
///         Ok(())
///     }
/// }
///
/// fn order(req: &mut Request) -> Result<()> {
///     req.enqueue(SendInvoice { order_id: 7 })?;
///     Ok(())
/// }
///
/// fn main() {
///     App::new(Router::new().post("/order", order)).jobs(jobs![SendInvoice]).main()
/// }
/// ```
///
/// # Guarantees
///
/// A job is stored in the transaction of the request that enqueues it, so it runs if that is committed, and only then. What the job
/// writes with [`job.db()`](JobContext::db) and the mark that it is done are one transaction: these changes are made exactly once,
/// whatever fails. Everything else that a job does, such as a call of another server, may be done more than once: when a process dies,
/// its jobs run again. Pass [`JobContext::key`] to servers that accept an idempotency key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a job",
    label = "does not implement `Job`",
    note = "derive serde's `Serialize` and `Deserialize`, and write: impl Job for {Self} {{ const NAME: &'static str = \"…\"; fn run(self, job: &mut JobContext) -> Result<()> {{ … }} }}"
)]
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The name under which jobs of this type are stored. Jobs that wait under an earlier name fail after it has been changed.
    const NAME: &'static str;

    /// The queue, unless [`queue`](crate::JobOptions::queue) names another one. `JOBS_QUEUES` in the settings limits how many jobs of a
    /// queue run at the same time.
    const QUEUE: &'static str = "default";

    /// Maximum number of jobs of [`QUEUE`](Self::QUEUE) that run at the same time in all processes, unless `JOBS_QUEUES` in the settings
    /// sets another one. If the types of a queue differ, the smallest limit holds.
    const QUEUE_LIMIT: Option<u32> = None;

    /// Maximum number of attempts. After the last one, the job is kept as failed for `JOBS_KEEP_FAILED_DAYS` and can be retried by hand.
    /// The ten attempts of the default take about an hour and a half.
    const MAX_ATTEMPTS: u32 = MAX_ATTEMPTS;

    /// The time limit of an attempt. After it, the attempt counts as failed, and nothing that it has written is saved.
    const TIMEOUT: Duration = Duration::from_secs(600);

    /// Maximum size of the job's data as JSON, in bytes. Store larger data in a table or a file, and its id in the job.
    const MAX_BYTES: usize = 256 * 1024;

    /// The time for which a job can still be found by its id after it has succeeded. By default, it is deleted at once.
    const KEEP: Duration = Duration::ZERO;

    /// Returns the pause after this number of failed attempts. It is varied by up to a quarter, so that jobs that failed at the same
    /// time are not all retried at the same time.
    ///
    /// By default, the pauses are 10, 20, 40 seconds and so on, up to six hours.
    fn pause(attempts: u32) -> Duration {
        default_pause(attempts)
    }

    /// Does the work, on a thread that may block.
    ///
    /// # Errors
    /// An error, or a panic, undoes what was written with [`job.db()`](JobContext::db), and the job is retried after a
    /// [pause](Self::pause). [`JobContext::give_up`] returns an error after which it is not retried.
    fn run(self, job: &mut JobContext) -> Result<()>;
}
