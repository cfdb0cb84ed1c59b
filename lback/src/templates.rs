//! Templates: the context of a page, and the functions, filters and globals that an application adds.

#[doc(inline)]
pub use lback_core::{
    Context, Html, TemplateArgs, TemplateFile, TemplateForm, TemplateFunction, TemplateGlobal, TemplateLink, Templates, context,
};
