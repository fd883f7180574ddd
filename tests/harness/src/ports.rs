use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// Ports in one block.
const BLOCK: u16 = 8;
/// Below Linux's range for outgoing connections, so that none of those takes a reserved port.
const FIRST: u16 = 20_000;
const BLOCKS: u16 = (32_000 - FIRST) / BLOCK;

/// Eight loopback ports, free when reserved, that no other [`Ports`] on this machine has.
///
/// A port must be free for the moment between its choice and the server that binds it. So a block
/// is locked by a file for as long as the handle lives, between processes too.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    _lock: File,
}

impl Ports {
    /// Reserves a block of ports.
    ///
    /// # Errors
    ///
    /// When the folder of locks cannot be written, or no block is free.
    pub fn reserve() -> Result<Self, Error> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let folder = lock_folder()?;
        let start = process::id().wrapping_mul(31) % u32::from(BLOCKS);
        let start = u16::try_from(start).expect("below BLOCKS");
        for _ in 0..BLOCKS {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let first = FIRST + (start.wrapping_add(step) % BLOCKS) * BLOCK;
            if let Some(lock) = try_lock(&folder, first)?
                && (first..first + BLOCK).all(is_free)
            {
                return Ok(Self { first, _lock: lock });
            }
        }
        Err(Error::unexpected("this machine", "no free ports between 20000 and 32000"))
    }

    /// The reserved ports.
    #[must_use]
    pub fn all(&self) -> [u16; BLOCK as usize] {
        std::array::from_fn(|n| self.first + u16::try_from(n).expect("below BLOCK"))
    }
}

fn lock_folder() -> Result<PathBuf, Error> {
    let user = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("lacme-ports-{user}"));
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    Ok(folder)
}

/// Locks are never removed: a removed file could be locked twice.
fn try_lock(folder: &Path, port: u16) -> Result<Option<File>, Error> {
    let path = folder.join(port.to_string());
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(Error::io(format!("open {}", path.display())))?;
    Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(file))
}

fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_handed_out_twice() {
        let blocks: Vec<_> = (0..20).map(|_| Ports::reserve().unwrap()).collect();
        let mut ports: Vec<_> = blocks.iter().flat_map(Ports::all).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20 * usize::from(BLOCK));
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
    }
}
