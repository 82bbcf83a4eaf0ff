//! The configuration with which a gateway joins the sandbox region: the same file, keys and checks as a deployment's.

use crate::{
    identity::SigningKey,
    sandbox::{self, Credential, Proof, Provider, Region, SignIn, pem},
};
use aws_lc_rs::{
    rand,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    },
};
use data_encoding::BASE64;
use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
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
    let statement = signing_key(&folder, "statement", &ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let tokens = signing_key(&folder, "tokens", &ECDSA_P384_SHA384_FIXED_SIGNING)?;
    let database = match database {
        Some(url) => url.to_owned(),
        None => format!("sqlite:{}", folder.join("caregate.db").display()),
    };
    let mut text = format!(
        "# Written by `caregate sandbox`: a gateway in front of the pretend region. Its ports live as long as the region.\n\n\
         [gateway]\nlisten = \"127.0.0.1:{port}\"\nnode = \"sandbox\"\nmetrics_listen = \"127.0.0.1:0\"\n\n\
         [database]\nurl = {}\n\n[keys]\nids = {{ file = {} }}\npages = {{ file = {} }}\ncheckpoint = {{ file = {} }}\n\
         statement = {{ file = {} }}\ntokens = {{ file = {} }}\n\n\
         [audit]\ncheckpoint_file = {}\n\n",
        quoted(&database),
        key("ids")?,
        key("pages")?,
        key("checkpoint")?,
        quoted(&statement.display().to_string()),
        quoted(&tokens.display().to_string()),
        quoted(&folder.join("checkpoint.txt").display().to_string()),
    );
    // writing to a String cannot fail
    for issuer in &region.issuers {
        let exchange = issuer.userinfo.as_ref().map(|url| format!("exchange = {{ userinfo_url = {} }}\n", quoted(url)));
        let sign_in = issuer.sign_in.as_ref().map(|one| sign_in(issuer.name, one, &folder)).transpose()?;
        let algorithms: Vec<String> = issuer.algorithms.iter().map(|a| quoted(a)).collect();
        let _ = write!(
            text,
            "[[issuer]]\nname = {}\nissuer = {}\nprofile = {}\naudience = {}\nalgorithms = [{}]\nallow_http = true\n{}{}\n",
            quoted(issuer.name),
            quoted(&issuer.url),
            quoted(issuer.profile),
            quoted(&issuer.audience),
            algorithms.join(", "),
            exchange.unwrap_or_default(),
            sign_in.unwrap_or_default(),
        );
    }
    if let Some(organisation) =
        region.providers.iter().find(|one| one.kind == "acute-trust").or(region.providers.first())
    {
        text.push_str(&client(organisation, &folder)?);
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
    let staff = region.issuers.iter().find(|issuer| issuer.name == "staff").map_or("", |issuer| issuer.url.as_str());
    let operator = |user: &&str| format!("{{ issuer = {}, user = {} }}", quoted(staff), quoted(user));
    let operators: Vec<String> = sandbox::OPERATORS.iter().map(operator).collect();
    let _ = write!(
        text,
        "[registry]\noperators = [{}]\nallow_http = true\nallow_private_addresses = true\n\n",
        operators.join(", ")
    );
    Ok(text)
}

/// How people sign in to the gateway's own pages; what proves the gateway goes into a file.
fn sign_in(issuer: &str, one: &SignIn, folder: &Path) -> io::Result<String> {
    let kept = |kind: &str, text: &str| -> io::Result<String> {
        let file = folder.join(format!("sign-in-{issuer}.{kind}"));
        private(&file, text)?;
        Ok(quoted(&file.display().to_string()))
    };
    let proof = match &one.proof {
        Proof::Secret(secret) => format!("secret = {{ file = {} }}", kept("token", secret)?),
        Proof::Key(key) => format!("key = {{ key = {{ file = {} }} }}", kept("pem", key)?),
    };
    Ok(format!(
        "sign_in = {{ authorize_url = {}, token_url = {}, client_id = {}, proof = {{ {proof} }} }}\n",
        quoted(&one.authorize),
        quoted(&one.token),
        quoted(one.client),
    ))
}

/// The system that is registered to be given tokens, and the application its people sign in to.
pub const CLIENT: &str = "ward-system";
const CLIENT_SCOPES: &str = "system/*.rs system/Patient.u system/Consent.crus user/*.rs user/Consent.crus user/Task.u \
                             patient/Patient.rs patient/AuditEvent.rs patient/Consent.crus";

/// Its key is made here, as it would be at the client, and only its public half is configured.
fn client(organisation: &Provider, folder: &Path) -> io::Result<String> {
    let private = fs::read_to_string(signing_key(folder, "client", &ECDSA_P384_SHA384_FIXED_SIGNING)?)?;
    let key = SigningKey::read(&private, None, None).map_err(io::Error::other)?;
    let public = folder.join("client.jwks");
    fs::write(&public, serde_json::json!({ "keys": [key.public_jwk()] }).to_string())?;
    let brings =
        ["staff", "patients"].map(|name| format!("{{ issuer = {}, audience = {} }}", quoted(name), quoted(CLIENT)));
    Ok(format!(
        "[[client]]\nclient_id = {}\norganisation = {}\njwks = {{ file = {} }}\nscopes = {}\n\
         grants = [\"client_credentials\", \"token_exchange\"]\nexchange = [{}]\n\n",
        quoted(CLIENT),
        quoted(organisation.ods.as_str()),
        quoted(&public.display().to_string()),
        quoted(CLIENT_SCOPES),
        brings.join(", "),
    ))
}

/// Made where it is missing.
fn signing_key(folder: &Path, name: &str, algorithm: &'static EcdsaSigningAlgorithm) -> io::Result<PathBuf> {
    let file = folder.join(format!("{name}.pem"));
    if !file.exists() {
        let pair = EcdsaKeyPair::generate(algorithm).and_then(|pair| pair.to_pkcs8v1());
        private(&file, &pem(pair.map_err(|_| io::Error::other("no key could be made"))?.as_ref()))?;
    }
    Ok(file)
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
