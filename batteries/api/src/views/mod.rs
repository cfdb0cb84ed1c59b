//! The operations on rows.

mod links;
mod read;
mod write;

use std::sync::Arc;

use lback_auth::{RouteTokens, RouterAuth};
use lback_core::{Error, Request, Response, Result, Router, StatusCode};
use lback_db::RequestDb;
use lback_models::runtime::within_sentence;
use lback_models::{FieldMeta, Kind, List, Value};

use crate::idempotency::RouterApi;
use crate::output::{Included, RowView};
use crate::parameters::{self, Parameter};
use crate::query::{self, Selection};
use crate::resource::{Access, Config, Operation};

/// An operation on the rows of a resource.
pub(crate) struct Endpoint {
    pub(crate) config: Arc<Config>,
    pub(crate) operation: Operation,
    parameters: Vec<Parameter>,
    /// The references that clients send, with the resources that limit the rows to which they may lead.
    references: Vec<(&'static FieldMeta, Arc<Config>)>,
}

impl Endpoint {
    pub(crate) fn new(config: Arc<Config>, operation: Operation, resources: &[Arc<Config>]) -> Self {
        let parameters = parameters::of(&config, operation);
        let limited = |field: &'static FieldMeta| {
            let table = (field.references?.model)().table;
            let other = resources.iter().find(|other| other.meta().table == table && other.hooks.queryset.is_some())?;
            Some((field, other.clone()))
        };
        let references = config.accepted(operation).filter_map(limited).collect();
        Endpoint { config, operation, parameters, references }
    }

    /// Adds the route of the operation.
    pub(crate) fn add_to(self, router: Router) -> Router {
        let (config, operation) = (self.config.clone(), self.operation);
        let pattern = match (operation.has_key(), config.key.kind) {
            (false, _) => format!("/{}", config.path),
            (true, Kind::SmallInt | Kind::Integer | Kind::BigInt) => format!("/{}/{{key:int}}", config.path),
            (true, Kind::Uuid) => format!("/{}/{{key:uuid}}", config.path),
            (true, _) => format!("/{}/{{key}}", config.path),
        };
        let name = if operation.has_key() { format!("{}-row", config.path) } else { format!("{}-list", config.path) };
        let router = router.route([operation.method()], &pattern, move |req: &mut Request| self.answer(req)).name(&name);
        let router = router.option(RouteTokens::with_scope(&config.scope(operation)));
        let router = match config.access(operation) {
            Access::Everyone => router,
            Access::Users => router.login_required(),
            Access::UsersWithPermission => {
                router.any_permission_required(operation.rights().iter().map(|right| right.permission(config.meta())))
            }
        };
        if operation.has_idempotency_key() { router.idempotent() } else { router }
    }

    fn answer(&self, req: &mut Request) -> Result<Response> {
        match self.operation {
            Operation::List => read::list(req, self),
            Operation::Get => read::get(req, self),
            Operation::Create => write::create(req, self),
            Operation::Change | Operation::Replace => write::change(req, self),
            Operation::Delete => write::delete(req, self),
        }
    }

    fn selection(&self, req: &Request) -> Result<Selection<'_>> {
        query::selection(req, &self.config, &self.parameters)
    }

    /// Returns the row that the path names, with the list in which it was found.
    fn find(&self, req: &mut Request) -> Result<(List, Vec<Value>)> {
        let list = self.config.rows(req)?;
        let key = self.config.ops.read_key(&req.param::<String>("key")?);
        let row = match key {
            Some(key) => list.find(req.db()?, &key)?,
            None => None,
        };
        Ok((list, row.ok_or_else(|| self.not_found())?))
    }

    #[track_caller]
    fn not_found(&self) -> Error {
        Error::not_found(format!("There is no {} with this {}.", within_sentence(self.config.meta().label), self.config.key.name))
    }

    /// Answers with a row.
    fn row_response(&self, req: &mut Request, status: StatusCode, selection: &Selection<'_>, row: Vec<Value>) -> Result<Response> {
        let config = &self.config;
        let tag = config.version_tag.and_then(|tag| tag.tag(&row));
        let rows = [row];
        let included = Included::load(req, config.meta(), selection, &rows)?;
        let view = RowView { meta: config.meta(), fields: &selection.fields, included: &included, row: &rows[0] };
        let response = Response::json(&view)?.with_status(status);
        match tag {
            Some(tag) => response.with_header("etag", tag),
            None => Ok(response),
        }
    }
}
