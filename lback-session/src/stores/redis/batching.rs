//! Requests that want the same of Redis at the same time ask together.
//!
//! A server asked one by one is busy with waking up, reading and answering, and hardly with sessions. So requests put down
//! what they want, and wait. Whatever waits is asked for at once; meanwhile the next gather.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use lback_core::{Error, Result, blocking};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use crate::stores::wake;

/// The most that are asked for at once, so that the first of them does not wait for too many others.
const MOST: usize = 256;

/// Where requests put down what they want.
pub(super) struct Crowd<Q, A> {
    asking: UnboundedSender<Asked<Q, A>>,
    patience: Duration,
}

/// Where it is taken up.
pub(super) struct Waiting<Q, A> {
    asked: Mutex<UnboundedReceiver<Asked<Q, A>>>,
    patience: Duration,
}

struct Asked<Q, A> {
    question: Q,
    since: Instant,
    reply: Reply<A>,
}

/// Where an answer goes.
pub(super) struct Reply<A> {
    to: oneshot::Sender<Result<A>>,
    /// Where it is waited for.
    runtime: Option<Handle>,
}

/// A crowd of requests that wait for so long, and where what they want is taken up.
pub(super) fn crowd<Q, A>(patience: Duration) -> (Crowd<Q, A>, Waiting<Q, A>) {
    let (asking, asked) = unbounded_channel();
    (Crowd { asking, patience }, Waiting { asked: Mutex::new(asked), patience })
}

impl<Q, A> Crowd<Q, A> {
    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, question: Q) -> Result<A> {
        let (to, answer) = oneshot::channel();
        let failed = || Error::unavailable("the thread that speaks to Redis has failed");
        let reply = Reply { to, runtime: blocking::runtime() };
        self.asking.send(Asked { question, since: Instant::now(), reply }).map_err(|_| failed())?;
        // A command waits outside of any runtime. The answer comes in time, be it an error.
        if Handle::try_current().is_err() {
            return answer.await.map_err(|_| failed())?;
        }
        // So it does here, unless something else keeps the thread.
        match tokio::time::timeout(self.patience * 2, answer).await {
            Ok(answer) => answer.map_err(|_| failed())?,
            Err(_) => Err(Error::unavailable("the thread that speaks to Redis is busy. Does an `update` of a session wait for something?")),
        }
    }
}

impl<Q: 'static, A: 'static> Waiting<Q, A> {
    /// Has whatever waits answered, until nobody can ask any more. `answer` is given the questions with where the answers go,
    /// and until when it may take, which is counted from when the first of them was asked.
    ///
    /// Several such loops may run at once: while one waits for its answers the other gathers.
    pub(super) async fn serve<F>(self: Rc<Self>, answer: impl Fn(Vec<(Q, Reply<A>)>, Instant) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        while let Some(batch) = self.gather().await {
            let until = batch[0].since + self.patience;
            let questions = batch.into_iter().map(|asked| (asked.question, asked.reply)).collect();
            // In a task of its own: a panic must not end what every session depends on. The replies then are dropped.
            let _ = tokio::task::spawn_local(answer(questions, until)).await;
        }
    }

    /// Everything that waits, as soon as something does.
    async fn gather(&self) -> Option<Vec<Asked<Q, A>>> {
        let mut asked = self.asked.lock().await;
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

/// Tells each its answer. Nobody may be waiting any more.
pub(super) fn reply<A: Send + 'static>(answers: Vec<(Reply<A>, Result<A>)>) {
    let runtime = answers.iter().find_map(|(reply, _)| reply.runtime.clone());
    wake::all(answers.len(), runtime, move || answers.into_iter().for_each(|(reply, answer)| drop(reply.to.send(answer))));
}
