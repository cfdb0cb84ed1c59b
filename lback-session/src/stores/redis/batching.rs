//! Batches requests to Redis.
//!
//! With one command per request, a server spends its time on waking up, reading and answering, and hardly any on sessions. So requests
//! queue their reads and writes, and wait. Everything in the queue is sent together, and meanwhile the queue fills again.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use lback_core::{Error, Result, blocking};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use crate::stores::wake;

/// Maximum size of a batch, so that the first request does not wait for too many others.
const MOST: usize = 256;

/// The sending end of the queue.
pub(super) struct Batching<Q, A> {
    asking: UnboundedSender<Asked<Q, A>>,
    patience: Duration,
}

/// The receiving end of the queue.
pub(super) struct Waiting<Q, A> {
    asked: Mutex<UnboundedReceiver<Asked<Q, A>>>,
    patience: Duration,
}

struct Asked<Q, A> {
    question: Q,
    since: Instant,
    reply: Reply<A>,
}

/// The receiver of an answer.
pub(super) struct Reply<A> {
    to: oneshot::Sender<Result<A>>,
    /// The runtime of the waiting request.
    runtime: Option<Handle>,
}

/// Returns the two ends of a queue whose requests wait for this long.
pub(super) fn batching<Q, A>(patience: Duration) -> (Batching<Q, A>, Waiting<Q, A>) {
    let (asking, asked) = unbounded_channel();
    (Batching { asking, patience }, Waiting { asked: Mutex::new(asked), patience })
}

impl<Q, A> Batching<Q, A> {
    /// Sends a question, and waits for the answer.
    pub(super) async fn ask(&self, question: Q) -> Result<A> {
        let (to, answer) = oneshot::channel();
        let failed = || Error::unavailable("the thread that talks to Redis has failed");
        let reply = Reply { to, runtime: blocking::runtime() };
        self.asking.send(Asked { question, since: Instant::now(), reply }).map_err(|_| failed())?;
        // A command waits outside of a runtime. The answer, or an error, comes in time.
        if Handle::try_current().is_err() {
            return answer.await.map_err(|_| failed())?;
        }
        // The same holds here, unless something else blocks the thread.
        match tokio::time::timeout(self.patience * 2, answer).await {
            Ok(answer) => answer.map_err(|_| failed())?,
            Err(_) => Err(Error::unavailable(
                "the thread that talks to Redis is busy. An `update` of a session may be waiting for something: it must only compute",
            )),
        }
    }
}

impl<Q: 'static, A: 'static> Waiting<Q, A> {
    /// Answers batches until all senders are gone. `answer` gets the questions with the receivers of their answers, and the deadline,
    /// which is counted from the first question.
    ///
    /// Several of these loops may run at once: while one waits for answers, the other collects questions.
    pub(super) async fn serve<F>(self: Rc<Self>, answer: impl Fn(Vec<(Q, Reply<A>)>, Instant) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        while let Some(batch) = self.gather().await {
            let until = batch[0].since + self.patience;
            let questions = batch.into_iter().map(|asked| (asked.question, asked.reply)).collect();
            // In a task of its own: a panic must not end the loop that all sessions depend on. The replies are dropped then.
            let _ = tokio::task::spawn_local(answer(questions, until)).await;
        }
    }

    /// Waits for questions, and takes all of them.
    async fn gather(&self) -> Option<Vec<Asked<Q, A>>> {
        let mut asked = self.asked.lock().await;
        let mut batch = vec![asked.recv().await?];
        // The thread that woke this one may be about to send more, and may share its processor.
        std::thread::yield_now();
        while batch.len() < MOST
            && let Ok(next) = asked.try_recv()
        {
            batch.push(next);
        }
        Some(batch)
    }
}

/// Sends the answers. The requests may have been given up.
pub(super) fn reply<A: Send + 'static>(answers: Vec<(Reply<A>, Result<A>)>) {
    let runtime = answers.iter().find_map(|(reply, _)| reply.runtime.clone());
    wake::all(answers.len(), runtime, move || answers.into_iter().for_each(|(reply, answer)| drop(reply.to.send(answer))));
}
