//! The listener's thread: bind, accept, stop.

use super::admin::{Admin, routes};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Head of a request: line and headers together.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A request whose head is not there by then is given up.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// From connect to the last byte. A caller that never reads its answer must not keep its place.
const CONNECTION_LIMIT: Duration = Duration::from_secs(15);
/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;
/// Time between two calls of the upkeep.
const UPKEEP: Duration = Duration::from_secs(5);

/// The listener cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("http.admin.listen cannot be used: {address}")]
    Bind {
        /// The address of the configuration.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The thread or its runtime cannot be made.
    #[error("cannot start the admin listener")]
    Start(#[source] std::io::Error),
}

/// A running listener. Dropping it stops the thread.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds the address and answers from a thread of its own.
    ///
    /// # Errors
    /// The address cannot be bound, or the thread cannot be made.
    pub fn start(listen: SocketAddr, admin: Admin) -> Result<Server, ServeError> {
        let bind = |source| ServeError::Bind { address: listen, source };
        // Bound here and not in the thread, so that a port in use stops the start.
        let listener = TcpListener::bind(listen).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError::Start)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("admin".into())
            .spawn(move || runtime.block_on(serve(listener, admin, stopped)))
            .map_err(ServeError::Start)?;
        Ok(Server { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The bound address; tells the port where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, drops open connections and waits for the thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Dropping the sender is the signal; a thread that is gone already needs none.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the admin listener panicked");
        }
    }
}

async fn serve(listener: TcpListener, admin: Admin, mut stopped: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the admin listener could not start"),
    };
    let upkeep = Arc::clone(&admin.upkeep);
    let service = TowerToHyperService::new(routes(admin));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut every = tokio::time::interval(UPKEEP);
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            _ = &mut stopped => return,
            _ = every.tick() => {
                upkeep();
                continue;
            }
            accepted = accept => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: the connection stays queued, so do not spin.
                tracing::warn!(%error, "a connection to the admin listener could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_header_size(HEAD_BYTES_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            // How a caller's connection ends is the caller's affair.
            drop(tokio::time::timeout(CONNECTION_LIMIT, connection).await);
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Version;
    use super::*;
    use crate::telemetry::Health;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn start() -> (Server, Arc<Health>) {
        let health = Arc::new(Health::new(1));
        let version = Version {
            version: "1.2.3".into(),
            revision: "abc".into(),
            target: "x".into(),
            librdkafka: "2".into(),
            rocksdb: "10".into(),
        };
        let admin = Admin {
            health: Arc::clone(&health),
            render_metrics: Arc::new(|| "tidegate_ready 1\n".to_owned()),
            upkeep: Arc::new(|| {}),
            version,
            render_rules: Arc::new(|| serde_json::json!({"rules": []})),
        };
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        (Server::start(any_port, admin).expect("starts"), health)
    }

    fn send(server: &Server, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("is set");
        // The server may answer and close before all of a long request is sent.
        drop(stream.write_all(request.as_bytes()));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn call(server: &Server, method: &str, path: &str) -> (u16, String) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = send(server, &request);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }

    #[test]
    fn each_path_answers_over_a_real_socket() {
        let (server, health) = start();
        assert_eq!(call(&server, "GET", "/livez"), (200, "ok\n".into()));
        assert_eq!(call(&server, "GET", "/metrics"), (200, "tidegate_ready 1\n".into()));
        let (status, body) = call(&server, "GET", "/version");
        assert_eq!(status, 200);
        assert!(body.contains("\"librdkafka\":\"2\""), "{body}");
        assert_eq!(call(&server, "GET", "/rules"), (200, "{\"rules\":[]}".into()));
        assert_eq!(call(&server, "GET", "/nothing").0, 404);

        let (status, body) = call(&server, "GET", "/readyz");
        assert_eq!(status, 503);
        assert!(body.starts_with("rules: not loaded yet\n"), "{body}");
        let worker = health.worker(0).expect("is there");
        health.rules_loaded();
        worker.assigned(0);
        worker.producer_ready();
        assert_eq!(call(&server, "GET", "/readyz"), (200, "ok\n".into()));
        server.stop();
    }

    #[test]
    fn readiness_names_the_check_that_fails() {
        let (server, health) = start();
        health.worker(0).expect("is there").assigned(4);
        health.worker(0).expect("is there").restoring(2, 18_211);

        let (status, body) = call(&server, "GET", "/readyz?verbose");

        assert_eq!(status, 503);
        let body: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
        assert_eq!(body["ready"], false);
        assert_eq!(body["checks"][2]["name"], "restore");
        assert_eq!(body["checks"][2]["detail"], "2 of 4 partitions, 18211 records left");
    }

    #[test]
    fn only_get_and_head_are_answered() {
        let (server, _) = start();
        assert_eq!(call(&server, "HEAD", "/livez"), (200, String::new()));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            assert_eq!(call(&server, method, "/livez").0, 405, "{method}");
        }
    }

    #[test]
    fn a_head_over_8_kib_and_something_that_is_not_http_are_refused() {
        let (server, _) = start();
        let long = "x".repeat(9 * 1024);
        let answer = send(&server, &format!("GET /livez HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n"));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        let answer = send(&server, "hello\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert_eq!(call(&server, "GET", "/livez").0, 200);
    }

    #[test]
    fn a_port_in_use_is_named_and_a_stopped_listener_frees_its_own() {
        let (server, _) = start();
        let address = server.address();
        let (other, _) = start();
        let admin = Admin {
            health: Arc::new(Health::new(0)),
            render_metrics: Arc::new(String::new),
            upkeep: Arc::new(|| {}),
            version: Version {
                version: String::new(),
                revision: String::new(),
                target: String::new(),
                librdkafka: String::new(),
                rocksdb: String::new(),
            },
            render_rules: Arc::new(|| serde_json::Value::Null),
        };
        let refused = Server::start(address, admin.clone()).expect_err("is in use");
        assert_eq!(refused.to_string(), format!("http.admin.listen cannot be used: {address}"));
        other.stop();
        server.stop();
        Server::start(address, admin).expect("is free again");
    }
}
