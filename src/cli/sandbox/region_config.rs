//! The configuration with which a gateway joins the sandbox region: the same file, keys and checks as a deployment's.

use crate::sandbox::{Credential, Provider, Region, pem};
use aws_lc_rs::{
    rand,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use data_encoding::BASE64;
use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Makes what is missing in `folder` (keys, credentials) and returns the configuration's text.
pub fn write(region: &Region, port: u16, database: Option<&str>, folder: &Path) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let key = |name: &str| -> io::Result<String> {
        let file = folder.join(format!("{name}.key"));
        if !file.exists() {
            let mut secret = [0; 32];
            rand::fill(&mut secret).map_err(|_| io::Error::other("no randomness"))?;
            private(&file, &BASE64.encode(&secret))?;
        }
        Ok(quoted(&file.display().to_string()))
    };
    let statement = folder.join("statement.pem");
    if !statement.exists() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).and_then(|pair| pair.to_pkcs8v1());
        private(&statement, &pem(pair.map_err(|_| io::Error::other("no key could be made"))?.as_ref()))?;
    }
    let database = match database {
        Some(url) => url.to_owned(),
        None => format!("sqlite:{}", folder.join("caregate.db").display()),
    };
    let mut text = format!(
        "# Written by `caregate sandbox`: a gateway in front of the pretend region. Its ports live as long as the region.\n\n\
         [gateway]\nlisten = \"127.0.0.1:{port}\"\nnode = \"sandbox\"\nmetrics_listen = \"127.0.0.1:0\"\n\n\
         [database]\nurl = {}\n\n[keys]\nids = {{ file = {} }}\npages = {{ file = {} }}\ncheckpoint = {{ file = {} }}\n\
         statement = {{ file = {} }}\n\n\
         [audit]\ncheckpoint_file = {}\n\n",
        quoted(&database),
        key("ids")?,
        key("pages")?,
        key("checkpoint")?,
        quoted(&statement.display().to_string()),
        quoted(&folder.join("checkpoint.txt").display().to_string()),
    );
    // writing to a String cannot fail
    let _ = write!(
        text,
        "[smart]\nissuer = {}\njwks_uri = {}\ntoken_endpoint = {}\n\n",
        quoted(&region.identity),
        quoted(&format!("{}/jwks", region.identity)),
        quoted(&format!("{}/token", region.identity)),
    );
    for issuer in &region.issuers {
        let algorithms: Vec<String> = issuer.algorithms.iter().map(|a| quoted(a)).collect();
        let _ = write!(
            text,
            "[[issuer]]\nname = {}\nissuer = {}\nprofile = {}\naudience = {}\nalgorithms = [{}]\nallow_http = true\n\n",
            quoted(issuer.name),
            quoted(&issuer.url),
            quoted(issuer.profile),
            quoted(&issuer.audience),
            algorithms.join(", "),
        );
    }
    for provider in &region.providers {
        let credential = credential(provider, &folder)?;
        // who asks matters to a mental health trust, though it answers everybody alike
        let context = if provider.kind == "mental-health-trust" { "reader_context = \"informs\"\n" } else { "" };
        let _ = write!(
            text,
            "[[provider]]\nods = {}\nname = {}\nkind = {}\nbase_url = {}\nidiom = {}\nallow_http = true\n\
             allow_private_addresses = true\n{context}credential = {{ {credential} }}\n\n",
            quoted(provider.ods.as_str()),
            quoted(&provider.name),
            quoted(&provider.kind),
            quoted(&provider.url),
            quoted(provider.idiom),
        );
    }
    if let Some(index) = &region.index {
        let _ = write!(
            text,
            "[index]\nods = {}\nname = {}\nbase_url = {}\nallow_http = true\nallow_private_addresses = true\n\
             credential = {{ {} }}\n\n",
            quoted(index.ods.as_str()),
            quoted(&index.name),
            quoted(&index.url),
            credential(index, &folder)?,
        );
    }
    Ok(text)
}

/// How the gateway signs in; what is secret goes into a file.
fn credential(provider: &Provider, folder: &Path) -> io::Result<String> {
    let secret = |kind: &str, text: &str| -> io::Result<String> {
        let file = folder.join(format!("{}.{kind}", provider.slug));
        private(&file, text)?;
        Ok(quoted(&file.display().to_string()))
    };
    Ok(match &provider.credential {
        Credential::Bearer(token) => format!("bearer = {{ file = {} }}", secret("token", token)?),
        Credential::ApiKey { header, key } => {
            let place = secret("token", key)?;
            format!("header = {{ name = {}, value = {{ file = {place} }} }}", quoted(header))
        }
        Credential::Smart { client_id, scope, key } => format!(
            "smart = {{ client_id = {}, scope = {}, key = {{ file = {} }} }}",
            quoted(client_id),
            quoted(scope),
            secret("pem", key)?,
        ),
    })
}

/// A file that only its owner may read.
fn private(file: &Path, text: &str) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    open.write_all(text.as_bytes())
}

/// TOML's basic strings are written like JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
