//! The pages of the jobs in the admin.

use lback::auth::NewUser;
use lback::jobs::JobState;
use lback::prelude::*;

use super::{Note, app, client_of, enqueue, notes, states};
use crate::unit_of_work::on_each_database;

on_each_database!(superusers_see_retry_and_cancel_jobs);

fn superusers_see_retry_and_cancel_jobs(on: &str) {
    let client = client_of(app().schedule("0 3 * * *", Note::new(9)).models(models![]).auth().admin(), on);
    enqueue(&client, Note::then(1, "give up"));
    client.try_run_jobs();
    enqueue(&client, Note::new(2));
    client.post("/admin/-/info/jobs/retry").form(&[("key", "1")]).send();
    assert_eq!(states(&client), [JobState::Failed, JobState::Ready]);
    let staff = client.fork();
    staff.login(&client.add_user(NewUser::new("staff", "!").staff(true)));
    staff.get("/admin/-/info/jobs").send().assert_status(403);
    staff.post("/admin/-/info/jobs/retry").form(&[("key", "1")]).send().assert_status(403);
    let boss = client.fork();
    boss.login(&client.add_user(NewUser::new("boss", "!").staff(true).superuser(true)));
    let page = boss.get("/admin/-/info/jobs").send();
    page.assert_status(200).assert_contains("it makes no sense").assert_contains("Succeeded per hour").assert_contains("<svg");
    boss.get("/admin/-/info/schedules").send().assert_status(200).assert_contains("0 3 * * *");
    boss.post("/admin/-/info/jobs/cancel").form(&[("key", "2")]).send().assert_status(303);
    boss.post("/admin/-/info/jobs/retry").form(&[("key", "1")]).send().assert_status(303);
    assert_eq!(states(&client), [JobState::Ready]);
    for key in ["7", "x", "", "-1", "99999999999999999999"] {
        let status = boss.post("/admin/-/info/jobs/retry").form(&[("key", key)]).send().status().as_u16();
        assert!((400..500).contains(&status), "{key}: {status}");
    }
    assert_eq!(notes(&client), [0_i64; 0]);
}
