//! The smallest web server that http-01 needs, for clients that write files.

use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves the files of a folder as `/.well-known/acme-challenge/NAME` until it is dropped.
pub(crate) struct Webroot {
    serving: JoinHandle<()>,
}

impl Webroot {
    pub(crate) async fn serve(folder: &Path, port: u16) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let folder = folder.to_owned();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // One request after another: a validator that hangs up early is no failure.
                let _ = answer(stream, &folder).await;
            }
        });
        Self { serving }
    }
}

async fn answer(stream: tokio::net::TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    let mut header = String::from("-");
    while !header.trim().is_empty() {
        header.clear();
        stream.read_line(&mut header).await?;
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let file = path.strip_prefix("/.well-known/acme-challenge/").map(|name| folder.join(name));
    let (status, body) = match file.and_then(|file| std::fs::read_to_string(file).ok()) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", String::new()),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await
}

impl Drop for Webroot {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
