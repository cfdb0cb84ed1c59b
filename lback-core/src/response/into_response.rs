//! Conversion of the return values of views.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;

use crate::{Error, Response, Result};

/// A value that a view can return: a [`Response`], text, bytes, JSON, a status, or a `Result` of any of them.
///
/// ```
/// use lback::http::{IntoResponse, StatusCode};
///
/// assert_eq!("hello".into_response().unwrap().status(), 200);
/// assert_eq!((StatusCode::CREATED, "made").into_response().unwrap().status(), 201);
/// ```
pub trait IntoResponse {
    /// Converts the value into a response, or returns the reason why that fails.
    fn into_response(self) -> Result<Response>;
}

impl IntoResponse for Response {
    fn into_response(self) -> Result<Response> {
        Ok(self)
    }
}

impl<T: IntoResponse, E: Into<Error>> IntoResponse for Result<T, E> {
    fn into_response(self) -> Result<Response> {
        self.map_err(Into::into)?.into_response()
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Result<Response> {
        Ok(self.1.into_response()?.with_status(self.0))
    }
}

macro_rules! into_response {
    ($($type:ty, $value:ident => $response:expr;)*) => {$(
        impl IntoResponse for $type {
            fn into_response(self) -> Result<Response> {
                let $value = self;
                Ok($response)
            }
        }
    )*};
}

into_response! {
    (), _value => Response::new(StatusCode::NO_CONTENT);
    StatusCode, status => Response::new(status);
    &'static str, text => Response::text(text);
    String, text => Response::text(text);
    Cow<'static, str>, text => Response::text(text.into_owned());
    Bytes, bytes => Response::binary(bytes);
    Vec<u8>, bytes => Response::binary(bytes);
    serde_json::Value, value => Response::json(&value)?;
}
