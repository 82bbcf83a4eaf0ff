use super::super::fetch::{self, FetchError, Reach};
use reqwest::{Client, StatusCode};
use serde_json::{Map, Value};
use std::time::Duration;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Where an issuer says more of whoever signed in. <https://openid.net/specs/openid-connect-core-1_0.html#UserInfo>
pub(super) struct UserInfo {
    client: Client,
    url: Url,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum UserInfoFault {
    #[error("the access token is refused")]
    Refused,
    #[error(transparent)]
    Unavailable(#[from] FetchError),
}

impl UserInfo {
    /// `None` if no TLS roots could be loaded.
    pub fn new(url: &Url, allow_http: bool) -> Option<Self> {
        let client = fetch::client(Reach { http: allow_http, private: true }, TIMEOUT)?;
        Some(Self { client, url: url.clone() })
    }

    /// Asks once, with the issuer's own access token, which is neither kept nor logged.
    pub async fn of(&self, access_token: &str) -> Result<Map<String, Value>, UserInfoFault> {
        let asking = async {
            let asked = self.client.get(self.url.clone()).bearer_auth(access_token);
            let answer = asked.send().await.map_err(|e| fetch::transport(&e))?;
            match answer.status() {
                // RFC 6750 §3.1
                StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    Err(UserInfoFault::Refused)
                }
                _ => Ok(fetch::document(answer).await?),
            }
        };
        tokio::time::timeout(TIMEOUT, asking).await.unwrap_or(Err(FetchError::Timeout.into()))
    }
}
