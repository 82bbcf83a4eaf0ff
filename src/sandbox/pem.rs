use data_encoding::BASE64;

/// A private key (PKCS #8) as files hold it. <https://www.rfc-editor.org/rfc/rfc7468#section-10>
pub fn pem(pkcs8: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(pkcs8))
}
