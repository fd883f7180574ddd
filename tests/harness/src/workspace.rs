//! Where the workspace and what it builds lie.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root: the folder with the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> &'static Path {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.ancestors().nth(2).expect("the harness lies in tests/harness")
}

/// Cargo's target folder: `CARGO_TARGET_DIR` (relative to the root), else `target`.
#[must_use]
pub fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Where installed tools are kept: `target/tools`.
#[must_use]
pub fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}
