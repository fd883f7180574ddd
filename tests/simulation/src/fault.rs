//! What can go wrong.

use std::fmt;

/// Everything that a run can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No connection: the request surely never left.
    NoConnection,
    /// The request is lost on its way.
    LostBefore,
    /// The request takes effect, its answer is lost.
    LostAfter,
    /// The request takes effect after the client has given up.
    Late,
    /// The way there or back takes seconds, so that others overtake.
    Slow,
    /// The request is delivered twice.
    Twice,
    /// The connection breaks within the answer.
    Truncated,
    /// The answer's body is something else, or half of it, with status 200.
    Garbled,
    /// A gateway's 502 instead of an answer; the request had no effect.
    GatewayBefore,
    /// The same, and the request took effect.
    GatewayAfter,
    /// 500 with a problem document, without effect.
    Trouble,
    /// 503 with `Retry-After`.
    Busy,
    /// 429 with `Retry-After`.
    RateLimited,
    /// `badNonce`, a burst of them.
    BadNonce,
    /// The answer has no nonce.
    NoNonce,
    /// The answer's nonce is one that the server does not know.
    StaleNonce,
    /// The answer's nonce is one that was handed out before.
    RepeatedNonce,
    /// The server dies over a request: before or after it wrote down what it did.
    ServerDies,
    /// The server forgets all nonces: it is restarted in between.
    ServerRestarts,
    /// The client's process dies, at any point.
    ClientDies,
    /// The caller calls an issuance off, at any point.
    CalledOff,
    /// Proofs cannot be set up.
    NoProof,
    /// A validation fails although the proof stands.
    ValidationFails,
    /// A validation takes minutes.
    ValidationSlow,
    /// The CA cannot make the certificate.
    IssuingFails,
    /// The CA takes minutes for the certificate.
    IssuingSlow,
    /// The clock jumps forward.
    ClockJumps,
    /// Somebody replays, alters or redirects a request, or asks for what is another's.
    Forged,
}

impl Fault {
    /// Every kind.
    pub const COUNT: usize = Self::OF_REQUESTS.len() + Self::OF_OTHERS.len() + 1;

    /// What can befall a request.
    pub(crate) const OF_REQUESTS: [Self; 18] = [
        Self::NoConnection,
        Self::LostBefore,
        Self::LostAfter,
        Self::Late,
        Self::Slow,
        Self::Twice,
        Self::Truncated,
        Self::Garbled,
        Self::GatewayBefore,
        Self::GatewayAfter,
        Self::Trouble,
        Self::Busy,
        Self::RateLimited,
        Self::BadNonce,
        Self::NoNonce,
        Self::StaleNonce,
        Self::RepeatedNonce,
        Self::ServerDies,
    ];

    /// What befalls everything else, each by its own chance.
    pub(crate) const OF_OTHERS: [Self; 9] = [
        Self::ServerRestarts,
        Self::ClientDies,
        Self::CalledOff,
        Self::NoProof,
        Self::ValidationFails,
        Self::ValidationSlow,
        Self::IssuingFails,
        Self::IssuingSlow,
        Self::Forged,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoConnection => "no connection",
            Self::LostBefore => "request lost",
            Self::LostAfter => "answer lost",
            Self::Late => "request delivered too late",
            Self::Slow => "slow network",
            Self::Twice => "request delivered twice",
            Self::Truncated => "answer truncated",
            Self::Garbled => "answer garbled",
            Self::GatewayBefore => "502, request lost",
            Self::GatewayAfter => "502, answer lost",
            Self::Trouble => "500",
            Self::Busy => "503 with Retry-After",
            Self::RateLimited => "429 with Retry-After",
            Self::BadNonce => "badNonce",
            Self::NoNonce => "no nonce in the answer",
            Self::StaleNonce => "stale nonce",
            Self::RepeatedNonce => "repeated nonce",
            Self::ServerDies => "server dies over a request",
            Self::ServerRestarts => "server restarts",
            Self::ClientDies => "client dies",
            Self::CalledOff => "called off",
            Self::NoProof => "proof cannot be set up",
            Self::ValidationFails => "validation fails",
            Self::ValidationSlow => "validation takes minutes",
            Self::IssuingFails => "issuing fails",
            Self::IssuingSlow => "issuing takes minutes",
            Self::ClockJumps => "clock jumps forward",
            Self::Forged => "forged request",
        })
    }
}
