//! Names are looked up at the moment of connecting, and the addresses vetted then: what a name led to at registration
//! says nothing about where it leads now (DNS rebinding).

use crate::domain::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// Resolves a name to its public addresses only.
pub struct PublicOnly;

#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
pub struct NotPublic;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
