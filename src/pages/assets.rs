//! What pages load: two style sheets and an icon, inside the program. Each has its content's hash in its address, so that
//! browsers may keep it for good, and nodes of two versions serve their own.

use super::Base;
use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use std::sync::LazyLock;

pub struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    hash: String,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let whole = HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref());
        Self { name, content_type, bytes, hash: whole.chars().take(16).collect() }
    }

    pub fn path(&self, base: &Base) -> String {
        base.local(&format!("/assets/{}/{}", self.hash, self.name))
    }

    fn response(&self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, self.content_type))
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .insert_header(("x-content-type-options", "nosniff"))
            .insert_header(("cross-origin-resource-policy", "same-origin"))
            // an image that is opened by itself is a page
            .insert_header(("content-security-policy", "default-src 'none'; frame-ancestors 'none'"))
            .body(self.bytes)
    }
}

/// NHS.UK's own, and after it ours.
pub static STYLES: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    const CSS: &str = "text/css; charset=utf-8";
    let nhsuk = include_bytes!("../../assets/nhsuk-frontend/nhsuk-frontend-10.6.1.min.css");
    [
        Asset::new("nhsuk-frontend.css", CSS, nhsuk),
        Asset::new("pages.css", CSS, include_bytes!("../../assets/pages.css")),
    ]
});

pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")));

/// The asset at this address, if it is one of this version's.
pub fn find(hash: &str, name: &str) -> Option<HttpResponse> {
    let all = STYLES.iter().chain([&*ICON]);
    all.into_iter().find(|asset| asset.name == name && asset.hash == hash).map(Asset::response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_style_sheet_is_from_anywhere_else() {
        for style in &*STYLES {
            let text = std::str::from_utf8(style.bytes).unwrap();
            for elsewhere in ["http:", "https:", "url(//", "@import", "@font-face", "data:", "sourceMappingURL"] {
                assert!(!text.contains(elsewhere), "{elsewhere} in {}", style.name);
            }
        }
    }
}
