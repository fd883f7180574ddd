use std::sync::Arc;

use acme_proto::{HttpRequest, HttpResponse};
use async_trait::async_trait;

use crate::TransportError;

/// Carries one request to an ACME server and brings its response back.
///
/// An implementation
///
/// - MUST return every response as it came, whatever its status, and MUST NOT follow redirects: the
///   `url` signed into a request names the one place it is meant for (RFC 8555 §6.4);
/// - MUST NOT send a request twice, unless it knows that the server cannot have seen the first;
/// - MUST bound the time a request takes and the size of a response, body and headers;
/// - MUST send a `User-Agent` (RFC 8555 §6.1), and `Content-Length` with every POST;
/// - MUST refuse `http` URLs unless it was told to allow them (RFC 8555 §6.1);
/// - MUST say with [`TransportError::delivery`] whether the server may have acted on a request that
///   failed;
/// - MUST NOT put secrets (a proxy's password, a private key) into an error;
/// - MUST survive that the future is dropped at any point;
/// - SHOULD keep connections for the next request, and take many requests at a time.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`, whose URI is absolute, and returns the whole response.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when there is no whole response. A response that reports an error is no
    /// error here.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        (**self).send(request).await
    }
}
