//! The list of users, for admitting authors and appointing moderators.

use std::collections::BTreeSet;

use lback::auth::auth_users_groups as memberships;
use lback::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
struct Member {
    id: i64,
    name: String,
    joined: String,
    is_active: bool,
    is_superuser: bool,
    is_author: bool,
    is_moderator: bool,
}

pub fn index(req: &mut Request) -> Result<Response> {
    let db = req.db()?;
    let (authors, moderators) = (members_of(db, "Authors")?, members_of(db, "Moderators")?);
    let member = |user: User| Member {
        id: user.id,
        joined: user.joined.date_naive().to_string(),
        is_active: user.is_active,
        is_superuser: user.is_superuser,
        is_author: authors.contains(&user.id),
        is_moderator: moderators.contains(&user.id),
        name: user.username,
    };
    let members: Vec<Member> = User::all(db)?.into_iter().map(member).collect();
    req.render("moderate/members.html", context! { members })
}

fn members_of(db: &mut Db, group: &str) -> Result<BTreeSet<i64>> {
    let Some(group) = Group::named(db, group)? else { return Ok(BTreeSet::new()) };
    let ids = memberships::table.filter(memberships::group_id.eq(group.id)).select(memberships::user_id);
    Ok(ids.load(db)?.into_iter().collect())
}

pub fn admit(req: &mut Request) -> Result<Response> {
    add(req, "Authors", "is an author now")
}

pub fn dismiss(req: &mut Request) -> Result<Response> {
    remove(req, "Authors", "is no longer an author")
}

pub fn appoint(req: &mut Request) -> Result<Response> {
    add(req, "Moderators", "is a moderator now")
}

pub fn depose(req: &mut Request) -> Result<Response> {
    remove(req, "Moderators", "is no longer a moderator")
}

fn add(req: &mut Request, group: &str, message: &str) -> Result<Response> {
    let user = member(req)?;
    let db = req.db()?;
    Group::get_or_create(db, group)?.add(db, &user)?;
    done(req, &user, message)
}

fn remove(req: &mut Request, group: &str, message: &str) -> Result<Response> {
    let user = member(req)?;
    let db = req.db()?;
    Group::get_or_create(db, group)?.remove(db, &user)?;
    done(req, &user, message)
}

fn member(req: &mut Request) -> Result<User> {
    let id: i64 = req.param("id")?;
    User::find(req.db()?, id)?.or_404()
}

fn done(req: &mut Request, user: &User, message: &str) -> Result<Response> {
    req.session().flash("success", &format!("{} {message}.", user.username));
    req.redirect_to("moderate:members", &[])
}
