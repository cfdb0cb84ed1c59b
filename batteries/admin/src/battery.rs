//! The battery that adds the admin to an application.

use std::sync::Arc;

use lback_app::{App, Battery, CommandSpec, Setup};
use lback_auth::{Auth, RouterAuth, SetupAuth, User};
use lback_core::settings::nearest;
use lback_core::{ProgramError, ProgramResult, Router, Settings};
use lback_db::{MigrationSet, Tables};
use lback_models::{ModelMeta, Models};

use crate::access::Right;
use crate::admin::Admin;
use crate::history::{self, admin_history};
use crate::pages::acting;
use crate::saved_view::admin_views;
use crate::sealed::Sealed;
use crate::site::Site;
use crate::{AdminSettings, checks, language, orphaned_files, pages, templates};

/// Adds the admin to [`App`].
pub trait AppAdmin: Sealed {
    /// Adds an admin site for all models of the application under `/admin`, for staff. It needs users:
    ///
    /// ```no_run
    /// use lback::prelude::*;
    ///
    /// #[derive(Model, Clone, Debug)]
    /// pub struct Note {
    ///     pub id: i64,
    ///     pub text: String,
    /// }
    ///
    /// fn main() {
    ///     App::new(Router::new()).models(models![Note]).auth().admin().main()
    /// }
    /// ```
    ///
    /// Each model has the permissions to view, add, change and delete its rows, such as `notes.change`, which users and groups are
    /// granted. Superusers have all of them.
    fn admin(self) -> Self;

    /// Adds an admin site with a configuration: its models, and how they are listed and changed. See [`Admin`].
    fn admin_with(self, admin: Admin) -> Self;
}

impl AppAdmin for App {
    fn admin(self) -> Self {
        self.admin_with(Admin::new())
    }

    fn admin_with(self, admin: Admin) -> Self {
        self.with(AdminBattery { admin })
    }
}

struct AdminBattery {
    admin: Admin,
}

impl Battery for AdminBattery {
    fn name(&self) -> &'static str {
        "admin"
    }

    fn requires(&self) -> &'static [&'static str] {
        &["auth", "models"]
    }

    fn settings(&self, settings: &mut Settings) {
        settings.declare::<AdminSettings>();
    }

    fn migrations(&self) -> Option<MigrationSet> {
        Some(crate::MIGRATIONS)
    }

    fn tables(&self) -> Tables {
        lback_db::tables![admin_history, admin_views]
    }

    fn commands(&self) -> Vec<CommandSpec> {
        vec![orphaned_files::command()]
    }

    fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
        let mut admin = self.admin;
        let auth = setup.find_state::<Auth>().cloned().ok_or_else(|| ProgramError::new("the admin needs users: write App::auth()"))?;
        check_user_type(&auth)?;
        if let Some(models) = setup.find_state::<Models>() {
            models.iter().filter(|model| is_shown(model.meta())).for_each(|model| admin.add(model));
        }
        admin.check_inlines();
        admin.check_files();
        if let Some(problem) = admin.problems.first() {
            return Err(ProgramError::new(format!("the admin is misconfigured: {problem}")));
        }
        for model in &admin.models {
            let permissions = Right::ALL.map(|right| (right.permission(model.meta()), right.label(model.meta())));
            setup.permissions(permissions.iter().map(|(name, label)| (name.as_str(), label.as_str())));
        }
        setup.routes(Router::new().include(&admin.path, pages::urls()).name("admin").staff_required());
        let end = format!("{}/-/stop-acting", admin.path.trim_end_matches('/'));
        setup.routes(Router::new().post(&end, pages::page(acting::end)).login_required().name(acting::END));
        auth.on_impersonation(history::record_impersonation);
        for (name, text) in templates::ALL.iter().copied() {
            setup.template(name, text);
        }
        setup.template_filter("admin_text", language::filter);
        let settings = setup.settings().section()?;
        let site = Arc::new(Site {
            title: admin.title,
            models: admin.models,
            widgets: admin.widgets.into(),
            settings,
            languages: admin.languages.into_iter().map(Arc::new).collect(),
            default_language: admin.default_language,
        });
        setup.state(site.clone());
        let (declared, limited) = (auth.clone(), site.clone());
        setup.when_built(move |_| check_permissions(&declared, &limited));
        setup.checks(move |app, checks| {
            checks.add("indexes for the lists of the admin", checks::indexes(app, &site));
            for language in site.languages.iter().filter(|language| !language.is_english()) {
                checks.add(format!("texts of the admin in {}", language.name()), checks::texts(language));
            }
        });
        Ok(())
    }
}

/// Returns whether a model is in the site without being named: one with a primary key by which its rows are found, and not a table that
/// only serves others.
fn is_shown(meta: &ModelMeta) -> bool {
    let serves_others = ["auth_username_skeletons", "auth_permissions"];
    !meta.primary_key.is_empty() && !serves_others.contains(&meta.table)
}

/// Checks that the permissions of single fields are declared.
fn check_permissions(auth: &Auth, site: &Site) -> ProgramResult {
    let known: Vec<&str> = auth.permissions().map(|(name, _)| name).collect();
    for model in &site.models {
        if let Some(limited) = model.options.limited.iter().find(|limited| !auth.has_permission(limited.permission)) {
            let remedy = match nearest(limited.permission, &known) {
                Some(likely) => format!("did you mean \"{likely}\"?"),
                None => "declare it with App::permissions".to_owned(),
            };
            let (field, permission) = (format!("{}.{}", model.meta().name, limited.name), limited.permission);
            return Err(ProgramError::new(format!(
                "the admin is misconfigured: {field} needs the permission \"{permission}\", which is not declared; {remedy}"
            )));
        }
    }
    Ok(())
}

fn check_user_type(auth: &Auth) -> ProgramResult {
    let known = auth.user_type();
    if known == std::any::type_name::<User>() {
        return Ok(());
    }
    Err(ProgramError::new(format!(
        "the admin supports only the framework's own users, and the users of this application are of the type {known}. Write App::auth() \
         instead of App::auth_with(), or remove App::admin()"
    )))
}
