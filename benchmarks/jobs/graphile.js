// Jobs of graphile-worker on the database in DATABASE_URL, for benchmarks/jobs/run. The commands are those of apalis/src/main.rs.
"use strict";

const { run, runMigrations } = require("graphile-worker");
const { Pool } = require("pg");

const connectionString = process.env.DATABASE_URL;
const [command, argument] = process.argv.slice(2);
const number = Number(argument ?? 0);
const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// As its documentation enqueues a job in the transaction of other work.
async function enqueue(client, i) {
  await client.query("BEGIN");
  await client.query("SELECT graphile_worker.add_job('noop', $1::json)", [JSON.stringify({ i })]);
  await client.query("COMMIT");
}

// The default settings, and two jobs at the same time.
async function work(noop) {
  const runner = await run({ connectionString, concurrency: 2, noHandleSignals: false, taskList: { noop } });
  await runner.promise;
}

async function count() {
  let first, done = 0;
  await work(async () => {
    first ??= performance.now();
    if (++done === number) console.log(Math.round(done / ((performance.now() - first) / 1000)));
  });
}

const printStarts = () => work(async ({ i }) => console.log(`s ${i} ${micros()}`));

async function withClient(use) {
  const pool = new Pool({ connectionString });
  const client = await pool.connect();
  await use(client);
  client.release();
  await pool.end();
}

const printCommits = () =>
  withClient(async (client) => {
    await sleep(2000); // The worker has started by then.
    for (let i = 0; i < number; i++) {
      await enqueue(client, i);
      console.log(`c ${i} ${micros()}`);
      await sleep(50);
    }
    await sleep(1000);
  });

const commands = {
  setup: () => runMigrations({ connectionString }),
  enqueue: () =>
    withClient(async (client) => {
      const begin = performance.now();
      for (let i = 0; i < number; i++) await enqueue(client, i);
      console.log(Math.round(number / ((performance.now() - begin) / 1000)));
    }),
  work: count,
  starts: printStarts,
  commits: printCommits,
  both: async () => {
    printStarts();
    await printCommits();
    process.exit(0);
  },
};
commands[command]();
