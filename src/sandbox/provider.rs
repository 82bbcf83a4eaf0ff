//! One organisation's FHIR R4 server, on a port of its own, and the switch by which a test makes it misbehave.
//!
//! `/fhir` answers reads (of Binaries natively, where not asked for FHIR), searches (GET and POST), pages and metadata; everything but metadata wants its own
//! credential (see [`door`]). As FHIR's default is, a parameter it does not know is ignored and left out of the self link. `/control`
//! beside it takes one fault at a time (see [`fault`]) and tells what was asked so far.

mod answer;
mod bundle;
mod capability;
mod control;
mod door;
mod fault;
mod filter;
mod interaction;
mod search;

use super::data::{Members, ProviderData};
use super::server::{Port, Running};
use super::{Provider, SandboxError};
use actix_web::{HttpRequest, HttpResponse, web};
use answer::Answer;
use bytes::Bytes;
use control::Control;
use data_encoding::BASE64;
use door::Door;
pub use door::Kind;
use fault::Fault;
use interaction::{Interaction, Problem};

struct State {
    data: ProviderData,
    /// The FHIR base URL.
    base: String,
    door: Door,
    control: Control,
}

pub fn start(
    data: ProviderData,
    idiom: &'static str,
    door: Kind,
    port: Port,
) -> Result<(Provider, Running), SandboxError> {
    let base = format!("{}/fhir", port.url);
    let (door, credential) = Door::new(door, &data.slug, &port).ok_or(SandboxError::Keys)?;
    let provider = Provider {
        slug: data.slug.clone(),
        ods: data.ods,
        name: data.name.clone(),
        kind: data.kind.clone(),
        url: base.clone(),
        credential,
        idiom,
    };
    let state = web::Data::new(State { data, base, door, control: Control::default() });
    let server = port.serve(move |app| {
        app.app_data(state.clone())
            .service(web::resource("/control").get(control::show).post(control::set).delete(control::clear))
            .service(web::resource("/token").post(door::token).delete(door::forget))
            .service(web::resource("/fhir/.well-known/smart-configuration").get(door::discovery))
            .service(web::resource("/fhir").to(serve))
            .service(web::resource("/fhir/{tail:.*}").to(serve));
    })?;
    Ok((provider, server))
}

async fn serve(request: HttpRequest, body: Bytes, state: web::Data<State>) -> HttpResponse {
    let interaction =
        Interaction::parse(request.method(), request.match_info().query("tail"), request.query_string(), &body);
    let welcome = matches!(interaction, Ok(Interaction::Metadata)) || state.door.admits(&request);
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
