//! One request and its reply, by hand: neither a runtime nor an HTTP library has to start for it.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use evergrant_server::{WARNING_HEADER, explain::Warning};
use zeroize::Zeroizing;

/// How long the server may be silent: longer than it waits for Zoho itself.
const PATIENCE: Duration = Duration::from_secs(130);

/// The largest reply that is read.
const LIMIT: usize = 256 * 1024;

/// How many headers a reply may have.
const HEADERS: usize = 32;

/// What came back. Has no `Debug`: it may hold a token.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) warnings: Vec<Warning>,
    bytes: Zeroizing<Vec<u8>>,
    body: usize,
}

impl Reply {
    /// Returns the body.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.body..]
    }
}

/// What the head of a reply says.
struct Head {
    status: u16,
    warnings: Vec<Warning>,
    /// Where the body begins and ends.
    body: usize,
    end: usize,
}

/// Sends a request and reads the reply.
pub(super) fn exchange(
    stream: UnixStream,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<Reply> {
    exchange_within(PATIENCE, stream, method, path, body)
}

/// Does so with a server that is silent for so long at the most.
pub(super) fn exchange_within(
    patience: Duration,
    mut stream: UnixStream,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<Reply> {
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let length = body.len();
    let request = Zeroizing::new(format!(
        "{method} {path} HTTP/1.1\r\nhost: evergrant\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    ));
    stream.write_all(request.as_bytes())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let mut head = None;
    loop {
        if head.is_none() {
            head = read_head(&bytes)?;
        }
        if let Some(head) = head.take_if(|head| bytes.len() >= head.end) {
            bytes.truncate(head.end);
            return Ok(Reply {
                status: head.status,
                warnings: head.warnings,
                bytes,
                body: head.body,
            });
        }
        if more(&mut stream, &mut bytes)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

fn more(stream: &mut UnixStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut part = Zeroizing::new([0; 4096]);
    let read = stream.read(&mut *part)?;
    bytes.extend_from_slice(&part[..read]);
    match bytes.len() {
        0..=LIMIT => Ok(read),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Reads the head, once all of it is there.
fn read_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let invalid = |_| io::Error::from(ErrorKind::InvalidData);
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body) = response.parse(bytes).map_err(invalid)? else {
        return Ok(None);
    };
    let mut length = None;
    let mut warnings = Vec::new();
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).unwrap_or_default();
            length = text.parse::<usize>().ok();
        } else if header.name.eq_ignore_ascii_case(WARNING_HEADER.as_str()) {
            warnings.extend(serde_json::from_slice::<Warning>(header.value));
        }
    }
    let length = length.filter(|length| *length <= LIMIT);
    let length = length.ok_or(ErrorKind::InvalidData)?;
    Ok(Some(Head {
        status: response.code.unwrap_or_default(),
        warnings,
        body,
        end: body + length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(bytes: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(bytes).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let reply = exchange(ours, "GET", "/", "")?;
        Ok((reply.status, reply.body().to_vec()))
    }

    #[test]
    fn a_whole_reply_is_read_and_a_broken_one_refused() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more";
        assert_eq!(reply(whole).unwrap(), (200, b"{}".to_vec()));
        for broken in [
            &whole[..38],
            b"HTTP/1.1 200 OK\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}",
            b"SSH-2.0-OpenSSH\r\n",
            b"",
        ] {
            assert!(reply(broken).is_err());
        }
    }

    #[test]
    fn warnings_come_in_headers() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nevergrant-warning: {\"code\":\"a\",\"message\":\"\xc3\xa4\"}\r\n\r\n";
        let head = read_head(head).unwrap().unwrap();
        assert_eq!(head.warnings, [Warning::new("a", "\u{e4}")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_reply_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = reply(&bytes);
        }
    }
}
