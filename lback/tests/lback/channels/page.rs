//! The page of the channels in the admin.

use lback::auth::NewUser;
use lback::prelude::*;
use lback::realtime::Member;
use lback::testing::block_on;

use super::{SETTINGS, app, channels, say, subscribe};
use crate::server_process::eventually;
use crate::unit_of_work::on_each_database;

on_each_database!(superusers_see_channels_and_members);

fn superusers_see_channels_and_members(on: &str) {
    let client = lback::testing::Client::with_settings(app().models(models![]).auth().admin(), &format!("{SETTINGS}\n{on}"));
    let member = Member::new(7, "<Alice>");
    let _two = [subscribe(&client, "news"), block_on(async { subscribe(&client, "news").present_in("news", member) })];
    say(&client, "news", "one");
    eventually("the member is stored", || crate::number(&client, "SELECT count(*) FROM channel_members") == 1);
    client.login(&client.add_user(NewUser::new("boss", "!").staff(true).superuser(true)));
    let page = client.get("/admin/-/info/channels").send();
    page.assert_status(200).assert_contains("Streams of this process").assert_contains("news").assert_contains("&lt;Alice&gt;");
    eventually("the process listens", || channels(&client).is_connected());
    let staff = client.fork();
    staff.login(&client.add_user(NewUser::new("staff", "!").staff(true)));
    staff.get("/admin/-/info/channels").send().assert_status(403);
}
