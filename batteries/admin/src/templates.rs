//! The templates of the pages, which files of the same names replace.

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

pub(crate) const ALL: &[(&str, &str)] = &templates![
    "admin/base.html",
    "admin/head.html",
    "admin/brand.html",
    "admin/acting.html",
    "admin/index.html",
    "admin/list.html",
    "admin/edit.html",
    "admin/action.html",
    "admin/chosen.html",
    "admin/confirm.html",
    "admin/inline_row.html",
    "admin/inline_table.html",
    "admin/inline_table_row.html",
    "admin/nested_inline.html",
    "admin/readonly.html",
    "admin/file.html",
    "admin/delete.html",
    "admin/affected.html",
    "admin/history.html",
    "admin/change.html",
    "admin/info.html",
    "admin/charts.html",
    "admin/import.html",
    "admin/message.html",
    "admin/sessions.html",
];

pub(crate) const STYLE: &str = include_str!("../templates/admin/style.css");
pub(crate) const ICON: &str = include_str!("../templates/admin/icon.svg");
pub(crate) const SCRIPT: &str = include_str!("../templates/admin/script.js");
pub(crate) const FORMS_SCRIPT: &str = include_str!("../templates/admin/forms.js");
