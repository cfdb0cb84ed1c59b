//! The attributes of a model itself.

use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Ident, LitStr, Path, Result, Token, Type, parenthesized, parse_quote};

use super::field_options::{flag, name, value};

/// What `#[model(…)]` says of the struct.
pub(crate) struct ModelOptions {
    /// The path of the module `lback::models`.
    pub(crate) models: Path,
    pub(crate) table: Option<LitStr>,
    pub(crate) module: Option<Ident>,
    pub(crate) new: Option<Ident>,
    pub(crate) label: Option<LitStr>,
    pub(crate) plural: Option<LitStr>,
    pub(crate) order: Option<LitStr>,
    pub(crate) display: Option<Ident>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) checks: Vec<Check>,
    pub(crate) clean: Option<Expr>,
    pub(crate) unmanaged: bool,
    pub(crate) read_only: bool,
    pub(crate) links: Vec<Link>,
}

/// An index of several columns, or of some rows.
pub(crate) struct Index {
    pub(crate) fields: Vec<Ident>,
    pub(crate) unique: bool,
    pub(crate) condition: Option<LitStr>,
}

/// A condition of every row.
pub(crate) struct Check {
    pub(crate) name: Ident,
    pub(crate) condition: LitStr,
}

/// A many-to-many relation.
pub(crate) struct Link {
    pub(crate) name: Ident,
    pub(crate) to: Type,
    /// The model of the pairs, if the application has written it.
    pub(crate) through: Option<Type>,
    /// The table of the pairs, if it is not named after the model and the relation.
    pub(crate) table: Option<LitStr>,
}

const ALL: &str =
    "table, module, new, label, plural, order, display, index(…), unique(…), check(…), clean, unmanaged, read_only, many_to_many(…), crate";

impl ModelOptions {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut options = ModelOptions {
            models: parse_quote!(::lback::models),
            table: None,
            module: None,
            new: None,
            label: None,
            plural: None,
            order: None,
            display: None,
            indexes: Vec::new(),
            checks: Vec::new(),
            clean: None,
            unmanaged: false,
            read_only: false,
            links: Vec::new(),
        };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("model")) {
            attribute.parse_nested_meta(|meta| options.add(&meta))?;
        }
        Ok(options)
    }

    fn add(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("crate") {
            self.models = value(meta, "crate", "lback::models")?;
            return Ok(());
        }
        let name = name(meta)?;
        match name.as_str() {
            "table" => self.table = Some(value(meta, &name, "\"posts\"")?),
            "module" => self.module = Some(value(meta, &name, "posts")?),
            "new" => self.new = Some(value(meta, &name, "NewPost")?),
            "label" => self.label = Some(value(meta, &name, "\"blog post\"")?),
            "plural" => self.plural = Some(value(meta, &name, "\"blog posts\"")?),
            "order" => self.order = Some(value(meta, &name, "\"-created_at\"")?),
            "display" => self.display = Some(value(meta, &name, "title")?),
            "clean" => self.clean = Some(value(meta, &name, "Post::check")?),
            "unmanaged" => self.unmanaged = flag(meta, &name)?,
            "read_only" => self.read_only = flag(meta, &name)?,
            "index" => self.indexes.push(index(meta, false)?),
            "unique" => self.indexes.push(index(meta, true)?),
            "check" => self.checks.push(check(meta)?),
            "many_to_many" => self.links.push(link(meta)?),
            _ => return Err(meta.error(format!("unknown attribute `{name}`; a model can have {ALL}, and all others belong to a field"))),
        }
        Ok(())
    }
}

/// Reads `(state, published_at)` or `(slug, condition = "state = 'published'")`.
fn index(meta: &ParseNestedMeta<'_>, unique: bool) -> Result<Index> {
    let content = parentheses(meta, "(state, published_at)")?;
    let (mut fields, mut condition) = (Vec::new(), None);
    while !content.is_empty() {
        let ident = content.call(Ident::parse_any)?;
        if ident == "condition" && content.peek(Token![=]) {
            content.parse::<Token![=]>()?;
            condition = Some(content.parse()?);
        } else {
            fields.push(ident);
        }
        comma(&content)?;
    }
    if fields.is_empty() {
        return Err(meta.error("name the fields: `index(state, published_at)`"));
    }
    Ok(Index { fields, unique, condition })
}

/// Reads `(positive = "price > 0")`.
fn check(meta: &ParseNestedMeta<'_>) -> Result<Check> {
    let content = parentheses(meta, "(positive = \"price > 0\")")?;
    let name = content.parse()?;
    content.parse::<Token![=]>()?;
    Ok(Check { name, condition: content.parse()? })
}

/// Reads `(tags: Tag)`, `(tags: Tag, table = "post_tags")` or `(members: User, through = Membership)`.
fn link(meta: &ParseNestedMeta<'_>) -> Result<Link> {
    let content = parentheses(meta, "(tags: Tag)")?;
    let name = content.parse()?;
    content.parse::<Token![:]>()?;
    let mut link = Link { name, to: content.parse()?, through: None, table: None };
    comma(&content)?;
    if !content.is_empty() {
        let ident: Ident = content.parse()?;
        content.parse::<Token![=]>()?;
        match ident.to_string().as_str() {
            "through" => link.through = Some(content.parse()?),
            "table" => link.table = Some(content.parse()?),
            _ => {
                let text = "write `many_to_many(members: User, through = Membership)`, or `table = \"memberships\"`";
                return Err(syn::Error::new(ident.span(), text));
            }
        }
    }
    Ok(link)
}

fn parentheses<'a>(meta: &ParseNestedMeta<'a>, example: &str) -> Result<syn::parse::ParseBuffer<'a>> {
    let content;
    if !meta.input.peek(syn::token::Paren) {
        let name = name(meta)?;
        return Err(meta.error(format!("write `{name}{example}`")));
    }
    parenthesized!(content in meta.input);
    Ok(content)
}

fn comma(content: ParseStream<'_>) -> Result<()> {
    if content.is_empty() { Ok(()) } else { content.parse::<Token![,]>().map(drop) }
}
