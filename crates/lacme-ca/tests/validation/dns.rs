//! A small DNS server on loopback, over UDP and TCP, with records and misbehaviour to set.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// What is answered, by name without the last dot.
#[derive(Default)]
struct Zone {
    records: HashMap<String, Vec<RData>>,
    codes: HashMap<String, ResponseCode>,
    silent: bool,
    asked: Vec<(String, RecordType, &'static str)>,
}

pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

/// Answers longer than this are cut off over UDP.
const MAX_UDP: usize = 1200;

impl Dns {
    pub(crate) async fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // The port may be taken for TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        tokio::spawn(serve_udp(udp, Arc::clone(&zone)));
        tokio::spawn(serve_tcp(tcp, Arc::clone(&zone)));
        Self { address, zone }
    }

    pub(crate) fn txt(&self, name: &str, value: &str) {
        let strings: Vec<&[u8]> = match value.as_bytes() {
            [] => vec![b""],
            bytes => bytes.chunks(255).collect(),
        };
        self.add(name, RData::TXT(TXT::from_bytes(strings)));
    }

    pub(crate) fn cname(&self, name: &str, target: &str) {
        self.add(name, RData::CNAME(CNAME(Name::from_ascii(format!("{target}.")).unwrap())));
    }

    pub(crate) fn address(&self, name: &str, address: IpAddr) {
        self.add(
            name,
            match address {
                IpAddr::V4(ip) => RData::A(A(ip)),
                IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
            },
        );
    }

    pub(crate) fn fails_for(&self, name: &str, code: ResponseCode) {
        self.zone.lock().unwrap().codes.insert(name.to_owned(), code);
    }

    pub(crate) fn forget(&self, name: &str) {
        self.zone.lock().unwrap().records.remove(name);
    }

    pub(crate) fn be_silent(&self) {
        self.zone.lock().unwrap().silent = true;
    }

    /// How often it was asked for the TXT records of `name` over `transport`.
    pub(crate) fn asked(&self, name: &str, transport: &str) -> usize {
        let zone = self.zone.lock().unwrap();
        let wanted = |(asked, kind, over): &&(String, RecordType, &str)| {
            asked == name && *kind == RecordType::TXT && *over == transport
        };
        zone.asked.iter().filter(wanted).count()
    }

    fn add(&self, name: &str, data: RData) {
        self.zone.lock().unwrap().records.entry(name.to_owned()).or_default().push(data);
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = answer(&buffer[..length], &zone, "udp") {
            let bytes = match answer.to_vec().unwrap() {
                bytes if bytes.len() > MAX_UDP => answer.truncate().to_vec().unwrap(),
                bytes => bytes,
            };
            socket.send_to(&bytes, from).await.unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_stream(stream, Arc::clone(&zone)));
    }
}

async fn serve_stream(mut stream: TcpStream, zone: Arc<Mutex<Zone>>) -> std::io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = answer(&question, &zone, "tcp") {
            let bytes = answer.to_vec().unwrap();
            stream.write_u16(u16::try_from(bytes.len()).unwrap()).await?;
            stream.write_all(&bytes).await?;
        }
    }
}

fn answer(question: &[u8], zone: &Mutex<Zone>, transport: &'static str) -> Option<Message> {
    let question = Message::from_vec(question).ok()?;
    let query: Query = question.queries.first()?.clone();
    let mut name = query.name().to_ascii().to_ascii_lowercase();
    name.pop();
    let mut zone = zone.lock().unwrap();
    zone.asked.push((name.clone(), query.query_type(), transport));
    if zone.silent {
        return None;
    }
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.metadata.response_code = match zone.codes.get(&name) {
        Some(code) => *code,
        None if zone.records.contains_key(&name) => ResponseCode::NoError,
        None => ResponseCode::NXDomain,
    };
    for data in zone.records.get(&name).into_iter().flatten() {
        if data.record_type() == query.query_type() || data.record_type() == RecordType::CNAME {
            answer.add_answer(Record::from_rdata(query.name().clone(), 60, data.clone()));
        }
    }
    answer.add_query(query);
    Some(answer)
}
