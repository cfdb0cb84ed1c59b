//! Requests that want the same of Redis at the same time ask together.
//!
//! A server asked one by one is busy with waking up, reading and answering, and hardly with sessions. So requests put down
//! what they want, and wait. Whatever waits is asked for at once; meanwhile the next gather.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use lback_core::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use crate::stores::tell;
use crate::wait;

/// The most that are asked for at once, so that the first of them does not wait for too many others.
const MOST: usize = 256;

/// Where requests put down what they want.
pub(super) struct Crowd<Q, A>(UnboundedSender<Asked<Q, A>>);

/// Where it is taken up.
pub(super) struct Waiting<Q, A>(Mutex<UnboundedReceiver<Asked<Q, A>>>);

struct Asked<Q, A> {
    question: Q,
    since: Instant,
    reply: oneshot::Sender<Result<A>>,
    /// Where the answer is waited for.
    runtime: Option<Handle>,
}

/// A crowd, and where what it wants is taken up.
pub(super) fn crowd<Q, A>() -> (Crowd<Q, A>, Waiting<Q, A>) {
    let (asking, asked) = unbounded_channel();
    (Crowd(asking), Waiting(Mutex::new(asked)))
}

impl<Q, A> Crowd<Q, A> {
    /// Asks, and waits for the answer, which comes in time, be it an error.
    pub(super) async fn ask(&self, question: Q) -> Result<A> {
        let (reply, answer) = oneshot::channel();
        let failed = || Error::unavailable("the thread that speaks to Redis has failed");
        self.0.send(Asked { question, since: Instant::now(), reply, runtime: wait::runtime() }).map_err(|_| failed())?;
        answer.await.map_err(|_| failed())?
    }
}

impl<Q: Send + 'static, A: Send + 'static> Waiting<Q, A> {
    /// Has whatever waits answered, until nobody can ask any more. `answer` is given the questions, and until when it may
    /// take, which is `patience` after the first of them was asked; it answers each of them.
    ///
    /// Several such loops may run at once: while one waits for its answers the other gathers.
    pub(super) async fn serve<F>(self: Rc<Self>, patience: Duration, answer: impl Fn(Vec<Q>, Instant) -> F)
    where
        F: Future<Output = Vec<Result<A>>> + 'static,
    {
        while let Some(batch) = self.gather().await {
            let until = batch[0].since + patience;
            let runtime = batch.iter().find_map(|asked| asked.runtime.clone());
            let (questions, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|asked| (asked.question, asked.reply)).unzip();
            // In a task of its own: a panic must not end what every session depends on. The replies then are dropped.
            let Ok(answers) = tokio::task::spawn_local(answer(questions, until)).await else { continue };
            tell::all(replies.len(), runtime, move || {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Nobody may be waiting any more.
                    let _ = reply.send(answer);
                }
            });
        }
    }

    /// Everything that waits, as soon as something does.
    async fn gather(&self) -> Option<Vec<Asked<Q, A>>> {
        let mut asked = self.0.lock().await;
        let mut batch = vec![asked.recv().await?];
        // Whoever woke this thread may be about to bring more, and have only this processor for it.
        std::thread::yield_now();
        while batch.len() < MOST
            && let Ok(next) = asked.try_recv()
        {
            batch.push(next);
        }
        Some(batch)
    }
}
