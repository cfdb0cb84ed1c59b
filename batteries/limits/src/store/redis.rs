//! Counts in Redis.

use std::time::Duration;

use lback_core::{Error, Result};
use redis::{Client, Connection, RedisError, Script};

use super::shared::{Ask, Backend};
use crate::gcra::Verdict;

/// Counts a request. The arguments are the state after a first request, the interval, the latest state that is allowed, and the milliseconds
/// that the count is kept.
const TAKE: &str = "
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if known + tonumber(ARGV[2]) > tonumber(ARGV[3]) then
    return {0, known}
end
local full_at = math.max(known + tonumber(ARGV[2]), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', ARGV[4])
return {1, full_at}";

/// The most requests that are sent together.
const BATCH: usize = 256;
/// How much longer a count is kept than it says anything, in milliseconds, as clocks differ.
const GRACE: i64 = 60_000;
/// The longest time for which a count is kept, in milliseconds.
const LONGEST: i64 = 366 * 24 * 3600 * 1000;

pub(crate) struct InRedis {
    client: Client,
    prefix: String,
    patience: Duration,
    script: Script,
    connection: Option<Connection>,
}

impl InRedis {
    pub(crate) fn new(client: Client, prefix: &str, patience: Duration) -> Self {
        InRedis { client, prefix: format!("{prefix}limit:"), patience, script: Script::new(TAKE), connection: None }
    }

    fn connect(&self) -> Result<Connection, RedisError> {
        let connection = self.client.get_connection_with_timeout(self.patience)?;
        connection.set_read_timeout(Some(self.patience))?;
        connection.set_write_timeout(Some(self.patience))?;
        Ok(connection)
    }

    fn ask(&mut self, asks: &[Ask]) -> Result<Vec<(i64, i64)>, RedisError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let mut pipe = redis::pipe();
        pipe.load_script(&self.script).ignore();
        for Ask { id, rate, now } in asks {
            let kept = (rate.latest(*now).saturating_sub(*now) / 1000).saturating_add(GRACE).min(LONGEST);
            let mut call = self.script.prepare_invoke();
            call.key(format!("{}{id}", self.prefix));
            call.arg(now.saturating_add(rate.interval)).arg(rate.interval).arg(rate.latest(*now)).arg(kept);
            pipe.invoke_script(&call);
        }
        let answers = pipe.query(&mut connection)?;
        self.connection = Some(connection);
        Ok(answers)
    }
}

impl Backend for InRedis {
    fn most(&self) -> usize {
        BATCH
    }

    fn take(&mut self, asks: &[Ask]) -> Result<Vec<Verdict>> {
        let answers = match self.ask(asks) {
            // Servers close idle connections. A count that was taken twice errs on the safe side.
            Err(error) if error.is_connection_dropped() => self.ask(asks),
            answers => answers,
        };
        let answers = answers.map_err(|error| {
            Error::unavailable(format!("Redis is unavailable: {error}. Check that the server of LIMITS_URL runs and accepts the password"))
        })?;
        Ok(answers.into_iter().map(|(is_allowed, full_at)| Verdict { is_allowed: is_allowed == 1, full_at }).collect())
    }
}
