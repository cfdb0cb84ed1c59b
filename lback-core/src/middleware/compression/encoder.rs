//! The encoders.

use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Frame;
use hyper::header::HeaderMap;

use crate::Body;
use crate::encoding::Encoding;
use crate::error::BoxError;

/// The effort of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// For responses that are compressed while a client waits.
    Quick,
    /// For files that are compressed once.
    Best,
}

/// The buffer of the encoder for Brotli, in bytes.
const BUFFER: usize = 4096;
/// The binary logarithm of the window of Brotli: 4 MB, as browsers accept for all content.
const WINDOW: u32 = 22;

/// An encoder that writes into memory.
pub(super) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    pub(super) fn new(encoding: Encoding, effort: Effort) -> io::Result<Self> {
        let is_quick = effort == Effort::Quick;
        Ok(match encoding.name {
            "br" => Encoder::Brotli(Box::new(CompressorWriter::new(Vec::new(), BUFFER, if is_quick { 4 } else { 11 }, WINDOW))),
            // With a larger window than that of level 19, browsers refuse the response.
            "zstd" => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), if is_quick { 3 } else { 19 })?),
            _ => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::new(if is_quick { 5 } else { 9 }))),
        })
    }

    /// Encodes a part, and returns everything that a client needs to decode it.
    fn part(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        let encoder: &mut dyn Write = match self {
            Encoder::Gzip(encoder) => encoder,
            Encoder::Brotli(encoder) => encoder,
            Encoder::Zstd(encoder) => encoder,
        };
        encoder.write_all(bytes)?;
        encoder.flush()?;
        let written = match self {
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Brotli(encoder) => encoder.get_mut(),
            Encoder::Zstd(encoder) => encoder.get_mut(),
        };
        Ok(mem::take(written).into())
    }

    fn finish(self) -> io::Result<Bytes> {
        Ok(Bytes::from(match self {
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Brotli(encoder) => encoder.into_inner(),
            Encoder::Zstd(encoder) => encoder.finish()?,
        }))
    }

    /// Encodes the whole content.
    pub(super) fn whole(mut self, bytes: &[u8]) -> io::Result<Bytes> {
        match &mut self {
            Encoder::Gzip(encoder) => encoder.write_all(bytes)?,
            Encoder::Brotli(encoder) => encoder.write_all(bytes)?,
            Encoder::Zstd(encoder) => encoder.write_all(bytes)?,
        }
        self.finish()
    }
}

/// A body that is encoded while it is sent. Each part is sent at once, so that a client sees what the view has written.
pub(super) struct EncodedBody {
    inner: Body,
    /// `None` after the end.
    encoder: Option<Encoder>,
    trailers: Option<HeaderMap>,
}

impl EncodedBody {
    pub(super) fn new(inner: Body, encoder: Encoder) -> Self {
        EncodedBody { inner, encoder: Some(encoder), trailers: None }
    }
}

impl hyper::body::Body for EncodedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        while let Some(encoder) = &mut this.encoder {
            let end = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) => return Poll::Ready(Some(encoder.part(&data).map(Frame::data).map_err(Into::into))),
                    Err(frame) => frame.into_trailers().ok(),
                },
                None => None,
            };
            this.trailers = end;
            let rest = this.encoder.take().map(Encoder::finish).transpose();
            return Poll::Ready(rest.map_err(Into::into).transpose().map(|rest| rest.map(Frame::data)));
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.trailers.is_none()
    }
}
