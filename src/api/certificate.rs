use super::Node;
use crate::identity::Thumbprint;
use actix_web::HttpRequest;

/// <https://www.rfc-editor.org/rfc/rfc9440#section-2.2>
const CLIENT_CERT: &str = "client-cert";

/// The client certificate that was shown where TLS ended. Only the proxy there can know it: from anybody else the header is
/// as if it were not there, and so are two of them.
pub fn shown(node: &Node, request: &HttpRequest) -> Option<Thumbprint> {
    let peer = request.peer_addr()?.ip();
    node.trusted_proxies.iter().find(|network| network.contains(peer))?;
    let mut values = request.headers().get_all(CLIENT_CERT);
    match (values.next(), values.next()) {
        (Some(value), None) => Thumbprint::of_header(value.to_str().ok()?),
        _ => None,
    }
}
