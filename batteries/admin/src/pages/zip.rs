//! Writes ZIP files to a stream, with little memory.

use std::io::{self, Write};

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{MZFlush, MZStatus};

/// Compressed with "deflate".
const DEFLATE: u16 = 8;
/// The sizes follow the content, and names are UTF-8.
const FLAGS: u16 = 0x0808;
/// ZIP 2.0.
const VERSION: u16 = 20;
/// 1 January 1980, midnight: the first date that a ZIP file can contain.
const DATE: u32 = 0x0021_0000;

/// A ZIP file that is being written.
pub(super) struct Zip<W: Write> {
    out: W,
    written: u64,
    files: Vec<FileEntry>,
}

struct FileEntry {
    name: &'static str,
    at: u32,
    sizes: Sizes,
}

/// The checksum and the sizes of a file: compressed, and as it is.
struct Sizes([u32; 3]);

impl<W: Write> Zip<W> {
    pub(super) fn new(out: W) -> Self {
        Zip { out, written: 0, files: Vec::new() }
    }

    /// Adds a file. `write` writes its content.
    ///
    /// # Errors
    /// Returns an error if the output fails, or if the file is larger than 4 GiB.
    pub(super) fn file<E: From<io::Error>>(
        &mut self,
        name: &'static str,
        write: impl FnOnce(&mut Deflater<'_, W>) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = small(self.written)?;
        let mut header = b"PK\x03\x04".to_vec();
        push(&mut header, &[VERSION, FLAGS, DEFLATE]);
        header.extend(DATE.to_le_bytes());
        header.extend([0; 12]);
        push(&mut header, &[name_length(name), 0]);
        header.extend(name.bytes());
        self.put(&header)?;
        let mut deflater = Deflater::new(&mut self.out);
        write(&mut deflater)?;
        let (compressed, sizes) = deflater.finish()?;
        self.written += compressed;
        let mut descriptor = b"PK\x07\x08".to_vec();
        sizes.push(&mut descriptor);
        self.put(&descriptor)?;
        self.files.push(FileEntry { name, at, sizes });
        Ok(())
    }

    /// Writes the directory of the files.
    ///
    /// # Errors
    /// Returns an error if the output fails.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let start = small(self.written)?;
        let mut directory = Vec::new();
        for file in &self.files {
            directory.extend(b"PK\x01\x02");
            push(&mut directory, &[VERSION, VERSION, FLAGS, DEFLATE]);
            directory.extend(DATE.to_le_bytes());
            file.sizes.push(&mut directory);
            push(&mut directory, &[name_length(file.name), 0, 0, 0, 0]);
            directory.extend([0; 4]);
            directory.extend(file.at.to_le_bytes());
            directory.extend(file.name.bytes());
        }
        let size = small(directory.len() as u64)?;
        let count = u16::try_from(self.files.len()).map_err(io::Error::other)?;
        directory.extend(b"PK\x05\x06");
        push(&mut directory, &[0, 0, count, count]);
        directory.extend(size.to_le_bytes());
        directory.extend(start.to_le_bytes());
        push(&mut directory, &[0]);
        self.put(&directory)?;
        self.out.flush()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

impl Sizes {
    fn push(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.0.iter().flat_map(|number| number.to_le_bytes()));
    }
}

fn push(bytes: &mut Vec<u8>, numbers: &[u16]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn name_length(name: &str) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

fn small(size: u64) -> io::Result<u32> {
    u32::try_from(size).map_err(|_| io::Error::other("the file is larger than 4 GiB"))
}

/// Compresses the content of a file.
pub(super) struct Deflater<'a, W: Write> {
    out: &'a mut W,
    compressor: Box<CompressorOxide>,
    crc: u32,
    size: u64,
    compressed: u64,
    buffer: Vec<u8>,
}

impl<'a, W: Write> Deflater<'a, W> {
    fn new(out: &'a mut W) -> Self {
        // A quick level, without the header of zlib.
        let flags = create_comp_flags_from_zip_params(3, -15, 0);
        let compressor = Box::new(CompressorOxide::new(flags));
        Deflater { out, compressor, crc: !0, size: 0, compressed: 0, buffer: vec![0; 32 * 1024] }
    }

    /// Compresses a part of the input, and returns its length, and whether the output is complete.
    fn deflate(&mut self, input: &[u8], flush: MZFlush) -> io::Result<(usize, bool)> {
        let result = deflate(&mut self.compressor, input, &mut self.buffer, flush);
        self.compressed += result.bytes_written as u64;
        self.out.write_all(&self.buffer[..result.bytes_written])?;
        let status = result.status.map_err(|error| io::Error::other(format!("the file cannot be compressed: {error:?}")))?;
        Ok((result.bytes_consumed, status == MZStatus::StreamEnd))
    }

    fn finish(mut self) -> io::Result<(u64, Sizes)> {
        while !self.deflate(&[], MZFlush::Finish)?.1 {}
        Ok((self.compressed, Sizes([!self.crc, small(self.compressed)?, small(self.size)?])))
    }
}

impl<W: Write> Write for Deflater<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let (length, _) = self.deflate(bytes, MZFlush::None)?;
        self.crc = bytes[..length].iter().fold(self.crc, |crc, byte| CRC[usize::from((crc as u8) ^ byte)] ^ (crc >> 8));
        self.size += length as u64;
        small(self.size)?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The checksums of all bytes.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};
