//! The permissions that an application and its batteries declare.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use lback_app::Setup;
use lback_core::{Error, Result, Route};

use crate::sealed::Sealed;
use crate::{NewPermission, RoutePermissions};

/// Adds permissions to [`Setup`].
pub trait SetupAuth: Sealed {
    /// Declares permissions of a battery: names for the program, labels for people. They are added to those of
    /// [`App::permissions`](crate::AppAuth::permissions); declaring a name twice is an error at the start. A battery that declares
    /// permissions [requires](lback_app::Battery::requires) `auth`; without users, they have no effect.
    ///
    /// ```
    /// use lback::app::{Battery, Setup};
    /// use lback::auth::SetupAuth;
    /// use lback::prelude::*;
    ///
    /// struct Wiki;
    ///
    /// impl Battery for Wiki {
    ///     fn name(&self) -> &'static str {
    ///         "wiki"
    ///     }
    ///
    ///     fn requires(&self) -> &'static [&'static str] {
    ///         &["auth"]
    ///     }
    ///
    ///     fn install(self: Box<Self>, setup: &mut Setup) -> ProgramResult {
    ///         setup.permissions([("wiki.edit", "Edit pages of the wiki")]);
    ///         setup.routes(Router::new().get("/wiki/edit", |_: &mut Request| "editor").permission_required("wiki.edit"));
    ///         Ok(())
    ///     }
    /// }
    /// # let _ = App::new(Router::new()).auth().with(Wiki);
    /// ```
    fn permissions<P: Into<NewPermission>>(&mut self, permissions: impl IntoIterator<Item = P>) -> &mut Self;
}

impl SetupAuth for Setup {
    #[track_caller]
    fn permissions<P: Into<NewPermission>>(&mut self, permissions: impl IntoIterator<Item = P>) -> &mut Self {
        let place = Location::caller();
        Declarations::of(self).extend(permissions.into_iter().map(|permission| Declaration { permission: permission.into(), place }));
        self
    }
}

/// A permission, and the line of code that declares it.
#[derive(Clone)]
pub(crate) struct Declaration {
    pub(crate) permission: NewPermission,
    pub(crate) place: &'static Location<'static>,
}

/// The declarations of an application, which are complete once it is built: batteries add theirs in any order.
#[derive(Clone, Default)]
pub(crate) struct Declarations(Arc<Mutex<Vec<Declaration>>>);

impl Declarations {
    /// Returns the declarations of the application that `setup` builds.
    pub(crate) fn of(setup: &mut Setup) -> Self {
        if let Some(declarations) = setup.find_state::<Self>() {
            return declarations.clone();
        }
        let declarations = Self::default();
        setup.state(declarations.clone());
        declarations
    }

    pub(crate) fn extend(&self, more: impl IntoIterator<Item = Declaration>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
    }

    /// Adds the permissions that routes need and that are not declared yet.
    pub(crate) fn extend_from_routes(&self, routes: &[Arc<Route>]) {
        let mut declarations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known: BTreeSet<String> = declarations.iter().map(|declaration| declaration.permission.name.clone()).collect();
        let place = Location::caller();
        for RoutePermissions(permissions) in routes.iter().filter_map(|route| route.option()) {
            let new = permissions.iter().filter(|permission| known.insert(permission.name.clone()));
            declarations.extend(new.map(|permission| Declaration { permission: permission.clone(), place }));
        }
    }

    /// Returns the names and labels of all permissions.
    ///
    /// # Errors
    /// Returns an error if a name is invalid or declared twice.
    pub(crate) fn merged(&self) -> Result<BTreeMap<String, String>> {
        let declarations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merged: BTreeMap<String, String> = BTreeMap::new();
        for (at, Declaration { permission, place }) in declarations.iter().enumerate() {
            let NewPermission { name, label } = permission;
            if !permission.has_valid_name() {
                return Err(Error::internal(format!(
                    "\"{name}\", declared at {place}, is not a valid name for a permission: use letters, digits and _ . - :, as in blog.add_post"
                )));
            }
            if merged.insert(name.clone(), label.clone()).is_some() {
                let first = declarations[..at].iter().find(|other| other.permission.name == *name);
                let first = first.map(|other| format!("{} and ", other.place)).unwrap_or_default();
                return Err(Error::internal(format!(
                    "the permission \"{name}\" is declared twice: at {first}{place}. Remove one of the declarations"
                )));
            }
        }
        Ok(merged)
    }
}
