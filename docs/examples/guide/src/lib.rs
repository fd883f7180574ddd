//! The Rust examples of README.md and docs/guide, as doc tests: what they show compiles, and what
//! needs no CA runs.

macro_rules! pages {
    ($($name:ident = $path:literal),* $(,)?) => {
        $( #[cfg(doctest)] #[doc = include_str!($path)] mod $name {} )*
    };
}

pages! {
    readme = "../../../../README.md",
    accounts = "../../../guide/accounts.md",
    errors = "../../../guide/errors.md",
    http_01 = "../../../guide/http-01.md",
    library = "../../../guide/library.md",
    renewal = "../../../guide/renewal.md",
    storage = "../../../guide/storage.md",
}
