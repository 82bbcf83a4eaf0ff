//! One organisation's FHIR R4 server, on a port of its own, and the switch by which a test makes it misbehave.
//!
//! `/fhir` answers reads (of Binaries natively, where not asked for FHIR), searches (GET and POST), pages and metadata; everything but metadata wants the bearer
//! credential. As FHIR's default is, a parameter it does not know is ignored and left out of the self link. `/control`
//! beside it takes one fault at a time (see [`fault`]) and tells what was asked so far.

mod answer;
mod bundle;
mod capability;
mod control;
mod fault;
mod interaction;
mod search;

use super::Provider;
use super::data::{Members, ProviderData};
use super::server::{Port, Running};
use actix_web::{HttpRequest, HttpResponse, web};
use answer::Answer;
use bytes::Bytes;
use control::Control;
use data_encoding::BASE64;
use fault::Fault;
use interaction::{Interaction, Problem};
use uuid::Uuid;

struct State {
    data: ProviderData,
    /// The FHIR base URL.
    base: String,
    token: String,
    control: Control,
}

pub fn start(data: ProviderData, idiom: &'static str) -> std::io::Result<(Provider, Running)> {
    let port = Port::bind()?;
    let base = format!("{}/fhir", port.url);
    let token = format!("{}-{}", data.slug, Uuid::new_v4().simple());
    let provider = Provider {
        slug: data.slug.clone(),
        ods: data.ods,
        name: data.name.clone(),
        kind: data.kind.clone(),
        url: base.clone(),
        token: token.clone(),
        idiom,
    };
    let state = web::Data::new(State { data, base, token, control: Control::default() });
    let server = port.serve(move |app| {
        app.app_data(state.clone())
            .service(web::resource("/control").get(control::show).post(control::set).delete(control::clear))
            .service(web::resource("/fhir").to(serve))
            .service(web::resource("/fhir/{tail:.*}").to(serve));
    })?;
    Ok((provider, server))
}

async fn serve(request: HttpRequest, body: Bytes, state: web::Data<State>) -> HttpResponse {
    let interaction =
        Interaction::parse(request.method(), request.match_info().query("tail"), request.query_string(), &body);
    let welcome = matches!(interaction, Ok(Interaction::Metadata)) || state.admits(&request);
    state.control.count(interaction.as_ref().ok(), welcome);
    if !welcome {
        return Problem::unauthorised().into();
    }
    let interaction = match interaction {
        Ok(interaction) => interaction,
        Err(problem) => return problem.into(),
    };
    let fault = state.control.take(interaction.kind());
    if let Some(response) = fault.instead().await {
        return response;
    }
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let native = !accept.contains("fhir+json") && fault != Fault::Wrapped;
    let answer = match (&interaction, native) {
        (Interaction::Read { kind, id }, true) if kind == "Binary" => state.document(id),
        _ => state.answer(&interaction, &fault),
    };
    fault::deliver(answer, &fault)
}

impl State {
    fn admits(&self, request: &HttpRequest) -> bool {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        header.and_then(|value| value.strip_prefix("Bearer ")) == Some(self.token.as_str())
    }

    /// What a Binary holds, as itself. <https://hl7.org/fhir/R4/binary.html#rest>
    fn document(&self, id: &str) -> Answer {
        let held = self.data.find("Binary", id).and_then(|binary| Members::parse(&binary.json).ok());
        let document = held.and_then(|binary| {
            let data = BASE64.decode(binary.value("data").as_str()?.as_bytes()).ok()?;
            Some(Answer::of(binary.value("contentType").as_str()?.to_owned(), data))
        });
        document.unwrap_or_else(|| Problem::not_found().into())
    }

    /// The answer as this provider would give it, save where the fault is in what it holds.
    fn answer(&self, interaction: &Interaction, fault: &Fault) -> Answer {
        match interaction {
            Interaction::Metadata => Answer::ok(capability::statement(&self.data, &self.base)),
            Interaction::Read { kind, id } => match self.data.find(kind, id) {
                Some(resource) => Answer::ok(fault::resource(resource, kind, &self.data, fault)),
                None => Problem::not_found().into(),
            },
            Interaction::Search(query) => {
                if let Some(earlier) = self.control.replayed(&query.kind, fault) {
                    return Answer::ok(earlier);
                }
                let page = search::run(query, &self.data, &self.base, fault);
                let body = Bytes::from(page.to_json());
                self.control.remember(&query.kind, body.clone());
                Answer::ok(body)
            }
        }
    }
}

#[cfg(test)]
mod tests;
