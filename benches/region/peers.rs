//! What the gateway is held against: a bare actix server, and nginx's cache in front of it, with the very bytes that the
//! gateway answered.

use crate::{
    machine::{MEASURED, MEASURING, on},
    program::{Program, mortal},
};
use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

/// The argument that has this program be the bare server.
pub const BARE: &str = "--be-bare-actix";

pub struct Peer {
    pub program: Program,
    pub url: String,
}

/// Answers whatever it is asked with the bytes of a file.
pub fn be_bare(file: &str) -> std::io::Result<()> {
    let body = Bytes::from(fs::read(file)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            let body = body.clone();
            App::new().default_service(web::to(move || {
                let body = body.clone();
                async { HttpResponse::Ok().content_type("application/fhir+json").body(body) }
            }))
        };
        HttpServer::new(app).workers(1).keep_alive(Duration::from_secs(600)).listen(listener)?.run().await
    })
}

pub fn bare(body: &Path, core: usize) -> Peer {
    let mut command = on(core, std::env::current_exe().expect("this program has a path"));
    command.arg(BARE).arg(body);
    let (program, url) = Program::start(mortal(command), &body.with_extension("bare.log"));
    Peer { program, url }
}

/// One worker, its cache on disk and in the page cache, as it comes.
pub fn nginx(directory: &Path, body: &Path) -> (Peer, Peer) {
    let origin = bare(body, MEASURING);
    let port = free_port();
    let home = directory.join(format!("nginx-{port}"));
    fs::create_dir_all(home.join("cache")).expect("a directory");
    let config = home.join("nginx.conf");
    let (path, to) = (home.display(), &origin.url);
    let text = format!(
        "daemon off; worker_processes 1; pid {path}/pid; error_log {path}/error.log; {user}\n\
         events {{ worker_connections 2048; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600;\n\
         client_body_temp_path {path}/b; proxy_temp_path {path}/p; fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
         proxy_cache_path {path}/cache keys_zone=c:16m max_size=1g; open_file_cache max=4096 inactive=600s;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {to}; proxy_cache c; proxy_cache_valid 200 1h; }} }} }}\n",
        user = if is_root() { "user root;" } else { "" },
    );
    fs::write(&config, text).expect("a file is written");
    let mut command = on(MEASURED, nginx_program());
    command.arg("-e").arg(home.join("start.log")).arg("-p").arg(&home).arg("-c").arg(&config);
    let program = Program::start_silent(mortal(command));
    let began = std::time::Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || fs::read_to_string(home.join("start.log")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_secs(10), "nginx does not start: {}", log());
        std::thread::sleep(Duration::from_millis(10));
    }
    (Peer { program, url: format!("http://127.0.0.1:{port}") }, origin)
}

/// Debian keeps it out of an ordinary user's path.
fn nginx_program() -> PathBuf {
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
    places.iter().map(PathBuf::from).find(|place| place.exists()).unwrap_or_else(|| "nginx".into())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}
