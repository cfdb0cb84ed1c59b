//! hyper without a framework, HTTP/1.1 only, based on its own "hello" example.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use lback_benchmark_peers::{Options, Result};
use tokio::net::TcpListener;

fn main() -> Result {
    let options = Options::of_command_line()?;
    options.runtime()?.block_on(serve(&options))
}

async fn serve(options: &Options) -> Result {
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("listening");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A client that hangs up ends only its own connection.
            let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/plain" {
        return Ok(Response::new(Full::new(Bytes::from_static(b"Hello, World!"))));
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}
