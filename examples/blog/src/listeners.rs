//! Listeners for signals.

use std::sync::Arc;

use lback::app::Application;
use lback::auth::{auth_groups, auth_users, auth_users_groups};
use lback::db::Database;
use lback::mail::Mailer;
use lback::prelude::*;
use lback::signals::UserRegistered;

use crate::Blog;

/// Notifies the moderators of a new user, whom they can make an author.
pub async fn notify_moderators(event: Arc<UserRegistered>, app: Arc<Application>) -> Result<()> {
    let (Some(database), Some(mailer), Some(blog)) = (app.state::<Database>(), app.state::<Mailer>(), app.state::<Blog>()) else {
        return Err(Error::internal("this application has no database, mail or settings"));
    };
    let link = format!("{}{}", blog.site_url, app.url_for("moderate:members", &[])?);
    let (name, mailer) = (blog.name.clone(), mailer.clone());
    let notify = move |db: &mut Db| {
        let user = User::find(db, event.user_id)?.or_404()?;
        let text = format!("{} has registered at {name}.\n\nTo make them an author, open: {link}\n", user.username);
        for address in moderators(db)? {
            mailer.queue(db, Mail::to(address.as_str()).subject("A new user has registered").text(&text))?;
        }
        Ok(())
    };
    database.run_write(notify).await
}

/// Returns the confirmed addresses of the moderators.
fn moderators(db: &mut Db) -> Result<Vec<String>> {
    let group = auth_groups::table.filter(auth_groups::name.eq("Moderators")).select(auth_groups::id);
    let members = auth_users_groups::table.filter(auth_users_groups::group_id.eq_any(group)).select(auth_users_groups::user_id);
    let reachable = auth_users::table.filter(auth_users::id.eq_any(members)).filter(auth_users::is_active.and(auth_users::email_verified));
    Ok(reachable.filter(auth_users::email.is_not_null()).select(auth_users::email.assume_not_null()).load(db)?)
}
