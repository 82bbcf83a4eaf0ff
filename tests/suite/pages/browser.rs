//! As much of a browser as HTTP sees: it keeps cookies, and says where its forms are sent from.

use crate::harness::{Answer, Gate};
use reqwest::{Method, RequestBuilder};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};
use url::Url;

pub struct Browser<'g> {
    pub gate: &'g Gate,
    /// Where they are asked for.
    reach: String,
    /// Where its pages are, as they say themselves.
    public: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

pub const SESSION: &str = "caregate-session";
pub const TICKET: &str = "caregate-ticket";

impl<'g> Browser<'g> {
    pub fn new(gate: &'g Gate) -> Self {
        Self { gate, reach: gate.url.clone(), public: gate.url.clone(), cookies: Mutex::default() }
    }

    /// One whose pages say that they are elsewhere than where they are asked for: behind a load balancer.
    pub fn behind(gate: &'g Gate, reach: &str) -> Self {
        Self { reach: reach.to_owned(), ..Self::new(gate) }
    }

    /// The same browser, that the load balancer leads to another gateway.
    pub fn led_to<'h>(&self, gate: &'h Gate, reach: &str) -> Browser<'h> {
        let cookies = Mutex::new(self.cookies().clone());
        Browser { gate, reach: reach.to_owned(), public: self.public.clone(), cookies }
    }

    /// One in which this persona is signed in.
    pub async fn of(gate: &'g Gate, persona: &str) -> Self {
        let browser = Self::new(gate);
        let answer = browser.signs_in(persona, "/").await;
        assert_eq!((answer.status, answer.header("location")), (303, browser.link("/").as_str()), "{}", answer.text);
        browser
    }

    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    fn cookies(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap()
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().get(name).cloned()
    }

    pub fn set(&self, name: &str, value: &str) {
        self.cookies().insert(name.to_owned(), value.to_owned());
    }

    /// A request with the browser's cookies, to a path or to a whole address of our pages.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = path.strip_prefix(&self.public).unwrap_or(path);
        let request = self.gate.http.request(method, format!("{}{path}", self.reach)).header("accept", "text/html,*/*");
        let cookies: Vec<_> = self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = Answer::of(request).await;
        for set in answer.headers.get_all("set-cookie") {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies().remove(name);
            } else {
                self.set(name, value);
            }
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// A form as a page of ours sends it, by a browser that tells no origin.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, &[("origin", "null"), ("sec-fetch-site", "same-origin")]).await
    }

    pub async fn post_from(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body)).await
    }

    /// What the pages of this session put into their forms.
    pub async fn form_token(&self) -> String {
        let page = self.get("/").await.text;
        let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap_or_else(|| panic!("no form in {page}"));
        token.split('"').next().unwrap().to_owned()
    }

    pub async fn signs_out(&self) -> Answer {
        let token = self.form_token().await;
        self.post("/sign-out", &[("form_token", &token)]).await
    }

    /// Sent off to sign in: where to.
    pub async fn begins(&self, way: &str, to: &str) -> Url {
        let coded: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let answer = self.get(&format!("/sign-in/{way}?to={coded}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        Url::parse(answer.header("location")).unwrap()
    }

    /// Chooses a persona at the sandbox's identity provider: the address of ours that it sends the browser back to.
    pub async fn chooses(&self, at: &Url, persona: &str) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(at.query_pairs()).append_pair("persona", persona);
        let mut page = at.clone();
        page.set_query(None);
        let request = self.gate.http.post(page).header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::of(request.body(form.finish())).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.header("location").to_owned()
    }

    /// The whole way, up to the answer that signs the persona in.
    pub async fn signs_in(&self, persona: &str, to: &str) -> Answer {
        let way = if persona.starts_with("patient:") { "patients" } else { "staff" };
        let at = self.begins(way, to).await;
        let back = self.chooses(&at, persona).await;
        self.get(&back).await
    }
}

/// What an address says under this name.
pub fn said(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
