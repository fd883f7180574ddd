//! The middleware before an application of somebody else's.

use std::convert::Infallible;
use std::future::{Ready, ready};

use acme_challenges::Solver;
use acme_challenges::http01::{Embedded, Service};
use http::{Request, Response};

use crate::{path, proof};

/// What the application answers, whatever it is asked.
fn application<B>(request: Request<B>) -> Ready<Result<Response<String>, Infallible>> {
    ready(Ok(Response::new(format!("the site at {}", request.uri().path()))))
}

async fn with_a_standing_proof() -> Embedded {
    let solver = Embedded::new();
    solver.provision(&[proof("a")]).await.unwrap();
    solver
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn a_hyper_server_answers_challenges_and_serves_its_site() {
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpListener;

    use crate::get;

    let solver = with_a_standing_proof().await;
    let service =
        Service::new(solver.responses(), service_fn(application::<hyper::body::Incoming>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection);
        }
    });

    let answer = async |target: &str| {
        let reply = get(address, target).await;
        (reply.status, reply.body)
    };
    assert_eq!(answer(&path("a")).await, (200, "a.thumbprint".into()));
    assert_eq!(answer(&path("unknown")).await.0, 404);
    assert_eq!(answer(&path("a.b")).await.0, 400);
    assert_eq!(answer("/index.html").await, (200, "the site at /index.html".into()));
    let other = "/.well-known/security.txt";
    assert_eq!(answer(other).await, (200, format!("the site at {other}")));
    solver.cleanup(&[proof("a")]).await.unwrap();
    assert_eq!(answer(&path("a")).await.0, 404);
    server.abort();
}

#[cfg(feature = "tower")]
#[tokio::test]
async fn a_tower_layer_answers_challenges_and_passes_others_on() {
    use std::task::{Context, Poll};

    use acme_challenges::http01::{Body, Layer};
    use tower_layer::Layer as _;
    use tower_service::Service as _;

    #[derive(Clone)]
    struct Application;

    impl tower_service::Service<Request<String>> for Application {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<String>) -> Self::Future {
            application(request)
        }
    }

    let solver = with_a_standing_proof().await;
    let mut service: Service<Application> = Layer::new(solver.responses()).layer(Application);
    let mut answer = async |method: &str, target: &str| {
        let request = Request::builder().method(method).uri(target).body(String::new()).unwrap();
        let response = service.call(request).await.unwrap();
        let status = response.status().as_u16();
        match response.into_body() {
            Body::Left(ours) => ("ours", status, ours),
            Body::Right(theirs) => ("theirs", status, theirs),
        }
    };
    assert_eq!(answer("GET", &path("a")).await, ("ours", 200, "a.thumbprint".into()));
    let (whose, status, _) = answer("POST", &path("a")).await;
    assert_eq!((whose, status), ("ours", 405));
    assert_eq!(answer("POST", "/form").await, ("theirs", 200, "the site at /form".into()));
}
