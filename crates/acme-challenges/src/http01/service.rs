//! The middleware for servers that are built of `hyper` or `tower` services.

use futures_util::future::{Either, MapOk, Ready, TryFutureExt, ready};
use http::{Request, Response};

use super::Responses;

/// A service that answers http-01 requests from its [`Responses`] and passes all others on to an
/// inner service.
///
/// With feature `hyper` it is a `hyper::service::Service`, with feature `tower` a tower service,
/// which [`Layer`](super::Layer) makes. Requests below `/.well-known/acme-challenge/` never reach
/// the inner service.
#[derive(Clone, Debug)]
pub struct Service<S> {
    responses: Responses,
    inner: S,
}

/// A response's body: ours, or the inner service's.
pub type Body<B> = http_body_util::Either<String, B>;

/// The future of a [`Service`]: `F` is that of the inner service, `B` its response body and `E` its
/// error.
pub type ResponseFuture<F, B, E> =
    Either<Ready<Result<Response<Body<B>>, E>>, MapOk<F, fn(Response<B>) -> Response<Body<B>>>>;

impl<S> Service<S> {
    /// Puts the answers of `responses` before `inner`.
    pub fn new(responses: Responses, inner: S) -> Self {
        Self { responses, inner }
    }
}

fn intercept<Q, F, B, E>(
    responses: &Responses,
    request: Request<Q>,
    inner: impl FnOnce(Request<Q>) -> F,
) -> ResponseFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    match responses.respond(&request) {
        Some(response) => Either::Left(ready(Ok(response.map(Body::Left)))),
        None => Either::Right(inner(request).map_ok(|response| response.map(Body::Right))),
    }
}

#[cfg(feature = "hyper")]
impl<S, Q, B> hyper::service::Service<Request<Q>> for Service<S>
where
    S: hyper::service::Service<Request<Q>, Response = Response<B>>,
{
    type Response = Response<Body<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B, S::Error>;

    fn call(&self, request: Request<Q>) -> Self::Future {
        intercept(&self.responses, request, |request| self.inner.call(request))
    }
}

/// Puts a [`Service`] around an inner one, as in axum's `Router::layer`.
#[cfg(feature = "tower")]
#[derive(Clone, Debug)]
pub struct Layer {
    responses: Responses,
}

#[cfg(feature = "tower")]
impl Layer {
    /// A layer that answers from `responses`.
    pub fn new(responses: Responses) -> Self {
        Self { responses }
    }
}

#[cfg(feature = "tower")]
impl<S> tower_layer::Layer<S> for Layer {
    type Service = Service<S>;

    fn layer(&self, inner: S) -> Service<S> {
        Service::new(self.responses.clone(), inner)
    }
}

#[cfg(feature = "tower")]
impl<S, Q, B> tower_service::Service<Request<Q>> for Service<S>
where
    S: tower_service::Service<Request<Q>, Response = Response<B>>,
{
    type Response = Response<Body<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B, S::Error>;

    fn poll_ready(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        intercept(&self.responses, request, |request| self.inner.call(request))
    }
}
