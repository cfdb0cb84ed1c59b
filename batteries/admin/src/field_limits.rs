//! Fields that need a permission of the application.

use lback_models::{Model, ModelMeta};

use crate::model_admin::{ModelAdmin, Options};
use crate::names::named;

/// A field or relation that needs a permission of the application.
#[derive(Clone, Copy)]
pub(crate) struct LimitedField {
    pub(crate) name: &'static str,
    pub(crate) permission: &'static str,
    /// `true` if it is needed to see the field, and `false` if only to change it.
    pub(crate) to_see: bool,
}

impl<M: Model> ModelAdmin<M> {
    /// Shows a field, or a many-to-many relation, only to users with a permission, which the application declares with `App::permissions`. For
    /// others, it does not exist: in lists and their search, filters and sort, in exports and imports, forms, inlines, and the history.
    ///
    /// Columns, labels, filters and actions that functions of the application compute can still reveal it.
    ///
    /// ```
    /// # use lback::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Employee { pub id: i64, pub name: String, pub salary: i64 }
    /// # let urls = Router::new();
    /// App::new(urls)
    ///     .auth()
    ///     .permissions([("hr.see_salary", "See salaries"), ("hr.change_salary", "Change salaries")])
    ///     .admin_with(Admin::new().model::<Employee>(|employee| {
    ///         employee.can_see_field("salary", "hr.see_salary").can_change_field("salary", "hr.change_salary")
    ///     }));
    /// ```
    pub fn can_see_field(self, field: &'static str, permission: &'static str) -> Self {
        self.limited(field, permission, true)
    }

    /// Lets only users with a permission change a field, or a many-to-many relation. Others see it, unless
    /// [`can_see_field`](Self::can_see_field) hides it.
    pub fn can_change_field(self, field: &'static str, permission: &'static str) -> Self {
        self.limited(field, permission, false)
    }

    fn limited(mut self, field: &'static str, permission: &'static str, to_see: bool) -> Self {
        if let Some(name) = self.found(named(M::META, field)).map(|named| named.name()) {
            self.options.limited.push(LimitedField { name, permission, to_see });
        }
        self
    }

    /// Records an error for each field that cannot be hidden, because its values or their order would be known to everyone who sees a row.
    pub(crate) fn check_limits(&mut self) {
        for limited in self.options.limited.iter().filter(|limited| limited.to_see) {
            let hides = |name: &str| {
                let mut others = self.options.limited.iter().filter(|other| other.to_see && other.name == name);
                others.any(|other| other.permission == limited.permission)
            };
            if let Some(why) = reveals(M::META, &self.options, limited.name, hides) {
                self.problems.push(format!("{}.{} {why}, so can_see_field cannot hide it", M::META.name, limited.name));
            }
        }
    }
}

/// Returns the reason why everyone who sees a row knows a field of it. `hides` returns whether another field is hidden, too.
pub(crate) fn reveals(meta: &ModelMeta, options: &Options, name: &str, hides: impl Fn(&str) -> bool) -> Option<&'static str> {
    let is_it = |column: &str| meta.field_of_column(column).is_some_and(|field| field.name == name);
    let mut followed = options.prepopulated.iter().filter(|follows| follows.from.iter().any(|from| from.name == name));
    if is_it(meta.display) {
        Some("labels the rows")
    } else if meta.total_order().iter().any(|(column, _)| is_it(column)) {
        Some("is part of the key or of the order of the model")
    } else if options.order.iter().any(|part| part.trim_start_matches('-') == name) {
        Some("is part of the order of the list")
    } else if followed.any(|follows| !hides(follows.field.name)) {
        Some("fills in a field that everyone sees with prepopulated")
    } else {
        None
    }
}
