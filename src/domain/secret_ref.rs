use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::PathBuf;

/// Where a secret is, never what it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    /// A file that holds it; white space at the end is cut.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl SecretRef {
    /// Reads it. The error names the place, not the content.
    pub fn read(&self) -> Result<SecretString, String> {
        let text = match self {
            Self::File(path) => {
                std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?
            }
            Self::Env(name) => std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))?,
        };
        let text = text.trim_end();
        if text.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(SecretString::from(text)) }
    }

    /// Reads 32 bytes of key material, written in base64 (`openssl rand -base64 32`).
    pub fn key(&self) -> Result<[u8; 32], String> {
        let text = self.read()?;
        let bytes = BASE64.decode(text.expose_secret().as_bytes()).map_err(|_| "the key is not base64".to_owned())?;
        <[u8; 32]>::try_from(bytes).map_err(|bytes| format!("the key is {} bytes long, not 32", bytes.len()))
    }
}
