use super::failed;
use crate::{
    access::{Audience, Policies},
    audit::{Again, Kind, Past},
    domain::{OdsCode, RequestId},
    store::{DatabaseUrl, Store},
};
use std::{error::Error, process::ExitCode};

/// Prints why a request of long ago was answered as it was, from the database alone.
pub async fn run(database: &str, request: &str) -> ExitCode {
    crate::telemetry::log(&Default::default());
    match explained(database, request).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("the request cannot be explained", &error),
    }
}

async fn explained(database: &str, request: &str) -> Result<(), Box<dyn Error>> {
    let request = RequestId::parse(request).ok_or("an X-Request-ID is a UUID")?;
    let store = Store::open_existing(&DatabaseUrl::parse(database)?).await?;
    let (facts, policies) = (store.facts(), Policies::new(store.policies(), None));
    let mut found = false;
    for stored in store.log_reader().request_rows(request).await? {
        let Some(row) = stored.row()?.filter(|row| row.kind != Kind::Intent) else { continue };
        let sources: Vec<OdsCode> = row.sources.iter().map(|line| line.source).collect();
        print(
            &Past::explain(row, &*facts, &policies, Audience::Officer { sources: &sources, concealed: false }).await?,
        );
        found = true;
    }
    if found { Ok(()) } else { Err("no request of this id is in the log".into()) }
}

fn print(past: &Past) {
    let Past { row, again } = past;
    println!("{} {}", row.at.fhir(), row.request);
    if let Some(who) = &row.who {
        let organisation = who.organisation.map(|ods| format!(" of {ods}")).unwrap_or_default();
        println!("by {}{organisation}", who.user.as_ref().unwrap_or(&who.subject));
    }
    let reason = row.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    println!("answered {}{reason}, by the rules {}\n", row.status, row.rules.join(", "));
    match again {
        Again::Not(why) => println!("{why}"),
        Again::Explained { explanation, agrees } => {
            println!("{explanation}");
            println!("{}", if *agrees { AGREES } else { DIFFERS });
        }
    }
}

const AGREES: &str = "Made again by the policy and the facts of then, the decision is the one that was recorded.";
const DIFFERS: &str = "MADE AGAIN BY THE POLICY AND THE FACTS OF THEN, THE DECISION IS NOT THE ONE THAT WAS RECORDED.";
