use super::Base;
use crate::api::Reply;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_FRAME_OPTIONS,
};

/// Nothing runs, nothing is loaded but our own style and images, forms go to us alone, and nobody frames us. Signing in begins
/// with a link, so that no form has to lead to an issuer.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), \
                           geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
                           publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()";

const A_YEAR: &str = "max-age=31536000";

/// What every answer to a person has, errors and redirects too; a Reply itself says no-store and nosniff.
pub fn guarded(reply: Reply, base: &Base) -> Reply {
    let reply = reply
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(REFERRER_POLICY, "same-origin")
        .header(X_FRAME_OPTIONS, "DENY")
        .header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin")
        .header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")
        .header(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    if base.is_secure() { reply.header(STRICT_TRANSPORT_SECURITY, A_YEAR) } else { reply }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_tls_a_browser_is_told_to_come_by_nothing_else() {
        let told = |url: &str| {
            let reply = guarded(Reply::own(200, ""), &Base::new(url).unwrap());
            let found = reply.headers.iter().find(|(name, _)| name == STRICT_TRANSPORT_SECURITY);
            found.map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(told("https://records.example").as_deref(), Some(A_YEAR));
        assert_eq!(told("http://127.0.0.1:8080"), None);
    }
}
